"""Columns that a file brings, on real PostgreSQL: loaded, added once the month is accepted, in nobody's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pyarrow as pa
import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, opened
from tidemark import load as stages
from tidemark import postgres, stage
from tidemark.datasets.base import Column, ColumnType, Drift
from tidemark.errors import BadFile, Transient
from tidemark.evolve import read_table
from tidemark.facts import Flag
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.months import Month
from tidemark.plan import Mode
from tidemark.postgres import Connection, connect
from tidemark.warehouse import ensure_tables

APRIL = Month(2023, 4)
OURS = ["month", "load_id", "at", "price", "seats", "note"]
NEW = "RIDES-COLUMNS-NEW"


def columns(connection: Connection, table: str = "trips.rides") -> dict[str, str]:
    query = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
    return dict(ask(connection, f"{query} and attnum > 0 and not attisdropped order by attnum", table))


def brought(connection: Connection) -> dict[str, str]:
    """The columns of the table that files brought."""
    return {name: kind for name, kind in columns(connection).items() if name not in OURS}


def by_month(connection: Connection, column: str) -> list[tuple[str, Any, int]]:
    query = f"select month::text, sum({column}), count(*) from trips.rides group by 1 order by 1"
    return ask(connection, query)


def codes(depot: Depot, month: Month) -> set[str]:
    """What did not pass in the last attempt at a month."""
    return {finding.code for finding in depot.history(month)[0].findings if not finding.passed}


def published(result: LoadResult) -> None:
    assert result.outcome is Outcome.PUBLISHED, result


# ---- what becomes of a column that nobody knows


def test_a_new_column_is_loaded_into_a_first_month_and_reported_once(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, 10, Wind=[1.5] * 10)
    published(depot.load(JANUARY))
    depot.write(FEBRUARY, 10, Wind=[2.5] * 10)
    published(depot.load(FEBRUARY))
    depot.write(MARCH, 10)
    published(depot.load(MARCH))
    assert brought(connection) == {"wind": "double precision"}
    sums = [("2023-01-01", 15.0, 10), ("2023-02-01", 25.0, 10), ("2023-03-01", None, 10)]
    assert by_month(connection, "wind") == sums
    assert [NEW in codes(depot, month) for month in (JANUARY, FEBRUARY, MARCH)] == [True, False, False]
    assert [depot.history(month)[0].added_columns for month in (JANUARY, FEBRUARY)] == [("wind",), ()]
    assert depot.history(JANUARY)[0].verdict == "warned"


def test_a_new_column_comes_with_a_reload_and_the_other_months_have_none(depot: Depot, connection: Connection) -> None:
    for month in (JANUARY, FEBRUARY):
        depot.write(month, 10)
        published(depot.load(month))
    depot.write(FEBRUARY, 20, wind=pa.array([7] * 20, pa.int32()), seatless=(3,))
    published(depot.load(FEBRUARY))
    assert brought(connection) == {"wind": "bigint"}
    assert by_month(connection, "wind") == [("2023-01-01", None, 10), ("2023-02-01", 133, 19)]
    assert ask(connection, "select row->>'wind' from diverted.rides") == [("7",)]


def test_the_column_says_where_it_comes_from(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 10, **{"Wind \0 x": [1.5] * 10})
    published(depot.load(FEBRUARY))
    query = "select col_description(%s::regclass, attnum) from pg_attribute where attrelid = %s::regclass "
    for table in ("trips.rides", "trips.rides_2023_02"):
        ((comment,),) = ask(connection, f"{query} and attname = 'wind_x'", table, table)
        assert comment == (
            "Not in the dataset's module: came with the file of 2023-02, as double. Published as Wind \\0 x."
        )


def test_a_rejected_month_adds_no_column_and_its_quarantine_keeps_it(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, 10, wind=[1.5] * 10)
    path = depot.source / RIDES.file_name(JANUARY)
    path.rename(depot.source / RIDES.file_name(FEBRUARY))  # the rows of another month
    assert depot.load(FEBRUARY).outcome is Outcome.REJECTED
    assert brought(connection) == {}
    assert columns(connection, "quarantine.rides_2023_02")["wind"] == "double precision"
    assert ask(connection, "select sum(wind) from quarantine.rides_2023_02") == [(15.0,)]
    depot.write(FEBRUARY, 10, wind=[2.5] * 10)
    published(depot.load(FEBRUARY))
    assert depot.history(FEBRUARY)[0].added_columns == ("wind",)
    assert by_month(connection, "wind") == [("2023-02-01", 25.0, 10)]


def test_a_frozen_dataset_rejects_the_month_until_the_setting_is_another(depot: Depot, connection: Connection) -> None:
    depot.dataset = replace(RIDES, unknown_columns=Drift.FREEZE)
    depot.write(FEBRUARY, 10, wind=[1.5] * 10)
    result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "unknown-column")
    assert "'wind'" in result.reason
    assert "unknown_columns" in result.remedy
    assert brought(connection) == {}
    depot.dataset = RIDES
    published(depot.load(FEBRUARY, Mode.DUE))
    assert brought(connection) == {"wind": "double precision"}


def test_a_dataset_that_discards_names_the_column_in_the_ledger(depot: Depot, connection: Connection) -> None:
    depot.dataset = replace(RIDES, unknown_columns=Drift.DISCARD)
    depot.write(FEBRUARY, 10, wind=[1.5] * 10)
    published(depot.load(FEBRUARY))
    (attempt,) = depot.history(FEBRUARY)
    assert (attempt.dropped_columns, attempt.added_columns) == (("wind",), ())
    assert brought(connection) == {}
    assert NEW not in codes(depot, FEBRUARY)


def test_what_no_column_can_hold_is_dropped_by_name(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 4, stops=[[1, 2]] * 4, raw=[b"x"] * 4, nothing=pa.nulls(4), wind=[1.5] * 4)
    published(depot.load(FEBRUARY))
    (attempt,) = depot.history(FEBRUARY)
    assert (attempt.dropped_columns, attempt.added_columns) == (("stops", "raw", "nothing"), ("wind",))
    assert brought(connection) == {"wind": "double precision"}


# ---- types and names


NOON = datetime(2023, 2, 1, 12, 30, 15, 123456)  # noqa: DTZ001 - published without zone
TYPES: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "Small": (pa.array([1, -128, None], pa.int8()), "bigint", [1, -128, None]),
    "Whole": (pa.array([2**63 - 1, -(2**63), None]), "bigint", [2**63 - 1, -(2**63), None]),
    "Unsigned": (pa.array([2**63 - 1, 0, None], pa.uint64()), "bigint", [2**63 - 1, 0, None]),
    "Half": (pa.array([1.5, None, -2.0], pa.float16()), "double precision", [1.5, None, -2.0]),
    "Fraction": (pa.array([0.1, float("inf"), None]), "double precision", [0.1, float("inf"), None]),
    "Money": (
        pa.array([Decimal("1.10"), Decimal("-99999999.99"), None]),
        "numeric",
        [Decimal("1.10"), Decimal("-99999999.99"), None],
    ),
    "Flag": (pa.array([True, False, None]), "boolean", [True, False, None]),
    "Day": (pa.array([date(2023, 2, 1), date(1, 1, 1), None]), "date", [date(2023, 2, 1), date(1, 1, 1), None]),
    "Day64": (pa.array([date(2023, 2, 1), None, None], pa.date64()), "date", [date(2023, 2, 1), None, None]),
    "Time": (pa.array([NOON, None, NOON], pa.timestamp("ns")), "timestamp without time zone", [NOON, None, NOON]),
    "Instant": (
        pa.array([NOON, None, None], pa.timestamp("us", "America/New_York")),
        "timestamp with time zone",
        [NOON.replace(tzinfo=UTC), None, None],
    ),
    "Word": (pa.array(["é€😀", "", None]), "text", ["é€😀", "", None]),
    "Large": (pa.array(["a", "b", None], pa.large_string()), "text", ["a", "b", None]),
    "Code": (pa.array(["a", "b", "a"]).dictionary_encode(), "text", ["a", "b", "a"]),
}


def test_values_of_every_type_arrive_as_they_were_also_in_the_next_month(depot: Depot, connection: Connection) -> None:
    for month in (FEBRUARY, MARCH):
        depot.write(month, 3, **{name: array for name, (array, _, _) in TYPES.items()})
        published(depot.load(month))
        for name, (_, kind, values) in TYPES.items():
            column = name.lower()
            assert brought(connection)[column] == kind
            query = f"select {column} from trips.rides where month = %s order by at"
            assert [value for (value,) in ask(connection, query, month.first_day)] == values, name
    assert len(depot.history(FEBRUARY)[0].added_columns) == len(TYPES)
    assert depot.history(MARCH)[0].added_columns == ()


def test_diverted_rows_have_the_new_columns_too(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 3, seatless=(0,), **{name: array for name, (array, _, _) in TYPES.items()})
    published(depot.load(FEBRUARY))
    ((row,),) = ask(connection, "select row from diverted.rides")
    assert (row["money"], row["flag"], row["day"]) == ("1.1000000000", True, "2023-02-01")
    assert row["instant"].startswith("2023-02-01 12:30:15.123456")


def test_a_later_month_is_cast_to_the_column_s_type_when_no_value_changes(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, 2, wind=pa.array([1, 2], pa.int64()))
    published(depot.load(JANUARY))
    depot.write(FEBRUARY, 2, WIND=[3.0, None])
    published(depot.load(FEBRUARY))
    assert by_month(connection, "wind") == [("2023-01-01", 3, 2), ("2023-02-01", 3, 2)]
    depot.write(MARCH, 2, wind=[3.0, 3.5])
    result = depot.load(MARCH)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "lossy-type")
    assert "'wind' was published as double and holds '3.5', which wind (bigint)" in result.reason
    alter = 'alter table trips.rides alter column "wind" type double precision'
    assert f"{alter}; then: tidemark backfill rides 2023-03 --mode rejected." in result.remedy
    ask(connection, alter)
    published(depot.load(MARCH, Mode.REJECTED))
    assert by_month(connection, "wind")[-1] == ("2023-03-01", 6.5, 2)


def test_a_column_with_a_word_of_sql_for_a_name_is_read_without_quotes(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 2, **{"User": ["a", "b"], "Month": [1, 2], "ctid": [3, 4], "tip;--": [5, 6]})
    published(depot.load(FEBRUARY))
    found = ask(connection, "select published_user, published_month, published_ctid, tip from trips.rides order by at")
    assert found == [("a", 1, 3, 5), ("b", 2, 4, 6)]


def test_the_dataset_may_take_the_column_over(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, 2, wind=[1.5, 2.5])
    published(depot.load(JANUARY))
    wind = Column(name="wind", type=ColumnType.DOUBLE, names=("wind",), comment="How windy.", required=False)
    depot.dataset = replace(RIDES, columns=(*RIDES.columns, wind))
    depot.write(FEBRUARY, 2, wind=[3.5, 4.5])
    published(depot.load(FEBRUARY))
    assert by_month(connection, "wind") == [("2023-01-01", 4.0, 2), ("2023-02-01", 8.0, 2)]


def test_a_column_that_came_makes_no_other_month_stale(depot: Depot) -> None:
    depot.write(JANUARY, 10)
    published(depot.load(JANUARY))
    before = depot.versions
    depot.write(FEBRUARY, 10, wind=[1.5] * 10)
    published(depot.load(FEBRUARY))
    assert depot.versions == before
    today = datetime.now(UTC).date()
    for month in (JANUARY, FEBRUARY):
        assert Flag.STALE not in depot.facts(month).flags(RIDES, depot.versions, today)
        assert depot.load(month, Mode.DUE).outcome is Outcome.UNCHANGED


# ---- months at once


def accepted(depot: Depot, month: Month, **shape: Any) -> tuple[stages.Load, Any]:
    """A load that has its verdict, and has published nothing yet."""
    depot.write(month, 10, **shape)
    load = depot.open(month, depot.plan(month))
    return load, depot.accepted(load)


@pytest.mark.parametrize("there", [False, True], ids=["first loads", "reloads"])
def test_months_that_were_staged_before_the_others_columns_came_get_in(
    depot: Depot, connection: Connection, there: bool
) -> None:
    months = (JANUARY, FEBRUARY, MARCH)
    for month in months if there else ():
        depot.write(month, 5)
        published(depot.load(month))
    loads = [accepted(depot, month, **{f"wind_{n}": [float(n)] * 10}) for n, month in enumerate(months, 1)]
    loads.append(accepted(depot, APRIL))
    for load, verdict in loads:
        published(depot.conclude(load, verdict))
    assert brought(connection) == dict.fromkeys(("wind_1", "wind_2", "wind_3"), "double precision")
    for n, month in enumerate(months, 1):
        query = f"select count(*), sum(wind_{n}) from trips.rides where month = %s"
        assert ask(connection, query, month.first_day) == [(10, 10.0 * n)]
        assert ask(connection, f"select count(*) from trips.rides where wind_{n} is not null") == [(10,)]


def test_months_with_new_columns_may_be_published_at_the_same_moment(depot: Depot, connection: Connection) -> None:
    depot.write(APRIL, 5)
    published(depot.load(APRIL))
    months = [Month(2022, n) for n in range(1, 7)]
    loads = [accepted(depot, month, **{f"own_{n}": [1] * 10, "same": ["x"] * 10}) for n, month in enumerate(months)]
    with ThreadPoolExecutor(6) as pool:
        for result in pool.map(lambda each: depot.conclude(*each), loads):
            published(result)
    assert set(brought(connection)) == {"same", *(f"own_{n}" for n in range(6))}
    assert ask(connection, "select count(same) from trips.rides") == [(60,)]
    for n in range(6):
        assert ask(connection, f"select count(own_{n}) from trips.rides") == [(10,)]


def test_one_column_that_two_months_bring_with_two_types_is_loaded_by_one_and_then_by_the_other(
    depot: Depot, connection: Connection
) -> None:
    first = accepted(depot, JANUARY, wind=[1.5] * 10)
    second = accepted(depot, FEBRUARY, wind=[2] * 10)
    published(depot.conclude(*first))
    result = depot.conclude(*second)
    assert (result.outcome, result.code) == (Outcome.FAILED, "column-type")
    stages.close(second[0])
    published(depot.load(FEBRUARY, Mode.DUE))
    assert by_month(connection, "wind") == [("2023-01-01", 15.0, 10), ("2023-02-01", 20.0, 10)]


def test_a_column_that_comes_between_the_look_at_the_table_and_the_staging_is_never_taken_for_another_type(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A double's eight bytes would be taken for a bigint's without an error."""
    depot.write(FEBRUARY, 10, wind=[1.5] * 10)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    real = read_table

    def read_then_change(*given: Any) -> Any:
        read = real(*given)
        ask(connection, "alter table trips.rides add column if not exists wind bigint")
        return read

    assert stages.begin(load) is None
    raw = stages.fetch_raw(load)
    monkeypatch.setattr(stage, "read_table", read_then_change)
    with pytest.raises(Transient) as caught:
        stages.stage_raw(load, raw)
    assert caught.value.code == "column-type"
    monkeypatch.undo()
    with pytest.raises(BadFile, match=r"1\.5"):
        stages.stage_raw(load, raw)
    stages.end(load, stages.interrupted())


