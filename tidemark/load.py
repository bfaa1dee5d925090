"""One attempt at one month, stage by stage: what ``flows/load_month.py`` drives.

A ``Load`` holds the connection that holds the month's advisory lock, from before the ledger is asked what to do
until the outcome is on record. The stages are plain functions of it; they know nothing of Prefect.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg2

from tidemark import ledger
from tidemark.catchup import make_profiles
from tidemark.datasets.base import Dataset
from tidemark.errors import BadFile, NotAtSource, Stopped, TidemarkError
from tidemark.facts import Facts, Versions, read_facts
from tidemark.fetch import Limits, RawFile, Seen, fetch
from tidemark.history import ENOUGH, History
from tidemark.lake import Lake
from tidemark.ledger import Ending, Outcome, PlannedPartition, SourceSeen
from tidemark.partition import Partition
from tidemark.plan import Action, Mode, decide
from tidemark.points import Point, passed
from tidemark.postgres import Connection, connect, try_lock, unlock
from tidemark.progress import Progress
from tidemark.publish import Published, prepare, publish
from tidemark.quarantine import quarantine
from tidemark.settings import Secret, Settings
from tidemark.source import locate
from tidemark.stage import Staged, drop_staged, stage
from tidemark.verdict import Accepted, Verdict
from tidemark.warehouse import drop_left_staged

NAMED_IN_LOG = 10

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Load:
    """An attempt while it runs; ``load_id`` is none until it has the lock and has begun."""

    settings: Settings
    url: Secret
    connection: Connection
    dataset: Dataset
    partition: Partition
    number: int
    versions: Versions
    run_id: int | None
    planned: PlannedPartition | None
    load_id: int | None = None
    facts: Facts | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def mode(self) -> Mode:
        return Mode(self.planned.mode) if self.planned else Mode.DUE

    @property
    def id(self) -> int:
        assert self.load_id is not None, "the load has not begun"  # noqa: S101 - a fault of our own
        return self.load_id


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadResult:
    """How one attempt ended, and of which month."""

    partition: Partition
    load_id: int | None
    outcome: Outcome
    code: str
    reason: str
    remedy: str = ""


def open_load(
    settings: Settings, url: Secret, dataset: Dataset, partition: Partition, versions: Versions, run_id: int | None
) -> Load:
    """Open the connection of an attempt; it has no lock yet."""
    connection = connect(url)
    return Load(
        settings=settings,
        url=url,
        connection=connection,
        dataset=dataset,
        partition=partition,
        number=ledger.dataset_number(connection, dataset.name),
        versions=versions,
        run_id=run_id,
        planned=ledger.planned_partition(connection, run_id, partition) if run_id is not None else None,
    )


def take_lock(load: Load) -> bool:
    """Take the month's lock, if no other loader holds it; it is let go when the connection closes."""
    return try_lock(load.connection, load.number, load.partition.month)


def begin(load: Load) -> Ending | None:
    """Begin the attempt and judge the month again, now that nobody else can change it.

    Returns an ending when there is nothing left to do: another loader did it since the plan was made.
    """
    load.load_id = ledger.begin_attempt(
        load.connection,
        load.partition,
        run_id=load.run_id,
        contract_version=load.versions.contract,
        suite_version=load.versions.suite,
    )
    drop_left_staged(load.connection, load.partition)  # a sweep passes over a month whose killed loader is not yet gone
    (load.facts,) = read_facts(load.connection, load.dataset, (load.partition.month,))
    step = decide(load.facts, load.mode, load.versions, datetime.now(UTC).date())
    if load.planned is not None and step.current_load != load.planned.current_load:
        return Ending(
            outcome=Outcome.UNCHANGED,
            code="loaded-meanwhile",
            reason=f"Another loader published the month as load {step.current_load} in the meantime.",
        )
    if step.action is Action.SKIP:
        return Ending(outcome=Outcome.UNCHANGED, code="nothing-to-do", reason=f"Nothing to do: {step.reason}.")
    return None


