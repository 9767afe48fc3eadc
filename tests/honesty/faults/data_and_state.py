"""Faults of data, of state that survives or is lost, and of weights."""

from __future__ import annotations

from tests.honesty.faults.fault import ANY, RANDOM, Fault
from tests.honesty.faults.words import (
    ADAM,
    BATCHES,
    BETWEEN,
    COMPILE,
    DRAWS,
    FIT,
    FROM_BATCHES,
    RATES,
    SHRINK,
    SLOTS,
    START,
    TWICE,
)

STATE_FAULTS = (
    # -- data-order
    Fault(
        "data-order",
        "two samples change places",
        ("data",),
        shuffle=False,
        step="sample // batch + 1",
        change={
            "prepare": "swap = [$sample, ($sample + $batch) % $rows]\nx[swap], y[swap] = x[swap[::-1]], y[swap[::-1]]"
        },
        draw={"sample": (0, 5, 13, 22, 30)},
    ),
    Fault(
        "data-order",
        "sorted by the target",
        ("data",),
        shuffle=False,
        change={"prepare": "order = np.argsort(y[:, 0])\nx, y = x[order], y[order]"},
    ),
    Fault(
        "data-order",
        "another batch size",
        ("data",),
        shuffle=False,
        change={"fit": FIT.format("").replace("batch_size=$batch", "batch_size=$batch // 2")},
    ),
    # -- data-content
    Fault(
        "data-content",
        "one value of one sample",
        ("data",),
        shuffle=False,
        step="sample // batch + 1",
        change={"prepare": "x[$sample] += $shift"},
        draw={"shift": (1, 0.001, -3)},
    ),
    Fault(
        "data-content",
        "one target",
        ("data",),
        shuffle=False,
        step="sample // batch + 1",
        change={"prepare": "y[$sample] = $target"},
        draw={"target": (0, 2, -1)},
    ),
    Fault(
        "data-content",
        "scaled with the statistics of a part",
        ("data",),
        families=("dense", "deep", "dropout"),
        base={"prepare": "x = (x - x.mean(0)) / x.std(0)"},
        change={"prepare": "x = (x - x[:$part].mean(0)) / x[:$part].std(0)"},
        draw={"part": (20, 32)},
    ),
    # -- data-race
    Fault(
        "data-race",
        "workers draw from one generator",
        ("data",),
        how="again",
        families=("dense", "deep"),
        base={
            "prepare": BATCHES.format("time.sleep(time.perf_counter_ns() % 257 / 20_000)", DRAWS),
            "fit": FROM_BATCHES.format("$workers"),
        },
        draw={"workers": (2, 3, 4)},
        step=ANY,
    ),
    # -- state-carried-over
    Fault(
        "state-carried-over",
        "one model for two folds",
        START,
        how="trainings",
        seeded=True,
        shuffle=False,
        families=("dense", "deep", "conv2d", "lstm"),
        base={"after": FIT.format("")},
    ),
    Fault(
        "state-carried-over",
        "weights put back, slots of the optimizer not",
        ("initial_weights", "state", "update"),
        how="trainings",
        seeded=True,
        shuffle=False,
        families=("dense", "deep", "conv2d"),
        style="functional",
        base={
            "compile": ADAM,
            "before": "start = model.get_weights()",
            "after": "model.set_weights(start)\n" + FIT.format(""),
        },
        draw=RATES,
    ),
    Fault(
        "state-carried-over",
        "moving averages left from a first look",
        ("initial_weights", "state"),
        how="two",
        seeded=True,
        families=("batchnorm",),
        change={"before": "model(x[:$few] + 1, training=True)"},
        draw={"few": (4, 9)},
    ),
    # -- state-lost
    Fault(
        "state-lost",
        "compiled anew between two fits",
        SLOTS,
        step="steps + 1",
        seeded=True,
        families=("dense", "deep", "conv2d", "lstm"),
        base={"compile": ADAM, **TWICE},
        change={"fit": BETWEEN.format(ADAM)},
        draw=RATES,
    ),
    Fault(
        "state-lost",
        "slots of the optimizer set to zero",
        SLOTS,
        step="steps + 1",
        seeded=True,
        families=("dense", "deep", "conv2d"),
        base={"compile": ADAM, **TWICE},
        change={
            "fit": BETWEEN.format(
                "model.save_weights('$file.weights.h5')\nmodel = keras.models.clone_model(model)"
                f"\n{ADAM}\nmodel.load_weights('$file.weights.h5', skip_mismatch=True)"
            )
        },
        draw={**RATES, "file": ("weights", "best")},
        style="functional",
    ),
    Fault(
        "state-lost",
        "saved and loaded: random layers begin anew",
        ("randomness",),
        step="steps + 1",
        seeded=True,
        families=RANDOM,
        style="functional",
        base=TWICE,
        change={"fit": BETWEEN.format("model.save('$file.keras')\nmodel = keras.models.load_model('$file.keras')")},
        draw={"file": ("model", "checkpoint")},
    ),
    # -- callback
    Fault(
        "callback",
        "a callback shrinks a weight after an epoch",
        ("state",),
        step="steps + 1",
        change={"prepare": SHRINK, "fit": FIT.format(", callbacks=[Shrink()]")},
        draw={"share": (0.5, 0.99, 1.01)},
    ),
    # -- weight-mapping
    Fault(
        "weight-mapping",
        "weights of two layers of one shape change places",
        START,
        families=("deep",),
        seeded=True,
        style="sequential",
        base={
            "adjust": "kept = [layer.get_weights() for layer in model.layers]\nplaces = list(range($layers))\n"
            "for layer, place in zip(model.layers, places):\n    layer.set_weights(kept[place])"
        },
        change={
            "adjust": "kept = [layer.get_weights() for layer in model.layers]\nplaces = list(range($layers))\n"
            "places[$one], places[$two] = places[$two], places[$one]\n"
            "for layer, place in zip(model.layers, places):\n    layer.set_weights(kept[place])"
        },
        draw={"one": (1,), "two": (2, 3)},
    ),
    Fault(
        "weight-mapping",
        "weights read in the order of their names",
        START,
        families=("deep",),
        seeded=False,
        style="functional",
        base={
            "prepare": "stored = {f'layer_{n}': np.random.default_rng(n).normal(size=(7, 7)).astype('float32')"
            " for n in ($first, $second, $third)}\nnames = list(stored)",
            "adjust": "for layer, name in zip(model.layers[2:5], names):\n"
            "    layer.set_weights([stored[name], np.zeros(7, 'float32')])",
        },
        change={
            "adjust": "for layer, name in zip(model.layers[2:5], sorted(names)):\n"
            "    layer.set_weights([stored[name], np.zeros(7, 'float32')])"
        },
        draw={"first": (2, 3), "second": (9, 8), "third": (10, 11)},
    ),
    # -- trainable-set
    Fault(
        "trainable-set",
        "one layer frozen",
        ("backward", "update"),
        families=("dense", "deep", "conv2d", "lstm"),
        change={"adjust": "parts[$frozen].trainable = False"},
        draw={"frozen": (0, -1)},
    ),
    Fault(
        "trainable-set",
        "frozen for the second fit",
        ("backward", "update"),
        step="steps + 1",
        seeded=True,
        families=("dense", "deep", "lstm"),
        base={"fit": BETWEEN.format(COMPILE)},
        change={"fit": BETWEEN.format(f"parts[$frozen].trainable = False\n{COMPILE}")},
        draw={"frozen": (0, 1, -1)},
    ),
)
