"""Loaders and backfills of the same months at once: one publishes at a time, who lost the lock publishes nothing."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from itertools import cycle
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from tests.depot import FEBRUARY, RIDES, Depot, ask, rides_of, write_rides
from tests.faults.readers import Poller, Way
from tests.flows.shell import Shell
from tests.flows.test_load_month import attempts, held, make_source
from tests.invariants import check_data, check_invariants
from tests.points import at_points
from tidemark import load as stages
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.months import Month, months_between
from tidemark.plan import Mode
from tidemark.points import Point
from tidemark.postgres import Connection
from tidemark.settings import Secret, read_settings

LOADERS = 6
PATIENCE_S = 90.0
HEAVY = ["pandas", "pyarrow.parquet", "pgpq", "great_expectations.expectations", "checks.gate", "tests.depot"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What one loader in a process of its own needs; one that ``insists`` goes on until it has published."""

    home: Path
    source: Path
    url: str
    mode: Mode
    insists: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """How one attempt of a loader ended; ``source``: the name of the folder that it loaded from."""

    source: str
    outcome: str
    code: str
    load_id: int


def loader(job: Job, start: Any, results: Any) -> None:
    """Plan FEBRUARY as a run of its own, begin with the others, wait for the lock as the flow does, and load."""
    settings = read_settings({"TIDEMARK_HOME": str(job.home), "TIDEMARK_SOURCE": str(job.source)})
    depot = Depot(source=job.source, settings=settings, url=Secret(job.url))
    run = depot.plan(FEBRUARY, job.mode)
    start.wait(PATIENCE_S)
    while True:
        result = load_when_free(depot, run)
        assert result.load_id is not None
        results.put(Played(source=job.source.name, outcome=result.outcome, code=result.code, load_id=result.load_id))
        if result.outcome is Outcome.PUBLISHED or not job.insists:
            return
        run = depot.plan(FEBRUARY, job.mode)


def load_when_free(depot: Depot, run: int) -> LoadResult:
    partition = depot.dataset.partition(FEBRUARY)
    load = stages.open_load(depot.settings, depot.url, depot.dataset, partition, depot.versions, run)
    try:
        while not stages.take_lock(load):
            time.sleep(0.02)
        return depot.ended(load, lambda: depot._attempt(load))
    finally:
        stages.close(load)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Makes processes that have imported what is heavy, forked from one that has no connections and no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    return context


def played(processes: ForkServerContext, jobs: list[Job]) -> list[Played]:
    """Let loaders begin at the same moment, and return how their attempts ended."""
    start, results = processes.Barrier(len(jobs)), processes.SimpleQueue()
    running = [processes.Process(target=loader, args=(job, start, results)) for job in jobs]
    for process in running:
        process.start()
    try:
        for process in running:
            process.join(PATIENCE_S)
        assert [process.exitcode for process in running] == [0] * len(jobs)
    finally:
        for process in running:
            process.kill()
    ended = []
    while not results.empty():
        ended.append(results.get())
    return ended


def jobs_of(depot: Depot, mode: Mode) -> list[Job]:
    job = Job(home=depot.settings.home, source=depot.source, url=depot.url.reveal(), mode=mode)
    return [job] * LOADERS


@pytest.mark.parametrize("mode", [Mode.DUE, Mode.ALL], ids=["a first load", "a reload"])
def test_of_loaders_that_were_planned_at_once_one_publishes(
    depot: Depot, connection: Connection, processes: ForkServerContext, mode: Mode
) -> None:
    if mode is Mode.ALL:
        depot.write(FEBRUARY, 100)
        depot.load(FEBRUARY)
    depot.write(FEBRUARY, 50, price=2.0, seatless=(1, 2))
    ended = played(processes, jobs_of(depot, mode))
    assert Counter((each.outcome, each.code) for each in ended) == {
        ("published", "published"): 1,
        ("unchanged", "loaded-meanwhile"): LOADERS - 1,
    }
    (winner,) = (each.load_id for each in ended if each.outcome == "published")
    assert rides_of(connection, FEBRUARY) == {(2.0, 48)}
    assert ask(connection, "select distinct load_id from trips.rides") == [(winner,)]
    check_invariants(depot.url, "rides")


def test_loaders_of_a_file_that_changes_all_the_time_publish_one_of_its_versions(
    depot: Depot, connection: Connection, processes: ForkServerContext
) -> None:
    path = depot.write(FEBRUARY, 100, price=1.0)
    versions = {1.0: path.read_bytes(), 2.0: depot.write(FEBRUARY, 50, price=2.0).read_bytes()}
    stop = threading.Event()

    def change() -> None:
        for price in cycle(versions):
            new = path.with_suffix(".new")
            new.write_bytes(versions[price])
            new.replace(path)
            if stop.wait(0.005):
                return

    changing = threading.Thread(target=change)
    changing.start()
    try:
        ended = played(processes, jobs_of(depot, Mode.DUE))
    finally:
        stop.set()
        changing.join()
    count = Counter((each.outcome, each.code) for each in ended)
    refused = count.pop(("failed", "source-changed"), 0)  # the flow would try again
    assert count == {("published", "published"): 1, ("unchanged", "loaded-meanwhile"): LOADERS - 1 - refused}
    assert rides_of(connection, FEBRUARY) in ({(1.0, 100)}, {(2.0, 50)})
    check_invariants(depot.url, "rides")


