"""What the verbs share: types of arguments, the place where runs are kept, and the way results are printed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from samefit.errors import SamefitError
from samefit.store.home import new_directory

if TYPE_CHECKING:
    from rich.console import Console

    from samefit.comparison.model_result import ModelComparison
    from samefit.comparison.result import Comparison
    from samefit.report.progress import Progress

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic for type checkers only, since click 8.4

BACKENDS = ("jax", "tensorflow", "torch")


class StyledGroup(click.Group):
    """A group that lists its verbs in the order in which a user meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the verbs in the order in which they were added."""
        return list(self.commands)


class TargetCommand(click.Command):
    """A command whose targets may be modules: `samefit check "-m package.train"`.

    Without this, click takes the quoted target for an option because of its first character.
    """

    allow_extra_args = True
    """They are refused here, where it can be said what to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hides the dash of a module target from the parser; `Target` strips the blank again."""
        if "-m" in args:
            raise click.UsageError("quote a target that is a module, as in: samefit check '-m package.train'", ctx)
        left = super().parse_args(ctx, [f" {arg}" if arg.startswith("-m ") else arg for arg in args])
        if left:
            example = f"samefit {ctx.info_name} 'train.py {' '.join(left)}'"
            raise click.UsageError(f"'{left[0]}' is one too many; quote a target with its arguments: {example}", ctx)
        return left


class Target(ParamType):
    """A TARGET: `script.py [args]`, `-m package.module [args]`, or `script.py:function`, as one string."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Strips the target and refuses an empty one."""
        target = str(value).strip()
        if not target:
            self.fail("a target is a script, '-m module', or 'script.py:function'; this one is empty", param, ctx)
        return target


class Assignment(ParamType):
    """NAME=VALUE, an environment variable of one side."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Splits at the first equals sign."""
        if isinstance(value, tuple):
            return value
        name, equals, content = str(value).partition("=")
        if not equals or not name.strip():
            self.fail(f"'{value}' is not NAME=VALUE", param, ctx)
        return name.strip(), content


class Pair(ParamType):
    """I,J: the numbers of two trainings of one run."""

    name = "i,j"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parses two different positive numbers."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"\s*#?(\d+)\s*,\s*#?(\d+)\s*", str(value))
        if found is None:
            self.fail(f"'{value}' is not two numbers of trainings, such as 1,2", param, ctx)
        first, second = int(found[1]), int(found[2])
        if first < 1 or second < 1:
            self.fail("trainings are counted from 1", param, ctx)
        if first == second:
            self.fail(f"training {first} is always the same as itself; name two", param, ctx)
        return first, second


class Backends(ParamType):
    """A,B[,C]: names of Keras backends."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Parses two or three different backends."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(","))
        for name in names:
            if name not in BACKENDS:
                self.fail(f"'{name}' is not one of {', '.join(BACKENDS)}", param, ctx)
        if len(set(names)) != len(names) or len(names) < 2:
            self.fail("name two or three different backends; one alone is set with KERAS_BACKEND", param, ctx)
        return names


@contextlib.contextmanager
def runs_directory(words: Sequence[str], chosen: str | None) -> Iterator[Path]:
    """Makes the directory that keeps the runs of one verb; takes it away again if nothing came to be in it.

    Args:
        words: The words of the target, for the name of the directory.
        chosen: The directory that the user chose, if any.

    Raises:
        SamefitError: If the chosen directory holds something, or the directory cannot be made.
    """
    directory = new_path(words, chosen)
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise SamefitError(f"the directory for the runs, '{directory}', cannot be made: {error.strerror}") from error
    try:
        yield directory
    finally:
        with contextlib.suppress(OSError):  # not empty: the usual case
            directory.rmdir()


def new_path(words: Sequence[str], chosen: str | None) -> Path:
    """Returns the path of a directory that does not exist yet: the chosen one, or a new one below `.samefit/`.

    Args:
        words: The words of the target, for the name of the directory.
        chosen: The directory that the user chose, if any: it must be new or empty, since mixing two sets of runs would
            leave results that belong to neither.

    Raises:
        SamefitError: If the chosen directory holds something, or `.samefit/` cannot be made.
    """
    if chosen is None:
        return new_directory(_stem(words))
    directory = Path(chosen)
    if directory.exists():
        try:
            directory.rmdir()  # fails on anything but an empty directory
        except OSError as error:
            raise SamefitError(f"'{chosen}' exists and is not an empty directory; choose a new one") from error
    return directory


def _stem(words: Sequence[str]) -> str:
    name = words[1] if words[0] == "-m" and len(words) > 1 else os.path.basename(words[0])
    return re.sub(r"[^A-Za-z0-9_]+", "-", name.replace(".py", "")).strip("-")[:40] or "run"


def console(stream: IO[str] | None = None) -> Console:
    """Returns a console on `stream` (standard output if None)."""
    from rich.console import Console as RichConsole

    return RichConsole(file=stream or sys.stdout, highlight=False, emoji=False)


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Shows progress on standard error if that is a terminal, and leaves nothing of it behind."""
    from samefit.report.progress import make

    display = make(quiet=quiet)
    try:
        yield display
    finally:
        display.done()


def write_json(document: object, file: str) -> None:
    """Writes a JSON document to a file, or to standard output for '-'.

    Raises:
        SamefitError: If the file cannot be written.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SamefitError(f"the JSON cannot be written to '{file}': {error.strerror or error}") from error


def conclude(comparisons: Sequence[Comparison], *, json_file: str | None, verbose: bool, quiet: bool) -> int:
    """Prints comparisons and returns the exit status: 0 if there is one and all are the same, else 2."""
    from samefit.report.as_json import to_json
    from samefit.report.text import render

    if json_file is not None:
        documents = [to_json(comparison) for comparison in comparisons]
        write_json(documents[0] if len(documents) == 1 else documents, json_file)
    if json_file != "-":
        out = console()
        for number, comparison in enumerate(comparisons):
            if number and not quiet:
                out.print()
            render(comparison, verbose=verbose, quiet=quiet, console=out)
    return 0 if comparisons and all(comparison.same for comparison in comparisons) else 2


def conclude_models(comparison: ModelComparison, *, json_file: str | None, verbose: bool, quiet: bool) -> int:
    """Prints the comparison of two models and returns the exit status: 0 if they are the same, else 2."""
    from samefit.report.model_json import models_to_json
    from samefit.report.text import render_models

    if json_file is not None:
        write_json(models_to_json(comparison), json_file)
    if json_file != "-":
        render_models(comparison, verbose=verbose, quiet=quiet, console=console())
    return 0 if comparison.same else 2


def _no_other_file(_: click.Context, __: click.Parameter, file: str | None) -> str | None:
    """Refuses to write over what is no JSON: in `--json a.py b.py` the first script stands where FILE belongs."""
    if file is not None and file != "-" and Path(file).is_file():
        with Path(file).open("rb") as opened:
            begin = opened.read(100).lstrip()
        if begin and begin[:1] not in b"{[":
            raise click.BadParameter(f"'{file}' is there, and is no JSON: it is not written over.")
    return file


json_option = click.option(
    "--json",
    "json_file",
    metavar="FILE",
    callback=_no_other_file,
    help="Write the result as JSON to FILE; '-' is standard output.",
)
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Say all: every piece of evidence, settings that differ, alignment, timing."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print the verdict in one line, and no progress.")
every_step_option = click.option(
    "--every-step",
    is_flag=True,
    help="Record all weights after every step. Default: after the first steps, the last, and some between.",
)
