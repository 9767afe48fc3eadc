"""`samefit verify`: a recorded run, run again."""

from __future__ import annotations

import click

from samefit.cli.options import conclude, json_option, progress, quiet_option, runs_directory, verbose_option


@click.command(short_help="Run a recorded run again as its manifest says, and say whether the same bits come out.")
@click.argument("run", metavar="RUN")
@click.option("--no-confirm", is_flag=True, help="Name the most telling suspect; make no re-runs to confirm it.")
@click.option("--runs", metavar="DIRECTORY", help="Keep the runs there (new or empty). Default: a new one in .samefit/")
@json_option
@verbose_option
@quiet_option
def verify(run: str, no_confirm: bool, runs: str | None, json_file: str | None, verbose: bool, quiet: bool) -> int:
    """Run a recorded run again, with its arguments, environment and seeds, and compare.

    Where the bits differ, the answer names what of the run's manifest no longer holds: code that was edited, versions,
    flags, variables, the device.

    \b
    samefit run -o baseline.run train.py
    samefit verify baseline.run

    Exit status: 0 the same training came out, 2 another one, 1 samefit or the script failed.
    """
    from samefit import checks

    with runs_directory(["verify"], runs) as directory, progress(quiet) as display:
        found = checks.verify(run, directory=directory, confirm=not no_confirm, progress=display)
    return conclude((found,), json_file=json_file, verbose=verbose, quiet=quiet)
