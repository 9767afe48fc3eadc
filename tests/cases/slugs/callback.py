"""A callback of the user's own changes weights between two epochs, on one side alone."""

from common import fit, keras, model


class Decay(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        kernel, bias = self.model.layers[0].get_weights()
        self.model.layers[0].set_weights([kernel * 0.5, bias])


def a():
    fit(model(), epochs=3)


def b():
    fit(model(), epochs=3, callbacks=[Decay()])


EXPECT = {"verdict": "diverged", "stage": ["state"], "slug": "callback"}
