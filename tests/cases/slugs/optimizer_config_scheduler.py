"""A schedule lowers the rate at every step, a callback once an epoch."""

from common import fit, keras, model


def a():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=6, decay_rate=0.5)
    fit(model(), optimizer=keras.optimizers.SGD(schedule))


def b():
    callbacks = [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch)]
    fit(model(), optimizer=keras.optimizers.SGD(0.1), callbacks=callbacks)


EXPECT = {"verdict": "diverged", "stage": ["update"], "slug": "optimizer-config"}
