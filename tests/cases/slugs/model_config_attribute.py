"""A clone loses what the configuration of an own layer leaves out."""

from common import fit, glorot, keras, layers


class Scale(layers.Layer):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"name": self.name}


def original():
    parts = [layers.Dense(8, "relu", kernel_initializer=glorot(1)), Scale(0.5)]
    return keras.Sequential([keras.Input((6,)), *parts, layers.Dense(1, kernel_initializer=glorot(2))])


def a():
    fit(original())


def b():
    model = original()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    fit(clone)


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config"}
