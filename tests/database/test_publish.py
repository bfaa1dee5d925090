"""The one commit on real PostgreSQL: what readers see meanwhile, and what becomes of it when something breaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ

from tests.cutting_proxy import Cut, cutting_proxy
from tests.depot import FEBRUARY, JANUARY, MARCH, Depot, ask, opened, rides_of
from tests.invariants import check_invariants
from tests.waiting import eventually, waits_for_a_lock
from tidemark import load as stages
from tidemark import postgres, publish
from tidemark.errors import Failed, Transient
from tidemark.facts import State
from tidemark.ledger import Outcome
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.quarantine import quarantine
from tidemark.verdict import Rejected
from tidemark.warehouse import sweep

OLD, NEW = {(1.0, 100)}, {(2.0, 50)}


@contextmanager
def reader(depot: Depot, level: int) -> Iterator[Connection]:
    """A transaction that has read the dataset already, and so holds its locks and, if it has one, its snapshot."""
    with opened(depot.url) as connection:
        connection.set_session(isolation_level=level, autocommit=False)
        ask(connection, "select count(*) from trips.rides")
        yield connection


def attached(connection: Connection) -> set[str]:
    query = "select inhrelid::regclass::text from pg_inherits where inhparent = 'trips.rides'::regclass"
    return {name for (name,) in ask(connection, query)}


# ---- the two ways in


def test_a_first_load_attaches_its_staged_table(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 100, seatless=(3, 4))
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    ((staged,),) = ask(connection, f"select 'staging.{accepted.staged.table}'::regclass::oid")
    result = depot.conclude(load, accepted)
    assert (result.outcome, result.load_id) == (Outcome.PUBLISHED, load.load_id)
    assert attached(connection) == {"trips.rides_2023_02"}
    assert ask(connection, "select 'trips.rides_2023_02'::regclass::oid") == [(staged,)]
    assert rides_of(connection, FEBRUARY) == {(1.0, 98)}
    assert ask(
        connection, "select count(*) from pg_indexes where tablename = 'rides_2023_02' and indexdef ~ 'brin'"
    ) == [(1,)]
    assert ask(connection, "select reltuples::int from pg_class where relname = 'rides_2023_02'") == [(98,)]
    with pytest.raises(psycopg2.errors.NotNullViolation):
        ask(connection, "insert into trips.rides_2023_02 (at) values (now())")


def test_a_reload_replaces_the_rows_and_the_diverted_ones(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, 10, seatless=(1,), price=7.0)
    depot.load(JANUARY)
    depot.write(FEBRUARY, 103, seatless=(0, 1, 2))
    first = depot.load(FEBRUARY)
    depot.write(FEBRUARY, 51, price=2.0, seatless=(50,))
    second = depot.load(FEBRUARY)
    assert rides_of(connection, FEBRUARY) == NEW
    assert ask(connection, "select distinct load_id from trips.rides where month = '2023-02-01'") == [(second.load_id,)]
    kept = ask(
        connection, "select load_id, code, column_name, row_number, row->>'seats' from diverted.rides order by 1"
    )
    assert [row[1:] for row in kept] == [("RIDES-NO-SEATS", "seats", 2, "0"), ("RIDES-NO-SEATS", "seats", 51, "0")]
    assert kept[1][0] == second.load_id
    assert [attempt.load_id for attempt in depot.history(FEBRUARY)] == [second.load_id, first.load_id]
    assert rides_of(connection, JANUARY) == {(7.0, 9)}


def test_the_columns_say_what_they_mean(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    for table in ("trips.rides", "trips.rides_2023_02"):
        query = "select attname, col_description(attrelid, attnum) from pg_attribute where attrelid = %s::regclass"
        comments = dict(ask(connection, query + " and attnum > 0", table))
        assert comments["at"] == "When it began. Unit: local time. Published as at."
        assert comments["price"] == "How much it cost. Unit: euros. Published as price."
        assert comments["note"] == "What else. Published as note, Remark."
        assert all(comments.values())


def test_an_empty_table_that_is_attached_already_is_filled(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    run = depot.plan(FEBRUARY)
    ask(connection, "create table trips.rides_2023_02 partition of trips.rides for values in ('2023-02-01')")
    with reader(depot, ISOLATION_LEVEL_REPEATABLE_READ) as early:
        load = depot.open(FEBRUARY, run)
        assert depot.conclude(load, depot.accepted(load)).outcome is Outcome.PUBLISHED
        assert rides_of(early, FEBRUARY) == set()
    assert rides_of(connection, FEBRUARY) == OLD


def test_a_detached_month_is_in_the_way_until_somebody_decides(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    ask(connection, "alter table trips.rides detach partition trips.rides_2023_02")
    depot.write(FEBRUARY, 50, price=2.0)
    result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.FAILED, "table-in-the-way")
    assert ask(connection, "select count(*) from trips.rides_2023_02") == [(100,)]
    ask(connection, "alter table trips.rides_2023_02 rename to mine")
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW
    assert ask(connection, "select count(*) from trips.mine") == [(100,)]


def test_a_foreign_table_of_that_name_is_left_alone(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    run = depot.plan(FEBRUARY)
    ask(connection, "create table trips.rides_2023_02 as select 'mine' as word")
    load = depot.open(FEBRUARY, run)
    result = depot.conclude(load, depot.accepted(load))
    assert (result.outcome, result.code) == (Outcome.FAILED, "table-in-the-way")
    assert "trips.rides_2023_02" in result.reason
    assert ask(connection, "select word from trips.rides_2023_02") == [("mine",)]
    assert depot.facts(FEBRUARY).state is State.FAILED


# ---- what readers see


@pytest.mark.parametrize("level", [ISOLATION_LEVEL_REPEATABLE_READ, ISOLATION_LEVEL_READ_COMMITTED])
def test_an_open_reader_sees_a_month_as_its_level_says(depot: Depot, level: int) -> None:
    steady = level == ISOLATION_LEVEL_REPEATABLE_READ
    depot.write(JANUARY)
    depot.load(JANUARY)
    with reader(depot, level) as early:
        depot.write(FEBRUARY)
        depot.load(FEBRUARY)
        assert rides_of(early, FEBRUARY) == (set() if steady else OLD)
        with reader(depot, level) as between:
            depot.write(FEBRUARY, 50, price=2.0)
            depot.load(FEBRUARY)
            assert rides_of(between, FEBRUARY) == (OLD if steady else NEW)
        assert rides_of(early, FEBRUARY) == (set() if steady else NEW)
        assert rides_of(early, JANUARY) == OLD
    with reader(depot, level) as late:
        assert rides_of(late, FEBRUARY) == NEW


def test_no_reader_ever_sees_half_a_month(depot: Depot) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    stop, seen = threading.Event(), []

    def read() -> None:
        with opened(depot.url) as connection:
            while not stop.is_set():
                seen.append(frozenset(rides_of(connection, FEBRUARY)))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for rows, price in ((50, 2.0), (100, 1.0), (50, 2.0)):
            depot.write(FEBRUARY, rows, price=price)
            assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
        eventually(lambda: seen and seen[-1] == NEW, "the reader sees the last load")
        stop.set()
        reading.result()
    assert set(seen) == {frozenset(OLD), frozenset(NEW)}


@pytest.mark.parametrize("month", [FEBRUARY, MARCH], ids=["reload", "first load"])
def test_a_reader_that_stays_holds_up_nobody(depot: Depot, connection: Connection, month: Month) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    with reader(depot, ISOLATION_LEVEL_READ_COMMITTED):
        depot.write(month, 50, price=2.0)
        assert depot.load(month).outcome is Outcome.PUBLISHED
        assert rides_of(connection, month) == NEW


@pytest.mark.parametrize("month", [FEBRUARY, MARCH], ids=["reload", "first load"])
def test_a_publish_that_waits_lets_readers_pass(depot: Depot, connection: Connection, month: Month) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    depot.write(month, 50, price=2.0)
    load = depot.open(month, depot.plan(month))
    accepted = depot.accepted(load)
    with ThreadPoolExecutor(1) as pool, opened(depot.url) as holder, opened(depot.url) as other:
        holder.autocommit = False
        ask(holder, "lock table trips.rides in share mode")  # as a reader that wants no writer beside it
        publishing = pool.submit(depot.conclude, load, accepted)
        eventually(lambda: waits_for_a_lock(connection, load.connection), "the publish waits")
        ask(other, "set statement_timeout = '2s'")
        for _ in range(20):
            assert rides_of(other, FEBRUARY) == OLD
        assert not publishing.done()
        holder.rollback()
        assert publishing.result(30).outcome is Outcome.PUBLISHED
    assert rides_of(connection, month) == NEW


def test_tables_that_stay_locked_end_it_as_one_to_try_again(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_PATIENCE_S", 0.3)
    depot.write(FEBRUARY)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    with opened(depot.url) as holder:
        holder.autocommit = False
        ask(holder, "lock table trips.rides in access exclusive mode")
        ask(load.connection, "set statement_timeout = '20s'")  # who waits without end fails
        with pytest.raises(Transient) as raised:
            publish.publish(load.connection, depot.url, depot.dataset, accepted, expected_load=None)
    assert raised.value.code == "locked"
    assert "rides 2023-02" in raised.value.message
    assert rides_of(connection, FEBRUARY) == set()
    assert depot.conclude(load, accepted).outcome is Outcome.PUBLISHED


# ---- what must not be published


def test_a_load_that_was_overtaken_changes_nothing(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 50, price=2.0)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    stages.close(load)  # its lock is free: another loader comes
    depot.write(FEBRUARY)
    winner = depot.load(FEBRUARY)
    # the sweep took its table, its attempt counts as interrupted: all it can still do is try
    with opened(depot.url) as late, pytest.raises(Failed) as raised:
        publish.publish(late, depot.url, depot.dataset, accepted, expected_load=None)
    assert raised.value.code == "superseded"
    assert f"load {winner.load_id}" in raised.value.message
    assert rides_of(connection, FEBRUARY) == OLD


def test_other_rows_than_the_gate_saw_are_not_published(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 50, price=2.0)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    ask(connection, f"delete from staging.{accepted.staged.table} where ctid = '(0,1)'")
    result = depot.conclude(load, accepted)
    assert (result.outcome, result.code) == (Outcome.FAILED, "does-not-reconcile")
    assert rides_of(connection, FEBRUARY) == OLD


def test_other_rows_than_the_gate_saw_are_not_attached(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    ask(connection, f"delete from staging.{accepted.staged.table} where ctid = '(0,1)'")
    result = depot.conclude(load, accepted)
    assert (result.outcome, result.code) == (Outcome.FAILED, "does-not-reconcile")
    assert rides_of(connection, FEBRUARY) == set()


# ---- when the connection breaks


@pytest.fixture(params=["first load", "reload"])
def before(request: pytest.FixtureRequest, depot: Depot) -> set[tuple[float, int]]:
    """What February holds before the load that breaks; its new rows are at the source."""
    old: set[tuple[float, int]] = set()
    if request.param == "reload":
        depot.write(FEBRUARY)
        depot.load(FEBRUARY)
        old = OLD
    depot.write(FEBRUARY, 50, price=2.0)
    return old


def test_a_connection_that_was_broken_before_publishes_nothing(
    depot: Depot, connection: Connection, before: set[tuple[float, int]]
) -> None:
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    ask(connection, "select pg_terminate_backend(%s, 10000)", load.connection.info.backend_pid)
    with pytest.raises(Failed) as raised:
        publish.publish(load.connection, depot.url, depot.dataset, accepted, expected_load=depot_current(load))
    assert raised.value.code == "connection-lost"
    assert rides_of(connection, FEBRUARY) == before
    stages.end(load, stages.ending_of(raised.value))
    assert depot.facts(FEBRUARY).last.code == "connection-lost"  # type: ignore[union-attr]  # it was just ended


def depot_current(load: stages.Load) -> int | None:
    assert load.facts is not None
    return load.facts.current.load_id if load.facts.current else None


def test_a_connection_that_breaks_on_the_way_publishes_nothing(
    depot: Depot, connection: Connection, before: set[tuple[float, int]]
) -> None:
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    with ThreadPoolExecutor(1) as pool, opened(depot.url) as holder:
        holder.autocommit = False
        ask(holder, "lock table diverted.rides in share mode")  # where it comes last
        publishing: Future[stages.LoadResult] = pool.submit(depot.conclude, load, accepted)
        eventually(lambda: waits_for_a_lock(connection, load.connection), "the publish waits")
        ask(connection, "select pg_terminate_backend(%s, 10000)", load.connection.info.backend_pid)
        result = publishing.result(30)
    assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost")
    assert rides_of(connection, FEBRUARY) == before
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED


def test_a_commit_that_never_arrived_is_told_as_such(
    depot: Depot, connection: Connection, before: set[tuple[float, int]]
) -> None:
    with cutting_proxy(depot.url) as (proxy, through):
        load = depot.open(FEBRUARY, depot.plan(FEBRUARY), url=through)
        accepted = depot.accepted(load)
        publish.prepare(load.connection, depot.dataset, accepted.staged)
        proxy.cut_at_commit(Cut.BEFORE)
        with pytest.raises(Failed) as raised:
            publish.publish(load.connection, through, depot.dataset, accepted, expected_load=depot_current(load))
        assert proxy.cuts == 1
        assert raised.value.code == "connection-lost"
        assert rides_of(connection, FEBRUARY) == before
        stages.end(load, stages.ending_of(raised.value))
    assert (depot.facts(FEBRUARY).current is None) == (before == set())


def test_a_commit_whose_answer_was_lost_is_told_as_published(
    depot: Depot, connection: Connection, before: set[tuple[float, int]]
) -> None:
    with cutting_proxy(depot.url) as (proxy, through):
        load = depot.open(FEBRUARY, depot.plan(FEBRUARY), url=through)
        accepted = depot.accepted(load)
        publish.prepare(load.connection, depot.dataset, accepted.staged)
        proxy.cut_at_commit(Cut.AFTER)
        done = publish.publish(load.connection, through, depot.dataset, accepted, expected_load=depot_current(load))
        assert proxy.cuts == 1
    assert (done.load_id, done.rows, done.reloaded) == (load.load_id, 50, before == OLD)
    assert rides_of(connection, FEBRUARY) == NEW
    current = depot.facts(FEBRUARY).current
    assert current is not None
    assert current.load_id == depot.history(FEBRUARY)[0].load_id


SLOW_COMMIT = """
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1.2); {} return null; end $$;
    create constraint trigger slow after insert or update on tidemark.partition deferrable initially deferred
        for each row execute function slow();
