"""Faults inside of a step, around it, and in what is logged."""

from __future__ import annotations

from tests.honesty.faults.fault import ANY, RANDOM, Fault
from tests.honesty.faults.words import ADAM, DAMPED, FIT, GAIN, RATES, SCALED, SCATTER, WITH_LOSS, WITH_OPTIMIZER
from tests.honesty.scripts import MODELS

STEP_FAULTS = (
    # -- model-config
    Fault(
        "model-config",
        "another activation",
        ("forward",),
        layer=(r'activation="\w+"', 'activation="$activation"'),
        draw={"activation": ("gelu", "softplus", "sigmoid")},
    ),
    Fault(
        "model-config",
        "another rate or strength of a random layer",
        ("forward",),
        families=RANDOM,
        seeded=True,
        layer=(r"\(0\.\d", "($strength"),
        draw={"strength": (0.45, 0.6)},
    ),
    Fault(
        "model-config",
        "another padding or epsilon",
        ("forward",),
        families=("batchnorm", "layernorm"),
        seeded=True,
        layer=(r"Normalization\(.*\)", "Normalization(epsilon=$epsilon)"),
        draw={"epsilon": (0.1, 0.3)},
    ),
    Fault(
        "model-config",
        "a factor that stands in no configuration",
        ("forward",),
        confirmed=False,
        seeded=True,
        families=("dense", "deep"),
        style="sequential",
        base={"late": GAIN, "adjust": "model = keras.Sequential([keras.Input($shape), Gain(), model])"},
        change={"before": "Gain.factor = $factor"},
        draw={"factor": (0.5, 1.5, 2)},
    ),
    # -- optimizer-config
    Fault(
        "optimizer-config",
        "a factor in the code of an optimizer of the user's own",
        ("backward", "update"),
        seeded=True,
        families=("dense", "deep", "lstm"),
        base={"late": SCALED, "compile": 'model.compile(Scaled($r), "mse")'},
        change={"before": "Scaled.factor = $factor"},
        draw={"factor": (0.5, 1.5, 2), "r": (0.02, 0.1)},
    ),
    Fault(
        "optimizer-config",
        "another learning rate",
        ("update",),
        base={"compile": WITH_OPTIMIZER.format("$kind($r)")},
        change={"compile": WITH_OPTIMIZER.format("$kind($r * 2)")},
        draw={"kind": ("SGD", "Adam", "RMSprop", "Nadam", "Adagrad"), "r": (0.01, 0.02)},
    ),
    Fault(
        "optimizer-config",
        "another option",
        ("update",),
        base={"compile": WITH_OPTIMIZER.format("Adam(0.01)")},
        change={"compile": WITH_OPTIMIZER.format("Adam(0.01, $option)")},
        draw={"option": ("epsilon=0.01", "weight_decay=0.1", "clipvalue=0.0001", "beta_1=0.8", "amsgrad=True")},
    ),
    Fault(
        "optimizer-config",
        "a callback lowers the rate from an epoch on",
        ("update",),
        step="start * steps + 1",
        base={"compile": WITH_OPTIMIZER.format("SGD(0.05)")},
        change={
            "fit": FIT.format(
                ", callbacks=[keras.callbacks.LearningRateScheduler("
                "lambda epoch, rate: rate / 2 if epoch >= $start else rate)]"
            )
        },
        draw={"start": (1,)},
    ),
    # -- loss-config
    Fault(
        "loss-config",
        "another loss",
        ("forward",),
        change={"compile": WITH_LOSS.format('"$loss"')},
        draw={"loss": ("mae", "huber", "log_cosh")},
    ),
    Fault(
        "loss-config",
        "another reduction",
        ("forward",),
        base={"compile": WITH_LOSS.format("keras.losses.$kind()")},
        change={"compile": WITH_LOSS.format('keras.losses.$kind(reduction="sum")')},
        draw={"kind": ("MeanSquaredError", "Huber", "LogCosh")},
    ),
    Fault(
        "loss-config",
        "another weight of the loss",
        ("forward",),
        change={"compile": 'model.compile(keras.optimizers.$optimizer, "mse", loss_weights=$weight)'},
        draw={"weight": (0.5, 3.0)},
    ),
    # -- training-flag
    Fault(
        "training-flag",
        "a subclassed model runs its random layers in inference mode",
        ("forward",),
        families=("dropout", "noise", "batchnorm"),
        seeded=True,
        style="subclassed",
        edit=("part(x, training=training)", "part(x, training=False)"),
    ),
    Fault(
        "training-flag",
        "`training` is not handed on to a dropout",
        ("forward",),
        families=("dropout",),
        seeded=True,
        style="subclassed",
        edit=("part(x, training=training)", "part(x)"),
        backends=("jax",),
    ),
    # -- precision
    Fault(
        "precision",
        "another dtype policy",
        ("forward",),
        seeded=True,
        change={"late": 'keras.config.set_dtype_policy("$policy")'},
        draw={"policy": ("mixed_bfloat16", "mixed_float16")},
        families=("dense", "deep", "conv2d"),
    ),
    Fault(
        "precision",
        "one layer in bfloat16",
        ("forward",),
        seeded=True,
        layer=(r"\)$", ', dtype="mixed_bfloat16")'),
        families=("dense", "deep"),
    ),
    # -- rounding
    Fault(
        "rounding",
        "compiled or operation by operation",
        ("forward", "backward", "update"),
        seeded=True,
        families=("layernorm", "gru", "lstm"),
        step=ANY,
        backends=("jax", "tensorflow"),
        change={"compile": 'model.compile(keras.optimizers.$optimizer, "mse", run_eagerly=True)'},
    ),
    Fault(
        "rounding",
        "two backends from one start",
        ("forward", "backward", "update"),
        how="backends",
        step=ANY,
        families=("deep", "conv2d"),
        shuffle=False,
        seeded=False,
        confirmed=False,
        style="functional",
        base={
            "before": "draw = np.random.default_rng($data_seed)\n"
            "model.set_weights([draw.normal(size=w.shape) / 3 for w in model.weights])",
            "compile": ADAM,
        },
        draw=RATES,
    ),
    # -- backend-difference
    Fault(
        "backend-difference",
        "an average over uneven padding",
        ("forward",),
        how="backends",
        families=("conv2d",),
        shuffle=False,
        seeded=False,
        confirmed=False,
        style="functional",
        base={
            "model": "parts = [\n"
            '    layers.Conv2D(4, 3, activation="$activation", padding="same"),\n'
            '    layers.AveragePooling2D(3, strides=2, padding="same"),\n'
            "    layers.Flatten(),\n"
            "    layers.Dense(1),\n"
            "]\n" + MODELS["functional"],
            "before": "draw = np.random.default_rng($data_seed)\n"
            "model.set_weights([draw.normal(size=w.shape) / 3 for w in model.weights])",
            "compile": ADAM,
        },
        draw=RATES | {"activation": ("tanh", "sigmoid", "gelu")},
        backends=("torch",),
    ),
    # -- nondeterministic-op
    Fault(
        "nondeterministic-op",
        "sums by threads that race",
        ("forward", "backward"),
        how="again",
        seeded=True,
        families=("dense", "deep"),
        style="sequential",
        shuffle=False,
        step=ANY,
        backends=("torch",),
        base={"late": SCATTER, "adjust": "model = keras.Sequential([Pooled(), model])"},
        draw={"bins": (1, 2)},
    ),
    # -- environment
    Fault(
        "environment",
        "the script reads a variable",
        ("data",),
        how="environment",
        base={"prepare": "x = x * float(os.environ.get('DATA_SCALE', '1'))"},
        variable=("DATA_SCALE", "1", "1.5"),
    ),
    Fault(
        "environment",
        "the order of a set",
        ("data",),
        how="environment",
        base={
            "prepare": "words = list({f'word{n}' for n in range(20)})\n"
            "x = x * np.float32(1 + words.index('word$word') + 20 * words.index('word5'))"
        },
        draw={"word": (0, 3, 7)},
        variable=("PYTHONHASHSEED", "1", "2"),
    ),
    # -- reporting
    Fault(
        "reporting",
        "a metric of the same name",
        ("reporting",),
        base={"compile": 'model.compile(keras.optimizers.$optimizer, "mse", metrics=[keras.metrics.$one(name="m")])'},
        change={"compile": 'model.compile(keras.optimizers.$optimizer, "mse", metrics=[keras.metrics.$two(name="m")])'},
        draw={
            "one": ("MeanAbsoluteError", "RootMeanSquaredError"),
            "two": ("MeanSquaredError", "LogCoshError", "MeanAbsolutePercentageError"),
        },
    ),
    # -- unknown
    Fault(
        "unknown",
        "a layer that lets other gradients through",
        ("backward",),
        confirmed=False,
        seeded=True,
        families=("dense", "deep"),
        style="sequential",
        base={"late": DAMPED, "adjust": "model = keras.Sequential([keras.Input($shape), model, Damped()])"},
        change={"before": "Damped.share = $share"},
        draw={"share": (0.5, 2.0, -1.0)},
    ),
)
