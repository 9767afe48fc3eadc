"""Every error that samefit raises on purpose.

    SamefitError
    ├── TargetError          (also ValueError)   the TARGET cannot be run: no such file, function or module
    ├── TargetFailed                             the user's script ended with an exception or a non-zero exit status
    ├── RunError             (also ValueError)   a run directory cannot be read, or is not a run
    ├── SelectionError       (also ValueError)   a training was asked for that the run does not hold
    ├── NoTrainingError                          the script ran, but nothing that samefit can record was trained
    ├── NoModelError                             a target of `check --models` gave no model, or none that can be called
    ├── BackendError         (also ImportError)  a backend was asked for that is not installed
    ├── KerasChanged                             a non-public part of Keras is not what this samefit was checked on
    ├── CheckpointError      (also ValueError)   a checkpoint cannot be used for this training
    ├── NotTheSameTraining   (also AssertionError)  raised by `assert_same_training`
    └── NotTheSameModel      (also AssertionError)  raised by `assert_same_model`
    Terminated               (a KeyboardInterrupt)  a signal asked samefit to end

The command line prints the message of a `SamefitError` in one line, without a traceback, and exits with status 1.
"""

from __future__ import annotations

import signal


class SamefitError(Exception):
    """Base of all errors that samefit raises on purpose."""


class TargetError(SamefitError, ValueError):
    """The TARGET cannot be run: there is no such file, function or module, or it cannot be parsed."""


class TargetFailed(SamefitError):
    """The user's own code failed; its traceback has been shown already.

    Args:
        message: What failed, in one line.
        exit_status: The exit status of the user's process.
        output: The last lines that it printed: the user's own traceback.
    """

    def __init__(self, message: str, exit_status: int, output: str = "") -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.output = output


class RunError(SamefitError, ValueError):
    """A run directory cannot be read: it is missing, damaged, or written by another schema version."""


class SelectionError(SamefitError, ValueError):
    """A training was asked for that the run does not hold."""


class NoTrainingError(SamefitError):
    """The script ran, but nothing that samefit can record was trained."""


class NoModelError(SamefitError):
    """A target of `check --models` gave no model, or one that cannot be called on the data."""


class BackendError(SamefitError, ImportError):
    """A Keras backend was asked for that is not installed or not known."""


class CheckpointError(SamefitError, ValueError):
    """A checkpoint cannot be used: it is damaged, of another training, or there is no pinned scope."""


class KerasChanged(SamefitError):
    """A non-public part of Keras is not what this version of samefit was checked on."""


class NotTheSameTraining(SamefitError, AssertionError):
    """Two trainings that were asserted to be the same are not; the message holds the report."""


class NotTheSameModel(SamefitError, AssertionError):
    """Two models that were asserted to be the same are not; the message holds the report."""


class Terminated(KeyboardInterrupt):
    """A signal asked samefit to end. It is an interrupt, and no failure: pytest ends, too, where this ends a test.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number
