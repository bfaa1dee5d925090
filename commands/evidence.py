"""The rows that show why checks failed, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from commands.output import print_table, shown

if TYPE_CHECKING:
    from rich.console import Console

    from tidemark.datasets.base import Dataset
    from tidemark.facts import Attempt
    from tidemark.verdict import Evidence, Finding

    _Rows = tuple[Mapping[str, object], ...]

LONGEST_CELL = 60


def print_evidence(
    console: Console, dataset: Dataset, attempts: tuple[Attempt, ...], evidence: Mapping[int, tuple[Evidence, ...]]
) -> None:
    """Print a table for each failed check of the newest attempt that has rows to show, the gravest first.

    Checks that the same rows show have one table.
    """
    attempt = next((each for each in attempts if each.load_id in evidence), None)
    if attempt is None:
        console.print("\nThere are no rows to show.")
        return
    rows = {each.code: each.rows for each in evidence[attempt.load_id]}
    failed = [finding for finding in attempt.findings if not finding.passed]
    for findings in _alike([finding for finding in failed if finding.code in rows], rows):
        found = rows[findings[0].code]
        codes = ", ".join(f"[bold]{finding.code}[/]" for finding in findings)
        console.print(f"\n{codes} of load {attempt.load_id}: {_how_many(dataset, findings[0], found)}")
        print_table(console, _table(dataset, findings[0], found))
    without = [finding.code for finding in failed if finding.code not in rows]
    if without:
        console.print(f"\nNo rows to show for {', '.join(without)}.")


def _alike(findings: list[Finding], rows: Mapping[str, _Rows]) -> list[list[Finding]]:
    """Put the checks of one column that the same rows show together."""
    alike: list[list[Finding]] = []
    for finding in findings:
        for others in alike:
            if others[0].column == finding.column and rows[others[0].code] == rows[finding.code]:
                others.append(finding)
                break
        else:
            alike.append([finding])
    return alike


def _how_many(dataset: Dataset, finding: Finding, rows: _Rows) -> str:
    from checks.wording import failing_rows_in

    count = failing_rows_in(finding.observed)
    are_counts = not rows[0].keys() <= {column.name for column in dataset.columns}  # by day, or by code
    if count is None or count < len(rows) or are_counts:
        return f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    return f"{len(rows)} of {count:,} failing rows"


def _table(dataset: Dataset, finding: Finding, rows: _Rows) -> Table:
    """Show the guilty column first, then the others in the order of the dataset's table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    order = {column.name: place for place, column in enumerate(dataset.columns)}
    names.sort(key=lambda name: (name != finding.column, order.get(name, len(order))))
    table = Table(box=None, pad_edge=False)
    for name in names:
        style = "bold" if name == finding.column else None
        table.add_column(shown(name), header_style="dim", style=style, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "[dim]null[/]"
    text = str(value)
    return shown(text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…")
