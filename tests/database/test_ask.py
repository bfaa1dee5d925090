"""Asking the source what it has: a feed on this machine, and what the ledger then knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo.feed import Faults, Feed
from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot
from tidemark import ask
from tidemark.errors import Unreachable
from tidemark.facts import Facts, Flag, State, read_facts
from tidemark.months import Month, months_between
from tidemark.plan import Mode
from tidemark.postgres import Connection
from tidemark.settings import read_settings

MONTHS = (JANUARY, FEBRUARY, MARCH)


@pytest.fixture
def feed(depot: Depot) -> Iterator[Feed]:
    """The depot's source, over HTTP."""
    with Feed(depot.source) as serving:
        depot.settings = read_settings({"TIDEMARK_HOME": str(depot.settings.home), "TIDEMARK_SOURCE": serving.url})
        yield serving


@contextmanager
def asked_at_once(together: int) -> Iterator[tuple[str, list[int]]]:
    """A source that answers only when so many ask at the same time; gives its address and how many did."""
    barrier, lock, counts, inside = threading.Barrier(together), threading.Lock(), [0], [0]

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            with lock:
                inside[0] += 1
                counts.append(inside[0])
            barrier.wait(20)
            with lock:
                inside[0] -= 1
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", counts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def facts(connection: Connection, *months: Month) -> tuple[Facts, ...]:
    return read_facts(connection, RIDES, months)


def test_what_is_there_and_what_is_not_is_noted(depot: Depot, feed: Feed, connection: Connection) -> None:
    path = depot.write(FEBRUARY)
    heard: list[tuple[int, int]] = []
    before = facts(connection, *MONTHS)
    assert ask.ask_source(connection, RIDES, feed.url, before, lambda done, total: heard.append((done, total))) == ()
    seen = {f.partition.month: f.seen for f in facts(connection, *MONTHS)}
    assert [s.available for s in seen.values() if s] == [False, True, False]
    found = seen[FEBRUARY]
    assert found is not None
    assert (found.size, found.sha256) == (path.stat().st_size, None)
    assert found.url == f"{feed.url}/{path.name}"
    assert found.etag
    assert found.last_modified
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert [f.state for f in facts(connection, *MONTHS)] == [State.MISSING] * 3


def test_eight_are_asked_at_a_time(connection: Connection) -> None:
    months = months_between(Month(2021, 1), Month(2022, 4))
    with asked_at_once(ask.AT_ONCE) as (address, counts):
        assert ask.ask_source(connection, RIDES, address, facts(connection, *months)) == ()
    assert len(counts) - 1 == len(months) == 2 * ask.AT_ONCE
    assert max(counts) == ask.AT_ONCE == 8


def test_a_published_month_is_stale_when_the_feed_shows_another_file(
    depot: Depot, feed: Feed, connection: Connection
) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    today = datetime.now(UTC).date()
    sha256 = depot.history(FEBRUARY)[0].sha256
    ask.ask_source(connection, RIDES, feed.url, facts(connection, FEBRUARY))
    (same,) = facts(connection, FEBRUARY)
    assert same.flags(RIDES, depot.versions, today) == frozenset()
    assert same.seen is not None
    assert same.seen.sha256 == sha256  # what was fetched before is still what is there
    depot.write(FEBRUARY, 50, price=2.0)
    ask.ask_source(connection, RIDES, feed.url, facts(connection, FEBRUARY))
    (changed,) = facts(connection, FEBRUARY)
    assert changed.flags(RIDES, depot.versions, today) == {Flag.STALE}
    assert changed.seen is not None
    assert changed.seen.sha256 is None
    depot.load(FEBRUARY, Mode.STALE)
    assert facts(connection, FEBRUARY)[0].flags(RIDES, depot.versions, today) == frozenset()


def test_a_change_stays_known_when_the_source_is_asked_again(depot: Depot, feed: Feed, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 50, price=2.0)
    for _ in range(2):
        ask.ask_source(connection, RIDES, feed.url, facts(connection, FEBRUARY))
        assert Flag.STALE in facts(connection, FEBRUARY)[0].flags(RIDES, depot.versions, datetime.now(UTC).date())


def test_a_published_month_that_vanished_is_not_stale(depot: Depot, feed: Feed, connection: Connection) -> None:
    path = depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    path.unlink()
    ask.ask_source(connection, RIDES, feed.url, facts(connection, FEBRUARY))
    (gone,) = facts(connection, FEBRUARY)
    assert gone.state is State.PUBLISHED
    assert gone.flags(RIDES, depot.versions, datetime.now(UTC).date()) == frozenset()


def test_a_month_without_an_answer_is_named_and_the_others_are_noted(depot: Depot, connection: Connection) -> None:
    name = depot.write(JANUARY).name
    depot.write(FEBRUARY)
    with Feed(depot.source, faults={name: Faults(unavailable=100)}) as busy:
        (unanswered,) = ask.ask_source(connection, RIDES, busy.url, facts(connection, JANUARY, FEBRUARY))
    assert unanswered.partition == RIDES.partition(JANUARY)
    assert unanswered.reason
    january, february = facts(connection, JANUARY, FEBRUARY)
    assert january.seen is None
    assert february.seen is not None


def test_a_source_that_answers_for_nobody_is_unreachable(depot: Depot, connection: Connection) -> None:
    with Feed(depot.source) as closed:
        address = closed.url
    with pytest.raises(Unreachable) as raised:
        ask.ask_source(connection, RIDES, address, facts(connection, *MONTHS))
    assert raised.value.code == "source-unreachable"
    assert all(f.seen is None for f in facts(connection, *MONTHS))


def test_who_asks_for_nothing_gets_nothing(connection: Connection) -> None:
    assert ask.ask_source(connection, RIDES, "http://127.0.0.1:1", ()) == ()
