"""The rows that show why checks failed, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from commands.output import print_table, shown

if TYPE_CHECKING:
    from rich.console import Console

    from tidemark.facts import Attempt
    from tidemark.verdict import Evidence, Finding

LONGEST_CELL = 60


def print_evidence(
    console: Console, attempts: tuple[Attempt, ...], evidence: Mapping[int, tuple[Evidence, ...]]
) -> None:
    """Print a table for each failed check of the newest attempt that has rows to show, the gravest first."""
    attempt = next((each for each in attempts if each.load_id in evidence), None)
    if attempt is None:
        console.print("\nThere are no rows to show.")
        return
    rows = {each.code: each.rows for each in evidence[attempt.load_id]}
    for finding in attempt.findings:
        if finding.code in rows:
            console.print(f"\n[bold]{finding.code}[/] of load {attempt.load_id}: {len(rows[finding.code])} rows")
            print_table(console, _table(finding, rows[finding.code]))


def _table(finding: Finding, rows: tuple[Mapping[str, object], ...]) -> Table:
    """Show the guilty column first, then the others as the rows have them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names.sort(key=lambda name: name != finding.column)
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
