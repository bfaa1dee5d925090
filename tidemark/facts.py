"""What the ledger knows about each month of a range: the facts that plans and reports are made of. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from psycopg2.extras import RealDictCursor

from tidemark.datasets.base import Dataset
from tidemark.fileversion import FileVersion
from tidemark.history import Acceptance, Decision, DecisionKind
from tidemark.ledger import Outcome, SourceSeen, read_acceptances
from tidemark.months import Month, expected_by
from tidemark.partition import Partition
from tidemark.postgres import Connection
from tidemark.queries import QUERIES
from tidemark.verdict import Evidence, Finding, Severity, gravest_first

OTHER_BYTES = "the source has other bytes"
OTHER_ADDRESS = "the source has another address"


class State(StrEnum):
    """What a partition is: ``published`` whenever the table holds its rows."""

    PUBLISHED = "published"
    REJECTED = "rejected"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    MISSING = "missing"


class Flag(StrEnum):
    """What is so beside the state."""

    RUNNING = "running"
    OVERDUE = "overdue"
    STALE = "stale"


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """The contract and the suite that a load would use today."""

    contract: str
    suite: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt, as the ledger has it; ``outcome`` none: it runs; ``decision``: of a person, which it carries out."""

    load_id: int
    month: Month
    run_id: int | None
    outcome: Outcome | None
    code: str | None
    reason: str | None
    remedy: str | None
    began_at: datetime
    ended_at: datetime | None
    contract_version: str
    suite_version: str
    source_url: str | None
    sha256: str | None
    file_bytes: int | None
    etag: str | None
    last_modified: str | None
    raw_path: str | None
    rows_read: int | None
    rows_published: int | None
    rows_diverted: int | None
    diverted: Mapping[str, int] | None
    dropped_columns: tuple[str, ...]
    verdict: str | None
    quarantine_table: str | None
    quarantine_fingerprint: str | None = None
    findings: tuple[Finding, ...] = ()
    added_columns: tuple[str, ...] = ()
    decision: Decision | None = None

    @property
    def came_to_nothing(self) -> bool:
        """Whether it is a person's decision that has ended without effect."""
        return self.decision is not None and self.outcome not in (None, Outcome.PUBLISHED, Outcome.REJECTED)

    @property
    def at(self) -> datetime:
        """When it ended; when it began, for one that has no end."""
        return self.ended_at or self.began_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of one partition.

    ``current``: the load whose rows are published. ``last``: the last attempt that ended. ``deciding``: the one that
    says how the month stands: of a published month the last, of any other the last that was not ``unchanged``; never a
    person's decision that came to nothing. ``word``: the decision of a person who took the month out of readers' sight,
    if nothing has published it since; it is the deciding one until the source has shown other bytes.
    ``seen``: what the source last showed. ``acceptances``: the known changes of the dataset.
    """

    partition: Partition
    current: Attempt | None = None
    last: Attempt | None = None
    deciding: Attempt | None = None
    word: Attempt | None = None
    running: bool = False
    seen: SourceSeen | None = None
    acceptances: tuple[Acceptance, ...] = ()

    @property
    def state(self) -> State:
        if self.current is not None:
            return State.PUBLISHED
        if self.deciding is None or self.deciding.outcome is None:
            return State.MISSING
        return {
            Outcome.REJECTED: State.REJECTED,
            Outcome.FAILED: State.FAILED,
            Outcome.INTERRUPTED: State.FAILED,
            Outcome.UNAVAILABLE: State.UNAVAILABLE,
        }.get(self.deciding.outcome, State.MISSING)

    @property
    def went_wrong(self) -> bool:
        """Whether the attempt that decides failed or was interrupted, whatever readers still see."""
        return self.deciding is not None and self.deciding.outcome in (Outcome.FAILED, Outcome.INTERRUPTED)

    @property
    def was_rejected(self) -> bool:
        """Whether the attempt that decides was rejected, whatever readers still see."""
        return self.deciding is not None and self.deciding.outcome is Outcome.REJECTED

    @property
    def rejected_by_person(self) -> Decision | None:
        """The word of the person who took the month out of readers' sight, while it stands."""
        return self.word.decision if self.word is not None and self.word is self.deciding else None

    @property
    def accepted_since(self) -> Acceptance | None:
        """The last known change that was put on record since a check rejected the month for it."""
        rejected = self.deciding
        if rejected is None or rejected.outcome is not Outcome.REJECTED or rejected.decision is not None:
            return None
        codes = {finding.code for finding in rejected.findings if finding.blocks and not finding.errored}
        since = [
            known
            for known in self.acceptances
            if known.code in codes and known.covers(self.partition.month) and known.at > rejected.began_at
        ]
        return max(since, key=lambda known: known.at, default=None)

    @property
    def subject(self) -> Attempt | None:
        """The attempt that the rows, the file and the findings of this partition are of."""
        return self.current or self.deciding

    def flags(self, dataset: Dataset, versions: Versions, today: date) -> frozenset[Flag]:
        flags = set()
        if self.running:
            flags.add(Flag.RUNNING)
        if self.current is None and expected_by(self.partition.month, dataset.lag_days) < today:
            flags.add(Flag.OVERDUE)
        if self.current is not None and self.changed_since(self.current, versions):
            flags.add(Flag.STALE)
        return frozenset(flags)

    def changed_since(self, attempt: Attempt, versions: Versions) -> str:
        """Say what has changed since an attempt: the source, the contract, the suite, or nothing (empty)."""
        if self._source_changed(attempt):
            return OTHER_BYTES
        if self._was_bad_elsewhere(attempt):
            return OTHER_ADDRESS
        if attempt.contract_version != versions.contract:
            return "the dataset's contract has changed"
        if attempt.suite_version != versions.suite:
            return "the suite of checks has changed"
        return ""

    def bytes_changed_since(self, attempt: Attempt) -> str:
        """Say whether the source has, or may have, other bytes than those of an attempt; empty when not."""
        if self._source_changed(attempt):
            return OTHER_BYTES
        unknown = self.seen is not None and self.seen.sha256 is None
        return OTHER_ADDRESS if unknown and self._was_bad_elsewhere(attempt) else ""

    @property
    def moved(self) -> bool:
        """Whether the source has the month at another address than the one that its published rows came from."""
        seen, current = self.seen, self.current
        return seen is not None and seen.available and current is not None and seen.url != current.source_url

    def _source_changed(self, attempt: Attempt) -> bool:
        seen = self.seen
        if seen is None or not seen.available:
            return False
        if seen.sha256 is not None:
            return seen.sha256 != attempt.sha256
        if seen.url != attempt.source_url:  # its ETag says nothing about these bytes, its size does
            return None not in (seen.size, attempt.file_bytes) and seen.size != attempt.file_bytes
        now = FileVersion(etag=seen.etag, last_modified=seen.last_modified, size=seen.size)
        then = FileVersion(etag=attempt.etag, last_modified=attempt.last_modified, size=attempt.file_bytes)
        return now.differs_from(then) is True

    def _was_bad_elsewhere(self, attempt: Attempt) -> bool:
        """Whether a file was rejected that came from another address, such as that of a page to log in."""
        seen = self.seen
        elsewhere = seen is not None and seen.available and seen.url != attempt.source_url
        return elsewhere and attempt.outcome is Outcome.REJECTED