def test_loaders_that_want_to_publish_anyway_do_so_one_after_the_other(
    depot: Depot, connection: Connection, processes: ForkServerContext
) -> None:
    """Each has a source of its own and one lake with the others; readers see the month of one of them at a time."""
    depot.write(FEBRUARY, 50, price=0.0)
    depot.load(FEBRUARY)
    jobs = []
    for number, job in enumerate(jobs_of(depot, Mode.ALL), start=1):
        source = depot.source / str(number)
        source.mkdir()
        write_rides(source / RIDES.file_name(FEBRUARY), FEBRUARY, 50 + number, price=float(number), seatless=(number,))
        jobs.append(replace(job, source=source, insists=True))
    poller = Poller(depot.url, RIDES.partition(FEBRUARY), Way.parent)
    poller.start()
    ended = played(processes, jobs)
    poller.stop()
    assert poller.error is None
    published = [each for each in ended if each.outcome == "published"]
    assert sorted(each.source for each in published) == [str(number) for number in range(1, LOADERS + 1)]
    assert {(each.outcome, each.code) for each in ended} <= {
        ("published", "published"),
        ("unchanged", "loaded-meanwhile"),
    }
    last = max(published, key=lambda each: each.load_id)
    assert rides_of(connection, FEBRUARY) == {(float(last.source), 49 + int(last.source))}
    of_load = {each.load_id: int(each.source) for each in published} | {1: 0}
    for look in poller.looks:
        ((load_id, rows, *_, most),) = look[FEBRUARY.first_day]
        assert (rows, most) == (49 + of_load[load_id] if load_id > 1 else 50, of_load[load_id])
    seen = [load_id for look in poller.looks for load_id, *_ in look[FEBRUARY.first_day]]
    assert seen == sorted(seen)
    check_invariants(depot.url, "rides")


# ---- a lock that is lost


LOST_AT = [
    (False, Point.STAGED),
    (False, Point.INDEXED),
    (False, Point.COMMITTING),
    (True, Point.AUDITED),
    (True, Point.REPLACING),
    (True, Point.COMMITTING),
]


@pytest.mark.parametrize(("there", "at"), LOST_AT, ids=lambda value: value.name if isinstance(value, Point) else None)
def test_a_loader_that_lost_its_lock_to_another_one_publishes_nothing(
    depot: Depot, connection: Connection, there: bool, at: Point
) -> None:
    if there:
        depot.write(FEBRUARY, 10, price=0.0)
        depot.load(FEBRUARY)
    depot.write(FEBRUARY, 100, price=1.0)
    second: list[LoadResult] = []

    def lose(point: Point) -> None:
        if point is not at or second:
            return
        second.append(
            LoadResult(partition=RIDES.partition(FEBRUARY), load_id=None, outcome=Outcome.FAILED, code="", reason="")
        )
        (loader,) = (load for load in depot.opened if not load.connection.closed)
        assert ask(connection, "select pg_terminate_backend(%s, 10000)", loader.connection.info.backend_pid) == [
            (True,)
        ]
        depot.write(FEBRUARY, 50, price=2.0)
        second[0] = depot.load(FEBRUARY)
        check_data(depot.url, "rides")

    with at_points(lose):
        first = depot.load(FEBRUARY)
    assert [result.outcome for result in second] == [Outcome.PUBLISHED]
    assert (first.outcome, first.code) == (Outcome.FAILED, "connection-lost")
    assert first.remedy
    assert rides_of(connection, FEBRUARY) == {(2.0, 50)}
    newest, before, *_ = depot.history(FEBRUARY)
    assert (newest.load_id, newest.outcome) == (second[0].load_id, Outcome.PUBLISHED)
    assert (before.load_id, before.outcome) == (first.load_id, Outcome.INTERRUPTED)
    check_invariants(depot.url, "rides")


# ---- whole backfills


def test_backfills_from_both_ends_publish_each_month_once(
    prefect_url: str, database_url: Secret, tmp_path: Path
) -> None:
    """One takes what is due from the oldest, one takes all from the newest; both planned before either began."""
    months = months_between(Month(2021, 1), Month(2021, 6))
    settings = {
        "PREFECT_API_URL": prefect_url,
        "TIDEMARK_DATABASE_URL": database_url.reveal(),
        "TIDEMARK_SOURCE": str(make_source(tmp_path / "source", months)),
        "TIDEMARK_SOURCE_LIMIT": "3",  # as everybody on this Prefect server
    }
    shell = Shell(folder=tmp_path, settings=settings)
    command = ("backfill", "green", "2021-01", "2021-06", "--window", "2", "--json")
    with shell.start(*command) as due, shell.start(*command, "--mode", "all", "--newest-first") as every:
        with held(database_url, "green", months):
            due.until("2021-01: waits", "2021-02: waits")
            every.until("2021-06: waits", "2021-05: waits")
        ended = due.ended(), every.ended()
    for each in ended:
        assert (each.status, each.json["summary"]) == (0, {"published": 6}), each.stderr
    tried = attempts(database_url.reveal())
    assert Counter((month, outcome) for month, outcome, _ in tried) == {
        (str(month), outcome): 1 for month in months for outcome in ("published", "unchanged")
    }
    assert {run for _, outcome, run in tried if outcome == "published"} == {1, 2}, "one of them had nothing to do"
    check_invariants(database_url, "green")
