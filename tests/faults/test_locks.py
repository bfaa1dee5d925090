"""Others keep locks, connections or rights from a load: it waits its while, keeps no reader waiting, and says so."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from tests.depot import FEBRUARY, JANUARY, RIDES, Depot, ask, make_depot, opened, rides_of
from tests.faults.servers import once_at
from tests.invariants import check_data, check_invariants
from tests.waiting import eventually
from tidemark import load as stages
from tidemark import postgres
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.errors import Transient, Unreachable
from tidemark.ledger import Outcome
from tidemark.load import Load
from tidemark.points import Point
from tidemark.postgres import Connection, connect, explain
from tidemark.schema import ensure_schema
from tidemark.settings import Secret
from tidemark.verdict import Rejected, Verdict
from tidemark.warehouse import ensure_tables, sweep

OLD, NEW = {(1.0, 300)}, {(2.0, 200)}
SLOWEST_READ_S = 2.0  # what waits for a lock lets go after 0.2 s
HELD_S = 4.0
READERS = 6

SHARE, WRITE, ALL = "access share", "row exclusive", "access exclusive"


@contextmanager
def holding(url: Secret, *statements: str) -> Iterator[Connection]:
    """Another session, in a transaction that has done this."""
    with opened(url) as other:
        other.autocommit = False
        for statement in statements:
            ask(other, statement)
        yield other


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_PATIENCE_S", 0.4)


def lock(table: str, mode: str) -> str:
    return f"lock table {table} in {mode} mode"


def wider(depot: Depot) -> Dataset:
    """The dataset with one more column, which its table does not have."""
    more = Column(name="more", type=ColumnType.TEXT, names=("more",), comment="More.", required=False)
    return replace(depot.dataset, columns=(*depot.dataset.columns, more))


def rejected_file(depot: Depot) -> None:
    """Put the rows of January at the source as February."""
    depot.write(JANUARY, 200, price=2.0)
    (depot.source / RIDES.file_name(JANUARY)).rename(depot.source / RIDES.file_name(FEBRUARY))


# ---- a publication that has to wait

ROW = "for update"
BLOCKED = {
    "first": [("trips.rides", ALL), ("staging", SHARE), ("staging", WRITE), ("staging", ALL), ("diverted.rides", ALL)],
    "reload": [
        ("trips.rides_2023_02", ALL),
        ("staging", SHARE),
        ("staging", ALL),
        ("diverted.rides", ALL),
        ("tidemark.partition", ROW),
    ],
}
PASSING = {
    "first": [("trips.rides", SHARE), ("trips.rides", WRITE), ("diverted.rides", SHARE), ("diverted.rides", WRITE)],
    "reload": [
        ("trips.rides", SHARE),
        ("trips.rides", WRITE),
        ("trips.rides_2023_02", SHARE),
        ("trips.rides_2023_02", WRITE),
        ("diverted.rides", SHARE),
    ],
}


def held(table: str, mode: str, load: Load) -> str:
    if mode == ROW:
        return f"select from {table} for update"
    return lock(f"staging.{load.partition.staging_table(load.id)}" if table == "staging" else table, mode)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["first", "reload"])
def test_a_publication_that_gets_no_lock_is_to_be_tried_again_and_then_goes_through(
    depot: Depot, connection: Connection, how: str
) -> None:
    before: set[tuple[float, int]] = set()
    if how == "reload":
        depot.write(FEBRUARY, 300)
        depot.load(FEBRUARY)
        before = OLD
    depot.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    verdict = depot.judged(load)
    for table, mode in [*BLOCKED[how], ("tidemark.attempt", ROW)]:
        with holding(depot.url, held(table, mode, load)):
            began = monotonic()
            with pytest.raises(Transient) as raised:
                stages.conclude(load, verdict)
            assert monotonic() - began < 20, (table, mode)
            assert raised.value.code == "locked", (table, mode)
            assert "pg_stat_activity" in raised.value.remedy
        assert rides_of(connection, FEBRUARY) == before, (table, mode)
        check_data(depot.url, "rides")
    with holding(depot.url, *(held(table, mode, load) for table, mode in PASSING[how])):
        assert stages.conclude(load, verdict).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW


@pytest.mark.usefixtures("impatient")
def test_a_quarantine_that_gets_no_lock_is_to_be_tried_again_and_then_goes_through(
    depot: Depot, connection: Connection
) -> None:
    rejected_file(depot)
    depot.load(FEBRUARY)
    rejected_file(depot)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    verdict = depot.judged(load)
    assert isinstance(verdict, Rejected)
    for table, mode in [("staging", SHARE), ("quarantine.rides_2023_02", SHARE), ("tidemark.attempt", ROW)]:
        with holding(depot.url, held(table, mode, load)), pytest.raises(Transient) as raised:
            stages.conclude(load, verdict)
        assert raised.value.code == "locked", (table, mode)
        check_data(depot.url, "rides")
    with holding(depot.url, lock("trips.rides", ALL), lock("diverted.rides", ALL)):
        assert stages.conclude(load, verdict).outcome is Outcome.REJECTED
    assert ask(connection, "select count(*) from quarantine.rides_2023_02") == [(200,)]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "statement", [lock("trips.rides", ALL), lock("diverted.rides", ALL), "select from tidemark.attempt for update"]
)
def test_no_stage_waits_for_a_lock_without_end(depot: Depot, connection: Connection, statement: str) -> None:
    depot.write(FEBRUARY, 300)
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    began = monotonic()
    with holding(depot.url, statement):
        result = depot.ended(load, lambda: stages.conclude(load, depot.audited(load, stages.fetch_raw(load))))
    assert monotonic() - began < 20
    assert (result.outcome, result.code) in [(Outcome.FAILED, "locked"), (Outcome.FAILED, "database-busy")]
    assert rides_of(connection, FEBRUARY) == OLD
    stages.close(load)
    check_data(depot.url, "rides")
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW


@pytest.mark.usefixtures("impatient")
def test_tables_that_cannot_be_changed_or_swept_yet_are_left_for_a_later_run(
    depot: Depot, connection: Connection
) -> None:
    depot.write(FEBRUARY, 300)
    depot.load(FEBRUARY)
    left = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    depot.judged(left)
    stages.close(left)
    table = f"staging.{left.partition.staging_table(left.id)}"
    with holding(depot.url, lock("trips.rides", SHARE), lock(table, SHARE)):
        with pytest.raises(Transient) as raised:
            ensure_tables(connection, wider(depot))
        assert raised.value.code == "locked"
        sweep(connection, quarantine_days=90)
        assert ask(connection, "select to_regclass(%s) is not null", table) == [(True,)]
    ensure_tables(connection, wider(depot))
    sweep(connection, quarantine_days=90)
    assert ask(connection, "select to_regclass(%s) is null", table) == [(True,)]
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED


# ---- readers beside one that waits


Waiter = Callable[[Depot, Load, Verdict], object]


def publishes(_depot: Depot, load: Load, verdict: Verdict) -> None:
    assert stages.conclude(load, verdict).outcome is Outcome.PUBLISHED


def adds_a_column(depot: Depot, load: Load, _verdict: Verdict) -> None:
    ensure_tables(load.connection, wider(depot))
    stages.end(load, stages.interrupted())


@pytest.mark.parametrize(
    ("waiter", "statement"),
    [(publishes, lock("trips.rides", "share")), (adds_a_column, lock("trips.rides", SHARE))],
    ids=["a first load", "a new column"],
)
def test_readers_never_wait_long_behind_one_that_waits(depot: Depot, waiter: Waiter, statement: str) -> None:
    depot.write(JANUARY, 300)
    depot.load(JANUARY)
    depot.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    verdict = depot.judged(load)
    stop = threading.Event()
    with ThreadPoolExecutor(READERS + 1) as pool:
        with holding(depot.url, statement):
            waiting = pool.submit(waiter, depot, load, verdict)
            readers = [pool.submit(slowest_read, depot.url, stop) for _ in range(READERS)]
            stop.wait(HELD_S)  # as long as the lock is to be held
            assert not waiting.done()
        waiting.result(60)
        stop.set()
        assert max(reader.result(60) for reader in readers) < SLOWEST_READ_S


def slowest_read(url: Secret, stop: threading.Event) -> float:
    slowest = 0.0
    with opened(url) as connection:
        while not stop.is_set():
            began = monotonic()
            assert rides_of(connection, JANUARY) == OLD
            slowest = max(slowest, monotonic() - began)
            stop.wait(0.01)
    return slowest


def test_a_lock_taken_crosswise_ends_in_no_deadlock(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 300)
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    with ThreadPoolExecutor(1) as pool, opened(depot.url) as other:
        other.autocommit = False

        def cross() -> None:
            """The load has its month's row and will want its table; the other one has the table and wants the row."""
            ask(other, lock("trips.rides_2023_02", ALL))
            crossing.append(pool.submit(ask, other, "select current_load from tidemark.partition for update"))

        crossing: list[object] = []
        with once_at(Point.PUBLISHING, cross):
            load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
            accepted = depot.accepted(load)
            publishing = ThreadPoolExecutor(1).submit(depot.conclude, load, accepted)
            eventually(lambda: crossing and crossing[0].done(), "the other one has both")  # type: ignore[attr-defined]
        other.rollback()
        assert publishing.result(60).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW


