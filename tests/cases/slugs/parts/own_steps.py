"""Training steps of one's own, written as the guides of Keras write them, for the backend that is set."""

import keras
import numpy as np

BACKEND = keras.backend.backend()
RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((24, 4)).astype("float32")
Y = X[:, :1] * 2 - X[:, 1:2]


def gradients_of(loss_of, variables):
    """Returns a loss and its gradients, on TensorFlow or PyTorch."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = loss_of()
        return loss, tape.gradient(loss, variables)
    for variable in variables:
        variable.value.grad = None
    loss = loss_of()
    loss.backward()
    return loss, [variable.value.grad for variable in variables]


def apply(optimizer, gradients, variables):
    """Applies gradients, on TensorFlow or PyTorch."""
    if BACKEND == "tensorflow":
        optimizer.apply(gradients, variables)
        return
    import torch

    with torch.no_grad():
        optimizer.apply(gradients, variables)


class WithMetrics(keras.Model):
    """Returns the result of each metric, of which one is a dictionary (as in "Customizing what happens in fit()")."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=1))

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, *arguments):
        if BACKEND == "jax":
            return self.jax_step(*arguments)
        x, y = arguments[0]
        loss, gradients = gradients_of(
            lambda: self.compute_loss(y=y, y_pred=self(x, training=True)), self.trainable_variables
        )
        apply(self.optimizer, gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, self(x))
        return {metric.name: metric.result() for metric in self.metrics}

    def jax_step(self, state, data):
        import jax

        trainable, other, slots, of_metrics = state
        x, y = data

        def loss_of(trainable):
            predicted, _ = self.stateless_call(trainable, other, x)
            return self.compute_loss(x, y, predicted), predicted

        (loss, predicted), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        logs, left, updated = {}, list(of_metrics), []
        for metric in self.metrics:
            count = len(metric.variables)
            given = (loss,) if metric.name == "loss" else (y, predicted)
            values = metric.stateless_update_state(left[:count], *given)
            left, updated = left[count:], updated + list(values)
            logs[metric.name] = metric.stateless_result(values)
        return logs, (trainable, other, slots, updated)


class Adversarial(keras.Model):
    """Two networks, an optimizer for each, a loss of its own: the last part of that guide."""

    def __init__(self):
        super().__init__()
        self.discriminator = network(4, 1, "discriminator")
        self.generator = network(3, 4, "generator")
        self.d_loss, self.g_loss = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")
        self.noise = keras.random.SeedGenerator(1337)
        self.built = True

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data
        made = self.generator(keras.random.normal((8, 3), seed=self.noise))
        both = keras.ops.concatenate([made, real], axis=0)
        labels = keras.ops.concatenate([keras.ops.ones((8, 1)), keras.ops.zeros((8, 1))], axis=0)
        weights = self.discriminator.trainable_weights
        d_loss, gradients = gradients_of(lambda: self.loss_fn(labels, self.discriminator(both)), weights)
        apply(self.d_optimizer, gradients, weights)
        drawn = keras.random.normal((8, 3), seed=self.noise)
        weights = self.generator.trainable_weights
        g_loss, gradients = gradients_of(
            lambda: self.loss_fn(keras.ops.zeros((8, 1)), self.discriminator(self.generator(drawn))), weights
        )
        apply(self.g_optimizer, gradients, weights)
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def network(inputs, outputs, name):
    """Returns a small network."""
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(6, "leaky_relu", kernel_initializer=keras.initializers.GlorotUniform(seed=2)),
            keras.layers.Dense(outputs, kernel_initializer=keras.initializers.GlorotUniform(seed=3)),
        ],
        name=name,
    )


def metrics():
    """Trains `WithMetrics`; returns it and what `fit` says."""
    model = WithMetrics()
    model.compile("sgd", "mse", metrics=["mae"])
    return model, model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)


def adversarial(rate=0.01, label_smoothing=0.0):
    """Trains `Adversarial`; returns it and what `fit` says."""
    model = Adversarial()
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.optimizers.Adam(rate),
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing),
    )
    return model, model.fit(X, batch_size=8, epochs=2, shuffle=False, verbose=0)


if __name__ == "__main__":
    for train in (metrics,) if BACKEND == "jax" else (metrics, adversarial):
        trained, history = train()
        print([weight.tobytes().hex() for weight in trained.get_weights()], history.history)  # noqa: T201
