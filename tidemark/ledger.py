"""The ledger: what is written about runs and attempts.

Every function takes the loader's own connection. What must commit together with data (the end of a published or
quarantined attempt) is called inside that transaction; all else commits by itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2.extras import RealDictCursor, execute_values

from tidemark.history import Acceptance, History, PastMonth
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.postgres import Connection, transaction
from tidemark.queries import QUERIES
from tidemark.verdict import Accepted, Verdict

if TYPE_CHECKING:
    from tidemark.facts import Attempt, Versions
    from tidemark.fetch import RawFile
    from tidemark.history import DecisionKind
    from tidemark.plan import Plan
    from tidemark.profile import Profile
    from tidemark.stage import Staged
    from tidemark.word import Word

MOST_HISTORY = 36  # months: three of each season
MOST_EVIDENCE = 50  # rows of each failed check
LONGEST_VALUE = 1000  # characters of one value in a row of evidence


class Outcome(StrEnum):
    """How an attempt ended."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an attempt ends, for the ledger and for people."""

    outcome: Outcome
    code: str
    reason: str
    remedy: str = ""
    quarantine_table: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSeen:
    """What was last seen of a month at its source; ``sha256`` none: it was asked, not fetched."""

    url: str
    available: bool
    etag: str | None
    last_modified: str | None
    size: int | None
    sha256: str | None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unprofiled:
    """A published month that has no profile yet, and the raw file that it came from."""

    month: Month
    load_id: int
    raw: Path
    sha256: str
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedPartition:
    """What a run decided for one month when its plan was frozen."""

    mode: str
    action: str
    reason: str
    current_load: int | None


def dataset_number(connection: Connection, name: str) -> int:
    """Return the number that the ledger gave a dataset; the first key of its advisory locks."""
    while True:
        row = _one(connection, "dataset_number", name=name)
        if row is not None:  # none: another session has just added it
            return int(row["number"])


def open_run(connection: Connection, plan: Plan) -> int:
    """Begin a run and freeze its plan; returns its ``run_id``."""
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(
            QUERIES["open_run"],
            {
                "dataset": plan.dataset,
                "first": plan.steps[0].partition.month.first_day,
                "last": plan.steps[-1].partition.month.first_day,
                "mode": plan.mode,
            },
        )
        (run_id,) = cursor.fetchone()  # type: ignore[misc]  # insert … returning gives one row
        execute_values(
            cursor,
            QUERIES["freeze_plan"],
            [
                (run_id, step.partition.month.first_day, step.action, step.reason, step.current_load)
                for step in plan.steps
            ],
        )
        return int(run_id)


def planned_partition(connection: Connection, run_id: int, partition: Partition) -> PlannedPartition | None:
    row = _one(connection, "planned_partition", run_id=run_id, **_keys(partition))
    return PlannedPartition(**row) if row else None


