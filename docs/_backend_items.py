"""What `_backend_differences.py` computes on each backend: layers that compute, activations, losses, optimizers."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from keras import layers, losses, optimizers

NO_ACTIVATIONS = ("serialize", "deserialize", "get", "threshold")  # `threshold` needs further arguments

LEFT_OUT = {
    "Layer Lambda Wrapper InputLayer Pipeline Loss Optimizer": "computes what it is given",
    "SimpleRNNCell LSTMCell GRUCell": "computed inside of RNN",
    "HashedCrossing Hashing IntegerLookup StringLookup TextVectorization": "words and their numbers, no arithmetic",
    "CutMix MixUp": "mixes a batch with its labels",
    "MaxNumBoundingBoxes": "counts",
    "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper": "exists on one backend",
    "MultiOptimizer": "hands on to other optimizers",
}
"""What is not computed, and why: public classes of Keras's layers, losses and optimizers."""

REASONS = (
    (
        r"^(Maximum|Minimum)",
        "where the inputs are equal TensorFlow hands the whole gradient to one of them, the others half to each",
    ),
    (r"^AveragePooling.*same", "where the padding is uneven PyTorch pads with copies of the edge, and counts them"),
    (r"bicubic", "PyTorch's cubic has another coefficient (-0.75 for -0.5)"),
    (r"^(celu|selu|leaky_relu) ", "the gradient at 0"),
    (r"^hard_tanh at", "the gradient at -1 and 1"),
    (r"^sparse_sigmoid at", "the gradient at -1 and 1"),
    (r"^MeanAbsoluteError", "the gradient at 0: none on TensorFlow and PyTorch, -1 on JAX"),
    (r"^Hinge", "the gradient on the margin"),
    (r"^BinaryFocal.*far out", "TensorFlow computes with logits, the others with probabilities clipped at 1e-7"),
    (r"^UnitNormalization", "the gradient of a row of zeros: NaN on JAX and PyTorch, very large on TensorFlow"),
    (
        r"^ScheduleFreeAdamW",
        "on TensorFlow the first step forgets the initial weights; JAX and PyTorch part from step 2 on",
    ),
)
"""Why items differ, where it is known: a pattern of their names, and a reason."""

GENERATOR = np.random.Generator(np.random.PCG64(7))


def normal(*shape: int) -> Any:
    return GENERATOR.normal(size=shape)


def integers(high: int, *shape: int) -> Any:
    return GENERATOR.integers(0, high, size=shape).astype("int32")


@dataclass(frozen=True)
class Item:
    """One thing to compute.

    Attributes:
        kind: "layer", "activation", "loss" or "optimizer".
        name: What it is, as a user would write it.
        make: Makes the layer, loss or optimizer.
        inputs: Arrays.
        target: For losses: what `y_true` is.
        call: Further arguments of the call.
        differentiated: Whether there are gradients; layers for data have none.
    """

    kind: str
    name: str
    make: Callable[[], Any]
    inputs: tuple[Any, ...] = ()
    target: Any = None
    call: dict[str, Any] = field(default_factory=dict)
    differentiated: bool = True


LINE, IMAGE, VOLUME = normal(3, 9, 4), normal(3, 9, 8, 4), normal(2, 7, 6, 5, 2)
BY_RANK = {1: LINE, 2: IMAGE, 3: VOLUME}
# Several equal values in each window: which of them gets the gradient is a choice.
TIES = np.round(IMAGE)


def items() -> Iterator[Item]:
    """Yields everything, in the order of the page."""
    yield from _convolutions()
    yield from _recurrent()
    yield from _other_layers()
    yield from _shapes()
    yield from _pooling()
    yield from _images()
    yield from _random()
    yield from _activations()
    yield from _losses()
    yield from _optimizers()


def why(name: str) -> str:
    """Returns why an item differs, as far as it is known."""
    return next((reason for pattern, reason in REASONS if re.search(pattern, name)), "")


def missing() -> set[str]:
    """Returns the public layers, losses, optimizers and activations of Keras that no item computes, nor is left out."""
    left_out = {name for names in LEFT_OUT for name in names.split()}
    computed = set(re.findall(r"\w+", " ".join(item.name for item in items())))
    found: dict[Any, set[str]] = {}
    for module, base in ((layers, layers.Layer), (losses, losses.Loss), (optimizers, optimizers.Optimizer)):
        for name, value in vars(module).items():
            if inspect.isclass(value) and issubclass(value, base):
                # Some have several names.
                found.setdefault(value, set()).add(name)
    functions = {name for name in dir(keras.activations) if name[0] != "_" and name not in NO_ACTIVATIONS}
    return {min(names) for names in found.values() if not names & (computed | left_out)} | (functions - computed)


