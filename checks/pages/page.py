"""One self-contained HTML page for one load."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from checks.pages.charts import day_chart, month_chart
from checks.pages.measures import by_month, measure_of, usual_days
from checks.pages.style import STYLE
from tidemark.datasets.base import Dataset
from tidemark.evidence import page_path
from tidemark.history import History
from tidemark.remedies import steps_after
from tidemark.verdict import Evidence, Finding, Rejected, Verdict

NOTHING_REMOTE = "default-src 'none'; style-src 'unsafe-inline'"
COMPARED = 12  # findings with a chart of their own

logger = logging.getLogger(__name__)


def write_page(home: Path, dataset: Dataset, verdict: Verdict, history: History) -> Path | None:
    """Write the page of a load below the home, and return where; none when it could not be made, which is logged."""
    path = page_path(home, verdict.staged.partition, verdict.staged.load_id)
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(render(dataset, verdict, history), encoding="utf-8", errors="replace")
        os.replace(unfinished, path)  # noqa: PTH105 - as atomic, and says so
    except Exception as error:  # noqa: BLE001 - a verdict stands without its page
        told = error.strerror if isinstance(error, OSError) else type(error).__name__
        logger.warning("%s: its evidence page could not be written: %s", verdict.staged.partition, told)
        return None
    return path


def render(dataset: Dataset, verdict: Verdict, history: History) -> str:
    """Return the page: verdict, what to do, the month's days, the failed findings, and what passed."""
    partition = verdict.staged.partition
    return "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f"<title>{partition}: {_said(verdict)}</title>",
            '<meta name="viewport" content="width=device-width">',
            f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_REMOTE}">',
            f"<style>{STYLE}</style></head><body>",
            _head(dataset, verdict),
            _what_to_do(verdict),
            _days(verdict, history),
            _failed(verdict, history),
            _passed(verdict.findings),
            "</body></html>\n",
        )
    )


def _said(verdict: Verdict) -> str:
    if isinstance(verdict, Rejected):
        return "rejected"
    return "warned" if verdict.warned else "accepted"


def _head(dataset: Dataset, verdict: Verdict) -> str:
    said, staged = _said(verdict), verdict.staged
    kind = {"rejected": "reject", "warned": "warn", "accepted": "fine"}[said]
    why = f"<p>{escape(verdict.reason)}</p>" if isinstance(verdict, Rejected) else ""
    diverted = sum(staged.diverted.values())
    return (
        f'<h1>{staged.partition} <span class="badge {kind}">{said}</span></h1>'
        f'<p class="dim">{escape(dataset.title)}. Load {staged.load_id}: {staged.rows_read:,} rows read, '
        f"{verdict.rows:,} staged, {diverted:,} diverted. Suite {escape(verdict.suite_version)}.</p>{why}"
    )


def _what_to_do(verdict: Verdict) -> str:
    steps = list(_steps(verdict))
    if not steps:
        return ""
    return f"<h2>What to do</h2><ul>{''.join(f'<li>{step}</li>' for step in steps)}</ul>"


def _steps(verdict: Verdict) -> Iterator[str]:
    if isinstance(verdict, Rejected):
        for step in steps_after(verdict.staged.partition, verdict.blocking):
            yield f"{escape(step.when)}: {_code(step.command)} {escape(step.then)}."


def _days(verdict: Verdict, history: History) -> str:
    grid = verdict.profile.grid if verdict.profile else None
    if grid is None or not grid.days:
        return ""
    month = verdict.staged.partition.month
    usual = usual_days(month, grid.days, history)
    against = ", before the range of such weekdays in the last months" if usual else ""
    return (
        f"<h2>Rows by day</h2><figure>{day_chart(grid.days, usual)}"
        f"<figcaption>Rows of each day of {month}{against}.</figcaption></figure>"
    )


def _failed(verdict: Verdict, history: History) -> str:
    failed = [finding for finding in verdict.findings if not finding.passed]
    if not failed:
        return '<h2>Findings</h2><p class="fine">Every check passed.</p>'
    rows = {evidence.code: evidence for evidence in verdict.evidence}
    shown = [
        _finding(finding, _chart(finding, verdict, history) if place < COMPARED else "", rows.get(finding.code))
        for place, finding in enumerate(failed)
    ]
    return f"<h2>Findings, the gravest first</h2>{''.join(shown)}"


def _finding(finding: Finding, chart: str, evidence: Evidence | None) -> str:
    kind = "reject" if finding.blocks else "warn"
    said = "the check failed" if finding.errored else "rejects" if finding.blocks else "warns"
    told = [("expected", finding.expected), ("found", finding.observed), ("why", finding.reason)]
    if finding.column:
        told.insert(0, ("column", finding.column))
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in told)
    return (
        f'<section class="finding"><header><h3>{escape(finding.code)}</h3><span class="badge {kind}">{said}</span>'
        f"</header><dl>{listed}</dl>{chart}{_rows(evidence, finding.column)}</section>"
    )


def _chart(finding: Finding, verdict: Verdict, history: History) -> str:
    if verdict.profile is None or finding.errored:
        return ""
    what, measure = measure_of(finding.code, finding.column)
    values = by_month(verdict.staged.partition.month, verdict.profile, history, measure)
    if len(values) < 2:
        return ""
    return f"<figure>{month_chart(values, what)}<figcaption>{escape(what)}, month by month.</figcaption></figure>"


def _rows(evidence: Evidence | None, column: str | None) -> str:
    if evidence is None:
        return ""
    names = sorted(dict.fromkeys(name for row in evidence.rows for name in row), key=lambda name: name != column)
    head = "".join(f"<th{_mark(name, column)}>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{_cells(row, names, column)}</tr>" for row in evidence.rows)
    return f'<div class="rows"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(row: Mapping[str, object], names: Sequence[str], column: str | None) -> str:
    return "".join(f"<td{_mark(name, column)}>{_value(row.get(name))}</td>" for name in names)


def _mark(name: str, column: str | None) -> str:
    return ' class="guilty"' if name == column else ""


def _value(value: object) -> str:
    return '<span class="dim">null</span>' if value is None else escape(str(value))


def _passed(findings: Iterable[Finding]) -> str:
    passed = [finding for finding in findings if finding.passed]
    listed = "".join(f"<dt>{escape(each.code)}</dt><dd>{escape(each.expected)}</dd>" for each in passed)
    return f"<h2>What passed</h2><details><summary>{len(passed)} checks</summary><dl>{listed}</dl></details>"


def _code(command: str) -> str:
    return f"<code>{escape(command)}</code>"