def frozen_plan(connection: Connection, run_id: int, dataset: str) -> Mapping[Month, PlannedPartition]:
    """Return what a run of a dataset decided for each month, oldest first; nothing when there is no such run."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUERIES["frozen_plan"], {"run_id": run_id, "dataset": dataset})
        return {Month.of(row.pop("month")): PlannedPartition(**row) for row in map(dict, cursor.fetchall())}


def end_run(connection: Connection, run_id: int, exit_status: int) -> None:
    _execute(connection, "end_run", run_id=run_id, exit_status=exit_status)


def begin_attempt(
    connection: Connection, partition: Partition, *, run_id: int | None, contract_version: str, suite_version: str
) -> int:
    """Begin an attempt and return its ``load_id``; the caller holds the month's lock.

    Attempts of the month that never ended are marked as interrupted first.
    """
    with transaction(connection):
        _execute(connection, "mark_interrupted", **_keys(partition))
        row = _one(
            connection,
            "begin_attempt",
            run_id=run_id,
            contract_version=contract_version,
            suite_version=suite_version,
            **_keys(partition),
        )
    assert row is not None  # noqa: S101 - insert … returning gives one row
    return int(row["load_id"])


def begin_decision(
    connection: Connection, partition: Partition, kind: DecisionKind, judged: Attempt, word: Word, versions: Versions
) -> int:
    """Begin the attempt that carries out a person's decision and return its ``load_id``; as ``begin_attempt`` else.

    The file and the counts are those of the load that it is about.
    """
    blocking = {finding.code for finding in judged.findings if finding.blocks}
    before = judged.decision.codes if judged.decision else ()
    with transaction(connection):
        _execute(connection, "mark_interrupted", **_keys(partition))
        row = _one(
            connection,
            "begin_decision",
            kind=kind,
            judged_load=judged.load_id,
            codes=sorted(blocking | set(before)),
            by=word.by,
            reason=word.reason,
            contract_version=versions.contract,
            suite_version=versions.suite,
        )
    assert row is not None  # noqa: S101 - the load that was judged is there
    return int(row["load_id"])


def copy_grounds(connection: Connection, load_id: int, judged_load: int) -> None:
    """Take the profile and the evidence of the load that a decision is about along."""
    with transaction(connection):
        for query in ("copy_profile", "copy_evidence"):
            _execute(connection, query, load_id=load_id, judged_load=judged_load)


def record_source(connection: Connection, load_id: int, url: str) -> None:
    """Note where an attempt gets its file from, as it may be shown."""
    _execute(connection, "record_source", load_id=load_id, url=url)


def record_raw(connection: Connection, load_id: int, raw: RawFile) -> None:
    """Note the raw file of an attempt, and that this is what the source showed."""
    with transaction(connection):
        _execute(
            connection,
            "record_raw",
            load_id=load_id,
            url=raw.url,
            sha256=raw.sha256,
            size=raw.size,
            etag=raw.etag,
            last_modified=raw.last_modified,
            path=str(raw.path),
        )
        seen = SourceSeen(
            url=raw.url,
            available=True,
            etag=raw.etag,
            last_modified=raw.last_modified,
            size=raw.size,
            sha256=raw.sha256,
        )
        record_seen(connection, raw.partition, seen)


def record_seen(connection: Connection, partition: Partition, seen: SourceSeen) -> None:
    _execute(
        connection,
        "record_seen",
        url=seen.url,
        available=seen.available,
        etag=seen.etag,
        last_modified=seen.last_modified,
        size=seen.size,
        sha256=seen.sha256,
        **_keys(partition),
    )


def record_staged(connection: Connection, staged: Staged) -> None:
    _execute(
        connection,
        "record_staged",
        load_id=staged.load_id,
        rows_read=staged.rows_read,
        rows_diverted=staged.rows_diverted,
        diverted=json.dumps(dict(staged.diverted)),
        dropped=json.dumps(list(staged.dropped)),
        added=json.dumps([column.name for column in staged.added]),
    )


def record_verdict(connection: Connection, load_id: int, verdict: Verdict) -> None:
    """Note what the gate said, on what grounds, and what it saw, in one transaction."""
    findings = [
        (
            load_id,
            f.code,
            f.severity,
            f.passed,
            f.errored,
            f.column,
            f.expected,
            f.observed,
            f.reason,
            f.gravity,
            f.softened,
        )
        for f in verdict.findings
    ]
    rows = [
        (load_id, shown.code, position, _json(row))
        for shown in verdict.evidence
        for position, row in enumerate(shown.rows[:MOST_EVIDENCE], start=1)
    ]
    with transaction(connection), connection.cursor() as cursor:
        said = {"load_id": load_id, "verdict": _said(verdict), "suite_version": verdict.suite_version}
        cursor.execute(QUERIES["record_verdict"], said)
        execute_values(cursor, QUERIES["record_findings"], findings)
        if verdict.profile is not None:
            record_profile(connection, load_id, verdict.profile)
        if rows:
            execute_values(cursor, QUERIES["record_evidence"], rows)


def read_history(connection: Connection, dataset: str, month: Month) -> History:
    """Return what a month is compared with: at most ``MOST_HISTORY`` published months before it that have a profile.

    One of a version that nobody here knows is none.
    """
    from tidemark.profile import Profile

    past = _all(connection, "published_profiles", dataset=dataset, month=month.first_day, most=MOST_HISTORY)
    months = tuple(
        PastMonth(
            month=Month.of(row["month"]),
            load_id=row["load_id"],
            profile=Profile.from_json(row["statistics"]),
            rejected_codes=frozenset(row["rejected_codes"]),
            released_codes=frozenset(row["released_codes"]),
        )
        for row in reversed(past)
        if Profile.is_readable(row["statistics"])
    )
    return History(months=months, acceptances=read_acceptances(connection, dataset))


def published_without_profile(connection: Connection, dataset: str, month: Month, most: int) -> tuple[Unprofiled, ...]:
    """Return the newest published months before a month that have a raw file and no profile, the newest first."""
    rows = _all(connection, "published_without_profile", dataset=dataset, month=month.first_day, most=most)
    return tuple(
        Unprofiled(
            month=Month.of(row["month"]),
            load_id=row["load_id"],
            raw=Path(row["raw_path"]),
            sha256=row["sha256"],
            rows=row["rows_published"],
        )
        for row in rows
    )


def record_profile(connection: Connection, load_id: int, profile: Profile) -> None:
    _execute(connection, "record_profile", load_id=load_id, statistics=json.dumps(profile.to_json()))


def read_acceptances(connection: Connection, dataset: str) -> tuple[Acceptance, ...]:
    """Return the known changes of a dataset that nobody has withdrawn, by code and first month."""
    return tuple(map(acceptance_of, _all(connection, "acceptances", dataset=dataset)))


def accept(connection: Connection, dataset: str, code: str, first: Month, last: Month | None, word: Word) -> Acceptance:
    """Put a known change on record; inside a transaction that has locked the acceptances."""
    row = _one(
        connection,
        "accept",
        dataset=dataset,
        code=code,
        first=first.first_day,
        last=last.first_day if last else None,
        by=word.by,
        reason=word.reason,
    )
    assert row is not None  # noqa: S101 - insert … returning gives one row
    return acceptance_of(row)


def withdraw(connection: Connection, known: Acceptance, word: Word) -> None:
    """Note that a known change stands no more; inside a transaction that has locked the acceptances."""
    first = known.first.first_day
    _execute(
        connection,
        "withdraw_acceptance",
        dataset=known.dataset,
        code=known.code,
        first=first,
        by=word.by,
        reason=word.reason,
    )


def lock_acceptances(connection: Connection) -> None:
    """Keep others from putting a known change on record, or withdrawing one, until the transaction ends."""
    _execute(connection, "lock_acceptances")


def end_attempt(connection: Connection, load_id: int, ending: Ending) -> Ending:
    """End an attempt that published nothing, and return how it has ended: one that had already keeps its outcome."""
    _execute(
        connection,
        "end_attempt",
        load_id=load_id,
        outcome=ending.outcome,
        code=ending.code,
        reason=ending.reason,
        remedy=ending.remedy,
        quarantine_table=ending.quarantine_table,
    )
    return ending_on_record(connection, load_id) or ending


def ending_on_record(connection: Connection, load_id: int) -> Ending | None:
    """Return how an attempt has ended; none when it has not."""
    row = _one(connection, "attempt_ending", load_id=load_id)
    return Ending(**(row | {"outcome": Outcome(row["outcome"])})) if row else None


def end_published(connection: Connection, partition: Partition, load_id: int, rows: int, reason: str) -> None:
    """End an attempt as published and make it the month's current load; inside the publish transaction."""
    _execute(connection, "end_published", load_id=load_id, rows=rows, reason=reason)
    _execute(connection, "set_current_load", load_id=load_id, **_keys(partition))


