"""`samefit show`: what is in a run."""

from __future__ import annotations

import click

from samefit.cli.options import console, json_option, write_json


@click.command(short_help="Show what is in a run: its trainings, the ledger of draws, the origin of every weight.")
@click.argument("run", metavar="RUN")
@click.option(
    "--ledger", is_flag=True, help="Every draw from every generator, from its seed on: who drew, from which line."
)
@click.option("--weights", is_flag=True, help="Where the first value of every weight came from.")
@json_option
def show(run: str, ledger: bool, weights: bool, json_file: str | None) -> int:
    """Show what is in a run: how it ended, with what it ran, and its trainings."""
    from samefit.report import run_text
    from samefit.store.reader import Run

    opened = Run.open(run)
    if json_file is not None:
        write_json(run_text.run_as_json(opened), json_file)
    if json_file != "-":
        out = console()
        run_text.print_run(opened, out)
        if ledger:
            out.print()
            run_text.print_ledger(opened, out)
        if weights:
            out.print()
            run_text.print_weights(opened, out)
    return 0
