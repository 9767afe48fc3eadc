"""`samefit audit`: every source of randomness that a script uses."""

from __future__ import annotations

import click

from samefit.cli.options import (
    Assignment,
    Target,
    TargetCommand,
    console,
    json_option,
    progress,
    quiet_option,
    runs_directory,
    write_json,
)


@click.command(
    cls=TargetCommand, short_help="List every source of randomness that a script uses: who draws, and who seeded it."
)
@click.argument("target", metavar="TARGET", type=Target())
@click.option("--pin", type=click.IntRange(0, 2**32 - 1), metavar="SEED", help="Audit the script as pinned to SEED.")
@click.option(
    "--steps", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="Run so many training steps."
)
@click.option("--env", multiple=True, type=Assignment(), metavar="NAME=VALUE", help="Set a variable. Repeatable.")
@click.option("--runs", metavar="DIRECTORY", help="Keep the run there (new or empty). Default: a new one in .samefit/")
@json_option
@quiet_option
def audit(
    target: str,
    pin: int | None,
    steps: int,
    env: tuple[tuple[str, str], ...],
    runs: str | None,
    json_file: str | None,
    quiet: bool,
) -> int:
    """List every source of randomness that a script uses: kind, line, who seeded it, and what to do.

    The script runs only as far as its first training steps; what it would draw later is not seen.

    \b
    samefit audit train.py
    samefit audit train.py --pin 42

    Exit status: 0 every source is seeded (with --pin: and pinned), 2 one is not, 1 samefit or the script failed.
    """
    from samefit import checks
    from samefit.report.audit_text import answer, print_audit, source_as_json

    with runs_directory(target.split(), runs) as directory, progress(quiet) as display:
        found = checks.audit(target, pin=pin, steps=steps, environment=dict(env), directory=directory, progress=display)
    if json_file is not None:
        document = {
            "target": found.target,
            "run": found.run,
            "pin": found.pin,
            "steps": found.steps,
            "ended_early": found.ended_early,
            "unseeded": len(found.unseeded),
            "unpinned": len(found.unpinned),
            "sources": [source_as_json(source) for source in found.sources],
            "limits": list(found.limits),
        }
        write_json(document, json_file)
    if json_file != "-":
        if quiet:
            click.echo(answer(found.sources, found.unpinned))
        else:
            print_audit(
                found.sources,
                steps=found.steps,
                ended_early=found.ended_early,
                limits=found.limits,
                unpinned=found.unpinned,
                console=console(),
            )
    return 2 if found.unseeded or found.unpinned else 0
