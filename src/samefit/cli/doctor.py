"""`samefit doctor`: what this machine can and cannot pin."""

from __future__ import annotations

import click

from samefit.cli.options import console, json_option, write_json


@click.command(short_help="Say what samefit finds on this machine, and what it can pin.")
@json_option
def doctor(json_file: str | None) -> int:
    """Say what samefit finds in this environment, and what of it can be recorded and pinned."""
    from samefit import checks

    report = checks.doctor()
    if json_file is not None:
        write_json(
            {"rows": [{"name": r.name, "value": r.value, "status": r.status, "note": r.note} for r in report.rows]},
            json_file,
        )
    if json_file != "-":
        from samefit.report.tables import print_doctor

        print_doctor([(r.name, r.value, r.status, r.note) for r in report.rows], console())
    return 0
