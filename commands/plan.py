"""``tidemark plan``: what a backfill would do with each month, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from commands import options
from commands.output import counting, log_lines, out, print_json, print_table, shown
from tidemark.plan import Mode

if TYPE_CHECKING:
    from rich.console import Console

    from tidemark.backfill import Range
    from tidemark.report import RunReport
    from tidemark.session import Session


@click.command()
@options.dataset
@options.first
@options.last
@options.mode
@click.option("--check-source", is_flag=True, help="Ask the source first, eight months at a time, without fetching.")
@options.as_json
def plan(dataset: str, first: str | None, last: str | None, mode: Mode, check_source: bool, as_json: bool) -> int:
    """Say what a backfill would do with each month from FROM to TO, and why; from the ledger alone.

    Months are written YYYY-MM. Without TO it is FROM alone, without FROM every month that is over.
    """
    from checks.versions import versions_of
    from tidemark import backfill as plans
    from tidemark.report import report_plan, to_json
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    chosen = plans.make_range(session, dataset, first, last)
    asked = _ask(session, chosen) if check_source else None
    versions = versions_of(chosen.dataset)
    with session.reading() as connection:
        made = plans.plan_range(connection, chosen, mode, versions, asked)
    report = report_plan(chosen.dataset, made, versions, plans.today())
    if as_json:
        print_json(to_json(report))
    else:
        _print(out(), report)
        if not check_source:
            _print_limits(out(), report)
        _print_command(out(), chosen, report, mode)
    return 0


def _ask(session: Session, chosen: Range) -> datetime:
    from tidemark import backfill as plans
    from tidemark.source import check_source

    if session.settings.source is not None:
        check_source(session.settings.source)
    began = datetime.now(UTC)
    with session.writing() as connection, counting("asking the source") as progress, log_lines():
        plans.ask_for_range(connection, session, chosen, progress)
    return began


def _print_limits(console: Console, report: RunReport) -> None:
    """Say that a rejected month is left by what the ledger knows: a backfill asks the source, and may take it."""
    if any(p.was_rejected and p.step is not None and p.step.action == "skip" for p in report.partitions):
        console.print(
            "\nA rejected month is left as far as the ledger knows; "
            "[bold]--check-source[/] asks the source, as a backfill does."
        )


def _print(console: Console, report: RunReport) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("month", "state", "action", "why"):
        table.add_column(name, header_style="dim", no_wrap=name != "why")
    for partition in report.partitions:
        assert partition.step is not None  # noqa: S101 - a plan's report always has its steps
        action = str(partition.step.action)
        style = "dim" if action == "skip" else "bold"
        flags = f" ({', '.join(sorted(partition.flags))})" if partition.flags else ""
        table.add_row(
            str(partition.partition.month),
            f"{partition.state}{flags}",
            f"[{style}]{action}[/]",
            shown(partition.step.reason),
        )
    print_table(console, table)


def _print_command(console: Console, chosen: Range, report: RunReport, mode: Mode) -> None:
    taken = sum(1 for p in report.partitions if p.step is not None and p.step.action != "skip")
    if taken:
        option = "" if mode is Mode.DUE else f" --mode {mode}"
        months = f"{chosen.months[0]} {chosen.months[-1]}"
        console.print(f"\n{taken} of {len(report.partitions)} months to load: ", end="")
        console.print(f"[bold]tidemark backfill {chosen.dataset.name} {months}{option}[/]")
    else:
        console.print("\nNothing to do.")