# ---- whoever reads meanwhile


def test_a_reader_that_stays_holds_the_column_up_and_nobody_else(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 10)
    published(depot.load(FEBRUARY))
    load, verdict = accepted(depot, MARCH, wind=[1.5] * 10)
    with ThreadPoolExecutor(1) as pool, closing(connect(depot.url)) as reader:
        reader.autocommit = False
        ask(reader, "select count(*) from trips.rides")
        publishing = pool.submit(depot.conclude, load, verdict)
        ask(connection, "set statement_timeout = '1s'")
        for _ in range(20):
            assert ask(connection, "select count(*) from trips.rides") == [(10,)]
        assert not publishing.done()
        assert brought(connection) == {}
        reader.rollback()
        published(publishing.result(30))
    assert by_month(connection, "wind")[-1] == ("2023-03-01", 15.0, 10)


def test_a_table_that_stays_locked_ends_the_load_as_one_to_try_again(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_PATIENCE_S", 0.3)
    depot.write(FEBRUARY, 10)
    published(depot.load(FEBRUARY))
    load, verdict = accepted(depot, MARCH, wind=[1.5] * 10)
    with opened(depot.url) as reader:
        reader.autocommit = False
        ask(reader, "select count(*) from trips.rides")
        result = depot.conclude(load, verdict)
    assert (result.outcome, result.code) == (Outcome.FAILED, "locked")
    assert brought(connection) == {}
    stages.close(load)
    published(depot.load(MARCH, Mode.DUE))
    assert by_month(connection, "wind")[-1] == ("2023-03-01", 15.0, 10)


def test_an_older_snapshot_sees_the_months_as_they_were(depot: Depot) -> None:
    depot.write(FEBRUARY, 10)
    published(depot.load(FEBRUARY))
    with opened(depot.url) as reader:
        reader.set_session(isolation_level="REPEATABLE READ", autocommit=False)
        ask(reader, "select 1 from tidemark.attempt")  # has its snapshot, and no lock of the table
        depot.write(MARCH, 10, wind=[1.5] * 10)
        published(depot.load(MARCH))
        depot.write(FEBRUARY, 20, wind=[2.5] * 20)
        published(depot.load(FEBRUARY))
        query = "select month::text, count(*), count(wind) from trips.rides where month = '2023-02-01' group by 1"
        assert ask(reader, query) == [("2023-02-01", 10, 0)]


def test_a_month_staged_before_the_dataset_got_a_column_gets_in(depot: Depot, connection: Connection) -> None:
    load, verdict = accepted(depot, FEBRUARY)
    wind = Column(name="wind", type=ColumnType.DOUBLE, names=("wind",), comment="How windy.", required=False)
    ensure_tables(connection, replace(RIDES, columns=(*RIDES.columns, wind)))
    published(depot.conclude(load, verdict))
    assert by_month(connection, "wind") == [("2023-02-01", None, 10)]


def test_rows_with_more_columns_than_a_page_holds_are_rejected_or_loaded_whole(
    depot: Depot, connection: Connection
) -> None:
    many = {f"c{n}": pa.array([1.5] * 3) for n in range(490)}
    depot.write(FEBRUARY, 3, **many)
    published(depot.load(FEBRUARY))
    assert by_month(connection, "c489") == [("2023-02-01", 4.5, 3)]
    depot.write(MARCH, 3, **{f"d{n}": pa.array([1.5] * 3) for n in range(20)})
    result = depot.load(MARCH)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "unknown-column")


def test_a_connection_that_breaks_before_the_column_comes_publishes_nothing(
    depot: Depot, connection: Connection
) -> None:
    load, verdict = accepted(depot, FEBRUARY, wind=[1.5] * 10)
    ask(connection, "select pg_terminate_backend(%s, 10000)", load.connection.info.backend_pid)
    result = depot.conclude(load, verdict)
    assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost")
    assert brought(connection) == {}
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        ask(connection, "select wind from trips.rides")
