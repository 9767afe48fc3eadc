"""`samefit run`: an unmodified script under the recorder."""

from __future__ import annotations

import shlex

import click

from samefit.cli.options import every_step_option, new_path


@click.command(
    short_help="Run an unmodified script under the recorder.",
    # All that stands behind TARGET is the script's own, options included.
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "-o", "--output", metavar="RUN", help="Directory of the run (new or empty). Default: a new one in .samefit/"
)
@click.option(
    "--pin", type=click.IntRange(0, 2**32 - 1), metavar="SEED", help="Pin all randomness of the script to SEED."
)
@every_step_option
@click.option("-q", "--quiet", is_flag=True, help="Do not say where the run is kept, nor what --pin could not pin.")
@click.argument("target", metavar="TARGET")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def run(
    output: str | None, pin: int | None, every_step: bool, quiet: bool, target: str, arguments: tuple[str, ...]
) -> int:
    """Run an unmodified script under the recorder, and pass its own exit status through.

    TARGET is a script, "-m" followed by a module, or script.py:function; what stands behind it is handed to the script
    as it is. The script sees its own sys.argv, __main__ and working directory.

    \b
    samefit run train.py --epochs 3
    samefit run -o first.run -m package.train
    """
    if target.startswith("-") and target != "-m":
        raise click.NoSuchOption(target)
    if target == "-m" and not arguments:
        raise click.UsageError("-m needs the name of a module")

    from samefit import checks
    from samefit.report.words import limit_of_pin
    from samefit.store.manifest import pin_limits, read_manifest

    words = [target, *arguments]
    directory = new_path(words, output)
    status = checks.run(shlex.join(words), directory=directory, pin=pin, every_step=every_step)
    if not quiet and (directory / "manifest.json").exists():
        click.echo(f"samefit: the run is kept in {directory}  (samefit show {directory})", err=True)
        for limit in pin_limits(read_manifest(directory)):
            click.echo(f"samefit: {': '.join(limit_of_pin(limit))}", err=True)
    return status
