"""From a raw file to a committed table: every row is somewhere, and what is bad leaves nothing half done."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from demo.generate import ERA_B, Fault, damage, write_month
from tests.depot import FEBRUARY, JANUARY, RIDES, ask, write_rides
from tests.months import raw_file, stage_file, stage_generated
from tests.points import at_points
from tidemark import stage as staging
from tidemark.datasets import fhvhv, green, yellow
from tidemark.datasets.base import Dataset, Drift, RowRule
from tidemark.datasets.registry import BUILT_IN
from tidemark.errors import BadFile, Failed, Stopped
from tidemark.months import Month
from tidemark.points import Point
from tidemark.postgres import Connection
from tidemark.read import BATCH_ROWS
from tidemark.stage import Staged, drop_staged, stage
from tidemark.warehouse import ensure_tables

OF_THE_DATA = {Fault.NO_ROWS, Fault.WRONG_MONTH, Fault.ALL_NULL}  # whole files: the gate judges them
CODES = {
    Fault.TRUNCATED: "no-footer",
    Fault.EMPTY: "empty-file",
    Fault.HTML: "html",
    Fault.NO_FOOTER: "no-footer",
    Fault.MISSING_COLUMN: "missing-column",
    Fault.LOSSY_TYPE: "lossy-type",
    Fault.TEXT_TYPE: "lossy-type",
}


def stage_rides(
    connection: Connection, folder: Path, rows: int, *, dataset: Dataset = RIDES, month: Month = FEBRUARY, **shape: Any
) -> Staged:
    path = write_rides(folder / "rides.parquet", month, rows, **shape)
    return stage_file(connection, dataset, month, path)


def count(connection: Connection, table: str) -> int:
    ((rows,),) = ask(connection, f"select count(*) from staging.{table}")
    return int(rows)


def assert_nothing_is_in_use(connection: Connection) -> None:
    """Whatever was copied was undone; the connection can be used, and is in no transaction."""
    for (table,) in ask(connection, "select tablename from pg_tables where schemaname = 'staging'"):
        assert count(connection, table) == 0
    assert connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    assert not [thread for thread in threading.enumerate() if thread.name == "encode"]


# ---- rows


@pytest.mark.parametrize("rows", [0, 1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 2 * BATCH_ROWS + 1])
def test_every_row_arrives_whatever_the_number_of_batches(connection: Connection, tmp_path: Path, rows: int) -> None:
    last = {rows - 1} if rows > 1 else set()
    staged = stage_rides(connection, tmp_path, rows, seatless=tuple(last))
    assert (staged.rows_read, staged.rows, staged.rows_diverted) == (rows, rows - len(last), len(last))
    assert count(connection, staged.table) == staged.rows
    numbers = ask(connection, f"select row_number from staging.{staged.diverted_table}")
    assert numbers == [(rows,)] * len(last)


@pytest.mark.parametrize("row_group", [1_000, BATCH_ROWS, 70_001])
def test_every_row_arrives_whatever_the_row_groups(connection: Connection, tmp_path: Path, row_group: int) -> None:
    rows = BATCH_ROWS + 10_000
    seatless = (0, BATCH_ROWS - 1, BATCH_ROWS, rows - 1)
    staged = stage_rides(connection, tmp_path, rows, row_group=row_group, seatless=seatless)
    assert (staged.rows_read, staged.rows) == (rows, rows - 4)
    assert count(connection, staged.table) == rows - 4
    numbers = ask(connection, f"select row_number - 1 from staging.{staged.diverted_table} order by 1")
    assert tuple(n for (n,) in numbers) == seatless


def test_a_month_of_nothing_but_diverted_rows_is_staged(connection: Connection, tmp_path: Path) -> None:
    staged = stage_rides(connection, tmp_path, 5, seatless=range(5))
    assert (staged.rows, staged.diverted) == (0, {"RIDES-NO-SEATS": 5})
    assert count(connection, staged.diverted_table) == 5


def test_values_arrive_as_they_were(connection: Connection, tmp_path: Path) -> None:
    import pyarrow

    texts = ["", "é€😀", 'a,"b"\n\\N', None]
    staged = stage_rides(
        connection,
        tmp_path,
        4,
        note=pyarrow.array(texts),
        price=pyarrow.array([0.1, float("inf"), -0.0, None]),
        seats=pyarrow.array([2**31 - 1, -1, None, 1]),
    )
    found = ask(
        connection, f"select note, price, seats, at::text, month, load_id from staging.{staged.table} order by at"
    )
    assert [row[0] for row in found] == texts
    assert [row[1] for row in found] == [0.1, float("inf"), 0.0, None]
    assert [row[2] for row in found] == [2**31 - 1, -1, None, 1]
    assert found[1][3] == "2023-02-01 00:00:01"
    assert {row[4:] for row in found} == {(FEBRUARY.first_day, 1)}


def test_diverted_rows_are_kept_as_they_were(connection: Connection, tmp_path: Path) -> None:
    import pyarrow

    texts = ["", "é€😀", 'a,"b"\n\\N', None]
    prices = [0.1, float("nan"), float("-inf"), None]
    staged = stage_rides(connection, tmp_path, 4, seatless=range(4), note=pyarrow.array(texts), price=prices)
    found = ask(connection, f"select row, code, column_name, month, load_id from staging.{staged.diverted_table}")
    assert [row[0]["note"] for row in found] == texts
    assert [row[0]["price"] for row in found] == [0.1, "nan", "-inf", None]
    assert found[0][0]["at"].startswith("2023-02-01 00:00:00")
    assert {row[1:] for row in found} == {("RIDES-NO-SEATS", "seats", FEBRUARY.first_day, 1)}


def test_diverted_rows_that_memory_may_not_hold_go_by_the_disk(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "SPOOL_BYTES", 1000)
    on_disk = []

    class Watched(tempfile.SpooledTemporaryFile[str]):
        def rollover(self) -> None:
            on_disk.append(self)
            super().rollover()

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Watched)
    staged = stage_rides(connection, tmp_path, 20_000, seatless=range(0, 20_000, 2), note=["ü" * 50] * 20_000)
    assert (staged.rows, staged.rows_diverted) == (10_000, 10_000)
    found = ask(connection, f"select count(*), count(distinct row_number) from staging.{staged.diverted_table} "
                            "where row->>'note' = repeat('ü', 50)")  # fmt: skip
    assert found == [(10_000, 10_000)]
    assert len(on_disk) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "rides.parquet"]


def test_the_first_rule_that_takes_a_row_names_it(connection: Connection, tmp_path: Path) -> None:
    cheap = RowRule(code="RIDES-CHEAP", column="price", reason="-", takes=lambda rows: rows["price"] < 5)
    dataset = replace(RIDES, row_rules=(*RIDES.row_rules, cheap))
    staged = stage_rides(connection, tmp_path, 6, dataset=dataset, seatless=(0, 1), price=1.0)
    assert staged.diverted == {"RIDES-NO-SEATS": 2, "RIDES-CHEAP": 4}
    assert (staged.rows, staged.rows_read) == (0, 6)


@pytest.mark.parametrize(
    ("policy", "more"), [(Drift.DISCARD, set()), (Drift.EVOLVE, {"weather", "wind"})], ids=["discard", "evolve"]
)
def test_unknown_columns_are_named_and_left_out_or_taken_in(
    connection: Connection, tmp_path: Path, policy: Drift, more: set[str]
) -> None:
    dataset = replace(RIDES, unknown_columns=policy)
    staged = stage_rides(connection, tmp_path, 10, dataset=dataset, weather=["wet"] * 10, wind=[1.5] * 10)
    assert staged.dropped == (() if more else ("weather", "wind"))
    assert {column.name for column in staged.added} == more
    query = "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
    ours = {"month", "load_id", "at", "price", "seats", "note"}
    assert {name for (name,) in ask(connection, query, f"staging.{staged.table}")} == ours | more
    assert {name for (name,) in ask(connection, query, "trips.rides")} == ours


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_both_eras_go_into_one_table(connection: Connection, tmp_path: Path, dataset: Dataset) -> None:
    for load_id, month in enumerate((JANUARY, ERA_B), start=1):
        staged = stage_generated(connection, dataset, month, tmp_path, rows=500, load_id=load_id)
        assert staged.rows + staged.rows_diverted == staged.rows_read == 500
        assert count(connection, staged.table) == staged.rows
        assert staged.dropped == ()
    both = f"select count(*) from staging.{dataset.name}_2023_01_1 a full join staging.{dataset.name}_2023_02_2 b "
    ask(connection, both + "using (pickup_datetime, dropoff_datetime)")


# ---- what is bad


@pytest.mark.parametrize("dataset", [yellow.DATASET, green.DATASET, fhvhv.DATASET], ids=lambda dataset: dataset.name)
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in OF_THE_DATA])
def test_a_bad_file_ends_with_its_code_and_nothing_in_use(
    connection: Connection, tmp_path: Path, dataset: Dataset, fault: Fault
) -> None:
    path = write_month(tmp_path, dataset.name, FEBRUARY, rows=1000)
    damage(path, fault)
    with pytest.raises(BadFile) as raised:
        stage_file(connection, dataset, FEBRUARY, path)
    assert raised.value.code == CODES[fault]
    assert raised.value.remedy
    assert_nothing_is_in_use(connection)


@pytest.mark.parametrize("fault", sorted(OF_THE_DATA))
def test_a_whole_file_with_bad_data_is_staged_for_the_gate(
    connection: Connection, tmp_path: Path, fault: Fault
) -> None:
    path = write_month(tmp_path, "green", FEBRUARY, rows=1000)
    damage(path, fault)
    staged = stage_file(connection, green.DATASET, FEBRUARY, path)
    assert count(connection, staged.table) == staged.rows == (0 if fault is Fault.NO_ROWS else 1000)


@pytest.mark.parametrize("rows", [10, 3 * BATCH_ROWS])
def test_a_text_that_postgresql_cannot_hold_is_a_bad_value(connection: Connection, tmp_path: Path, rows: int) -> None:
    with pytest.raises(BadFile) as raised:
        stage_rides(connection, tmp_path, rows, note=["ok"] * (rows - 1) + ["a\0b"])
    assert raised.value.code == "bad-value"
    assert_nothing_is_in_use(connection)


def test_such_a_text_in_a_diverted_row_is_kept_without_harm(connection: Connection, tmp_path: Path) -> None:
    staged = stage_rides(connection, tmp_path, 3, seatless=(1,), note=["ok", "a\0b", "ok"])
    assert (staged.rows, staged.rows_diverted) == (2, 1)


@pytest.mark.parametrize("seatless", [(), (0,)], ids=["kept", "diverted"])
def test_bytes_that_are_no_text_are_a_bad_value(
    connection: Connection, tmp_path: Path, seatless: tuple[int, ...]
) -> None:
    import pyarrow

    broken = pyarrow.array([b"\xff\xfe", b"ok"]).view(pyarrow.string())
    with pytest.raises(BadFile) as raised:
        stage_rides(connection, tmp_path, 2, seatless=seatless, note=broken)
    assert raised.value.code == "bad-value"
    assert_nothing_is_in_use(connection)


@pytest.mark.parametrize("moment", [-(2**63) + 1, 2**63 - 1, -250_000_000_000_000_000], ids=["first", "last", "-5953"])
@pytest.mark.parametrize("seatless", [(), (1,)], ids=["kept", "diverted"])
def test_a_time_that_no_clock_shows_harms_nobody(
    connection: Connection, tmp_path: Path, moment: int, seatless: tuple[int, ...]
) -> None:
    import pyarrow

    times = pyarrow.array([0, moment], pyarrow.timestamp("us"))
    try:
        staged = stage_rides(connection, tmp_path, 2, seatless=seatless, at=times)
    except BadFile as error:
        assert error.code in ("bad-value", "lossy-type")  # noqa: PT017 - or it is staged, below
        assert_nothing_is_in_use(connection)
    else:
        assert staged.rows + staged.rows_diverted == count(connection, staged.table) + len(seatless) == 2


def test_a_page_that_is_corrupt_undoes_what_came_before_it(connection: Connection, tmp_path: Path) -> None:
    import pyarrow.parquet

    rows = 2 * BATCH_ROWS
    path = write_rides(
        tmp_path / "rides.parquet", FEBRUARY, rows, row_group=BATCH_ROWS, note=[str(n) for n in range(rows)]
    )
    second = pyarrow.parquet.ParquetFile(path).metadata.row_group(1).column(3)
    with path.open("r+b") as file:
        file.seek(second.data_page_offset + 200)  # behind the head of the page, which is looked at before
        file.write(b"\xff" * 10_000)
    heard: list[int] = []
    ensure_tables(connection, RIDES)
    with pytest.raises(BadFile) as raised:
        stage(
            connection,
            RIDES,
            raw_file(RIDES, FEBRUARY, path),
            1,
            temporary=tmp_path,
            stop=threading.Event(),
            progress=lambda done, total: heard.append(done),
        )
    assert raised.value.code == "corrupt"
    assert heard == [BATCH_ROWS]  # the first row group was on its way
    assert_nothing_is_in_use(connection)
    drop_staged(connection, "rides_2023_02_1")
    assert stage_rides(connection, tmp_path, 10).rows == 10  # on the same connection


def test_a_rule_that_raises_ends_it_and_the_connection_goes_on(connection: Connection, tmp_path: Path) -> None:
    def takes(rows: Any) -> Any:
        raise ZeroDivisionError

    dataset = replace(RIDES, row_rules=(RowRule(code="R", column="seats", reason="-", takes=takes),))
    with pytest.raises(ZeroDivisionError):
        stage_rides(connection, tmp_path, 10, dataset=dataset)
    assert_nothing_is_in_use(connection)


# ---- what ends it from outside


def test_stop_ends_it_soon(connection: Connection, tmp_path: Path) -> None:
    rows = 30 * BATCH_ROWS
    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, rows)
    ensure_tables(connection, RIDES)
    stop = threading.Event()
    stopped_at: list[tuple[int, float]] = []

    def heard(done: int, total: int | None) -> None:
        if not stop.is_set():
            stopped_at.append((done, time.monotonic()))
            stop.set()

    with pytest.raises(Stopped):
        stage(connection, RIDES, raw_file(RIDES, FEBRUARY, path), 1, temporary=tmp_path, stop=stop, progress=heard)
    ((done, since),) = stopped_at
    assert done == BATCH_ROWS
    assert time.monotonic() - since < 2
    assert_nothing_is_in_use(connection)


def test_a_cancelled_copy_leaves_no_thread_and_no_rows(connection: Connection, tmp_path: Path) -> None:
    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, 10 * BATCH_ROWS)
    ensure_tables(connection, RIDES)
    raw = raw_file(RIDES, FEBRUARY, path)

    def heard(done: int, total: int | None) -> None:
        connection.cancel()

    with pytest.raises(psycopg2.errors.QueryCanceled):
        stage(connection, RIDES, raw, 1, temporary=tmp_path, stop=threading.Event(), progress=heard)
    assert_nothing_is_in_use(connection)


def test_a_connection_that_breaks_leaves_no_thread_and_no_rows(
    connection: Connection, database_url: Any, tmp_path: Path
) -> None:
    from tidemark.postgres import connect

    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, 10 * BATCH_ROWS)
    ensure_tables(connection, RIDES)
    loader = connect(database_url)
    raw = raw_file(RIDES, FEBRUARY, path)

    def heard(done: int, total: int | None) -> None:
        ask(connection, "select pg_terminate_backend(%s, 10000)", pid)

    pid = loader.info.backend_pid
    with pytest.raises(psycopg2.OperationalError):
        stage(loader, RIDES, raw, 1, temporary=tmp_path, stop=threading.Event(), progress=heard)
    assert loader.closed
    assert_nothing_is_in_use(connection)


def test_rows_that_get_lost_on_the_way_are_noticed(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_tables(connection, RIDES)
    ask(connection, "create function swallow() returns trigger language plpgsql as $$ begin return null; end $$")
    create = staging._create_tables

    def with_a_hole(*arguments: Any) -> None:
        create(*arguments)
        ask(connection, "create trigger swallow before insert on staging.rides_2023_02_1 for each row "
                        "when (new.price > 5) execute function swallow()")  # fmt: skip

    monkeypatch.setattr(staging, "_create_tables", with_a_hole)
    with pytest.raises(Failed, match="10 rows") as raised:
        stage_rides(connection, tmp_path, 10, price=[1.0] * 9 + [9.0])
    assert raised.value.code == "does-not-reconcile"


def test_the_tables_are_committed_before_the_copy_begins(
    connection: Connection, database_url: Any, tmp_path: Path
) -> None:
    from tidemark.postgres import connect

    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, 10)
    ensure_tables(connection, RIDES)
    other = connect(database_url)
    seen: list[tuple[Any, ...]] = []

    def look(point: Point) -> None:
        if point is Point.COPYING:
            seen.extend(ask(other, "select tablename from pg_tables where schemaname = 'staging' order by 1"))

    with at_points(look):
        raw = raw_file(RIDES, FEBRUARY, path)
        staged = stage(connection, RIDES, raw, 1, temporary=tmp_path, stop=threading.Event())
    other.close()
    assert seen == [(staged.table,), (staged.diverted_table,)]
