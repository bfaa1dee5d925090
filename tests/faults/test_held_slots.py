"""A backfill that was killed with the slots of both limits in its hands, and the same command right after it.

Prefect frees the slots of a dead holder when their lease ends, a minute later, which nothing here can hurry. So the two
scenarios are played side by side, each with a Prefect server of its own: one that stays, and one that is restarted.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from demo.generate import write_month
from deployments import prefect_server
from tests.depot import ask, opened
from tests.faulty_feed import Asked, Feed, Step, faulty_feed, response, serves
from tests.flows.shell import Ended, Shell
from tests.invariants import check_data, check_invariants
from tests.waiting import eventually
from tidemark.datasets import green
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.schema import ensure_schema
from tidemark.settings import Secret
from tidemark.warehouse import ensure_tables

pytestmark = pytest.mark.long

FIRST, SECOND = Month(2022, 5), Month(2022, 6)
BACKFILL = ("backfill", "green", str(FIRST), str(SECOND), "--json")
OUTCOMES = "select to_char(month, 'YYYY-MM'), coalesce(outcome, 'none') from tidemark.attempt order by load_id"
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
LONGEST_WAIT_S = 150  # two minutes, and the start of a command on a machine that has more to do
LONGEST_SILENCE_S = 30.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """How the command ended that came after the killed one: ``seconds`` from its start, ``told``: when it said why."""

    ended: Ended
    seconds: float
    told: float


@dataclass(kw_only=True)
class Play:
    """One killed backfill and the one after it, on a database, a home and a Prefect server of their own."""

    shell: Shell
    database: Secret
    home: Path
    restart: bool

    def all(self) -> Again:
        try:
            self._use(prefect_server.ensure_server(self.home, api_url=None))
            with faulty_feed() as feed:
                self.shell.settings["TIDEMARK_SOURCE"] = feed.address
                self._kill_with_both_slots(feed)
                check_data(self.database, "green")
                if self.restart:
                    prefect_server.stop_server(self.home)
                    self._use(prefect_server.ensure_server(self.home, api_url=None))
                return self._again()
        finally:
            prefect_server.stop_server(self.home)

    def _use(self, server: str) -> None:
        limits = {"TIDEMARK_SOURCE_LIMIT": "1", "TIDEMARK_WAREHOUSE_LIMIT": "1"}
        self.shell.settings |= {"PREFECT_API_URL": server, **limits}

    def _kill_with_both_slots(self, feed: Feed) -> None:
        """Kill it while one month is being staged, for which it needs a lock, and the other one is being fetched."""
        half_sent = threading.Event()
        bodies = [self._month(FIRST), self._month(SECOND)]

        def half_of_it(asked: Asked) -> Iterator[Step]:
            body = bodies[str(SECOND) in asked.target]
            yield response(body=body[: len(body) // 2], length=len(body))
            half_sent.set()
            yield 600.0

        def whole(asked: Asked) -> Iterator[Step]:
            yield from serves(bodies[str(SECOND) in asked.target])(asked)

        feed.answer(whole, half_of_it)  # whichever of them is the first
        with self._tables_locked(), self.shell.start(*BACKFILL) as running:
            assert half_sent.wait(120)
            with opened(self.database) as watcher:
                eventually(lambda: ask(watcher, WAITING) == [(1,)], "a month waits for the lock", patience_s=120)
            running.process.send_signal(signal.SIGKILL)
            running.ended()
        feed.answer(whole)

    def _again(self) -> Again:
        began = time.monotonic()
        with self.shell.start(*BACKFILL) as running:
            guard = threading.Timer(LONGEST_WAIT_S, running.process.kill)
            guard.start()
            running.until("waits: ")
            told = time.monotonic() - began
            ended = running.ended()
            guard.cancel()
        return Again(ended=ended, seconds=time.monotonic() - began, told=told)

    def _month(self, month: Month) -> bytes:
        return write_month(self.shell.temporary, "green", month, rows=1000).read_bytes()

    @contextmanager
    def _tables_locked(self) -> Iterator[None]:
        connection = connect(self.database)
        ensure_schema(connection, self.database)
        ensure_tables(connection, green.DATASET)
        holder = psycopg2.connect(self.database.reveal())
        try:
            ask(holder, "lock table trips.green in access exclusive mode")
            yield
        finally:
            holder.close()
            connection.close()


def test_a_backfill_after_a_killed_one_waits_for_its_slots_says_so_and_goes_on(
    new_database: Callable[[], Secret], tmp_path_factory: pytest.TempPathFactory
) -> None:
    plays = [
        Play(
            shell=Shell(folder=tmp_path_factory.mktemp("shell"), settings={"TIDEMARK_DATABASE_URL": database.reveal()}),
            database=database,
            home=tmp_path_factory.mktemp("server"),
            restart=restart,
        )
        for database, restart in ((new_database(), False), (new_database(), True))
    ]
    with ThreadPoolExecutor(2) as pool:
        for play, again in zip(plays, pool.map(Play.all, plays), strict=True):
            _assert_converged(play, again)


def _assert_converged(play: Play, again: Again) -> None:
    said = again.ended.stderr
    logger.info("restart %s: told after %.1f s, ended after %.1f s", play.restart, again.told, again.seconds)
    assert again.ended.status == 0, said
    assert again.ended.json["summary"] == {"published": 2}
    connection = connect(play.database)
    months = ask(connection, OUTCOMES)
    connection.close()
    for month in (FIRST, SECOND):
        assert [outcome for name, outcome in months if name == str(month)] == ["interrupted", "published"]
    check_invariants(play.database, "green")
    assert again.told < LONGEST_SILENCE_S
    assert "75 s" in said
