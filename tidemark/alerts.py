"""What people are told: from a report to a message. Pure."""

from __future__ import annotations

from itertools import accumulate

from tidemark.facts import Attempt
from tidemark.ledger import Outcome
from tidemark.report import PartitionReport, RunReport

SHOWN_MONTHS = 10
LONGEST_REASON = 200
LONGEST_END = 100  # of the line that says how many more there are
LONGEST = 3000  # Slack cuts a section there
_IN_VAIN = (Outcome.FAILED, Outcome.INTERRUPTED, Outcome.REJECTED)


def backfill_message(title: str, report: RunReport) -> str | None:
    """Return the message about the months that failed or were rejected in a run; none when there are no such months."""
    failed = [p for p in report.failed if _of_this_run(p, report)]
    rejected = [p for p in report.rejected if _of_this_run(p, report)]
    silent = report.silent_source and any(_of_this_run(p, report) for p in report.partitions)
    if not failed and not rejected and not report.lost and not silent:
        return None
    counts = [f"{len(months)} {word}" for months, word in ((failed, "failed"), (rejected, "rejected")) if months]
    if report.lost:
        counts.append(f"{len(report.lost)} without an attempt (see the runs in Prefect)")
    if silent:
        counts.append("the source has none of these months")
    head = f"*Backfill {title}: {', '.join(counts)}*"
    months = (*failed, *rejected)
    lines = _fitting([_line(partition) for partition in months[:SHOWN_MONTHS]], LONGEST - len(head))
    if len(months) > len(lines):
        lines.append(f"+{len(months) - len(lines)} more: `tidemark status {months[0].partition.dataset}`")
    return "\n".join([head, *lines])


def _of_this_run(partition: PartitionReport, report: RunReport) -> bool:
    """Whether this run brought it about: what an earlier run left behind was told then."""
    told = _told(partition)
    return told is not None and told.run_id == report.run_id


def _told(report: PartitionReport) -> Attempt | None:
    """Return the attempt that a message is about: where a person's word stands, the one that it outlived."""
    last = report.last
    if report.facts.rejected_by_person and last is not None and last.outcome in _IN_VAIN and last.decision is None:
        return last
    return report.facts.deciding


def escape(text: str) -> str:
    """Escape what Slack reads as markup (its manual names these three characters)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fitting(lines: list[str], room: int) -> list[str]:
    """Return the first lines that fit, whole: a line cut anywhere could end within an escaped character."""
    lengths = accumulate(len(line) + 1 for line in lines)
    return [line for line, used in zip(lines, lengths, strict=True) if used + LONGEST_END <= room]


def _line(report: PartitionReport) -> str:
    told = _told(report)
    outcome = str(told.outcome) if told else str(report.state)
    reason = escape(_shortened(told.reason or "")) if told else ""
    return f"• {report.partition} {outcome}: {reason} `tidemark explain {report.partition}`"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