def _layer(text: str, *inputs: Any, **call: Any) -> Item:
    names = {**vars(layers), "layers": layers, "keras": keras}
    return Item("layer", text, lambda: eval(text, names), inputs, call=call)


def _data_layer(text: str, x: Any, **call: Any) -> Item:
    return replace(_layer(text, x, **call), differentiated=False)


def _convolutions() -> Iterator[Item]:
    for rank, x in BY_RANK.items():
        for options in ("", ", padding='same'", ", strides=2, padding='same'", ", dilation_rate=2"):
            yield _layer(f"Conv{rank}D(4, 3{options})", x)
        yield _layer(f"Conv{rank}D(4, 2, padding='same')", x)
        for options in ("", ", strides=2", ", strides=2, padding='same'", ", strides=3, padding='same'"):
            yield _layer(f"Conv{rank}DTranspose(3, 2{options})", x)
        yield _layer(f"Conv{rank}DTranspose(3, 3, strides=2, padding='same', output_padding=1)", x)
        yield _layer(f"Conv{rank}DTranspose(3, 3, dilation_rate=2)", x)
    yield _layer("Conv1D(4, 3, padding='causal', dilation_rate=2)", LINE)
    yield _layer("Conv2D(4, 3, groups=2)", IMAGE)
    for rank in (1, 2):
        for options in ("", ", strides=2, padding='same'", ", depth_multiplier=2, padding='same'"):
            yield _layer(f"DepthwiseConv{rank}D(3{options})", BY_RANK[rank])
        yield _layer(f"SeparableConv{rank}D(4, 3, padding='same')", BY_RANK[rank])
        yield _layer(f"SeparableConv{rank}D(4, 2, strides=2, padding='same')", BY_RANK[rank])


def _recurrent() -> Iterator[Item]:
    masked = LINE.copy()
    masked[0, 5:], masked[1, :2], masked[2, 3] = 0.0, 0.0, 0.0
    for name in ("SimpleRNN", "LSTM", "GRU"):
        yield _layer(f"{name}(3)", LINE)
        yield _layer(f"{name}(3, return_sequences=True, go_backwards=True)", LINE)
        yield _layer(f"{name}(3, unroll=True)", LINE)
        yield _layer(f"keras.Sequential([Masking(), {name}(3)])", masked)
        yield _layer(f"keras.Sequential([Masking(), Bidirectional({name}(3, return_sequences=True))])", masked)
    yield _layer("GRU(3, reset_after=False)", LINE)
    yield _layer("LSTM(3, activation='relu', recurrent_activation='hard_sigmoid')", LINE)
    yield _layer("RNN([LSTMCell(3), GRUCell(2)])", LINE)
    yield _layer("ConvLSTM1D(2, 3)", normal(2, 4, 6, 2))
    yield _layer("ConvLSTM2D(2, 3, padding='same')", normal(2, 3, 5, 6, 2))
    yield _layer("ConvLSTM3D(2, 2)", normal(1, 3, 4, 4, 3, 1))
    for name in ("SimpleRNN", "LSTM", "GRU"):
        yield _layer(f"RNN({name}Cell(3))", LINE)
    yield _layer("RNN(StackedRNNCells([LSTMCell(3), GRUCell(2)]))", LINE)
    yield _layer("TimeDistributed(Dense(3))", LINE)


