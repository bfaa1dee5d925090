"""What people are told: from a report to a message. Pure."""

from __future__ import annotations

from tidemark.report import PartitionReport, RunReport

SHOWN_MONTHS = 10
LONGEST = 3000  # Slack cuts a section there


def backfill_message(title: str, report: RunReport) -> str | None:
    """Return the message about a backfill's failed and rejected months; none when there are no such months."""
    failed, rejected = report.failed, report.rejected
    if not failed and not rejected and not report.lost and not report.silent_source:
        return None
    counts = [f"{len(months)} {word}" for months, word in ((failed, "failed"), (rejected, "rejected")) if months]
    if report.lost:
        counts.append(f"{len(report.lost)} without an attempt (see the runs in Prefect)")
    if report.silent_source:
        counts.append("the source has none of these months")
    head = f"*Backfill {title}: {', '.join(counts)}*"
    shown = (*failed, *rejected)
    lines = [_line(partition) for partition in shown[:SHOWN_MONTHS]]
    if len(shown) > SHOWN_MONTHS:
        lines.append(f"+{len(shown) - SHOWN_MONTHS} more: `tidemark status {shown[0].partition.dataset}`")
    return "\n".join([head, *lines])[:LONGEST]


def escape(text: str) -> str:
    """Escape what Slack reads as markup (its manual names these three characters)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(report: PartitionReport) -> str:
    deciding = report.facts.deciding
    outcome = str(deciding.outcome) if deciding else str(report.state)
    reason = escape(deciding.reason or "") if deciding else ""
    return f"• {report.partition} {outcome}: {reason} `tidemark explain {report.partition}`"
