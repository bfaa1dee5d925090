"""A person's word on a month: what the gate rejected is released, what is published is rejected.

Either is an attempt of its own under the month's lock. Nothing is begun unless it applies; what breaks off leaves the
month as it was, and the same command again goes through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, named like one

from tidemark import ledger
from tidemark import load as stages
from tidemark.errors import Failed, TidemarkError, UsageError
from tidemark.facts import Attempt, Facts, read_facts, read_history
from tidemark.history import DecisionKind
from tidemark.ledger import Ending, Outcome
from tidemark.load import Load, LoadResult
from tidemark.points import Point, passed
from tidemark.postgres import LOCK_TIMEOUT_MS, explain, transaction, with_lock_retries
from tidemark.quarantine import SCHEMA, drop_kept, keep, kept_tables
from tidemark.queries import QUERIES
from tidemark.restage import check_origin, published, quarantined, stage_again
from tidemark.verdict import Accepted, Finding, Rejected, Severity
from tidemark.warehouse import drop_left_staged

if TYPE_CHECKING:
    from tidemark.stage import Staged
    from tidemark.word import Word

Gate = Callable[["Staged", Attempt], Accepted]

GRAVEST = 1_000_000.0  # the gravity of a person's word, beside which that of a check is small

logger = logging.getLogger(__name__)


def release(load: Load, word: Word, gate: Gate) -> LoadResult:
    """Publish a rejected month on a person's word, from its quarantined rows.

    ``gate`` lets the staged rows through, with what the rejected attempt found.
    Raises ``UsageError`` when there is nothing to release or the verdict is stale, ``Failed`` when another loader is at
    work, the quarantined rows are not those that were judged, or it broke off.
    """
    _lock(load)
    facts = _facts(load)
    rejected = _rejected(load, facts, read_history(load.connection, load.partition))
    origin = quarantined(load.partition, rejected)
    check_origin(load.connection, origin)

    def carry_out() -> LoadResult:
        accepted = gate(stage_again(load.connection, origin, load.id), rejected)
        stages.record_verdict(load, accepted)
        ledger.copy_grounds(load.connection, load.id, rejected.load_id)
        return stages.conclude(load, accepted)

    _begin(load, DecisionKind.RELEASE, rejected, word)
    result = _ended(load, carry_out)
    _drop_quarantined(load)
    return result


def reject(load: Load, word: Word) -> LoadResult:
    """Take a published month out of readers' sight on a person's word, into the quarantine.

    Raises ``UsageError`` when it is not published, ``Failed`` when another loader is at work or it broke off.
    """
    _lock(load)
    facts = _facts(load)
    current = facts.current
    if current is None:
        raise _refused(load, f"{load.partition} is not published: it is {facts.state}.", "not-published")
    origin = published(load.partition, current)

    def carry_out() -> LoadResult:
        staged = stage_again(load.connection, origin, load.id)
        verdict = _rejected_by(word, load, staged, current)
        stages.record_verdict(load, verdict)
        ledger.copy_grounds(load.connection, load.id, current.load_id)
        return stages.result_of(load, _unpublish(load, verdict.staged, current, word))

    _begin(load, DecisionKind.REJECT, current, word)
    return _ended(load, carry_out)


def _lock(load: Load) -> None:
    if not stages.take_lock(load):
        raise Failed(
            f"Another loader works on {load.partition} now; nothing was changed.",
            remedy="Run the same command again when it has ended; tidemark status shows it.",
            code="at-work",
        )


def _facts(load: Load) -> Facts:
    (facts,) = read_facts(load.connection, load.dataset, (load.partition.month,))
    load.facts = facts
    return facts


def _rejected(load: Load, facts: Facts, attempts: tuple[Attempt, ...]) -> Attempt:
    """Return the attempt whose rejection still says how the month stands."""
    partition = load.partition
    standing = next((a for a in attempts if a.outcome in (Outcome.PUBLISHED, Outcome.REJECTED)), None)
    if standing is None:
        raise _refused(load, f"{partition} was never rejected: it is {facts.state}.", "not-rejected")
    if standing.outcome is Outcome.PUBLISHED:
        since = f"load {standing.load_id} published it on {standing.at:%Y-%m-%d}"
        raise _refused(load, f"{partition} is not rejected: {since}.", "not-rejected")
    if standing.verdict is None:
        problem = f"{partition} was rejected before it had rows ({standing.code}): there is nothing to release."
        raise _refused(load, problem, "never-staged")
    if standing.rows_read is not None and standing.rows_read == (standing.rows_diverted or 0):
        raise _refused(load, f"{partition} has no rows: there is nothing to release.", "no-rows")
    changed = facts.changed_since(standing, load.versions)
    if changed:
        again = f"tidemark backfill {partition}{' --mode rejected' if facts.rejected_by_person else ''}"
        raise UsageError(
            f"The verdict on {partition} is stale: {changed} since load {standing.load_id}.",
            remedy=f"Nothing was changed. To have it judged anew: {again}.",
            code="stale-verdict",
        )
    return standing


def _refused(load: Load, message: str, code: str) -> UsageError:
    return UsageError(message, remedy=f"Nothing was changed. See tidemark explain {load.partition}.", code=code)


def _begin(load: Load, kind: DecisionKind, judged: Attempt, word: Word) -> None:
    load.load_id = ledger.begin_decision(load.connection, load.partition, kind, judged, word, load.versions)
    drop_left_staged(load.connection, load.partition)  # of one that broke off


def _ended(load: Load, carry_out: Callable[[], LoadResult]) -> LoadResult:
    """Carry a decision out; what breaks it off ends its attempt, whose rows are dropped.

    Raises ``Failed`` unless the ledger says that it went through all the same.
    """
    try:
        return carry_out()
    except psycopg2.Error as error:
        told: TidemarkError = explain(error, load.partition.name)
    except TidemarkError as error:
        told = error
    result = stages.end(load, stages.ending_of(told))
    if result.outcome in (Outcome.PUBLISHED, Outcome.REJECTED):
        return result
    raise Failed(told.message, remedy=told.remedy, code=told.code) from told


def _drop_quarantined(load: Load) -> None:
    """Drop what has been published; where somebody reads it, the sweep of a later run does, when its time is over."""
    if load.connection.closed:
        return
    try:
        with transaction(load.connection), load.connection.cursor() as cursor:
            cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
            drop_kept(cursor, load.partition)
    except psycopg2.Error as error:
        logger.warning("%s.%s is left for a later sweep: %s", SCHEMA, load.partition.table, type(error).__name__)


def _rejected_by(word: Word, load: Load, staged: Staged, current: Attempt) -> Rejected:
    finding = Finding(
        code=f"{load.partition.dataset}-REJECTED".upper().replace("_", "-"),
        severity=Severity.REJECT,
        passed=False,
        expected="a month that people trust",
        observed=f"that {word.by} rejected it",
        reason=f"{word.reason.removesuffix('.')}.",
        gravity=GRAVEST,
    )
    kept = tuple(each for each in current.findings if each.code != finding.code)
    return Rejected(staged=staged, rows=staged.rows, suite_version=load.versions.suite, findings=(finding, *kept))


def _unpublish(load: Load, staged: Staged, current: Attempt, word: Word) -> Ending:
    """Move the rows to the quarantine in one commit with the ledger; the month's table stays attached, and empty.

    DELETE is what readers that were open already at REPEATABLE READ see right.
    """
    partition = load.partition
    ending = Ending(
        outcome=Outcome.REJECTED,
        code="rejected-by-person",
        reason=f"{word.by} rejected the month: {word.reason}",
        remedy=f'To publish it again: tidemark release {partition} --by NAME --reason "…".',
        quarantine_table=f"{SCHEMA}.{kept_tables(partition)[0]}",
    )

    def move() -> None:
        with transaction(load.connection), load.connection.cursor() as cursor:
            cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
            if ledger.current_load(load.connection, partition) != current.load_id:
                raise Failed(
                    f"{partition} was published by another load meanwhile; nothing was changed.",
                    remedy=f"See tidemark explain {partition}.",
                    code="superseded",
                )
            passed(Point.PUBLISHING, partition)
            keep(cursor, staged)
            _delete(cursor, staged)
            ledger.end_unpublished(load.connection, partition, current.load_id)
            ledger.end_attempt(load.connection, load.id, ending)
            passed(Point.COMMITTING, partition)

    with_lock_retries(move, f"The rejection of {partition}")
    passed(Point.PUBLISHED, partition)
    return ending


def _delete(cursor: Cursor, staged: Staged) -> None:
    """Take the rows that were copied out of readers' sight."""
    partition = staged.partition
    rows, diverted = sql.Identifier("trips", partition.table), sql.Identifier("diverted", partition.dataset)
    cursor.execute(sql.SQL(QUERIES["delete_month"]).format(table=rows))
    deleted = [cursor.rowcount]
    month = sql.Literal(partition.month.first_day)
    cursor.execute(sql.SQL(QUERIES["delete_diverted"]).format(table=diverted, month=month))
    deleted.append(cursor.rowcount)
    if deleted != [staged.rows, staged.rows_diverted]:
        raise Failed(
            f"{partition} does not reconcile: {staged.rows:,} rows and {staged.rows_diverted:,} diverted ones were "
            f"copied, {deleted[0]:,} and {deleted[1]:,} would be taken out.",
            remedy="Nothing was changed. Run the same command again.",
            code="does-not-reconcile",
        )