def _other_layers() -> Iterator[Item]:
    flat = normal(5, 6)
    yield _layer("Dense(4, activation='tanh')", flat)
    yield _layer("EinsumDense('abc,cd->abd', output_shape=(None, 5), bias_axes='d')", LINE)
    yield _layer("Embedding(11, 4)", integers(11, 5, 6))
    yield _layer("keras.Sequential([Embedding(11, 4, mask_zero=True), GlobalAveragePooling1D()])", integers(3, 5, 6))
    for x in (flat, IMAGE):
        yield _layer("BatchNormalization()", x)
    yield _layer("BatchNormalization(axis=1)", IMAGE)
    yield _layer("keras.Sequential([Masking(), BatchNormalization()])", np.where(LINE > 1.0, 0.0, LINE))
    yield _layer("LayerNormalization()", IMAGE)
    yield _layer("LayerNormalization(axis=(1, 2))", IMAGE)
    yield _layer("LayerNormalization()", 1e-4 * IMAGE)
    yield _layer("RMSNormalization()", IMAGE)
    yield _layer("GroupNormalization(groups=2)", IMAGE)
    yield _layer("UnitNormalization()", flat)
    yield _layer("UnitNormalization()", np.zeros((2, 3)))
    yield _layer("SpectralNormalization(Dense(3))", flat)
    yield _layer("PReLU()", flat)
    yield _layer("PReLU(shared_axes=[1, 2])", IMAGE)
    yield _layer("MultiHeadAttention(2, 3)", LINE, LINE)
    yield _layer("MultiHeadAttention(2, 3)", LINE, LINE, use_causal_mask=True)
    yield _layer("MultiHeadAttention(2, 3, flash_attention=False)", normal(2, 4, 6), normal(2, 7, 6))
    yield _layer("GroupQueryAttention(4, 4, 2)", LINE, LINE)
    yield _layer("layers.Attention(use_scale=True)", [LINE, normal(3, 5, 4)])
    yield _layer("layers.Attention(score_mode='concat')", [LINE, normal(3, 5, 4)])
    yield _layer("AdditiveAttention()", [LINE, normal(3, 5, 4)])
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        yield _layer(f"{name}()", [TIES, np.round(normal(3, 9, 8, 4))])
    yield _layer("Dot(axes=2)", [LINE, normal(3, 5, 4)])
    yield _layer("Dot(axes=1, normalize=True)", [flat, normal(5, 6)])
    yield _data_layer("Discretization([-1.0, 0.0, 1.0])", np.round(flat))
    yield _layer("Normalization(mean=0.5, variance=2.0)", flat)
    yield _layer("Rescaling(1 / 255, offset=-1.0)", flat)
    yield _layer("ActivityRegularization(l1=0.1, l2=0.2)", flat)


def _shapes() -> Iterator[Item]:
    flat = normal(5, 6)
    for text in (
        "Activation('relu')",
        "ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)",
        "LeakyReLU()",
        "ELU()",
        "Softmax()",
        "Identity()",
    ):
        yield _layer(text, flat)
    yield _layer("Softmax(axis=1)", LINE)
    for text in ("Flatten()", "Permute((2, 1))", "Reshape((4, 9))"):
        yield _layer(text, LINE)
    yield _layer("Flatten(data_format='channels_first')", IMAGE)
    yield _layer("RepeatVector(3)", flat)
    for mode in ("one_hot", "multi_hot", "count"):
        yield _layer(f"CategoryEncoding(7, output_mode={mode!r})", integers(7, 5, 3))
    yield _layer("ReversibleEmbedding(11, 4)", integers(11, 5, 6))
    yield _layer("ReversibleEmbedding(11, 4, tie_weights=False)", integers(11, 5, 6))
    yield _layer("STFTSpectrogram(frame_length=32, frame_step=16, fft_length=32)", normal(2, 100, 1))
    yield _layer("MelSpectrogram(fft_length=32, sequence_stride=16, num_mel_bins=8)", normal(2, 100))


def _pooling() -> Iterator[Item]:
    for rank, x in BY_RANK.items():
        for name in ("MaxPooling", "AveragePooling"):
            for options in ("2", "3, strides=2, padding='same'", "3, strides=1"):
                yield _layer(f"{name}{rank}D({options})", x)
        for name in ("GlobalMaxPooling", "GlobalAveragePooling"):
            yield _layer(f"{name}{rank}D()", x)
        yield _layer(f"AdaptiveAveragePooling{rank}D(3)", x)
        yield _layer(f"AdaptiveMaxPooling{rank}D(3)", x)
        yield _layer(f"UpSampling{rank}D(2)", x)
    for text in ("MaxPooling2D(3, strides=1)", "GlobalMaxPooling2D()", "MaxPooling2D(2, padding='same')"):
        item = _layer(text, TIES)
        yield Item(item.kind, f"{text} with ties", item.make, item.inputs)


