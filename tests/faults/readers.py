"""Readers of a dataset that look while loads run, and say what they saw: the month as it was, or as it became."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from psycopg2.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED,
    ISOLATION_LEVEL_REPEATABLE_READ,
    ISOLATION_LEVEL_SERIALIZABLE,
)

from tests.depot import ask
from tests.points import at_points
from tidemark.partition import Partition
from tidemark.points import Point
from tidemark.postgres import Connection, connect
from tidemark.settings import Secret

Rows = frozenset[tuple[Any, ...]]  # of each load: its id, how many rows, and the sum and the extremes of the prices
Look = dict[date, Rows]  # a month without rows is not in it

SUMS = "load_id, count(*), sum(price), min(price), max(price)"
DIVERTED = "select month, load_id, count(*), sum(row_number), min(row::text), max(row::text) from {} group by 1, 2"
PATIENCE_S = 30.0
AUDITING = "in the middle of the audit"  # which passes no point of its own
BEFORE = "before it began"


class Way:
    """The ways to look at a dataset; each is one statement, or what programs do instead of one."""

    @staticmethod
    def parent(connection: Connection, partition: Partition) -> Look:
        return _looked(connection, f"select month, {SUMS} from trips.{partition.dataset} group by 1, 2")

    @staticmethod
    def own_name(connection: Connection, partition: Partition) -> Look:
        """Read the month's own table, which a first load brings."""
        if ask(connection, "select to_regclass(%s) is null", f"trips.{partition.table}") == [(True,)]:
            return {}
        return _looked(connection, f"select month, {SUMS} from trips.{partition.table} group by 1, 2")

    @staticmethod
    def index(connection: Connection, partition: Partition) -> Look:
        ask(connection, "set enable_seqscan = off")
        return _looked(
            connection, f"select month, {SUMS} from trips.{partition.dataset} where at > '2000-01-01' group by 1, 2"
        )

    @staticmethod
    def diverted(connection: Connection, partition: Partition) -> Look:
        return _looked(connection, DIVERTED.format(f"diverted.{partition.dataset}"))


TRIPS: tuple[Callable[[Connection, Partition], Look], ...] = (Way.parent, Way.own_name, Way.index)
WAYS = (*TRIPS, Way.diverted)
LEVELS: dict[str, tuple[int, dict[str, bool]]] = {
    "repeatable read": (ISOLATION_LEVEL_REPEATABLE_READ, {}),
    "serializable read only deferrable": (ISOLATION_LEVEL_SERIALIZABLE, {"readonly": True, "deferrable": True}),
}
# the moments at which readers come that stay; each takes two of the server's connections
MOMENTS = {Point.STAGED, AUDITING, Point.INDEXED, Point.PUBLISHING, Point.REPLACING, Point.COMMITTING}


def _looked(connection: Connection, query: str) -> Look:
    seen = defaultdict(set)
    for month, *rest in ask(connection, query):
        seen[month].add(tuple(rest))
    return {month: frozenset(rows) for month, rows in seen.items()}


