"""``tidemark checks``: what the gate expects of a month, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.output import out, print_json, shown

if TYPE_CHECKING:
    from rich.console import Console

    from checks.listing import Listed


@click.command()
@click.argument("dataset", required=False, callback=options.not_blank)
@options.as_json
def checks(dataset: str | None, as_json: bool) -> int:
    """List what the gate expects of a month of DATASET: codes, thresholds, severities and reasons.

    Without DATASET: of every dataset.
    """
    from checks.listing import listed
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    chosen = [session.dataset(dataset)] if dataset else list(session.datasets.values())
    found = [check for each in chosen for check in listed(each)]
    if as_json:
        print_json({"version": 1, "checks": [_as_json(check) for check in found]})
    else:
        for check in found:
            _print(out(), check)
    return 0


def _print(console: Console, check: Listed) -> None:
    from checks.listing import months, thresholds

    when = f", {months(check)}" if months(check) else ""
    console.print(f"[bold]{shown(check.code)}[/]  {thresholds(check)}{when}")
    console.print(f"  {shown(check.expects)}. [dim]{shown(check.reason)}[/]")


def _as_json(check: Listed) -> dict[str, object]:
    return {
        "dataset": check.dataset,
        "code": check.code,
        "column": check.column,
        "severity": check.severity,
        "expects": check.expects,
        "warns": check.warns,
        "rejects": check.rejects,
        "against_history": check.against_history,
        "since": str(check.since) if check.since else None,
        "until": str(check.until) if check.until else None,
        "reason": check.reason,
    }
