"""On PyTorch, the gradient of plain indexing is added up by several threads at once: another order each time."""

from common import fit, glorot, keras, layers, np


class Lookup(layers.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=(5, 16), initializer=keras.initializers.RandomNormal(seed=4), name="table")

    def call(self, ids):
        return keras.ops.convert_to_tensor(self.table)[ids.long()]

    def compute_output_shape(self, shape):
        return (*shape, 16)


def train():
    ids = keras.Input((64,), dtype="int32")
    output = layers.Dense(1, kernel_initializer=glorot(5))(layers.Flatten()(Lookup()(ids)))
    random = np.random.default_rng(0)
    x, y = random.integers(0, 5, (512, 64)).astype("int32"), random.normal(size=(512, 1)).astype("float32")
    fit(keras.Model(ids, output), x, y, optimizer=keras.optimizers.SGD(1.0), batch_size=256)


def a():
    train()


def b():
    train()


EXPECT = {"verdict": "diverged", "stage": ["backward"], "slug": "nondeterministic-op", "backends": ["torch"]}
