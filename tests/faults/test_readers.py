"""What readers see of a month that is loaded, reloaded or rejected, and that they hold up nobody, nor are held up."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from checks import asking, gate
from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, rides_of
from tests.faults.readers import AUDITING, BEFORE, Arrivals, Watch, Way, watching
from tidemark.datasets.base import Column, ColumnType, Index
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.months import Month
from tidemark.points import Point
from tidemark.postgres import Connection, connect
from tidemark.warehouse import ensure_tables

BY_TIME = Index(columns=("at",), method="btree", purpose="Which rides began then?")
WITH_TIP = replace(
    RIDES,
    columns=(*RIDES.columns, Column(name="tip", type=ColumnType.DOUBLE, names=("tip",), comment="x", required=False)),
)
STAYS_S = 10.0  # fifty times as long as a column waits for its lock before it lets others pass
LONGEST_WAIT_S = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A month as it was, none where there was no such month, and as it is loaded in front of readers."""

    old: dict[str, Any] | None
    new: dict[str, Any]
    outcome: Outcome = Outcome.PUBLISHED


CASES = {
    "a first load": Case(old=None, new={"rows": 300, "seatless": (0, 299)}),
    "a reload": Case(old={"rows": 300}, new={"rows": 300, "price": 2.0}),
    "a reload with fewer rows": Case(old={"rows": 300, "seatless": (5, 6)}, new={"rows": 7, "price": 2.0}),
    "a reload with more rows": Case(old={"rows": 7}, new={"rows": 3000, "price": 2.0}),
    "a reload that diverts other rows": Case(
        old={"rows": 300, "seatless": (1, 2, 3)}, new={"rows": 300, "seatless": range(100, 250)}
    ),
    "a reload that is rejected": Case(old={"rows": 300}, new={"rows": 0}, outcome=Outcome.REJECTED),
    "a first load that is rejected": Case(old=None, new={"rows": 5, "seatless": range(5)}, outcome=Outcome.REJECTED),
}


@pytest.mark.parametrize("case", CASES)
def test_every_look_is_at_the_month_as_it_was_or_as_it_became(
    depot: Depot, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    played = CASES[case]
    depot.dataset = replace(RIDES, indexes=(BY_TIME,))
    depot.write(JANUARY, 50, price=7.0, seatless=(9,))
    depot.load(JANUARY)
    if played.old is not None:
        depot.write(FEBRUARY, **played.old)
        depot.load(FEBRUARY)
    depot.write(FEBRUARY, **played.new)
    passed: set[str] = set()
    with watching(depot.url, depot.dataset.partition(FEBRUARY)) as watch:
        hear_of_the_audit(watch, monkeypatch)
        result = depot.load(FEBRUARY)
        passed = {reader.opened_at for reader in watch.transactions}
    assert result.outcome is played.outcome
    changed = {name for name in watch.before if watch.before[name] != watch.after[name]}
    if played.outcome is Outcome.PUBLISHED:
        assert changed >= {Way.parent.__name__, Way.own_name.__name__, Way.index.__name__}
        always = {BEFORE, Point.STAGED, AUDITING, Point.INDEXED, Point.PUBLISHING, Point.COMMITTING}
        assert passed == always | ({Point.REPLACING} if played.old else set())
    else:
        assert not changed
        assert passed == {BEFORE, Point.STAGED, AUDITING, Point.COMMITTING}


def hear_of_the_audit(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody look in the middle of the audit too, which passes no point of its own."""
    real = asking.ask

    def ask_while_they_look(*given: Any) -> Any:
        watch.passing(AUDITING)
        return real(*given)

    monkeypatch.setattr(gate, "ask", ask_while_they_look)


def test_the_index_is_what_the_readers_by_index_read(depot: Depot, connection: Connection) -> None:
    depot.dataset = replace(RIDES, indexes=(BY_TIME,))
    depot.write(FEBRUARY, 300)
    depot.load(FEBRUARY)
    ask(connection, "set enable_seqscan = off")
    plan = ask(connection, "explain select sum(price) from trips.rides where at > '2000-01-01'")
    assert any("Index" in line for (line,) in plan), plan


# ---- who holds up whom


@contextmanager
def held(connection: Connection, months: tuple[Month, ...]) -> Iterator[None]:
    """A reader in whose open transaction a dataset and these months of it were read."""
    connection.autocommit = False
    ask(connection, "select count(*) from trips.rides")
    for month in months:
        ask(connection, f"select count(*) from trips.{RIDES.partition(month).table}")
    yield
    connection.rollback()


def test_a_reader_that_stays_holds_up_no_load_and_no_other_reader(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    arrivals, began = Arrivals(depot.url, "select count(*) from trips.rides"), time.monotonic()
    ended: list[LoadResult] = []
    with closing(connect(depot.url)) as holder, closing(connect(depot.url)) as loader, ThreadPoolExecutor(1) as pool:
        with held(holder, (FEBRUARY,)):
            for month in (MARCH, FEBRUARY, FEBRUARY, MARCH):
                depot.write(month, 50, price=float(2 + len(ended)))
                ended.append(depot.load(month))
            adding = pool.submit(ensure_tables, loader, WITH_TIP)
            done, _ = wait([adding], timeout=STAYS_S)
            assert not done, "the column came while the table was read"
            stayed = time.monotonic() - began
        adding.result(30)
    waited = arrivals.stop()
    logger.info("while a reader stayed for %.0f s: %s", stayed, waited)
    assert [result.outcome for result in ended] == [Outcome.PUBLISHED] * 4
    assert rides_of(connection, FEBRUARY) == {(4.0, 50)}
    assert rides_of(connection, MARCH) == {(5.0, 50)}
    assert ask(connection, "select count(tip) from trips.rides") == [(0,)]
    assert waited.worst < LONGEST_WAIT_S, str(waited)
    assert len(waited.seconds) > stayed * 20, str(waited)  # of 50 a second