# ---- what a role may and may not


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role that is no superuser and owns one database."""

    name: str
    url: Secret
    admin: Secret

    def has(self, statement: str) -> None:
        """Change the role: ``statement`` follows its name in ``alter role``."""
        with opened(self.admin) as connection:
            ask(connection, f"alter role {self.name} {statement}")


@pytest.fixture
def role(server_url: str) -> Iterator[Role]:
    name, password = f"role_{secrets.token_hex(4)}", secrets.token_hex(8)
    parts = urlsplit(server_url)
    own = parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}", path=f"/{name}")
    made = Role(name=name, url=Secret(urlunsplit(own)), admin=Secret(server_url))
    with opened(made.admin) as connection:
        ask(connection, f"create role {name} login password '{password}'")
        ask(connection, f"create database {name} owner {name}")
        try:
            with opened(made.url) as own_connection:
                ensure_schema(own_connection, made.url)
            yield made
        finally:
            ask(connection, f"drop database {name} with (force)")
            ask(connection, f"drop role {name}")


@pytest.fixture
def modest(role: Role, tmp_path: Path) -> Iterator[Depot]:
    """A depot whose database belongs to a role that is no superuser."""
    (tmp_path / "modest").mkdir()
    made = make_depot(tmp_path / "modest", role.url)
    made.write(FEBRUARY, 300)
    yield made
    made.close()


LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "lock_timeout")


@pytest.mark.parametrize(
    "settings",
    [
        [f"{limit} = '1ms'" for limit in LIMITS],
        ["transaction_timeout = '50ms'"],
        ["default_transaction_isolation = 'serializable'"],
        ["default_transaction_isolation = 'repeatable read'", "datestyle = 'German'", "timezone = 'Asia/Kolkata'"],
    ],
    ids=["limits", "transaction_timeout", "serializable", "repeatable read and formats"],
)
def test_what_a_role_sets_for_its_sessions_does_not_change_a_load(
    role: Role, modest: Depot, settings: list[str]
) -> None:
    for setting in settings:
        role.has(f"set {setting}")
    assert modest.load(FEBRUARY).outcome is Outcome.PUBLISHED
    modest.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    assert modest.load(FEBRUARY).outcome is Outcome.PUBLISHED
    role.has("reset all")
    with opened(role.url) as connection:
        assert rides_of(connection, FEBRUARY) == NEW
    check_invariants(role.url, "rides")


def test_a_role_that_only_reads_is_told_so(role: Role, modest: Depot) -> None:
    modest.load(FEBRUARY)
    role.has("set default_transaction_read_only = on")
    with pytest.raises(psycopg2.Error) as raised:
        modest.plan(FEBRUARY)
    said = explain(raised.value, "rides 2023-02")
    assert said.code == "database-read-only"
    assert "default_transaction_read_only" in said.remedy
    check_invariants(role.url, "rides")


def test_a_role_without_rights_is_told_so_and_loads_once_it_has_them(role: Role, modest: Depot) -> None:
    modest.plan(FEBRUARY)
    with opened(role.url) as connection:
        ask(connection, f"revoke create on schema staging from {role.name}")
        result = modest.load(FEBRUARY)
        assert (result.outcome, result.code) == (Outcome.FAILED, "database")
        assert "permission denied for schema staging" in result.reason
        assert "rights of the user" in result.remedy
        check_invariants(role.url, "rides")
        ask(connection, f"grant create on schema staging to {role.name}")
    assert modest.load(FEBRUARY).outcome is Outcome.PUBLISHED
    check_invariants(role.url, "rides")


def test_who_gets_no_connection_is_told_so(role: Role, modest: Depot) -> None:
    modest.open(FEBRUARY, modest.plan(FEBRUARY))
    role.has("connection limit 1")
    with pytest.raises(Unreachable) as raised:
        connect(role.url)
    assert raised.value.code == "too-many-connections"
    assert "max_connections" in raised.value.remedy


@pytest.mark.parametrize("connections", [1, 2], ids=["for the loader alone", "for the loader and one of its gate"])
def test_a_server_without_free_connections_fails_the_load_until_it_has_some(
    role: Role, modest: Depot, connections: int
) -> None:
    run_id = modest.plan(FEBRUARY)
    load = modest.open(FEBRUARY, run_id)
    role.has(f"connection limit {connections}")
    result = modest.ended(load, lambda: modest._attempt(load))
    assert result.outcome is Outcome.FAILED
    stages.close(load)
    role.has("connection limit -1")
    assert [(a.outcome, a.code) for a in modest.history(FEBRUARY)] == [(Outcome.FAILED, result.code)]
    check_invariants(role.url, "rides")
    assert modest.load(FEBRUARY).outcome is Outcome.PUBLISHED
    check_invariants(role.url, "rides")
