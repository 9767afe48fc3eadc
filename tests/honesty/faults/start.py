"""Faults of seeds and generators."""

from __future__ import annotations

from tests.honesty.faults.fault import RANDOM, Fault
from tests.honesty.faults.words import START

START_FAULTS = (
    # -- unseeded
    Fault("unseeded", "no seed at all", START, how="again", base={"seed": ""}, seeded=False),
    Fault(
        "unseeded",
        "noise of a generator without a seed",
        ("data",),
        how="again",
        base={"prepare": "x = x + np.random.default_rng().normal(size=x.shape).astype('float32') * $scale"},
        draw={"scale": (0.01, 0.1, 1.0)},
    ),
    Fault(
        "unseeded",
        "augmentation by the operating system's entropy",
        ("data",),
        how="again",
        base={"prepare": "x[$sample] *= 1 + int.from_bytes(os.urandom(4), 'little') / 2**32"},
        shuffle=False,
        step="sample // batch + 1",
    ),
    # -- different-seed
    Fault(
        "different-seed",
        "another seed of everything",
        START,
        seeded=False,
        change={"seed": "keras.utils.set_random_seed($seed + $more)"},
        draw={"more": (1, 7, 1000)},
    ),
    Fault(
        "different-seed",
        "another seed of one initialiser",
        START,
        seeded=True,
        layer=(r"GlorotUniform\(seed=(\d+)\)", r"GlorotUniform(seed=\g<1>5)"),
    ),
    Fault(
        "different-seed",
        "another seed of a random layer",
        ("randomness",),
        families=RANDOM,
        seeded=True,
        layer=(r"seed=1([123])\)$", r"seed=2\1)"),
    ),
    # -- seed-too-late
    Fault(
        "seed-too-late",
        "built before the seed is set",
        START,
        how="again",
        seeded=False,
        base={"seed": "", "adjust": "keras.utils.set_random_seed($seed)"},
    ),
    Fault(
        "seed-too-late",
        "first values drawn before the seed is set",
        ("initial_weights",),
        how="again",
        seeded=True,
        families=("dense", "deep", "batchnorm"),
        base={
            "seed": "first = np.random.normal(size=(6, $units)).astype('float32')\nkeras.utils.set_random_seed($seed)",
            "adjust": "model.build((None, 6))\n"
            "model.layers[0].set_weights([first[:, :model.layers[0].units], np.zeros(model.layers[0].units)])",
        },
        draw={"units": (16, 24)},
        style="sequential",
    ),
    # -- generator-advanced
    Fault(
        "generator-advanced",
        "a layer that is not used",
        START,
        seeded=False,
        change={"late": "layers.$unused"},
        draw={"unused": ("Dense(3)", "Conv1D(2, 3)", "LSTM(4)", "Dropout(0.1)")},
    ),
    Fault(
        "generator-advanced",
        "a draw of the user's own before the data",
        ("data",),
        families=("dense", "dropout"),
        base={"prepare": "x = x + np.random.normal(size=x.shape).astype('float32')"},
        change={"late": "np.random.$call"},
        draw={"call": ("rand()", "permutation(5)", "normal(size=3)", "randint(9)")},
    ),
    Fault(
        "generator-advanced",
        "a look at the outputs in training mode",
        ("randomness",),
        families=RANDOM,
        seeded=True,
        change={"before": "model(x[:$few], training=True)"},
        draw={"few": (1, 4)},
    ),
    # -- shared-initializer
    Fault(
        "shared-initializer",
        "one object for two layers",
        START,
        families=("deep",),
        seeded=False,
        base={
            "late": "initializers = [keras.initializers.$kind() for _ in range(2)]",
            "prepare": "shared = [initializers[0], initializers[1]]",
            "model": "parts = [layers.Dense(6, 'tanh', kernel_initializer=one) for one in shared]\n"
            "parts.append(layers.Dense(1, kernel_initializer='ones'))\n"
            "model = keras.Sequential([keras.Input($shape), *parts])",
        },
        change={"prepare": "shared = [initializers[0], initializers[0]]"},
        draw={"kind": ("GlorotUniform", "HeNormal", "RandomNormal", "Orthogonal")},
    ),
    # -- backend-generator
    Fault(
        "backend-generator",
        "one seed on two backends",
        START,
        seeded=True,
        how="backends",
        families=("dense", "deep", "conv2d"),
    ),
    Fault(
        "backend-generator",
        "another setting of JAX's generator",
        START,
        seeded=True,
        how="environment",
        families=("dense", "deep", "conv2d"),
        variable=("JAX_THREEFRY_PARTITIONABLE", "1", "0"),
        backends=("jax",),
    ),
)