def _images() -> Iterator[Item]:
    for how in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        yield _layer(f"UpSampling2D(3, interpolation={how!r})", IMAGE)
        yield _layer(f"Resizing(5, 12, interpolation={how!r})", IMAGE)
    yield _layer("Resizing(5, 5, crop_to_aspect_ratio=True)", IMAGE)
    yield _layer("Resizing(12, 12, pad_to_aspect_ratio=True)", IMAGE)
    yield _layer("CenterCrop(5, 5)", IMAGE)
    for rank, x in BY_RANK.items():
        yield _layer(f"ZeroPadding{rank}D(1)", x)
        yield _layer(f"Cropping{rank}D(1)", x)


def _random() -> Iterator[Item]:
    """Yields layers that draw: inside of `pinned` they draw the same everywhere."""
    images = GENERATOR.uniform(size=(3, 9, 8, 3))
    for text in ("Dropout(0.3)", "AlphaDropout(0.3)", "GaussianDropout(0.3)", "GaussianNoise(0.3)"):
        yield _layer(text, LINE, training=True)
    for rank, x in BY_RANK.items():
        yield _layer(f"SpatialDropout{rank}D(0.3)", x, training=True)
    for name in ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "Solarization"):
        yield _data_layer(f"{name}(value_range=(0, 1))", images)
    for text in (
        "AugMix((0, 1))",
        "RandAugment((0, 1))",
        "RandomBrightness(0.3, (0, 1))",
        "RandomColorDegeneration(0.4)",
        "RandomColorJitter((0, 1), 0.3, 0.3, 0.3, 0.1)",
        "RandomContrast(0.3, (0, 1))",
        "RandomCrop(5, 5)",
        "RandomElasticTransform(1.0, 1.0)",
        "RandomErasing(value_range=(0, 1))",
        "RandomFlip()",
        "RandomGaussianBlur(1.0, 3, value_range=(0, 1))",
        "RandomGrayscale(0.5)",
        "RandomHue(0.3, (0, 1))",
        "RandomInvert(1.0, value_range=(0, 1))",
        "RandomPerspective(1.0)",
        "RandomPosterization(4, (0, 1))",
        "RandomRotation(0.2)",
        "RandomSaturation(0.4, (0, 1))",
        "RandomSharpness(0.4, (0, 1))",
        "RandomShear(0.3, 0.3)",
        "RandomTranslation(0.3, 0.3)",
        "RandomZoom(0.3)",
    ):
        yield _data_layer(text, images, training=True)
    for interpolation in ("nearest", "bilinear"):
        for fill in ("constant", "nearest", "reflect", "wrap"):
            options = f"interpolation={interpolation!r}, fill_mode={fill!r}"
            yield _data_layer(f"RandomRotation(0.2, {options})", images, training=True)


def _activations() -> Iterator[Item]:
    usual = np.linspace(-11.9, 11.9, 40).reshape(4, 10)
    corners = np.array([[-3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 2.0]])
    far = np.array([[-1e4, -200.0, -89.0, -20.0, -1e-8, 1e-8, 20.0, 87.0, 200.0, 1e4]])
    names = [n for n in dir(keras.activations) if n[0] != "_" and n not in NO_ACTIVATIONS]
    for name in names:
        for where, x in (("", usual), (" at its corners", corners), (" far out", far)):
            if name == "exponential" and where == " far out":
                x = np.clip(x, -80, 80)
            yield Item("activation", f"{name}{where}", lambda name=name: layers.Activation(name), (x,))


