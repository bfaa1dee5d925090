"""One partition through the stages: fetch, stage, audit, publish; one attempt in the ledger, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import prefect.runtime
from prefect import State, Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.exceptions import PrefectException
from prefect.states import Completed, Failed
from prefect.tasks import exponential_backoff

from checks.gate import audit as audit_staged
from checks.pages.page import write_page
from checks.versions import versions_of
from flows.limits import SOURCE_TAG, WAREHOUSE_TAG
from flows.threads import in_thread
from flows.turns import my_turn
from tidemark import load as stages
from tidemark.errors import BadFile, NotAtSource, Stopped, Transient
from tidemark.fetch import RawFile
from tidemark.ledger import Ending, Outcome
from tidemark.load import Load, LoadResult
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.session import open_session
from tidemark.settings import read_settings
from tidemark.stage import Staged
from tidemark.verdict import Rejected, Verdict

LOCK_POLL_S = 0.5
FETCH_RETRIES = 3
PREFECT_LOST = (httpx.TransportError, PrefectException, ConcurrencySlotAcquisitionError)
PREFECT_GONE = "prefect-unreachable"
LONGEST_WAIT_S = 60.0

logger = logging.getLogger("tidemark.flows")

T = TypeVar("T")


class _Over(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


def mendable(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether trying a task again may help: only for what its error says so."""
    return isinstance(state.data, Transient)


