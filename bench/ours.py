"""Tidemark, as a worker: a warm process that loads months, through Prefect or through the plain stages."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.answering import Stopwatch, answer
from checks.versions import versions_of
from deployments.local import Pace, run_backfill
from tidemark import backfill as plans
from tidemark import load as stages
from tidemark.backfill import Range, Run
from tidemark.fetch import RawFile
from tidemark.history import History, PastMonth
from tidemark.ledger import Outcome
from tidemark.load import Load
from tidemark.months import Month, months_between
from tidemark.partition import Partition
from tidemark.plan import Mode
from tidemark.profile import Profile, profile_month
from tidemark.session import Session, open_session
from tidemark.settings import read_settings
from tidemark.stage import Staged
from tidemark.verdict import Verdict
from tidemark.warehouse import count_rows

PAST_MONTHS = 24


def under_prefect(dataset: str, first: str, last: str, window: int) -> Mapping[str, Any]:
    """Load months, published ones anew, as ``tidemark backfill`` does once its process has started."""
    with Stopwatch() as watch:
        session, chosen, run = _begin(dataset, first, last)
        pace = Pace(window=window, newest_first=False, stop_after=None)
        report = run_backfill(
            session.settings, chosen, run, pace, on_wait=lambda _: None, on_signal=lambda: None
        )  # fmt: skip
    if report.exit_status != 0:
        raise RuntimeError(f"the backfill ended with {report.exit_status}: {report.summary}")
    return {"seconds": watch.seconds}


def plain(dataset: str, first: str, last: str, window: int) -> Mapping[str, Any]:
    """Load the same months by the same stages, in threads, without Prefect."""
    with Stopwatch() as watch:
        session, chosen, run = _begin(dataset, first, last)
        with ThreadPoolExecutor(window) as threads:
            for _ in threads.map(lambda step: _load(session, chosen, run, step.partition), run.plan.taken):
                pass
        with session.writing() as connection:
            report = plans.end_run(connection, chosen, versions_of(chosen.dataset), run.run_id)
    if report.exit_status != 0:
        raise RuntimeError(f"the months ended with {report.exit_status}: {report.summary}")
    return {"seconds": watch.seconds}


def stage(dataset: str, month: str) -> Mapping[str, Any]:
    """Stage a month from its raw file in the lake; the attempt ends there, and what it staged is dropped."""
    load = open_month(dataset, month)
    try:
        stages.begin(load)
        raw = stages.fetch_raw(load)
        with Stopwatch() as watch:
            staged = stages.stage_raw(load, raw)
        there = count_rows(load.connection, "staging", staged.table)
        stages.end(load, stages.interrupted())
    finally:
        stages.close(load)
    return {"seconds": watch.seconds, "rows_read": there + staged.rows_diverted}


def audit(dataset: str, month: str) -> Mapping[str, Any]:
    """Audit a staged month by its suite and against ``PAST_MONTHS`` like it; the attempt ends there."""
    from checks import gate

    load = open_month(dataset, month)
    try:
        stages.begin(load)
        raw = stages.fetch_raw(load)
        staged = stages.stage_raw(load, raw)
        history = _past_like(profile_month(load.dataset, raw.partition.month, raw.path), raw.partition)
        with Stopwatch() as watch:
            verdict = gate.audit(load.url, load.dataset, staged, raw=raw.path, history=history)
        stages.end(load, stages.interrupted())
    finally:
        stages.close(load)
    blocking = [finding.code for finding in verdict.findings if finding.blocks]
    if blocking:
        raise RuntimeError(f"{staged.partition} was rejected: {', '.join(blocking)}")
    return {"seconds": watch.seconds, "rows": verdict.rows}


def _past_like(profile: Profile, partition: Partition) -> History:
    first = Month(partition.month.year - PAST_MONTHS // 12, partition.month.number)
    months = [month for month in months_between(first, partition.month) if month != partition.month]
    return History(months=tuple(PastMonth(month=m, load_id=1, profile=profile) for m in months))


def open_month(dataset: str, month: str) -> Load:
    """Open a load of one month that holds its lock, in a run of its own; to be closed by the caller."""
    session, chosen, run = _begin(dataset, month, month)
    return _open(session, chosen, run, chosen.dataset.partition(chosen.months[0]))


def _begin(dataset: str, first: str, last: str) -> tuple[Session, Range, Run]:
    session = open_session(read_settings())
    chosen = plans.make_range(session, dataset, first, last)
    with session.writing() as connection:
        return session, chosen, plans.begin_run(connection, session, chosen, Mode.ALL, versions_of(chosen.dataset))


def _open(session: Session, chosen: Range, run: Run, partition: Partition) -> Load:
    versions = versions_of(chosen.dataset)
    load = stages.open_load(session.settings, session.url, chosen.dataset, partition, versions, run.run_id)
    if not stages.take_lock(load):
        raise RuntimeError(f"somebody holds {partition}")
    return load


def _load(session: Session, chosen: Range, run: Run, partition: Partition) -> None:
    load = _open(session, chosen, run, partition)
    try:
        if stages.begin(load) is not None:
            raise RuntimeError(f"there was nothing to do for {partition}")
        raw = stages.fetch_raw(load)
        if stages.same_as_before(load, raw) is not None:
            raise RuntimeError(f"the bytes of {partition} are the same as before")
        result = stages.conclude(load, _audited(load, stages.stage_raw(load, raw), raw))
        if result.outcome is not Outcome.PUBLISHED:
            raise RuntimeError(f"{partition} ended as {result.outcome}: {result.reason}")
    finally:
        stages.close(load)


def _audited(load: Load, staged: Staged, raw: RawFile) -> Verdict:
    from checks import gate

    history = stages.read_history(load)
    verdict = gate.audit(load.url, load.dataset, staged, raw=raw.path, history=history)
    stages.record_verdict(load, verdict)
    return verdict


if __name__ == "__main__":
    answer({"under_prefect": under_prefect, "plain": plain, "stage": stage, "audit": audit}, ())
