"""Another epsilon of Adam."""

from common import fit, keras, model


def a():
    fit(model(), optimizer=keras.optimizers.Adam(0.01))


def b():
    fit(model(), optimizer=keras.optimizers.Adam(0.01, epsilon=1e-3))


EXPECT = {"verdict": "diverged", "stage": ["update"], "slug": "optimizer-config"}
