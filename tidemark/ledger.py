"""The ledger: what is written about runs and attempts.

Every function takes the loader's own connection. What must commit together with data (the end of a published or
quarantined attempt) is called inside that transaction; all else commits by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from psycopg2.extras import RealDictCursor, execute_values

from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.postgres import Connection, transaction
from tidemark.queries import QUERIES

if TYPE_CHECKING:
    from tidemark.fetch import RawFile
    from tidemark.plan import Plan
    from tidemark.stage import Staged
    from tidemark.verdict import Finding


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
    )


def record_verdict(
    connection: Connection, load_id: int, verdict: str, suite_version: str, findings: Iterable[Finding]
) -> None:
    """Note what the gate said: ``verdict`` is ``accepted`` or ``rejected``."""
    values = [
        (load_id, f.code, f.severity, f.passed, f.errored, f.column, f.expected, f.observed, f.reason) for f in findings
    ]
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(
            QUERIES["record_verdict"], {"load_id": load_id, "verdict": verdict, "suite_version": suite_version}
        )
        execute_values(cursor, QUERIES["record_findings"], values)


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


def current_load(connection: Connection, partition: Partition) -> int | None:
    """Return the load whose rows the month holds, and lock that row until the transaction ends."""
    row = _one(connection, "current_load", **_keys(partition))
    return int(row["current_load"]) if row else None


def _keys(partition: Partition) -> Mapping[str, object]:
    return {"dataset": partition.dataset, "month": partition.month.first_day}


def _execute(connection: Connection, query: str, **parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[query], parameters)


def _one(connection: Connection, query: str, **parameters: object) -> dict[str, Any] | None:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUERIES[query], parameters)
        row = cursor.fetchone()
        return dict(row) if row else None