def fetch_raw(load: Load) -> RawFile:
    """Get the month's file into the lake and note it; raises what ``tidemark.fetch.fetch`` raises."""
    settings = load.settings
    location = locate(load.dataset, load.partition.month, settings.source)
    ledger.record_source(load.connection, load.id, location.shown)
    try:
        raw = fetch(
            load.partition,
            location,
            Lake(settings.lake),
            Limits(seconds=settings.fetch_seconds, bytes=settings.fetch_bytes),
            seen=_seen(load.facts),
            stop=load.stop,
            progress=Progress(load.partition, "fetch", "MB", size=1_000_000),
        )
    except NotAtSource:
        absent = SourceSeen(url=location.shown, available=False, etag=None, last_modified=None, size=None, sha256=None)
        ledger.record_seen(load.connection, load.partition, absent)
        raise
    ledger.record_raw(load.connection, load.id, raw)
    return raw


def same_as_before(load: Load, raw: RawFile) -> Ending | None:
    """Return an ending when these bytes were published or rejected before, by the same contract and suite.

    What a person rejected stays so by whatever contract and suite, unless the backfill asks for it.
    """
    facts = load.facts
    word = facts.word if facts is not None and facts.word is not None and facts.word.sha256 == raw.sha256 else None
    before = word or (facts.current or facts.deciding if facts else None)
    asked_for = load.mode is Mode.ALL or (load.mode is Mode.REJECTED and facts is not None and facts.current is None)
    if before is None or asked_for or before.outcome not in (Outcome.PUBLISHED, Outcome.REJECTED):
        return None
    same_rules = (before.contract_version, before.suite_version) == (load.versions.contract, load.versions.suite)
    judged_otherwise = not same_rules or (facts is not None and facts.accepted_since is not None)
    if before.sha256 != raw.sha256 or (word is None and judged_otherwise):
        return None
    who = f"that {word.decision.by}" if word and word.decision else f"that load {before.load_id}"
    return Ending(
        outcome=Outcome.UNCHANGED,
        code="same-bytes",
        reason=f"The source has the same bytes {who} {before.outcome}.",
    )


def stage_raw(load: Load, raw: RawFile) -> Staged:
    """Stage the raw file, if its bytes are still those that were fetched, and note what was read and diverted.

    Raises ``Failed`` with the code ``lake-altered`` when they are not, and what ``tidemark.stage.stage`` raises.
    """
    Lake(load.settings.lake).verify(raw.path, raw.sha256)  # parquet has no checksum that a changed bit must break
    temporary = load.settings.home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    drop_staged(load.connection, load.partition.staging_table(load.id))  # of the try before, if there was one
    told = Progress(load.partition, "stage", "rows")
    staged = stage(load.connection, load.dataset, raw, load.id, temporary=temporary, stop=load.stop, progress=told)
    passed(Point.STAGED, load.partition)
    ledger.record_staged(load.connection, staged)
    for rule in load.dataset.row_rules:
        taken = staged.diverted.get(rule.code, 0)
        logger.info("%s: %s: %s rows before, %s after", load.partition, rule.code, f"{staged.rows_read:,}",
                    f"{staged.rows_read - taken:,}")  # fmt: skip
    _tell_columns(load.partition, "were dropped", staged.dropped)
    _tell_columns(load.partition, "come with it", [column.name for column in staged.added])
    return staged


def _tell_columns(partition: Partition, what: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - NAMED_IN_LOG:,} more" if len(names) > NAMED_IN_LOG else ""
        listed = ", ".join(names[:NAMED_IN_LOG])
        logger.warning("%s: columns that nobody knows %s: %s%s", partition, what, listed, more)


def read_history(load: Load) -> History:
    """Return what the month is compared with.

    Where too few of the months before it have a profile, as after an upgrade, those are made first.
    """
    connection, dataset, month = load.connection, load.dataset, load.partition.month
    history = ledger.read_history(connection, dataset.name, month)
    if len(history.months) >= ENOUGH or not make_profiles(
        connection, Lake(load.settings.lake), dataset, month, load.stop
    ):
        return history
    return ledger.read_history(connection, dataset.name, month)


def record_verdict(load: Load, verdict: Verdict) -> None:
    """Put what the gate said on record, before anything is done about it."""
    ledger.record_verdict(load.connection, load.id, verdict)
    passed(Point.AUDITED, load.partition)


def conclude(load: Load, verdict: Verdict) -> LoadResult:
    """Publish an accepted month, or quarantine a rejected one; either way the attempt has ended."""
    if isinstance(verdict, Accepted):
        prepare(load.connection, load.dataset, verdict.staged)
        passed(Point.INDEXED, load.partition)
        expected = load.facts.current.load_id if load.facts and load.facts.current else None
        published = publish(load.connection, load.url, load.dataset, verdict, expected_load=expected)
        return _published(published)
    return result_of(load, quarantine(load.connection, verdict))


