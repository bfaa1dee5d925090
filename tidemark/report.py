"""The one summary of a range of months: status, plans, backfills, artifacts, messages and JSON derive from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

from tidemark.datasets.base import Dataset
from tidemark.facts import Attempt, Facts, Flag, State, Versions
from tidemark.history import Decision
from tidemark.ledger import Outcome
from tidemark.months import expected_by
from tidemark.partition import Partition
from tidemark.plan import Plan, Step
from tidemark.verdict import Evidence, Finding

JSON_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionReport:
    """One month as people and programs see it; ``step`` only in a plan and a backfill."""

    facts: Facts
    flags: frozenset[Flag]
    step: Step | None = None

    @property
    def partition(self) -> Partition:
        return self.facts.partition

    @property
    def state(self) -> State:
        return self.facts.state

    @property
    def last(self) -> Attempt | None:
        return self.facts.last

    @property
    def went_wrong(self) -> bool:
        return self.facts.went_wrong

    @property
    def was_rejected(self) -> bool:
        return self.facts.was_rejected

    @property
    def is_warned(self) -> bool:
        """Whether the month is published though something about it is odd."""
        return self.facts.current is not None and self.facts.current.verdict == "warned"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """A range of months of one or more datasets as it now stands; ``run_id`` when a backfill made it.

    ``lost``: months that the backfill took and that left no attempt in the ledger, because the database was away.
    """

    partitions: tuple[PartitionReport, ...]
    run_id: int | None = None
    silent_source: bool = False
    lost: tuple[Partition, ...] = ()

    @property
    def summary(self) -> Mapping[State, int]:
        counts = Counter(partition.state for partition in self.partitions)
        return {state: counts[state] for state in State if counts[state]}

    @property
    def failed(self) -> tuple[PartitionReport, ...]:
        return tuple(p for p in self.partitions if p.went_wrong or self._broke_off(p))

    @property
    def rejected(self) -> tuple[PartitionReport, ...]:
        return tuple(p for p in self.partitions if p.was_rejected and not self._broke_off(p))

    @property
    def warned(self) -> tuple[PartitionReport, ...]:
        return tuple(p for p in self.partitions if p.is_warned)

    def _broke_off(self, partition: PartitionReport) -> bool:
        """Whether this run's attempt came to nothing, though a person's word still says how the month stands."""
        last = partition.last
        of_this_run = last is not None and last.run_id is not None and last.run_id == self.run_id
        return of_this_run and last is not None and last.outcome in (Outcome.FAILED, Outcome.INTERRUPTED)

    @property
    def exit_status(self) -> int:
        """0 nothing went wrong, 1 a month failed or the source is silent, 3 months are rejected."""
        if self.failed or self.lost or self.silent_source:
            return 1
        return 3 if self.rejected else 0


def report_facts(
    dataset: Dataset, facts: Iterable[Facts], versions: Versions, today: date
) -> tuple[PartitionReport, ...]:
    return tuple(PartitionReport(facts=f, flags=f.flags(dataset, versions, today)) for f in facts)


def report_plan(dataset: Dataset, plan: Plan, versions: Versions, today: date) -> RunReport:
    return RunReport(
        partitions=tuple(
            PartitionReport(facts=step.facts, flags=step.facts.flags(dataset, versions, today), step=step)
            for step in plan.steps
        )
    )


def report_run(
    dataset: Dataset, facts: Iterable[Facts], versions: Versions, today: date, run_id: int, lost: tuple[Partition, ...]
) -> RunReport:
    """Report a range after a backfill, with the source as silent when it has no month of it that is past due."""
    partitions = report_facts(dataset, facts, versions, today)
    silent = _is_silent(dataset, partitions, today)
    return RunReport(partitions=partitions, run_id=run_id, silent_source=silent, lost=lost)


def silent_source_message(dataset: Dataset) -> str:
    return (
        f"The source has no month of this range of {dataset.name}, though some are past their expected date. "
        "Check its address: TIDEMARK_SOURCE, and tidemark doctor."
    )


def to_json(report: RunReport) -> dict[str, object]:
    """Return what ``status`` and ``plan`` print with ``--json``; a backfill adds its keys."""
    return {
        "version": JSON_VERSION,
        "partitions": [partition_json(partition) for partition in report.partitions],
        "summary": {str(state): count for state, count in report.summary.items()},
    }


def backfill_json(report: RunReport) -> dict[str, object]:
    return to_json(report) | {"run_id": report.run_id, "exit": report.exit_status}


def partition_json(report: PartitionReport) -> dict[str, object]:
    subject, last = report.facts.subject, report.last
    found: dict[str, object] = {
        "dataset": report.partition.dataset,
        "month": str(report.partition.month),
        "state": str(report.state),
        "flags": sorted(report.flags),
        "rows_read": subject.rows_read if subject else None,
        "rows_published": _rows_published(subject) if subject else None,
        "rows_diverted": subject.rows_diverted if subject else None,
        "diverted": dict(subject.diverted or {}) if subject else {},
        "sha256": subject.sha256 if subject else None,
        "verdict": subject.verdict if subject else None,
        "findings": _failed_json(subject) if subject else [],
        "decision": decision_json(subject.decision) if subject and subject.decision else None,
        "last_attempt": {
            "outcome": str(last.outcome),
            "code": last.code,
            "reason": last.reason,
            "remedy": last.remedy,
            "at": rfc3339(last.at),
            "verdict": last.verdict,
            "findings": _failed_json(last),
        }
        if last
        else None,
    }
    if report.step is not None:
        found |= {"action": str(report.step.action), "reason": report.step.reason}
    return found


def explain_json(
    report: PartitionReport,
    attempts: Iterable[Attempt],
    evidence: Mapping[int, tuple[Evidence, ...]],
    pages: Mapping[int, Path] = MappingProxyType({}),
) -> dict[str, object]:
    """Return what ``explain`` prints with ``--json``; ``evidence``, ``pages``: by load."""
    return {
        "version": JSON_VERSION,
        "partition": partition_json(report),
        "attempts": [
            attempt_json(attempt, evidence.get(attempt.load_id, ()), pages.get(attempt.load_id)) for attempt in attempts
        ],
    }


def attempt_json(attempt: Attempt, evidence: tuple[Evidence, ...] = (), page: Path | None = None) -> dict[str, object]:
    return {
        "load_id": attempt.load_id,
        "run_id": attempt.run_id,
        "outcome": str(attempt.outcome) if attempt.outcome else None,
        "code": attempt.code,
        "reason": attempt.reason,
        "remedy": attempt.remedy,
        "began_at": rfc3339(attempt.began_at),
        "ended_at": rfc3339(attempt.ended_at) if attempt.ended_at else None,
        "source_url": attempt.source_url,
        "sha256": attempt.sha256,
        "file_bytes": attempt.file_bytes,
        "etag": attempt.etag,
        "last_modified": attempt.last_modified,
        "raw_path": attempt.raw_path,
        "rows_read": attempt.rows_read,
        "rows_published": _rows_published(attempt),
        "rows_diverted": attempt.rows_diverted,
        "diverted": dict(attempt.diverted or {}),
        "dropped_columns": list(attempt.dropped_columns),
        "contract_version": attempt.contract_version,
        "suite_version": attempt.suite_version,
        "verdict": attempt.verdict,
        "quarantine_table": attempt.quarantine_table,
        "findings": [finding_json(finding) for finding in attempt.findings],
        "added_columns": list(attempt.added_columns),
        "decision": decision_json(attempt.decision) if attempt.decision else None,
        "evidence": [{"code": each.code, "rows": [dict(row) for row in each.rows]} for each in evidence],
        "evidence_page": str(page) if page else None,
    }


def decision_json(decision: Decision) -> dict[str, object]:
    return {
        "kind": str(decision.kind),
        "by": decision.by,
        "reason": decision.reason,
        "at": rfc3339(decision.at),
        "judged_load": decision.judged_load,
        "codes": list(decision.codes),
    }


def message_of(finding: Finding) -> str:
    """Return one sentence for people; what to do depends on all findings, and stands in the attempt's remedy."""
    if finding.errored:
        return f"The check {finding.code} could not run ({finding.observed}); this says nothing about the data."
    if finding.passed:
        return f"{finding.code} holds: {finding.expected}."
    return f"{finding.code}: expected {finding.expected}, found {finding.observed}."


def _failed_json(attempt: Attempt) -> list[dict[str, object]]:
    """Return the findings of an attempt that did not pass, the gravest first."""
    return [finding_json(f) for f in attempt.findings if not f.passed or f.errored]


def finding_json(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "passed": finding.passed,
        "errored": finding.errored,
        "column": finding.column,
        "expected": finding.expected,
        "observed": finding.observed,
        "reason": finding.reason,
        "gravity": finding.gravity,
        "message": message_of(finding),
    }


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rows_published(attempt: Attempt) -> int | None:
    """Return 0 for an attempt that read rows and ended without publishing; none while it runs, or when it read none."""
    published_none = attempt.rows_published is None and attempt.rows_read is not None and attempt.outcome is not None
    return 0 if published_none else attempt.rows_published


def _is_silent(dataset: Dataset, partitions: tuple[PartitionReport, ...], today: date) -> bool:
    asked = [p for p in partitions if p.state is not State.MISSING]
    overdue = any(expected_by(p.partition.month, dataset.lag_days) < today for p in asked)
    return bool(asked) and overdue and all(p.state is State.UNAVAILABLE for p in asked)
