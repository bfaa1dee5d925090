"""``tidemark checks``: what the gate expects of a month, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.accept import acceptance_json, print_acceptance, print_withdrawn, withdrawn_json
from commands.output import out, print_json, shown

if TYPE_CHECKING:
    from rich.console import Console

    from checks.listing import Listed
    from tidemark.acceptances import Withdrawn
    from tidemark.datasets.base import Dataset
    from tidemark.history import Acceptance
    from tidemark.session import Session


@click.command()
@click.argument("dataset", required=False, callback=options.not_blank)
@options.as_json
def checks(dataset: str | None, as_json: bool) -> int:
    """List what the gate expects of a month of DATASET: codes, thresholds, severities and reasons.

    And the acceptances that stand: which checks warn in which months where they would reject, by whose word; then those
    that were withdrawn. Without DATASET: of every dataset.
    """
    from checks.listing import listed
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    chosen = [session.dataset(dataset)] if dataset else list(session.datasets.values())
    found = [check for each in chosen for check in listed(each)]
    accepted, withdrawn = _acceptances(session, chosen)
    if as_json:
        standing = [acceptance_json(each) for each in accepted]
        taken_back = [withdrawn_json(each) for each in withdrawn]
        listing = {"checks": [_as_json(check) for check in found], "acceptances": standing, "withdrawn": taken_back}
        print_json({"version": 1} | listing)
        return 0
    for check in found:
        _print(out(), check)
    if accepted:
        out().print("\nAccepted, so that there they warn where they would reject:")
    for each in accepted:
        print_acceptance(each)
    if withdrawn:
        out().print("\nWithdrawn, and judged by no more:")
    for taken in withdrawn:
        print_withdrawn(taken)
    return 0


def _acceptances(session: Session, datasets: list[Dataset]) -> tuple[list[Acceptance], list[Withdrawn]]:
    """Return those that stand and those that were taken back; a database that was never made is not made to ask it."""
    from tidemark.acceptances import read_withdrawn
    from tidemark.embedded import data_folder
    from tidemark.ledger import read_acceptances

    settings = session.settings
    if settings.database_url is None and not data_folder(settings.home).exists():
        return [], []
    with session.reading() as connection:
        if connection is None:
            return [], []
        names = [dataset.name for dataset in datasets]
        standing = [each for name in names for each in read_acceptances(connection, name)]
        return standing, [each for name in names for each in read_withdrawn(connection, name)]


def _print(console: Console, check: Listed) -> None:
    from checks.listing import months, thresholds

    when = f", {months(check)}" if months(check) else ""
    console.print(f"[bold]{shown(check.code)}[/]  {thresholds(check)}{when}")
    console.print(f"  {shown(check.expects)}. [dim]{shown(check.reason)}[/]")


def _as_json(check: Listed) -> dict[str, object]:
    from checks.listing import thresholds

    return {
        "dataset": check.dataset,
        "code": check.code,
        "column": check.column,
        "severity": check.severity,
        "expects": check.expects,
        "warns": check.warns,
        "rejects": check.rejects,
        "limits": dict(check.limits),
        "against_history": check.against_history,
        "thresholds": thresholds(check),
        "since": str(check.since) if check.since else None,
        "until": str(check.until) if check.until else None,
        "reason": check.reason,
    }