def end_unpublished(connection: Connection, partition: Partition, load_id: int) -> None:
    """A month holds the rows of this load no more; inside the transaction that takes them out."""
    _execute(connection, "unpublish", load_id=load_id, **_keys(partition))


def current_load(connection: Connection, partition: Partition) -> int | None:
    """Return the load whose rows the month holds, and lock that row until the transaction ends."""
    row = _one(connection, "current_load", **_keys(partition))
    return int(row["current_load"]) if row else None


def acceptance_of(row: Mapping[str, Any]) -> Acceptance:
    """Return what a row of ``tidemark.acceptance`` says."""
    return Acceptance(
        dataset=row["dataset"],
        code=row["code"],
        first=Month.of(row["first_month"]),
        last=Month.of(row["last_month"]) if row["last_month"] else None,
        by=row["accepted_by"],
        reason=row["reason"],
        at=row["accepted_at"],
        rows=row["rejected_rows"],
    )


def _said(verdict: Verdict) -> str:
    if not isinstance(verdict, Accepted):
        return "rejected"
    return "warned" if verdict.warned else "accepted"


def _json(row: Mapping[str, object]) -> str:
    """Return a row as JSON that PostgreSQL takes: no NaN, no NUL, and no value without an end."""
    return json.dumps({name: _plain(value) for name, value in row.items()})


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value).replace("\0", "\\0")[:LONGEST_VALUE]


def _keys(partition: Partition) -> Mapping[str, object]:
    return {"dataset": partition.dataset, "month": partition.month.first_day}


def _execute(connection: Connection, query: str, **parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[query], parameters)


def _all(connection: Connection, query: str, **parameters: object) -> list[dict[str, Any]]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUERIES[query], parameters)
        return [dict(row) for row in cursor.fetchall()]


def _one(connection: Connection, query: str, **parameters: object) -> dict[str, Any] | None:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUERIES[query], parameters)
        row = cursor.fetchone()
        return dict(row) if row else None