def read_facts(connection: Connection | None, dataset: Dataset, months: tuple[Month, ...]) -> tuple[Facts, ...]:
    """Return the facts of each of these months, in their order; ``connection`` none: there is no ledger yet.

    Of an attempt's findings they have those that did not pass; ``read_history`` has all of them.
    """
    if connection is None:
        return tuple(Facts(partition=dataset.partition(month)) for month in months)
    span = {"dataset": dataset.name, "first": months[0].first_day, "last": months[-1].first_day}
    rows = _rows(connection, "partition_attempts", span)
    findings = _findings(connection, "odd_findings_of", rows)
    found: dict[Month, dict[str, Attempt]] = {}
    for row in rows:
        attempt = _attempt(row, findings)
        roles = found.setdefault(attempt.month, {})
        roles.update({role: attempt for role in ("current", "last", "deciding", "word") if row[f"is_{role}"]})
        if row["running"]:
            roles["running"] = attempt
    seen = {Month.of(row["month"]): _seen(row) for row in _rows(connection, "seen_months", span)}
    known = read_acceptances(connection, dataset.name)
    return tuple(_facts(dataset.partition(month), found.get(month, {}), seen.get(month), known) for month in months)


def read_history(connection: Connection, partition: Partition) -> tuple[Attempt, ...]:
    """Return every attempt of one month, the newest first, each with all its findings."""
    rows = _rows(connection, "attempts_of", {"dataset": partition.dataset, "month": partition.month.first_day})
    findings = _findings(connection, "findings_of", rows)
    return tuple(_attempt(row, findings) for row in rows)


