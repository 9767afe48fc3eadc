"""A model of the user's own forgets to hand `training` on to its dropout."""

from common import fit, glorot, keras, layers


class Net(keras.Model):
    def __init__(self, flag):
        super().__init__()
        self.flag = flag
        self.hidden = layers.Dense(8, activation="relu", kernel_initializer=glorot(1))
        self.dropout = layers.Dropout(0.5, seed=3)
        self.out = layers.Dense(1, kernel_initializer=glorot(2))

    def call(self, x, training=None):
        return self.out(self.dropout(self.hidden(x), training=training if self.flag else False))


def a():
    fit(Net(True))


def b():
    fit(Net(False))


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "training-flag"}
