"""The parent: plan, freeze the plan, fan out a bounded window of months, report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

import prefect.runtime
from prefect import State, flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import get_client
from prefect.states import Completed, Failed
from pydantic import Field

from checks.gate import import_early
from checks.versions import versions_of
from flows.hooks import tell_people
from flows.limits import ensure_limits
from flows.load_month import PREFECT_GONE, load_month
from flows.threads import stop_if_cancelled
from flows.turns import Turns, in_turn
from tidemark import backfill as plans
from tidemark.backfill import Range, Run
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.partition import Partition
from tidemark.plan import Mode, Step
from tidemark.report import PartitionReport, RunReport, partition_json
from tidemark.session import Session, open_session
from tidemark.settings import read_settings

DEFAULT_WINDOW = 4
MOST = 2**63 - 1  # of a bigint
DATASET = "^[a-z][a-z0-9_]*$"  # what a parameter may be stands in the run's name and in Prefect's pages
MONTH = "^([0-9]{4}-[0-9]{2})?$"

logger = logging.getLogger("tidemark.flows")


@dataclass
class _Progress:
    """What the window shares: the months still to hand out, and how many failed so far.

    ``turns``: in which they come to the gate; none from the newest on, where those before are loaded later.
    ``away``: the Prefect server is gone, so that each further month would cost a minute and come to nothing.
    """

    steps: Iterator[Step]
    stop_after: int | None
    turns: Turns | None
    failures: int = 0
    away: bool = False
    lost: list[Partition] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        return self.away or (self.stop_after is not None and self.failures >= self.stop_after)


def _run_name() -> str:
    given = prefect.runtime.flow_run.parameters
    first, last = given.get("first"), given.get("last")
    months = f"{first} to {last}" if first and last else first or "everything"
    return f"backfill {given.get('dataset')} {months}, {given.get('mode')}"


@flow(name="backfill", flow_run_name=_run_name, persist_result=False)
async def backfill(
    dataset: Annotated[str, Field(max_length=30, pattern=DATASET)],
    first: Annotated[str | None, Field(max_length=7, pattern=MONTH)] = None,
    last: Annotated[str | None, Field(max_length=7, pattern=MONTH)] = None,
    mode: Literal["due", "failed", "rejected", "stale", "all"] = "due",
    window: Annotated[int, Field(ge=1, le=32)] = DEFAULT_WINDOW,
    newest_first: bool = False,
    stop_after: Annotated[int | None, Field(ge=1, le=MOST)] = None,
    run_id: Annotated[int | None, Field(ge=1, le=MOST)] = None,
) -> State[RunReport]:
    """Load the months of a range that the mode takes, a window at a time, and report what became of them.

    Ends Failed if a month failed or the source is silent, Completed with the name Rejected if months were
    rejected, else Completed. One month's failure does not stop the others.

    Args:
        dataset: Which dataset, e.g. green.
        first: First month, YYYY-MM; empty: the dataset's first.
        last: Last month, YYYY-MM; empty: the first alone, and without a first the last whole month.
        mode: Which months of the range are taken; due is what is missing, failed, interrupted or unavailable.
        window: Months at work at once.
        newest_first: Begin with the newest month.
        stop_after: End after this many failed months; empty: go through all of them.
        run_id: A run whose plan is frozen already; empty: a new one.
    """  # Prefect's forms show what stands under Args
    session = await asyncio.to_thread(open_session, read_settings())
    chosen = plans.make_range(session, dataset, first, last)
    await ensure_limits(session.settings.source_limit, session.settings.warehouse_limit)
    run = await asyncio.to_thread(_run, session, chosen, Mode(mode), run_id)
    steps = tuple(reversed(run.plan.taken)) if newest_first else run.plan.taken
    turns = None if newest_first else Turns(step.partition.month for step in steps)
    progress = _Progress(steps=iter(steps), stop_after=stop_after, turns=turns)
    await _fan_out(progress, run.run_id, min(window, len(steps)))
    if progress.away:
        progress.lost += [step.partition for step in progress.steps]
    report = await asyncio.to_thread(_end, session, chosen, run.run_id, tuple(progress.lost))
    await asyncio.to_thread(tell_people, session.settings, chosen, report)
    if not progress.away:
        await _publish_coverage(chosen, report)
    return _state(chosen, report)


async def _fan_out(progress: _Progress, run_id: int, window: int) -> None:
    stop_if_cancelled()
    with in_turn(progress.turns):
        async with asyncio.TaskGroup() as group:
            if window:
                group.create_task(asyncio.to_thread(import_early))  # while the first files are on their way
            for _ in range(window):
                group.create_task(_work(progress, run_id))


async def _work(progress: _Progress, run_id: int) -> None:
    """One place of the window: takes the next month until there is none, or too many have failed."""
    for step in progress.steps:
        if progress.stopped:
            return
        try:
            result = await _load(step.partition, run_id)
        finally:
            if progress.turns is not None:
                progress.turns.is_over(step.partition.month)
        stop_if_cancelled()
        if result is None or result.outcome is Outcome.FAILED:
            progress.failures += 1
        if result is None or (result.outcome is Outcome.FAILED and result.load_id is None):
            progress.lost.append(step.partition)
        if (result is None or result.code == PREFECT_GONE) and not progress.away:
            progress.away = await _prefect_is_away()


async def _load(partition: Partition, run_id: int) -> LoadResult | None:
    """Run one month as a subflow; nothing comes back when its run broke, which must not stop the other months."""
    try:
        state = await load_month(partition.dataset, str(partition.month), run_id, return_state=True)
        result = await state.aresult(raise_on_failure=False)
    except Exception as error:  # noqa: BLE001 - most likely the Prefect server is away
        logger.error("%s: its run broke: %s", partition, type(error).__name__)  # noqa: TRY400 - no traceback for people
        return None
    if isinstance(result, LoadResult) and result.partition == partition:
        return result
    logger.error("%s: its run ended without a result of this month: %s", partition, state.message)
    return None


async def _prefect_is_away() -> bool:
    async with get_client() as client:
        error = await client.api_healthcheck()
    if error is not None:
        logger.error("the Prefect server is away (%s): no further month is begun", type(error).__name__)
    return error is not None


def _run(session: Session, chosen: Range, mode: Mode, run_id: int | None) -> Run:
    with session.writing() as connection:
        if run_id is not None:
            return plans.frozen_run(connection, chosen, run_id)
        return plans.begin_run(connection, session, chosen, mode, versions_of(chosen.dataset))


def _end(session: Session, chosen: Range, run_id: int, lost: tuple[Partition, ...]) -> RunReport:
    with session.writing() as connection:
        return plans.end_run(connection, chosen, versions_of(chosen.dataset), run_id, lost=lost)


async def _publish_coverage(chosen: Range, report: RunReport) -> None:
    """Show the coverage in the Prefect UI, as a table of one line a month."""
    first, last = chosen.months[0], chosen.months[-1]
    try:
        await acreate_table_artifact(
            key=f"coverage-{chosen.dataset.name.replace('_', '-')}",
            table=[_line(partition) for partition in report.partitions],
            description=f"{chosen.dataset.title}, {first} to {last}",
        )
    except Exception as error:  # noqa: BLE001 - the months have ended, whether this is shown or not
        logger.warning("%s: the coverage could not be shown in Prefect: %s", chosen.title, type(error).__name__)


def _line(report: PartitionReport) -> dict[str, object]:
    said, last = partition_json(report), report.last
    return {
        "month": said["month"],
        "state": said["state"],
        "verdict": said["verdict"] or "",
        "flags": ", ".join(sorted(report.flags)),
        "rows published": said["rows_published"],
        "rows diverted": said["rows_diverted"],
        "last attempt": f"{last.outcome}: {last.reason}" if last else "",
    }


def _state(chosen: Range, report: RunReport) -> State[RunReport]:
    counts = ", ".join(f"{count} {state}" for state, count in report.summary.items())
    message = f"{chosen.title}: {counts}"
    if report.exit_status == 1:
        return Failed(message=message, data=report)
    if report.exit_status == 3:
        return Completed(name="Rejected", message=message, data=report)
    return Completed(message=message, data=report)