def read_evidence(connection: Connection, loads: Iterable[int]) -> Mapping[int, tuple[Evidence, ...]]:
    """Return the rows that show why checks failed, by load and code."""
    found: dict[int, dict[str, list[Mapping[str, object]]]] = {}
    for row in _rows(connection, "evidence_of", {"loads": list(loads)}):
        found.setdefault(row["load_id"], {}).setdefault(row["code"], []).append(row["row"])
    return {
        load_id: tuple(Evidence(code=code, rows=tuple(rows)) for code, rows in by_code.items())
        for load_id, by_code in found.items()
    }


def _findings(
    connection: Connection, query: str, attempts: Iterable[Mapping[str, Any]]
) -> Mapping[int, tuple[Finding, ...]]:
    """Return what a query finds of the findings of these attempts, by load, the gravest first."""
    found: dict[int, list[Finding]] = {}
    for row in _rows(connection, query, {"loads": [attempt["load_id"] for attempt in attempts]}):
        finding = Finding(
            code=row["code"],
            severity=Severity(row["severity"]),
            passed=row["passed"],
            errored=row["errored"],
            column=row["column_name"],
            expected=row["expected"],
            observed=row["observed"],
            reason=row["reason"],
            gravity=row["gravity"],
            softened=row["softened"],
        )
        found.setdefault(row["load_id"], []).append(finding)
    return {load_id: gravest_first(findings) for load_id, findings in found.items()}


def attempted_months(connection: Connection, dataset: str) -> frozenset[Month]:
    """Return the months of a dataset that have an attempt."""
    return frozenset(Month.of(row["month"]) for row in _rows(connection, "attempted_months", {"dataset": dataset}))


def _facts(
    partition: Partition,
    roles: Mapping[str, Attempt],
    seen: SourceSeen | None,
    acceptances: tuple[Acceptance, ...],
) -> Facts:
    last = roles.get("last")
    lasting = "current" in roles and last is not None and not last.came_to_nothing
    word = roles.get("word")
    stands = word is not None and (seen is None or seen.sha256 in (None, word.sha256))
    return Facts(
        partition=partition,
        current=roles.get("current"),
        last=last,
        deciding=last if lasting else word if stands else roles.get("deciding"),
        word=word,
        running="running" in roles,
        seen=seen,
        acceptances=acceptances,
    )


def _attempt(row: Mapping[str, Any], findings: Mapping[int, tuple[Finding, ...]]) -> Attempt:
    same = (
        "run_id code reason remedy began_at ended_at contract_version suite_version source_url sha256 file_bytes etag "
        "last_modified raw_path rows_read rows_published rows_diverted diverted verdict quarantine_table "
        "quarantine_fingerprint"
    )
    values: dict[str, Any] = {name: row[name] for name in same.split()}
    outcome = row["effective"]
    if outcome is not None and row["outcome"] is None:
        values |= {
            "code": "interrupted",
            "reason": "The loader stopped without a word: it was killed, or lost its machine or its connection.",
            "remedy": "Run the same command again; nothing of this attempt was published.",
        }
    load_id = row["load_id"]
    return Attempt(
        load_id=load_id,
        month=Month.of(row["month"]),
        outcome=Outcome(str(outcome)) if outcome is not None else None,
        dropped_columns=tuple(row["dropped_columns"] or ()),
        added_columns=tuple(row["added_columns"] or ()),
        findings=findings.get(load_id, ()),
        decision=_decision(row) if row["decided"] else None,
        **values,
    )


def _decision(row: Mapping[str, Any]) -> Decision:
    return Decision(
        kind=DecisionKind(row["decided"]),
        judged_load=row["judged_load"],
        codes=tuple(row["decided_codes"]),
        by=row["decided_by"],
        reason=row["decided_reason"],
        at=row["decided_at"],
    )


def _seen(row: Mapping[str, Any]) -> SourceSeen:
    return SourceSeen(
        url=row["url"],
        available=row["available"],
        etag=row["etag"],
        last_modified=row["last_modified"],
        size=row["file_bytes"],
        sha256=row["sha256"],
        at=row["seen_at"],
    )


def _rows(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUERIES[query], parameters)
        return [dict(row) for row in cursor.fetchall()]