def _losses() -> Iterator[Item]:
    inside = 1 / (1 + np.exp(-normal(6, 5)))
    inside /= inside.sum(-1, keepdims=True)
    saturated = np.array([[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [1e-9, 1 - 1e-9, 0.0, 0.0, 0.0]])
    logits, far = normal(6, 5), 200.0 * normal(6, 5)
    hot = np.eye(5)[integers(5, 6)]
    sparse = integers(5, 6)
    real, binary = normal(6, 5), (normal(6, 5) > 0).astype("float64")

    def loss(text: str, predicted: Any, target: Any, note: str = "") -> Item:
        return Item("loss", f"{text}{note}", lambda: eval(text, vars(losses) | {"keras": keras}), (predicted,), target)

    for name in ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh", "CosineSimilarity"):
        yield loss(f"{name}()", real, normal(6, 5))
        yield loss(f"{name}()", np.round(real), np.round(real), " where target and prediction are equal")
    for name in ("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson"):
        yield loss(f"{name}()", np.abs(real), np.abs(normal(6, 5)))
        yield loss(f"{name}()", np.abs(real), np.zeros((6, 5)), " with targets of 0")
    for name in ("Hinge", "SquaredHinge"):
        yield loss(f"{name}()", real, binary)
        yield loss(f"{name}()", np.round(real), binary, " on the margin")
    yield loss("CategoricalHinge()", real, hot)
    focal = ("BinaryFocalCrossentropy({})", "BinaryFocalCrossentropy(apply_class_balancing=True, {})")
    for text in ("BinaryCrossentropy({})", *focal):
        yield loss(text.format(""), inside, binary)
        yield loss(text.format(""), saturated, binary[:3], ", saturated")
        yield loss(text.format("from_logits=True"), logits, binary)
        yield loss(text.format("from_logits=True"), far, binary, ", far out")
        yield loss(text.format("label_smoothing=0.1"), inside, binary)
    for text in ("CategoricalCrossentropy({})", "CategoricalFocalCrossentropy({})"):
        yield loss(text.format(""), inside, hot)
        yield loss(text.format(""), 3.0 * inside, hot, ", rows that do not add up to 1")
        yield loss(text.format(""), saturated, hot[:3], ", saturated")
        yield loss(text.format("from_logits=True"), logits, hot)
        yield loss(text.format("from_logits=True"), far, hot, ", far out")
        yield loss(text.format("label_smoothing=0.1"), inside, hot)
    yield loss("SparseCategoricalCrossentropy()", inside, sparse)
    yield loss("SparseCategoricalCrossentropy()", saturated, sparse[:3], ", saturated")
    yield loss("SparseCategoricalCrossentropy(from_logits=True)", logits, sparse)
    yield loss("SparseCategoricalCrossentropy(from_logits=True)", far, sparse, ", far out")
    yield loss("SparseCategoricalCrossentropy(ignore_class=1)", inside, sparse)
    yield loss("KLDivergence()", inside, inside[::-1].copy())
    yield loss("KLDivergence()", inside, hot, " with targets of 0")
    yield loss("Dice()", inside, hot)
    yield loss("Tversky()", inside, hot)
    yield loss("CategoricalGeneralizedCrossEntropy()", inside, sparse)
    unit = logits / np.linalg.norm(logits, axis=-1, keepdims=True)
    yield loss("Circle()", unit, np.array([0, 1, 0, 1, 2, 2], "int32"))
    yield loss("CTC()", normal(2, 6, 5), np.array([[1, 2, 3], [2, 2, 0]], "int32"))


def _optimizers() -> Iterator[Item]:
    plain = ("SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion", "Lamb")
    texts = [f"{name}(0.1)" for name in (*plain, "Adafactor", "Muon", "ScheduleFreeAdamW") if hasattr(optimizers, name)]
    texts += [
        "SGD(0.1, momentum=0.9)",
        "SGD(0.1, momentum=0.9, nesterov=True)",
        "RMSprop(0.1, centered=True, momentum=0.9)",
        "Adam(0.1, amsgrad=True)",
        "Adam(0.1, weight_decay=0.01)",
        "Adam(0.1, clipnorm=0.5)",
        "Adam(0.1, clipvalue=0.5)",
        "Adam(0.1, global_clipnorm=0.5)",
        "Adam(0.1, use_ema=True, ema_overwrite_frequency=2)",
        "Adam(0.1, gradient_accumulation_steps=2)",
        "Adam(0.1, epsilon=1e-3)",
        "Ftrl(0.1, l1_regularization_strength=0.1)",
        "LossScaleOptimizer(Adam(0.1), initial_scale=8.0, dynamic_growth_steps=2)",
    ]
    schedules = (
        "CosineDecay(0.1, 5)",
        "ExponentialDecay(0.1, 3, 0.5)",
        "PolynomialDecay(0.1, 4, power=0.5)",
        "InverseTimeDecay(0.1, 3, 0.5)",
        "CosineDecayRestarts(0.1, 2)",
        "PiecewiseConstantDecay([1, 3], [0.1, 0.2, 0.3])",
    )
    texts += [f"SGD(keras.optimizers.schedules.{schedule})" for schedule in schedules]
    for text in texts:
        make = functools.partial(eval, text, vars(optimizers) | {"keras": keras})
        yield Item("optimizer", text, make, (normal(6, 4),))