"""


@pytest.mark.parametrize(
    ("last_word", "told"), [("", "published"), ("raise 'no';", "connection-lost")], ids=["commits", "aborts"]
)
def test_a_commit_that_is_still_at_work_is_waited_for(
    depot: Depot, connection: Connection, last_word: str, told: str
) -> None:
    depot.write(FEBRUARY, 50, price=2.0)
    with cutting_proxy(depot.url) as (proxy, through):
        load = depot.open(FEBRUARY, depot.plan(FEBRUARY), url=through)
        accepted = depot.accepted(load)
        publish.prepare(load.connection, depot.dataset, accepted.staged)
        ask(connection, SLOW_COMMIT.format(last_word))
        proxy.cut_at_commit(Cut.AFTER)
        result = depot.conclude(load, accepted)
        assert proxy.cuts == 1
    assert result.code == told
    assert rides_of(connection, FEBRUARY) == (NEW if told == "published" else set())


def test_a_server_that_does_not_tell_leaves_it_open(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "COMMIT_PATIENCE_S", 0.2)
    depot.write(FEBRUARY, 50, price=2.0)
    with cutting_proxy(depot.url) as (proxy, through):
        load = depot.open(FEBRUARY, depot.plan(FEBRUARY), url=through)
        accepted = depot.accepted(load)
        ask(connection, SLOW_COMMIT.format(""))
        proxy.cut_at_commit(Cut.AFTER)
        result = depot.conclude(load, accepted)
    assert (result.outcome, result.code) == (
        Outcome.PUBLISHED,
        "published",
    )  # the end of the attempt waits for the commit
    eventually(lambda: rides_of(connection, FEBRUARY) == NEW, "the commit is done")
    assert depot.facts(FEBRUARY).state is State.PUBLISHED
    assert [attempt.outcome for attempt in depot.history(FEBRUARY)] == [Outcome.PUBLISHED]


# ---- quarantine


def test_a_rejected_month_goes_to_the_quarantine(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, seatless=(1,))
    published = depot.source / depot.dataset.file_name(JANUARY)
    published.rename(depot.source / depot.dataset.file_name(FEBRUARY))  # January's rows as February
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    verdict = depot.judged(load)
    assert isinstance(verdict, Rejected)
    result = depot.conclude(load, verdict)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "RIDES-AT-IN-MONTH")
    assert ask(connection, "select count(*), min(load_id) from quarantine.rides_2023_02") == [(99, load.load_id)]
    kept = "select count(*), min(load_id), min(code) from quarantine.rides_2023_02_diverted"
    assert ask(connection, kept) == [(1, load.load_id, "RIDES-NO-SEATS")]
    assert ask(connection, "select count(*) from diverted.rides") == [(0,)]
    assert attached(connection) == set()
    facts = depot.facts(FEBRUARY)
    assert facts.state is State.REJECTED
    assert facts.last is not None
    assert facts.last.quarantine_table == "quarantine.rides_2023_02"


def test_the_next_rejected_one_takes_its_place_and_the_published_month_stays(
    depot: Depot, connection: Connection
) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    for rows in (10, 20):
        depot.write(FEBRUARY, rows, price=2.0, at=times(JANUARY, rows))
        assert depot.load(FEBRUARY).outcome is Outcome.REJECTED
        assert ask(connection, "select count(*) from quarantine.rides_2023_02") == [(rows,)]
    assert rides_of(connection, FEBRUARY) == OLD
    facts = depot.facts(FEBRUARY)
    assert facts.state is State.PUBLISHED
    assert facts.last is not None
    assert facts.last.outcome is Outcome.REJECTED


def test_the_quarantine_is_kept_for_its_time(depot: Depot, connection: Connection) -> None:
    for month in (FEBRUARY, MARCH):
        depot.write(month, at=times(JANUARY, 100))
        depot.load(month)
    aged = "update tidemark.attempt set ended_at = ended_at - interval '90 days 1 second' where month = '2023-03-01'"
    ask(connection, aged)
    sweep(connection, quarantine_days=91)
    assert ask(connection, "select count(*) from pg_tables where schemaname = 'quarantine'") == [(4,)]
    sweep(connection, quarantine_days=90)
    tables = "select tablename from pg_tables where schemaname = 'quarantine' order by 1"
    assert ask(connection, tables) == [("rides_2023_02",), ("rides_2023_02_diverted",)]
    ask(connection, "create table quarantine.mine ()")
    ask(connection, "update tidemark.attempt set ended_at = ended_at - interval '91 days'")
    load = depot.open(FEBRUARY, None)  # who loads the month may be about to replace it
    sweep(connection, quarantine_days=90)
    assert ask(connection, tables) == [("mine",), ("rides_2023_02",), ("rides_2023_02_diverted",)]
    stages.close(load)
    sweep(connection, quarantine_days=90)
    assert ask(connection, tables) == [("mine",)]


def test_a_locked_quarantine_is_waited_for_a_while(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot.write(FEBRUARY, at=times(JANUARY, 100))
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 50, at=times(JANUARY, 50))
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    verdict = depot.judged(load)
    assert isinstance(verdict, Rejected)
    monkeypatch.setattr(postgres, "LOCK_PATIENCE_S", 0.3)
    with opened(depot.url) as holder:
        holder.autocommit = False
        ask(holder, "select count(*) from quarantine.rides_2023_02")
        ask(load.connection, "set statement_timeout = '20s'")  # who waits without end fails
        with pytest.raises(Transient, match="quarantine of rides 2023-02"):
            quarantine(load.connection, verdict)
    assert ask(connection, "select count(*) from quarantine.rides_2023_02") == [(100,)]
    assert depot.conclude(load, verdict).outcome is Outcome.REJECTED
    assert ask(connection, "select count(*) from quarantine.rides_2023_02") == [(50,)]


def times(month: Month, rows: int) -> object:
    """A column of times, all at the start of a month."""
    import pyarrow

    return pyarrow.array([month.first_day] * rows, pyarrow.date32()).cast(pyarrow.timestamp("us"))


# ---- the checker itself


@pytest.mark.parametrize(
    "harm",
    [
        "delete from trips.rides where ctid in (select ctid from trips.rides limit 1)",
        "update trips.rides set load_id = load_id + 1",
        "insert into trips.rides (month, load_id) select month, load_id from trips.rides limit 1",
        "delete from diverted.rides where row_number = 1",
        "update diverted.rides set code = 'OTHER' where row_number = 1",
        "delete from tidemark.partition",
        "update tidemark.attempt set rows_diverted = 1, rows_read = 99",
        "update tidemark.attempt set verdict = null",
        "create table staging.rides_2023_02_7 ()",
        "create table quarantine.rides_2023_02 ()",
        "insert into tidemark.attempt (dataset, month, contract_version, suite_version) select 'rides', now(), '', ''",
    ],
)
def test_the_checker_sees_what_does_not_hold(depot: Depot, connection: Connection, harm: str) -> None:
    depot.write(FEBRUARY, seatless=(0, 1))
    depot.load(FEBRUARY)
    check_invariants(depot.url, "rides")
    ask(connection, harm)
    with pytest.raises(AssertionError):
        check_invariants(depot.url, "rides")
    depot.dataset = replace(depot.dataset, name="nothing")  # what was harmed on purpose is not checked again
