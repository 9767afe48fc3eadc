"""The command line: `samefit VERB …`, one module a verb.

Only click is imported on the way to `samefit --help`; a verb imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from samefit.cli.audit import audit
from samefit.cli.check import check
from samefit.cli.compare import compare
from samefit.cli.doctor import doctor
from samefit.cli.options import StyledGroup
from samefit.cli.run import run
from samefit.cli.show import show
from samefit.cli.verify import verify
from samefit.errors import SamefitError, TargetFailed, Terminated
from samefit.version import __version__

SAME, FAILED, DIVERGED, INTERRUPTED = 0, 1, 2, 130


@click.group(cls=StyledGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="samefit", message="%(prog)s %(version)s")
def cli() -> None:
    """Two Keras trainings should be the same: are they, where do they part, and why?

    \b
    Exit status: 0 the trainings are the same, 2 they are not (or could not be compared to the end),
    1 samefit or the script failed.
    """


for _verb in (check, run, compare, verify, audit, show, doctor):
    cli.add_command(_verb)


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    Args:
        args: The arguments after the program's name; those of the process if None.
    """
    try:
        status = cli.main(args=None if args is None else list(args), prog_name="samefit", standalone_mode=False)
    except click.UsageError as error:
        where = f" (see: {error.ctx.command_path} --help)" if error.ctx is not None else ""
        return _say(f"{_one_line(error.format_message())}{where}", FAILED)
    except click.ClickException as error:
        return _say(_one_line(error.format_message()), FAILED)
    except TargetFailed as error:
        # The user's own traceback, as Python printed it, and only then what became of the check.
        if error.output:
            click.echo(error.output, err=True, file=sys.stderr)
        return _say(_one_line(str(error)), FAILED)
    except SamefitError as error:
        return _say(_one_line(str(error)), FAILED)
    except (click.Abort, KeyboardInterrupt) as error:
        # click makes an Abort of what interrupts it.
        if isinstance(error.__cause__, Terminated):
            return _say(str(error.__cause__), 128 + error.__cause__.number)
        return _say("interrupted", INTERRUPTED)
    return status if isinstance(status, int) else SAME


def _say(message: str, status: int) -> int:
    click.echo(f"samefit: {message}", err=True, file=sys.stderr)
    return status


def _one_line(text: str) -> str:
    return " ".join(text.split())