# of every task: tried again later and later, and only for what that can mend; nothing is cached or kept
AGAIN: Mapping[str, Any] = {
    "retry_delay_seconds": exponential_backoff(1),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": mendable,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@flow(name="load_month", flow_run_name="{dataset} {month}", persist_result=False, validate_parameters=False)
async def load_month(dataset: str, month: str, run_id: int | None = None) -> State[LoadResult]:
    """Load one month: wait for its lock, judge it again, and take it through the stages.

    ``run_id``: the backfill whose frozen plan says what to do; without one, the month is loaded if it is due.
    """
    session = await asyncio.to_thread(open_session, read_settings())
    found = session.dataset(dataset)
    partition = Partition(found.name, Month.parse(month))
    load = await asyncio.to_thread(
        stages.open_load, session.settings, session.url, found, partition, versions_of(found), run_id
    )
    try:
        return _state(await _attempt(load))
    finally:
        stages.close(load)


async def _attempt(load: Load) -> LoadResult:
    try:
        await _lock(load)
        _go_on(await in_thread(load, lambda: stages.begin(load)))
        raw = _go_on(await fetch(load))
        _go_on(stages.same_as_before(load, raw))
        staged = _go_on(await stage(load, raw))
        await my_turn(load.partition.month)
        verdict = await audit(load, staged, raw)
        result = await publish(load, verdict)
    except _Over as over:
        result = await asyncio.to_thread(stages.end, load, over.ending)
    except asyncio.CancelledError:
        stages.end(load, stages.interrupted())  # not awaited: this flow is being cancelled
        raise
    except PREFECT_LOST as error:
        result = await asyncio.to_thread(stages.end, load, _prefect_lost(error))
    except Exception as error:
        ending = stages.ending_of(error)
        if ending.code == "internal":
            logger.exception("%s: %s", load.partition, ending.reason)
        result = await asyncio.to_thread(stages.end, load, ending)
    _tell(result)
    return result


@task(
    task_run_name="fetch {load.partition}",
    tags=[SOURCE_TAG],
    retries=FETCH_RETRIES,
    **AGAIN,
)
async def fetch(load: Load) -> RawFile | Ending:
    """Get the month's file into the lake; an ending when the source does not have it."""
    try:
        raw = await in_thread(load, lambda: stages.fetch_raw(load))
    except NotAtSource as error:
        return stages.ending_of(error)
    except Transient as error:
        said, tried = error.message.removeprefix(f"{load.partition}: "), prefect.runtime.task_run.run_count
        logger.warning("%s: fetch: %s (try %s of %s)", load.partition, said, tried, FETCH_RETRIES + 1)
        await asyncio.sleep(min(error.retry_after or 0.0, LONGEST_WAIT_S))  # with the slot: the source asked for peace
        raise
    how = "fetched" if raw.downloaded else "as in the lake"
    size = f"{raw.size / 1e6:.1f} MB" if raw.size >= 100_000 else f"{raw.size:,} bytes"
    logger.info("%s: fetch: %s %s", load.partition, size, how)
    return raw


@task(
    task_run_name="stage {load.partition}",
    tags=[WAREHOUSE_TAG],
    retries=2,
    **AGAIN,
)
async def stage(load: Load, raw: RawFile) -> Staged | Ending:
    """Copy the file's rows into a staging table; an ending when the file is bad."""
    try:
        staged = await in_thread(load, lambda: stages.stage_raw(load, raw))
    except BadFile as error:
        return stages.ending_of(error)
    logger.info("%s: stage: %s rows, %s diverted", load.partition, f"{staged.rows:,}", f"{staged.rows_diverted:,}")
    return staged


@task(
    task_run_name="audit {load.partition}",
    tags=[WAREHOUSE_TAG],
    retries=2,
    **AGAIN,
)
async def audit(load: Load, staged: Staged, raw: RawFile) -> Verdict:
    """Let the gate judge the staged table, against the months before it too, and put what it said on record."""

    def judge() -> Verdict:
        history = stages.read_history(load)
        verdict = audit_staged(load.url, load.dataset, staged, raw=raw.path, history=history, stop=load.stop)
        write_page(load.settings.home, load.dataset, verdict, history)
        stages.record_verdict(load, verdict)
        return verdict

    verdict = await in_thread(load, judge)
    said = "rejected" if isinstance(verdict, Rejected) else "warned" if verdict.warned else "accepted"
    passed = sum(finding.passed and not finding.errored for finding in verdict.findings)
    logger.info("%s: audit: %s, %s of %s checks passed", load.partition, said, passed, len(verdict.findings))
    return verdict


@task(
    task_run_name="publish {load.partition}",
    tags=[WAREHOUSE_TAG],
    retries=2,
    **AGAIN,
)
async def publish(load: Load, verdict: Verdict) -> LoadResult:
    """Make an accepted month visible, or move a rejected one to the quarantine."""
    return await in_thread(load, lambda: stages.conclude(load, verdict))


async def _lock(load: Load) -> None:
    """Wait until no other loader holds the month; no task and so no slot of a limit is held meanwhile."""
    told = False
    while not await in_thread(load, lambda: stages.take_lock(load)):
        if load.stop.is_set():
            raise Stopped("The load was stopped while it waited.", remedy="Run the same command again to go on.")
        if not told:
            logger.info("%s: waits: another loader holds it", load.partition)
            told = True
        await asyncio.sleep(LOCK_POLL_S)


def _go_on(value: T | Ending | None) -> T:
    if isinstance(value, Ending):
        raise _Over(value)
    return value  # type: ignore[return-value]  # none stands only where the next stage asks for nothing


def _prefect_lost(error: Exception) -> Ending:
    return Ending(
        outcome=Outcome.FAILED,
        code=PREFECT_GONE,
        reason=f"The Prefect server went away while the month was at work ({type(error).__name__}).",
        remedy="See tidemark doctor, then run the same command again.",
    )


def _tell(result: LoadResult) -> None:
    reason = result.reason.removeprefix(f"{result.partition}: ")
    line = f"{result.partition}: {result.outcome}: {reason}"
    if result.outcome in (Outcome.FAILED, Outcome.REJECTED):
        logger.warning("%s %s", line, result.remedy)
    else:
        logger.info("%s", line)


def _state(result: LoadResult) -> State[LoadResult]:
    message = f"{result.code}: {result.reason} {result.remedy}".strip()
    if result.outcome is Outcome.FAILED:
        return Failed(message=message, data=result)
    return Completed(name=result.outcome.value.capitalize(), message=message, data=result)
