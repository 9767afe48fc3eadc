"""A training as a user writes it; it trains chunk by chunk when `turns` hands it the turn.

python benchmarks/training.py mlp [pinned | statistics]
"""

import contextlib
import sys

import keras
import numpy as np
import turns


def mlp():
    """26,122 weights, batches of 64: a step is as short as Keras can make it."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    return model, (64,), 64


def large():
    """9.4 million weights and two slots each: 113 MB of state, batches of 16."""
    model = keras.Sequential(
        [
            keras.Input((496,)),
            keras.layers.Dense(2048, "relu"),
            keras.layers.Dense(2048, "relu"),
            keras.layers.Dense(2048, "relu"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    return model, (496,), 16


def convolutions(shape, widths):
    """The first half of a model: each block halves the image."""
    model = keras.Sequential([keras.Input(shape)])
    for width in widths:
        model.add(keras.layers.Conv2D(width, 3, padding="same", activation="relu"))
        model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.MaxPooling2D())
    return model


def cnn(batch=128):
    """303,000 weights, batch normalization, dropout: a step of JAX or PyTorch takes 40 ms on two cores of 2026."""
    model = convolutions((24, 24, 1), (16, 32))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dropout(0.3))
    model.add(keras.layers.Dense(256, "relu"))
    model.add(keras.layers.Dense(10, "softmax"))
    return model, (24, 24, 1), batch


def cnn256():
    """The same with batches of 256: a step of TensorFlow takes about 20 ms, one of PyTorch 40 to 50."""
    return cnn(256)


def cnn576():
    """The same with batches of 576: a step of TensorFlow takes as long as one of the others with batches of 128."""
    return cnn(576)


def images():
    """839,000 weights, large images and batches: a step of some tens of milliseconds on a GPU of 2024."""
    model = convolutions((96, 96, 3), (96, 192, 384))
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dropout(0.3))
    model.add(keras.layers.Dense(10, "softmax"))
    return model, (96, 96, 3), 384


def digits():
    """Images of 8 by 8, two convolutions, two layers of dropout: a step of some milliseconds."""
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for width in (16, 32):
        model.add(keras.layers.Conv2D(width, 3, activation="relu"))
        model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(64, "relu"))
    model.add(keras.layers.Dropout(0.5))
    model.add(keras.layers.Dense(10, "softmax"))
    return model, (8, 8, 1), 64


def pinned():
    """A pinned scope."""
    import samefit

    return samefit.pinned(1)


def statistics(model):
    """The callbacks of a peer that dumps statistics."""
    # Not before Keras was seeded: the peer leaves a stub in the place of TensorFlow, which Keras would then seed, too.
    from peer import callbacks

    return callbacks(model)


MODELS = {model.__name__: model for model in (mlp, large, cnn, cnn256, cnn576, images, digits)}

CHUNKS_A_PASS = 16 if keras.backend.backend() == "tensorflow" else 1
"""How many chunks one pass over the data has. Where an iterator of `tf.data` ends, the training may wait for one of its
threads, which sleeps for up to as long as the pass took: it is woken before what it waits for is set (TensorFlow 2.21,
`Model::OptimizeLoop`). That is a matter of chance, and none of the step's."""


def train(name, callbacks, epochs=100_000):
    """Trains one of the models, until a callback ends it or for some epochs."""
    keras.utils.set_random_seed(1)
    model, shape, batch = MODELS[name]()
    samples = batch * turns.CHUNK * CHUNKS_A_PASS
    random = np.random.default_rng(1)
    x = random.standard_normal((samples, *shape), dtype="float32")
    y = random.integers(0, 10, samples)
    model.compile("adam", "sparse_categorical_crossentropy")
    given = {"batch_size": batch, "epochs": epochs, "steps_per_epoch": turns.CHUNK}
    model.fit(x, y, **given, verbose=0, callbacks=callbacks(model))


def main(name, how=""):
    """Trains as it is, within a pinned scope, or under a peer that dumps the statistics of every tensor."""
    more = statistics if how == "statistics" else lambda model: []
    with pinned() if how == "pinned" else contextlib.nullcontext():
        train(name, lambda model: [turns.Turns(), *more(model)])


if __name__ == "__main__":
    main(*sys.argv[1:])