def end(load: Load, ending: Ending) -> LoadResult:
    """Put the end of an attempt that published nothing on record, and drop what it staged.

    Where the connection is gone, another one is opened; where the database is gone, the attempt is left without an
    end, which the ledger shows as interrupted. The result is what the ledger says.
    """
    try:
        recorded = _put_on_record(load, ending)
        if recorded.outcome is not Outcome.INTERRUPTED:  # which is what another loader took this one for
            ending = recorded
    except (TidemarkError, psycopg2.Error) as error:
        logger.warning("%s: its end (%s) could not be put on record: %s", load.partition, ending.outcome, error)
    return result_of(load, ending)


def _put_on_record(load: Load, ending: Ending) -> Ending:
    """Return how the attempt has ended: as the ledger has it, if a COMMIT got there whose answer was lost."""
    if load.load_id is None:
        return ending
    try:
        return _end_attempt(load, load.load_id, ending)
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        if not load.connection.closed:
            raise
        load.connection = connect(load.url)  # it had broken before, and shows it only when it is used
        return _end_attempt(load, load.load_id, ending)


def _end_attempt(load: Load, load_id: int, ending: Ending) -> Ending:
    """Drop what was staged and end the attempt, in this order: on a full disk the one makes room for the other."""
    try:
        drop_staged(load.connection, load.partition.staging_table(load_id))
    except psycopg2.Error:  # somebody reads it, or made a view on it: the sweep of a later run drops it
        if load.connection.closed:
            raise
    return ledger.end_attempt(load.connection, load_id, ending)


def close(load: Load) -> None:
    """Let the month's lock go, and close the connection."""
    with suppress(psycopg2.Error):  # a connection that is lost has let it go
        unlock(load.connection, load.number, load.partition.month)
    load.connection.close()


def interrupt(load: Load) -> None:
    """Tell the stage that runs in another thread to stop: its download or its query."""
    load.stop.set()
    if not load.connection.closed:
        load.connection.cancel()


def ending_of(error: BaseException) -> Ending:
    """Say how an error ends an attempt: its outcome, and what a person reads."""
    if isinstance(error, TidemarkError):
        return Ending(outcome=_outcome_of(error), code=error.code, reason=error.message, remedy=error.remedy)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Ending(
            outcome=Outcome.FAILED,
            code="disk-full",
            reason=f"The disk is full: {error.filename or 'a temporary file'}.",
            remedy="Make room below TIDEMARK_HOME and TIDEMARK_LAKE, then run the same command again.",
        )
    return Ending(
        outcome=Outcome.FAILED,
        code="internal",
        reason=f"An error that Tidemark did not expect: {type(error).__name__}.",
        remedy="Its traceback is in the log of the run in Prefect; please report it.",
    )


def interrupted() -> Ending:
    return Ending(
        outcome=Outcome.INTERRUPTED,
        code="stopped",
        reason="The load was told to stop before it was done; nothing of it was published.",
        remedy="Run the same command again to go on.",
    )


def _outcome_of(error: TidemarkError) -> Outcome:
    if isinstance(error, BadFile):
        return Outcome.REJECTED
    if isinstance(error, NotAtSource):
        return Outcome.UNAVAILABLE
    if isinstance(error, Stopped):
        return Outcome.INTERRUPTED
    return Outcome.FAILED


def _seen(facts: Facts | None) -> Seen | None:
    seen = facts.seen if facts else None
    if seen is None or seen.sha256 is None:
        return None
    return Seen(url=seen.url, etag=seen.etag, last_modified=seen.last_modified, size=seen.size, sha256=seen.sha256)


def _published(published: Published) -> LoadResult:
    how = "reloaded" if published.reloaded else "loaded"
    return LoadResult(
        partition=published.partition,
        load_id=published.load_id,
        outcome=Outcome.PUBLISHED,
        code="published",
        reason=f"{published.rows:,} rows {how}, {published.rows_diverted:,} diverted.",
    )


def result_of(load: Load, ending: Ending) -> LoadResult:
    """Return how an attempt that published nothing has ended."""
    return LoadResult(
        partition=load.partition,
        load_id=load.load_id,
        outcome=ending.outcome,
        code=ending.code,
        reason=ending.reason,
        remedy=ending.remedy,
    )
