"""``tidemark explain``: the whole history of one month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from commands import options
from commands.evidence import print_evidence
from commands.output import out, print_json, print_table, shown

if TYPE_CHECKING:
    from rich.console import Console

    from tidemark.datasets.base import Dataset
    from tidemark.facts import Attempt
    from tidemark.partition import Partition
    from tidemark.report import PartitionReport
    from tidemark.verdict import Finding


@click.command()
@options.dataset
@click.argument("month", callback=options.not_blank)
@click.option("--rows", is_flag=True, help="Show the rows that failed the checks, up to 50 of each.")
@click.option("--checks", is_flag=True, help="Show the checks that passed, too.")
@options.as_json
def explain(dataset: str, month: str, rows: bool, checks: bool, as_json: bool) -> int:
    """Tell the whole history of one MONTH (YYYY-MM): attempts, file, counts, checks, errors, decisions."""
    from checks.versions import versions_of
    from tidemark import backfill as plans
    from tidemark.evidence import written_pages
    from tidemark.facts import read_evidence, read_facts, read_history
    from tidemark.report import explain_json, report_facts
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    chosen = plans.make_range(session, dataset, month, month)
    with session.reading() as connection:
        facts = read_facts(connection, chosen.dataset, chosen.months)
        partition = chosen.dataset.partition(chosen.months[0])
        attempts = read_history(connection, partition) if connection else ()
        evidence = read_evidence(connection, [a.load_id for a in attempts]) if connection and (rows or as_json) else {}
    pages = written_pages(session.settings.home, partition, [attempt.load_id for attempt in attempts])
    (report,) = report_facts(chosen.dataset, facts, versions_of(chosen.dataset), plans.today())
    if as_json:
        print_json(explain_json(report, attempts, evidence, pages))
    else:
        _print(out(), report, attempts, pages, every_check=checks)
        if not attempts:
            _print_untried(out(), chosen.dataset, partition, plans.today())
        if rows:
            print_evidence(out(), chosen.dataset, attempts, evidence)
    return 0


def _print(
    console: Console,
    report: PartitionReport,
    attempts: tuple[Attempt, ...],
    pages: Mapping[int, Path],
    *,
    every_check: bool,
) -> None:
    from tidemark.ledger import Outcome

    flags = f" ({', '.join(sorted(report.flags))})" if report.flags else ""
    odd = ", warned" if report.is_warned else ""
    console.print(f"[bold]{report.partition}[/]  {report.state}{odd}{flags}")
    subject = report.facts.current
    if subject is not None:
        console.print(
            f"  {subject.rows_published:,} rows in trips.{report.partition.table}, "
            f"{subject.rows_diverted or 0:,} diverted, from load {subject.load_id}"
        )
    newest = next((each for each in attempts if each.outcome not in (None, Outcome.UNCHANGED)), None)
    for attempt in attempts:
        console.print()
        page, remedy = pages.get(attempt.load_id), attempt.remedy if attempt is newest else None
        _print_attempt(console, attempt, page, remedy, every_check=every_check)


def _print_untried(console: Console, dataset: Dataset, partition: Partition, today: date) -> None:
    from tidemark.months import expected_by

    if partition.month.next.first_day > today:
        due = expected_by(partition.month, dataset.lag_days)
        console.print(f"  It is not over yet: its file is expected by {due}.")
    else:
        console.print(f"  It was never tried: [bold]tidemark backfill {partition}[/]")


def _print_attempt(
    console: Console, attempt: Attempt, page: Path | None, remedy: str | None, *, every_check: bool
) -> None:
    """Print one attempt; ``remedy``: of the one that says how the month stands, as it still helps."""
    outcome = attempt.outcome or "running"
    run = f" of run {attempt.run_id}" if attempt.run_id else ""
    console.print(f"[bold]load {attempt.load_id}[/]{run}  {attempt.began_at:%Y-%m-%d %H:%M:%S}  [bold]{outcome}[/]")
    grid = Table.grid(padding=(0, 1, 0, 1))
    for name, text in (
        ("why", attempt.reason or ""),
        ("code", attempt.code or ""),
        ("remedy", remedy or ""),
        ("source", attempt.source_url or ""),
        ("file", _file(attempt)),
        ("rows", _rows(attempt)),
        ("dropped", ", ".join(attempt.dropped_columns)),
        ("added", ", ".join(attempt.added_columns)),
        ("verdict", attempt.verdict or ""),
        ("history", _history(attempt)),
        ("decision", _decision(attempt)),
        ("quarantine", attempt.quarantine_table or ""),
        ("evidence", str(page or "")),
    ):
        if text:
            grid.add_row(f"[dim]{name}[/]", shown(text))
    held = [finding for finding in attempt.findings if finding.passed and not finding.errored]
    for finding in attempt.findings:
        if every_check or finding not in held:
            grid.add_row("[dim]check[/]", _finding(finding))
    if held and not every_check:
        grid.add_row("[dim]check[/]", f"[green]✓[/] {len(held)} checks passed (--checks shows them)")
    print_table(console, grid)


def _history(attempt: Attempt) -> str:
    """Say what the month was compared with, which a passed check alone does not tell."""
    from checks.own import HISTORY

    told = (finding.observed for finding in attempt.findings if finding.expected == HISTORY and finding.passed)
    return next(told, "")


def _finding(finding: Finding) -> str:
    held = finding.passed and not finding.errored
    mark = "[green]✓[/]" if held else "[bold red]✗[/]" if finding.blocks else "[yellow]![/]"
    told = "" if held else f"; found {finding.observed}. {finding.reason}"
    return f"{mark} {finding.code}: {shown(finding.expected + told)}"


def _decision(attempt: Attempt) -> str:
    decision = attempt.decision
    if decision is None:
        return ""
    codes = f" ({', '.join(decision.codes)})" if decision.codes else ""
    said = f"{decision.kind} of load {decision.judged_load}{codes} by {decision.by}"
    return f"{said} on {decision.at:%Y-%m-%d %H:%M:%S}: {decision.reason}"


def _file(attempt: Attempt) -> str:
    if attempt.sha256 is None:
        return ""
    size = f"{attempt.file_bytes:,} bytes, " if attempt.file_bytes is not None else ""
    return f"{size}sha256 {attempt.sha256}"


def _rows(attempt: Attempt) -> str:
    if attempt.rows_read is None:
        return ""
    codes = "".join(f", {count:,} by {code}" for code, count in (attempt.diverted or {}).items())
    published = f", {attempt.rows_published:,} published" if attempt.rows_published is not None else ""
    return f"{attempt.rows_read:,} read{published}, {attempt.rows_diverted or 0:,} diverted{codes}"
