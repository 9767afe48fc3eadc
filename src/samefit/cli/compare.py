"""`samefit compare`: two recorded trainings, offline."""

from __future__ import annotations

import click

from samefit.cli.options import conclude, json_option, quiet_option, verbose_option


@click.command(short_help="Compare two recorded trainings, without running them.")
@click.argument("a", metavar="RUN[#N]")
@click.argument("b", metavar="RUN[#N]")
@click.option("--confirm", is_flag=True, help="Run both again from their manifests, to confirm the causes.")
@json_option
@verbose_option
@quiet_option
def compare(a: str, b: str, confirm: bool, json_file: str | None, verbose: bool, quiet: bool) -> int:
    """Compare two recorded trainings. Needs no Keras, unless with --confirm.

    RUN is the directory of a run; RUN#2 is its second training. Without a number, all that a run trained is compared,
    in order, as one sequence of steps.

    \b
    samefit compare first.run second.run
    samefit compare first.run#1 first.run#2
    """
    from samefit import checks

    found = checks.compare(a, b, confirm=confirm)
    return conclude((found,), json_file=json_file, verbose=verbose, quiet=quiet)
