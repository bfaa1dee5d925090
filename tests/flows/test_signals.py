"""Ctrl-C, SIGTERM and SIGKILL in the middle of a backfill, and the same command again after each of them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from demo.generate import write_month
from tests.depot import ask, opened
from tests.faulty_feed import Asked, Step, faulty_feed, response, serves
from tests.flows.conftest import Once
from tests.flows.shell import Ended, PrefectApi, Shell
from tests.invariants import check_invariants
from tests.waiting import eventually
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.settings import Secret

pytestmark = pytest.mark.long

MONTHS = (Month(2022, 5), Month(2022, 6))
BACKFILL = ("backfill", "green", "2022-05", "2022-06", "--json")
STAGED = "select tablename::text from pg_tables where schemaname = 'staging' order by 1"
OUTCOMES = "select outcome, code from tidemark.attempt order by load_id"
RUNS = "select exit_status from tidemark.run order by run_id"
HELD = """
    select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and datname = current_database()
"""
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """What was to be seen after a command was stopped."""

    ended: Ended
    status: Ended
    staged: list[str]
    outcomes: list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """One backfill, stopped while it fetches, while it stages and while it publishes, then left alone."""

    database: str
    interrupted: Stopped
    terminated: Stopped
    killed: Stopped
    finished: Stopped
    runs: list[tuple[Any, ...]]


class Play:
    def __init__(self, shell: Shell, database: Secret) -> None:
        self.shell = shell
        self.database = database
        self.bodies: dict[str, bytes] = {}
        for month in MONTHS:
            path = write_month(shell.temporary, "green", month, rows=1000)
            self.bodies[f"/{path.name}"] = path.read_bytes()
            path.unlink()

    def all(self) -> Signals:
        with faulty_feed() as feed:
            self.shell.settings["TIDEMARK_SOURCE"] = feed.address
            arrived = threading.Semaphore(0)

            def half_of_it(asked: Asked) -> Iterator[Step]:
                body = self.bodies[asked.target]
                yield response(body=body[: len(body) // 2], length=len(body))
                arrived.release()
                yield 600.0

            feed.answer(half_of_it)
            interrupted = self._interrupt_fetches(arrived)
            feed.answer(lambda asked: serves(self.bodies[asked.target])(asked))
            return Signals(
                interrupted=interrupted,
                terminated=self._terminate_stages(),
                killed=self._kill_publications(),
                finished=self._look(self.shell.run(*BACKFILL)),
                database=self.database.reveal(),
                runs=self.ask(RUNS),
            )

    def _interrupt_fetches(self, arrived: threading.Semaphore) -> Stopped:
        with self.shell.start(*BACKFILL) as running:
            assert all(arrived.acquire(timeout=120) for _ in MONTHS)
            running.process.send_signal(signal.SIGINT)
            return self._look(running.ended())

    def _terminate_stages(self) -> Stopped:
        with self._locked("access exclusive"), self.shell.start(*BACKFILL) as running:
            self._wait_for(WAITING, len(MONTHS), "both months wait for the lock")
            running.process.send_signal(signal.SIGTERM)
            return self._look(running.ended())

    def _kill_publications(self) -> Stopped:
        # readers and staging go on under this lock, ATTACH does not; the slot of a killed task is lost for a minute,
        # so that one month at a time leaves the other slot to those who come next
        window = ("--window", "1")
        with self._locked("share update exclusive"), self.shell.start(*BACKFILL, *window) as running:
            running.until(f"green {MONTHS[0]}: audit: accepted")
            running.process.send_signal(signal.SIGKILL)
            return self._look(running.ended())

    def _look(self, ended: Ended) -> Stopped:
        self._wait_for(HELD, 0, "no month is held")
        return Stopped(
            ended=ended,
            status=self.shell.run("status", "green", "2022-05", "2022-06", "--json"),
            staged=[table for (table,) in self.ask(STAGED)],
            outcomes=self.ask(OUTCOMES),
        )

    def _wait_for(self, query: str, count: int, what: str) -> None:
        with opened(self.database) as connection:
            eventually(lambda: ask(connection, query) == [(count,)], what, patience_s=120)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        connection = connect(self.database)
        try:
            return ask(connection, query)
        finally:
            connection.close()

    @contextmanager
    def _locked(self, mode: str) -> Iterator[None]:
        connection = psycopg2.connect(self.database.reveal())
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("lock table trips.green in {} mode").format(sql.SQL(mode)))
            yield
        finally:
            connection.close()


@pytest.fixture(scope="module")
def signals(once: Once[Signals], make_shell: Callable[[Secret], Shell], new_database: Callable[[], Secret]) -> Signals:
    def play() -> Signals:
        database = new_database()
        return Play(make_shell(database), database).all()

    return once("signals", play)


def states(ended: Ended) -> list[tuple[str, str]]:
    return [(partition["state"], partition["last_attempt"]["outcome"]) for partition in ended.json["partitions"]]


@pytest.mark.parametrize(("name", "status"), [("interrupted", 130), ("terminated", 143)])
def test_a_stopped_backfill_ends_its_attempts_and_says_how_things_stand(
    signals: Signals, name: str, status: int
) -> None:
    stopped: Stopped = getattr(signals, name)
    assert stopped.ended.status == stopped.ended.json["exit"] == status, stopped.ended.stderr
    assert states(stopped.ended) == states(stopped.status) == [("failed", "interrupted")] * 2
    assert set(stopped.outcomes) == {("interrupted", "stopped")}
    assert stopped.staged == []
    assert stopped.ended.stderr.count("stopping: ") == 1
    assert "Traceback" not in stopped.ended.stderr
    assert "Error" not in stopped.ended.stderr


def test_a_killed_backfill_is_seen_as_interrupted_before_anybody_cleans_up(signals: Signals) -> None:
    killed = signals.killed
    assert (killed.ended.status, killed.ended.stdout) == (-signal.SIGKILL, "")
    assert killed.outcomes[-1] == (None, None)
    assert len(killed.staged) == 2  # the month's rows and the diverted ones
    assert killed.status.status == 1
    assert states(killed.status) == [("failed", "interrupted")] * 2
    assert [partition["flags"] for partition in killed.status.json["partitions"]] == [["overdue"]] * 2


def test_the_same_command_converges_after_all_of_it(signals: Signals) -> None:
    finished = signals.finished
    assert finished.ended.status == 0, finished.ended.stderr
    assert states(finished.ended) == [("published", "published")] * 2
    assert finished.outcomes == [
        *[("interrupted", "stopped")] * 4,
        ("interrupted", "interrupted"),
        *[("published", "published")] * 2,
    ]
    assert signals.runs == [(130,), (143,), (None,), (0,)]
    check_invariants(Secret(signals.database), "green")


def test_stopped_runs_are_not_left_running_in_prefect(signals: Signals, prefect: PrefectApi) -> None:
    assert signals.finished.ended.status == 0
    interrupted, terminated, _, finished = prefect.runs_named("backfill green 2022-05 to 2022-06, due")
    for run in (interrupted, terminated):
        assert run["state_type"] in ("CANCELLED", "CRASHED"), run["state"]
        assert {month["state_type"] for month in prefect.months_of(run)} <= {"CANCELLED", "CRASHED"}
    assert finished["state_type"] == "COMPLETED"
