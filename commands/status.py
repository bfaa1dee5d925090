"""``tidemark status``: what is there, what is missing, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.coverage import print_coverage, print_odd_months
from commands.output import out, print_json

if TYPE_CHECKING:
    from tidemark.postgres import Connection
    from tidemark.report import PartitionReport
    from tidemark.session import Session


@click.command()
@click.argument("dataset", required=False, callback=options.not_blank)
@options.first
@options.last
@options.as_json
def status(dataset: str | None, first: str | None, last: str | None, as_json: bool) -> int:
    """Show which months are published, missing, late or broken.

    Without a range: every month that was tried or is due; without DATASET: of every dataset.
    """
    from tidemark.report import RunReport, to_json
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    names = [session.dataset(dataset).name] if dataset else list(session.datasets)
    with session.reading() as connection:
        partitions = [p for name in names for p in _partitions(session, connection, name, first, last)]
    report = RunReport(partitions=tuple(partitions))
    if as_json:
        print_json(to_json(report))
    else:
        print_coverage(out(), report)
        print_odd_months(out(), report)
    return report.exit_status


def _partitions(
    session: Session, connection: Connection | None, name: str, first: str | None, last: str | None
) -> tuple[PartitionReport, ...]:
    from checks.versions import versions_of
    from tidemark import backfill as plans
    from tidemark.facts import read_facts
    from tidemark.report import report_facts

    if first is not None:
        chosen = plans.make_range(session, name, first, last)
        dataset, months = chosen.dataset, chosen.months
    else:
        dataset = session.dataset(name)
        months = plans.known_or_due(connection, dataset)
    facts = read_facts(connection, dataset, months) if months else ()
    return report_facts(dataset, facts, versions_of(dataset), plans.today())
