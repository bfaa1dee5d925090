"""The lasting tables of a dataset, and the sweep of what killed loads left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, write_rides
from tests.months import stage_file
from tests.waiting import eventually, waits_for_a_lock
from tidemark import ledger, postgres, stage
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.datasets.registry import BUILT_IN
from tidemark.errors import Transient, UsageError
from tidemark.ledger import Outcome
from tidemark.months import Month
from tidemark.postgres import SCHEMA_LOCK, Connection, connect, try_lock
from tidemark.settings import Secret
from tidemark.warehouse import count_rows, ensure_tables, sweep

TIP = Column(name="tip", type=ColumnType.DOUBLE, names=("tip",), comment="What was left.", unit="euros", required=False)
WITH_TIP = replace(RIDES, columns=(*RIDES.columns, TIP))


@pytest.fixture
def other(database_url: Secret) -> Iterator[Connection]:
    opened = connect(database_url)
    yield opened
    opened.close()


def staging_tables(connection: Connection) -> set[str]:
    return {name for (name,) in ask(connection, "select tablename from pg_tables where schemaname = 'staging'")}


def columns_of(connection: Connection, table: str) -> dict[str, str]:
    query = "select attname, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass and attnum > 0"
    return dict(ask(connection, query, table))


def kill_load(connection: Connection, folder: Path, month: Month = FEBRUARY) -> int:
    """Leave what a killed load leaves: an attempt without an end, and its staged tables."""
    load_id = ledger.begin_attempt(
        connection, RIDES.partition(month), run_id=None, contract_version="c", suite_version="s"
    )
    stage_file(connection, RIDES, month, write_rides(folder / f"{load_id}.parquet", month, 5), load_id=load_id)
    return load_id


# ---- the sweep


def test_what_killed_loads_left_is_dropped(connection: Connection, tmp_path: Path) -> None:
    for month in (JANUARY, FEBRUARY, FEBRUARY):
        kill_load(connection, tmp_path, month)
    assert len(staging_tables(connection)) == 6
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == set()
    assert ask(connection, "select objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()") == []


def test_what_a_running_load_works_on_stays(connection: Connection, other: Connection, tmp_path: Path) -> None:
    number = ledger.dataset_number(other, "rides")
    assert try_lock(other, number, FEBRUARY)
    killed, running = kill_load(connection, tmp_path, MARCH), kill_load(connection, tmp_path)
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == {f"rides_2023_02_{running}", f"rides_2023_02_{running}_diverted"}
    assert killed != running
    ask(connection, "select pg_terminate_backend(%s, 10000)", other.info.backend_pid)
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == set()


def test_a_month_is_locked_while_its_tables_go(
    connection: Connection, other: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "LOCK_TIMEOUT_MS", 20_000)
    load_id = kill_load(connection, tmp_path)
    with ThreadPoolExecutor(1) as pool, closing(other):
        other.autocommit = False
        ask(other, f"select count(*) from staging.rides_2023_02_{load_id}")  # the drop must wait for this one
        sweeping = pool.submit(sweep, connection, quarantine_days=90)
        eventually(lambda: sweeping.done() or waits_for_a_lock(other, connection), "the sweep waits")
        assert not sweeping.done()
        assert not try_lock(other, ledger.dataset_number(other, "rides"), FEBRUARY)
        other.rollback()
        sweeping.result(20)
    assert staging_tables(connection) == set()


def test_a_table_that_somebody_reads_is_left_for_the_next_sweep(
    connection: Connection, other: Connection, tmp_path: Path
) -> None:
    read, unread = kill_load(connection, tmp_path), kill_load(connection, tmp_path, MARCH)
    other.autocommit = False
    ask(other, f"select count(*) from staging.rides_2023_02_{read}")
    ask(connection, "set statement_timeout = '20s'")  # who waits without end fails
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == {f"rides_2023_02_{read}", f"rides_2023_02_{read}_diverted"}
    assert read != unread
    other.rollback()
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == set()


@pytest.mark.parametrize(
    "table", ["mine", "rides_2023_02", "rides_2023_02_x", "rides_2023_02_99", "rides_2023_02_99999999999999999999"]
)
def test_tables_that_are_nobodys_stay(connection: Connection, tmp_path: Path, table: str) -> None:
    kill_load(connection, tmp_path)
    ask(connection, f'create table staging."{table}" ()')
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == {table}


def test_a_table_that_only_ends_like_a_load_s_stays(connection: Connection, tmp_path: Path) -> None:
    load_id = kill_load(connection, tmp_path)
    ask(connection, f"create table staging.my_copy_2020_01_{load_id} ()")
    sweep(connection, quarantine_days=90)
    assert staging_tables(connection) == {f"my_copy_2020_01_{load_id}"}


def test_other_schemas_are_not_touched(depot: Depot, connection: Connection, tmp_path: Path) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    ask(connection, "create schema mine")
    for schema in ("mine", "public", "trips", "diverted", "tidemark"):
        ask(connection, f"create table {schema}.rides_2023_02_1 ()")
    schemas = ["mine", "public", "trips", "diverted", "tidemark"]
    query = "select oid, relname from pg_class where relnamespace::regnamespace::text = any(%s) order by 1"
    before = ask(connection, query, schemas)
    kill_load(connection, tmp_path, MARCH)
    sweep(connection, quarantine_days=1)
    ask(connection, "update tidemark.attempt set ended_at = clock_timestamp(), outcome = 'interrupted' "
                    "where outcome is null")  # fmt: skip
    assert ask(connection, query, schemas) == before
    assert staging_tables(connection) == set()


def test_two_sweeps_at_once_do_no_harm(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    for n in range(10):
        kill_load(connection, tmp_path, Month(2022, n + 1))
    start = threading.Barrier(2)

    def work(_: int) -> None:
        sweeper = connect(database_url)
        try:
            start.wait(20)
            sweep(sweeper, quarantine_days=90)
        finally:
            sweeper.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert staging_tables(connection) == set()


# ---- the tables of a dataset


@pytest.mark.parametrize("dataset", [*BUILT_IN, RIDES], ids=lambda dataset: dataset.name)
def test_tables_have_the_columns_of_the_contract_with_their_units(connection: Connection, dataset: Dataset) -> None:
    ensure_tables(connection, dataset)
    ensure_tables(connection, dataset)
    expected = {"month": "date", "load_id": "bigint"} | {c.name: c.type.value for c in dataset.columns}
    assert columns_of(connection, f"trips.{dataset.name}") == expected
    query = "select attname, col_description(attrelid, attnum) from pg_attribute where attrelid = %s::regclass"
    comments = dict(ask(connection, f"{query} and attnum > 0", f"trips.{dataset.name}"))
    assert all(comments.values())
    assert all(f"Unit: {c.unit}." in comments[c.name] for c in dataset.columns if c.unit)
    assert ask(connection, "select obj_description(%s::regclass)", f"trips.{dataset.name}")[0][0].startswith(
        dataset.title
    )
    assert count_rows(connection, "diverted", dataset.name) == 0


def test_a_column_that_is_new_is_added_to_every_month(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    depot.dataset = WITH_TIP
    depot.write(MARCH, 100, tip=[2.5] * 100)
    assert depot.load(MARCH).outcome is Outcome.PUBLISHED
    found = ask(connection, "select month::text, count(tip), count(*) from trips.rides group by 1 order by 1")
    assert found == [("2023-02-01", 0, 100), ("2023-03-01", 100, 100)]
    query = "select col_description('trips.rides'::regclass, attnum) from pg_attribute where attname = 'tip' limit 1"
    assert ask(connection, query)[0][0].startswith("What was left. Unit: euros.")
    depot.write(FEBRUARY, 50, tip=[1.5] * 50)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert ask(connection, "select sum(tip) from trips.rides where month = '2023-02-01'") == [(75.0,)]


def test_a_column_that_the_dataset_lost_stays_and_is_null(depot: Depot, connection: Connection) -> None:
    depot.dataset = WITH_TIP
    depot.write(FEBRUARY, 100, tip=[2.5] * 100)
    depot.load(FEBRUARY)
    depot.dataset = RIDES
    depot.write(MARCH)
    assert depot.load(MARCH).outcome is Outcome.PUBLISHED
    found = ask(connection, "select month::text, count(tip) from trips.rides group by 1 order by 1")
    assert found == [("2023-02-01", 100), ("2023-03-01", 0)]


def test_a_value_that_does_not_fit_is_loaded_when_its_remedy_is_followed(depot: Depot, connection: Connection) -> None:
    depot.dataset = replace(RIDES, columns=(*RIDES.columns, replace(TIP, type=ColumnType.INTEGER)))
    depot.write(FEBRUARY, tip=[2.0] * 100)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    depot.write(MARCH, tip=[2.5] * 100)
    lossy = depot.load(MARCH)
    assert (lossy.outcome, lossy.code) == (Outcome.REJECTED, "lossy-type")
    assert "in the dataset's module and, where the table is there already" in lossy.remedy
    assert 'alter table trips.rides alter column "tip" type double precision' in lossy.remedy
    assert lossy.remedy.endswith("then: tidemark backfill rides 2023-03.")
    depot.dataset = WITH_TIP
    with pytest.raises(UsageError) as refused:
        ensure_tables(connection, WITH_TIP)
    ask(connection, refused.value.remedy.partition("too: ")[2].removesuffix("."))
    assert depot.load(MARCH).outcome is Outcome.PUBLISHED
    assert ask(connection, "select sum(tip) from trips.rides group by month order by month") == [(200.0,), (250.0,)]


def test_another_type_is_refused_and_nothing_is_changed(connection: Connection) -> None:
    ensure_tables(connection, RIDES)
    before = columns_of(connection, "trips.rides")
    changed = replace(RIDES.columns[1], type=ColumnType.TEXT)
    with pytest.raises(UsageError) as raised:
        ensure_tables(connection, replace(RIDES, columns=(RIDES.columns[0], changed, *RIDES.columns[2:], TIP)))
    assert raised.value.code == "column-type"
    assert raised.value.remedy.endswith(f'alter table trips.rides alter column "{changed.name}" type text.')
    assert "trips.rides.price is double precision" in raised.value.message
    assert columns_of(connection, "trips.rides") == before


@pytest.mark.parametrize("there", [False, True], ids=["no table yet", "a column more"])
def test_two_at_once_make_the_tables_once(
    connection: Connection, other: Connection, database_url: Secret, there: bool
) -> None:
    if there:
        ensure_tables(connection, RIDES)
    loaders = [connect(database_url) for _ in range(3)]
    for loader in loaders:  # with warm caches, nothing makes it look again of itself
        ensure_tables(loader, replace(RIDES, name="worked_before"))
    with ThreadPoolExecutor(3) as pool, closing(other):
        ask(other, "select pg_advisory_lock(%s)", SCHEMA_LOCK)
        making = [pool.submit(ensure_tables, loader, WITH_TIP) for loader in loaders]
        for loader in loaders:
            eventually(partial(waits_for_a_lock, connection, loader), "all of them have seen what is missing")
        assert not any(each.done() for each in making)
        other.close()
        for each in making:
            each.result(20)
    for loader in loaders:
        loader.close()
    assert "tip" in columns_of(connection, "trips.rides")
    assert len(ask(connection, "select indexrelid from pg_index where indrelid = 'diverted.rides'::regclass")) == 1


def test_a_new_column_that_waits_for_a_reader_lets_other_readers_pass(
    depot: Depot, connection: Connection, other: Connection
) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    loader = connect(depot.url)
    with ThreadPoolExecutor(1) as pool, closing(other):
        other.autocommit = False
        ask(other, "select count(*) from trips.rides")  # keeps its lock until its transaction ends
        adding = pool.submit(ensure_tables, loader, WITH_TIP)
        eventually(lambda: adding.done() or waits_for_a_lock(connection, loader), "the new column waits")
        assert not adding.done()
        ask(connection, "set statement_timeout = '2s'")  # more than one lock_timeout, less than the reader stays
        for _ in range(20):
            assert ask(connection, "select count(*) from trips.rides") == [(100,)]
        assert not adding.done()
        other.rollback()
        adding.result(30)
    loader.close()
    assert "tip" in columns_of(connection, "trips.rides")


def test_a_table_that_stays_locked_ends_it_as_one_to_try_again(
    connection: Connection, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_PATIENCE_S", 0.3)
    ensure_tables(connection, RIDES)
    other.autocommit = False
    ask(other, "select count(*) from trips.rides")
    ask(connection, "set statement_timeout = '20s'")  # who waits without end fails
    with pytest.raises(Transient, match=r"trips\.rides") as raised:
        ensure_tables(connection, WITH_TIP)
    assert raised.value.code == "locked"
    assert "tip" not in columns_of(connection, "trips.rides")


def test_a_load_that_was_staged_before_a_column_came_gets_in(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    ensure_tables(connection, WITH_TIP)
    assert depot.conclude(load, accepted).outcome is Outcome.PUBLISHED
    assert ask(connection, "select count(*), count(tip) from trips.rides") == [(100, 0)]
