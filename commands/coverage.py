"""The coverage of datasets as a grid: a line a year, a cell a month; and the months that need somebody."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.table import Table

from commands.output import print_table, shown
from tidemark.facts import Flag, State
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.report import PartitionReport, RunReport, message_of

CELLS = {
    State.PUBLISHED: ("■", "green"),
    State.REJECTED: ("✗", "bold red"),
    State.FAILED: ("!", "bold red"),
    State.UNAVAILABLE: ("·", "dim"),
    State.MISSING: ("○", "yellow"),
}
WARNED = ("▲", "yellow")
MARK = "*"
NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def print_coverage(console: Console, report: RunReport) -> None:
    """Print a grid for each dataset, and a legend of what is in it."""
    for dataset, partitions in groupby(report.partitions, key=lambda p: p.partition.dataset):
        months = {p.partition.month: p for p in partitions}
        if all(_is_untried(p) for p in months.values()):
            console.print(f"[bold]{dataset}[/]  never tried: {min(months)} to {max(months)}")
        else:
            print_table(console, _grid(dataset, months))
    legend = [_entry(CELLS[state], f"{count} {state}") for state, count in report.summary.items()]
    if report.warned:
        legend.insert(1, _entry(WARNED, f"{len(report.warned)} of them warned"))
    if any(_is_marked(partition) for partition in report.partitions):
        legend.append(f"{MARK} published, but its source or its checks have changed, or its reload failed")
    console.print("  " + "   ".join(legend) if legend else "no months", markup=True)


def _entry(cell: tuple[str, str], text: str) -> str:
    return f"[{cell[1]}]{cell[0]}[/] {text}"


def print_odd_months(console: Console, report: RunReport) -> None:
    """Print a line for each month, or months in a row, that somebody should know of, and the command that says more."""
    tried = {p.partition.dataset for p in report.partitions if not _is_untried(p)}
    told = [(p, _note(p)) for p in report.partitions if p.partition.dataset in tried]
    if not any(note for _, note in told):
        return
    console.print()
    for months, note in _in_a_row(told):
        if note:
            symbol, style = _symbol(months[0])
            more = f" to {months[-1].partition.month}" if len(months) > 1 else ""
            console.print(f"[{style}]{symbol}[/] {months[0].partition}{more}  {shown(note)}")
    worst = next((p for p, _ in told if p.went_wrong or p.was_rejected), None)
    if worst is not None:
        console.print(f"\nLook closer: [bold]tidemark explain {worst.partition}[/]")


def _in_a_row(told: list[tuple[PartitionReport, str]]) -> list[tuple[list[PartitionReport], str]]:
    """Put months together that follow each other and have the same note."""
    rows: list[tuple[list[PartitionReport], str]] = []
    for report, note in told:
        before = rows[-1] if rows else None
        if before and before[1] == note and _follows(before[0][-1].partition, report.partition):
            before[0].append(report)
        else:
            rows.append(([report], note))
    return rows


def _follows(before: Partition, after: Partition) -> bool:
    return before.dataset == after.dataset and before.month.next == after.month


def _is_untried(report: PartitionReport) -> bool:
    return report.state is State.MISSING and Flag.RUNNING not in report.flags


def _grid(dataset: str, partitions: dict[Month, PartitionReport]) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 1))
    grid.add_column(dataset, style="bold")
    for name in NAMES:
        grid.add_column(name, justify="center", header_style="dim")
    for year in sorted({month.year for month in partitions}):
        grid.add_row(str(year), *(_cell(partitions.get(Month(year, number))) for number in range(1, 13)))
    return grid


def _cell(report: PartitionReport | None) -> str:
    if report is None:
        return ""
    symbol, style = _symbol(report)
    if Flag.RUNNING in report.flags:
        symbol, style = "▶", "cyan"
    elif _is_marked(report):
        symbol += MARK
    return f"[{style}]{symbol}[/]"


def _is_marked(report: PartitionReport) -> bool:
    """Whether the rows stand, but not for the last word: they are stale, or their reload came to nothing."""
    reloaded_in_vain = report.state is State.PUBLISHED and (report.went_wrong or report.was_rejected)
    return Flag.RUNNING not in report.flags and (Flag.STALE in report.flags or reloaded_in_vain)


def _symbol(report: PartitionReport) -> tuple[str, str]:
    return WARNED if report.is_warned else CELLS[report.state]


def _note(report: PartitionReport) -> str:
    """Say what somebody should know of a month: what is wrong, else what is odd, else nothing."""
    last = report.last
    if Flag.RUNNING not in report.flags and last is not None and last.came_to_nothing and last.decision is not None:
        return f"{last.decision.kind} by {last.decision.by}: {last.outcome}; run the same command again"
    return _problem(report) or (_warning(report) if report.is_warned else "")


def _warning(report: PartitionReport) -> str:
    current = report.facts.current
    failed = [finding for finding in current.findings if not finding.passed] if current else []
    if current is not None and current.decision is not None:
        return f"warned: released by {current.decision.by}: {current.decision.reason}"
    if not failed:
        return "warned"
    more = f" (+{len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"warned: {message_of(failed[0]).removesuffix('.')}{more}"


def _problem(report: PartitionReport) -> str:
    deciding = report.facts.deciding
    if Flag.RUNNING in report.flags:
        return "a loader works on it now"
    if deciding is not None and (report.went_wrong or report.was_rejected):
        reload = " (its reload; the published rows stand)" if report.state is State.PUBLISHED else ""
        reason = (deciding.reason or "").removeprefix(f"{report.partition}: ")
        return f"{deciding.outcome}{reload}: {reason}"
    if Flag.STALE in report.flags:
        return "stale: the source, the contract or the suite has changed since; --mode stale loads it anew"
    if report.state is State.UNAVAILABLE:
        late = "overdue: " if Flag.OVERDUE in report.flags else ""
        return f"{late}the source does not have it yet"
    if Flag.OVERDUE in report.flags and report.state is State.MISSING:
        return "overdue: it was never tried"
    return ""
