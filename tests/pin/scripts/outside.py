"""What was made before the scope was entered: what of it is said, and what is not; prints what it found as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

import samefit

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
IMAGES = np.random.default_rng(0).normal(size=(8, 4, 4, 1)).astype("float32")
FOUND: dict[str, object] = {"backend": keras.config.backend()}


def fit(model: keras.Model, x=X) -> keras.Model:
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(x, x.reshape(len(x), -1)[:, :1], batch_size=4, verbose=0)
    return model


def said(make, x=X) -> list[str]:
    """The names that the limits of a scope name, if it says nothing else."""
    with samefit.pinned(3) as scope:
        fit(make(), x)
    assert {limit.kind for limit in scope.report.limits} <= {"built-outside"}, scope.report.limits
    return [limit.text.partition(" of ")[0] for limit in scope.report.limits]


def base(*extra: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, name="inner"), *extra])


def with_head(*parts: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), *parts, layers.Dense(1)])


def loaded(model: keras.Model) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "it.keras")
        return keras.models.load_model(Path(folder) / "it.keras")


def frozen(model: keras.Model) -> keras.Model:
    model.trainable = False
    return model


class OwnWeight(layers.Layer):
    """Keeps no initialiser."""

    def __init__(self, initializer, **kwargs) -> None:
        super().__init__(**kwargs)
        self.scale = self.add_weight(shape=(4,), initializer=initializer)

    def call(self, x):
        return x * self.scale


class OnFeatures(keras.Model):
    def __init__(self, features: keras.Model) -> None:
        super().__init__()
        self.features, self.head = features, layers.Dense(1)

    def call(self, x, training=None):
        return self.head(self.features(x, training=False))


# Random layers.
flips = keras.Sequential([layers.RandomFlip(name="flip")])
FOUND["augmentation"] = said(
    lambda: keras.Sequential([keras.Input((4, 4, 1)), flips, layers.Flatten(), layers.Dense(1)]), IMAGES
)
deferred = layers.Dropout(0.5, name="drop")
FOUND["of a deferred model"] = said(lambda: keras.Sequential([deferred, layers.Dense(1)]))
seeded = layers.Dropout(0.5, seed=4)
FOUND["seeded"] = said(lambda: with_head(seeded))
inference = loaded(base(layers.Dropout(0.5)))
FOUND["never drew"] = said(lambda: OnFeatures(inference))

# Weights.
unseeded, icy, seeded_base = base(), frozen(base()), keras.Sequential([keras.Input((4,))])
seeded_base.add(layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed=4)))
FOUND["unseeded base"] = said(lambda: with_head(unseeded))
FOUND["frozen unseeded base"] = said(lambda: with_head(icy))
FOUND["seeded base"] = said(lambda: with_head(seeded_base))
pretrained, noisy = loaded(base()), loaded(base(layers.Dropout(0.5, name="noise")))
FOUND["loaded base"] = said(lambda: with_head(pretrained))
FOUND["loaded base with dropout"] = said(lambda: with_head(noisy))
whole = loaded(with_head())
FOUND["loaded model"] = said(lambda: whole)
assigned = base()
assigned.set_weights([np.full((4, 3), 0.5), np.zeros(3)])
FOUND["assigned base"] = said(lambda: with_head(assigned))
trained = fit(with_head())
FOUND["trained model"] = said(lambda: trained)
scales, ones = OwnWeight("glorot_uniform", name="own"), OwnWeight("ones")
FOUND["layer without initialisers"] = said(lambda: with_head(scales))
FOUND["constant"] = said(lambda: with_head(ones))
adapted = layers.Normalization()
adapted.adapt(X)
FOUND["adapted"] = said(lambda: with_head(adapted, layers.BatchNormalization()))
einsum = keras.Sequential([keras.Input((4,)), layers.EinsumDense("ab,bc->ac", (20,), name="einsum")])
FOUND["einsum"] = said(lambda: with_head(einsum))
with samefit.pinned(5):
    of_another = base()
FOUND["of another scope"] = said(lambda: with_head(of_another))
FOUND["all inside"] = said(lambda: with_head(OwnWeight("ones"), base(layers.Dropout(0.5)), layers.BatchNormalization()))


# Weights that are added inside of the scope to layers that were made outside.
def lora(draws: int, whole: bool) -> list[np.ndarray]:
    parts = [layers.Dense(4, kernel_initializer="ones") for _ in range(2)]
    outside = keras.Sequential([keras.Input((4,)), *parts])
    with samefit.pinned(3):
        for _ in range(draws):
            layers.Dense(1).build((None, 2))
        model = outside if whole else with_head(outside)
        for part in parts:
            part.enable_lora(2)
        model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
        model.fit(X, X[:, :1], verbose=0)
        return [part.lora_kernel_a.numpy() for part in parts]


for name, whole in (("LoRA in a model", False), ("LoRA of a model", True)):
    first, second = lora(0, whole), lora(3, whole)
    FOUND[name] = bool(np.array_equal(first, second) and np.any(first[0] != first[1]))

json.dump(FOUND, sys.stdout)