class Poller:
    """A READ COMMITTED reader that looks again and again; ``looks`` are those that differ from the one before."""

    def __init__(self, url: Secret, partition: Partition, way: Callable[[Connection, Partition], Look]) -> None:
        self.way = way
        self.looks: list[Look] = []
        self.count = 0
        self.error: BaseException | None = None
        self._partition = partition
        self._stop = threading.Event()
        self._connection = connect(url)
        self._connection.set_session(isolation_level=ISOLATION_LEVEL_READ_COMMITTED)
        self._thread = threading.Thread(target=self._run, name=f"reader by {way.__name__}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.002):  # the loader has its share of the machine too
                seen = self.way(self._connection, self._partition)
                if not self.looks or seen != self.looks[-1]:
                    self.looks.append(seen)
                self.count += 1
        except BaseException as error:  # noqa: BLE001 - asserted in the test's own thread
            self.error = error


@dataclass(kw_only=True)
class Transaction:
    """A reader whose snapshot stands: opened at some moment, it looked at once, and looks again at the end."""

    opened_at: str
    level: str
    may_appear: bool  # the one allowance: after the commit of a first load's COPY, before its ATTACH
    connection: Connection
    cursor_rows: int
    first: dict[str, Look] = field(default_factory=dict)


class Watch:
    """Readers of a dataset while one month of it is loaded.

    When it is left, each of their looks was exactly what the dataset held on entering or what it holds then; who saw
    the new month never saw the old one again; the other months never changed; nothing changed within a transaction.
    ``before`` and ``after`` are the two.
    """

    def __init__(self, url: Secret, partition: Partition) -> None:
        self.before: dict[str, Look] = {}
        self.after: dict[str, Look] = {}
        self.pollers = [Poller(url, partition, way) for way in WAYS]
        self.transactions: list[Transaction] = []
        self._url = url
        self._partition = partition
        self._staged = False

    def __enter__(self) -> Watch:
        self.before = self._look()
        for poller in self.pollers:
            poller.start()
        self._everybody_looks()
        self.open(BEFORE)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._everybody_looks()
                self.after = self._look()
                self._check()
        finally:
            for poller in self.pollers:
                poller.stop()
            for reader in self.transactions:
                reader.connection.close()

    def passing(self, moment: str) -> None:
        """Let everybody look while the loader stands at a point, or amid the audit, and open readers that stay."""
        self._staged = self._staged or moment == Point.STAGED
        self._everybody_looks()
        if moment in MOMENTS:
            self.open(moment)

    def open(self, moment: str) -> None:
        """Open a reader of each kind, which reads in each way, and begins to read a cursor."""
        for level, (number, options) in LEVELS.items():
            connection = connect(self._url)
            connection.set_session(isolation_level=number, autocommit=False, **options)
            reader = Transaction(
                opened_at=moment,
                level=level,
                may_appear=self._staged and self._month not in self.before[Way.parent.__name__],
                connection=connection,
                cursor_rows=0,
            )
            self.transactions.append(reader)
            reader.first = {way.__name__: way(connection, self._partition) for way in WAYS}
            ask(
                connection,
                f"declare early cursor for select month, load_id, price from trips.{self._partition.dataset}",
            )
            reader.cursor_rows = len(ask(connection, "fetch 3 from early"))

    @property
    def _month(self) -> date:
        return self._partition.month.first_day

    def _look(self) -> dict[str, Look]:
        connection = connect(self._url)
        try:
            return {way.__name__: way(connection, self._partition) for way in WAYS}
        finally:
            connection.close()

    def _everybody_looks(self) -> None:
        """Wait until each poller has begun a look after this call, and ended it."""
        goals = [(poller, poller.count + 2) for poller in self.pollers]
        deadline = time.monotonic() + PATIENCE_S
        for poller, goal in goals:
            while poller.count < goal and poller.error is None:
                assert time.monotonic() < deadline, f"a reader by {poller.way.__name__} is held up"
                time.sleep(0.001)

    def _check(self) -> None:
        for poller in self.pollers:
            if poller.error is not None:
                raise poller.error
            name = poller.way.__name__
            expected = [self.before[name], *([self.after[name]] if self.after[name] != self.before[name] else [])]
            assert poller.looks == expected, f"a reader by {name} saw other than the old month and then the new one"
        for name in self.before:
            assert _others(self.before[name], self._month) == _others(self.after[name], self._month)
        for reader in self.transactions:
            self._check_transaction(reader)

    def _check_transaction(self, reader: Transaction) -> None:
        who = f"a {reader.level} reader of {reader.opened_at!r}"
        rows = reader.cursor_rows + len(ask(reader.connection, "fetch all from early"))
        assert rows == _count(reader.first[Way.parent.__name__]), f"{who} lost the rest of its cursor"
        for way in WAYS:
            name = way.__name__
            first, again = reader.first[name], way(reader.connection, self._partition)
            assert first in (self.before[name], self.after[name]), f"{who} saw part of a month by {name}"
            appeared = reader.may_appear and way in TRIPS and self._month not in first and again == self.after[name]
            assert again == first or appeared, f"{who} saw the dataset change by {name}"


def _others(look: Look, month: date) -> Look:
    return {each: rows for each, rows in look.items() if each != month}


def _count(look: Look) -> int:
    return sum(count for rows in look.values() for _, count, *_ in rows)


@contextmanager
def watching(url: Secret, partition: Partition) -> Iterator[Watch]:
    """Watch a month while it is loaded in the body; readers look at each point that the load passes."""
    with Watch(url, partition) as watch, at_points(watch.passing):
        yield watch


# ---- readers that arrive, whatever those before them do


@dataclass(frozen=True, kw_only=True, slots=True)
class Latencies:
    """How long the readers waited that arrived on their own, in seconds, each from the moment it was due."""

    seconds: tuple[float, ...]

    @property
    def worst(self) -> float:
        return max(self.seconds)

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        median, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        return (
            f"{len(ordered)} readers waited: median {median * 1000:.1f} ms, p99 {late * 1000:.1f} ms, "
            f"max {self.worst * 1000:.1f} ms"
        )


class Arrivals:
    """Readers of a table that arrive every ``every`` seconds, whether those before them have been served or not."""

    def __init__(self, url: Secret, query: str, *, every: float = 0.02, places: int = 8) -> None:
        self._query = query
        self._every = every
        self._connections = [connect(url) for _ in range(places)]
        self._due = threading.Lock()
        self._next = 0
        self._waited: list[float] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(places)
        self._began = time.monotonic()
        self._readers = [self._pool.submit(self._read, connection) for connection in self._connections]

    def stop(self) -> Latencies:
        self._stop.set()
        for reader in self._readers:
            reader.result()
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        return Latencies(seconds=tuple(self._waited))

    def _read(self, connection: Connection) -> None:
        while True:
            with self._due:
                due = self._began + self._next * self._every
                self._next += 1
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            ask(connection, self._query)
            self._waited.append(time.monotonic() - due)
