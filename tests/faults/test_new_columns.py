"""A month that brings a column: its loader killed before and after the table has it, and readers meanwhile."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, Depot, ask, opened, write_rides
from tests.faults.conftest import OLD
from tests.faults.loaders import Kill
from tests.faults.readers import Arrivals
from tests.faults.scene import NOTHING, RIDES, Scene
from tests.points import at_points
from tidemark.ledger import Outcome
from tidemark.months import Month
from tidemark.plan import Mode
from tidemark.points import Point
from tidemark.postgres import Connection

NEW = replace(OLD, month=FEBRUARY, price=2.0, rows=100, diverted=5)
LONGEST_WAIT_S = 0.5  # 0.2 s is how long a waiting column may hold up a reader; the rest is for a machine that is busy

logger = logging.getLogger(__name__)


def write(scene: Scene, month: Month) -> None:
    path = scene.source / RIDES.file_name(month)
    write_rides(path, month, NEW.rows, price=NEW.price, seatless=range(NEW.diverted), wind=[1.5] * NEW.rows)


def brought(scene: Scene) -> set[str]:
    query = "select attname from pg_attribute where attrelid = 'trips.rides'::regclass and attnum > 0"
    with opened(scene.url) as connection:
        return {name for (name,) in ask(connection, query)} & {"wind"}


def wind(scene: Scene, month: Month) -> tuple[int, float]:
    with opened(scene.url) as connection:
        query = "select count(*), sum(wind) from trips.rides where month = %s"
        ((rows, total),) = ask(connection, query, month.first_day)
        return rows, total


@pytest.mark.parametrize("month", [OLD.month, FEBRUARY], ids=["a reload", "a first load"])
@pytest.mark.parametrize("point", [Point.INDEXED, Point.EVOLVED, Point.COMMITTING], ids=lambda point: point.name)
def test_a_loader_that_is_killed_around_its_new_column_is_published_by_the_same_command(
    reloading: Scene, point: Point, month: Month
) -> None:
    """Nobody may look meanwhile from a transaction that stays: the column would wait for it."""
    old, new = (OLD.sight if month == OLD.month else NOTHING), NEW.sight
    mode = Mode.STALE if month == OLD.month else Mode.DUE
    write(reloading, month)
    killed = reloading.backfill(month, mode=mode, kill=Kill(at=point))
    assert (killed.status, killed.points[-1]) == (-signal.SIGKILL, point), killed.stderr
    reloading.wait_until_let_go()
    reloading.check_data()
    assert reloading.sights(month) == {month: old}
    assert brought(reloading) == (set() if point is Point.INDEXED else {"wind"})
    again = reloading.backfill(month, mode=mode)
    assert again.status == 0, again.stderr
    assert reloading.sights(month) == {month: new}
    assert wind(reloading, month) == (95, 95 * 1.5)
    reloading.check_invariants()


# ---- readers


@contextmanager
def staying(connection: Connection) -> Iterator[None]:
    """A reader in whose open transaction the dataset was read."""
    connection.autocommit = False
    ask(connection, "select count(*) from trips.rides")
    yield
    connection.rollback()


def test_readers_that_arrive_while_a_column_waits_for_one_that_stays_wait_no_longer_than_its_timeout(
    depot: Depot, connection: Connection
) -> None:
    for month in (JANUARY, FEBRUARY):
        depot.write(month)
        depot.load(month)
    depot.write(MARCH, wind=[1.5] * 100)
    load = depot.open(MARCH, depot.plan(MARCH))
    accepted = depot.accepted(load)
    with ThreadPoolExecutor(1) as pool, opened(depot.url) as holder:
        arrivals = Arrivals(depot.url, "select count(*) from trips.rides")
        with staying(holder):
            publishing = pool.submit(depot.conclude, load, accepted)
            until = time.monotonic() + 3
            while time.monotonic() < until:
                assert not publishing.done(), "the column came while the table was read"
                time.sleep(0.05)
        assert publishing.result(30).outcome is Outcome.PUBLISHED
        waited = arrivals.stop()
    logger.info("while a column waited: %s", waited)
    assert waited.worst < LONGEST_WAIT_S, str(waited)
    assert len(waited.seconds) > 60, str(waited)
    assert ask(connection, "select sum(wind) from trips.rides") == [(150.0,)]


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_reader_whose_snapshot_is_older_than_the_column_reads_on(depot: Depot, level: str) -> None:
    """It holds no lock of the table when the column comes; it reads the old month, or at READ COMMITTED the new one."""
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 50, price=2.0, wind=[1.5] * 50)
    seen: dict[Point, list[tuple[int]]] = {}
    with opened(depot.url) as reader, closing(reader):
        reader.set_session(isolation_level=level, autocommit=False)
        ask(reader, "select count(*) from tidemark.attempt")

        def read(point: Point) -> None:
            if point in (Point.INDEXED, Point.EVOLVED, Point.PUBLISHED):
                ask(reader, "savepoint before")
                seen[point] = ask(reader, "select count(*)::int from trips.rides")
                ask(reader, "rollback to before")  # which gives the table's lock back

        with at_points(read):
            assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
        assert seen[Point.INDEXED] == seen[Point.EVOLVED] == [(100,)]
        assert seen[Point.PUBLISHED] == [(50,) if level == "READ COMMITTED" else (100,)]
