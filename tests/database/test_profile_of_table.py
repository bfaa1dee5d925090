"""The profile of a file is that of the table which staging made of it: PostgreSQL is asked for the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2 import sql

from demo.generate import write_month
from tests.depot import ask
from tests.months import REAL_FILES, stage_file
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.profile import Profile, profile_month
from tidemark.profile.values import QUANTILES

MAY = Month(2023, 5)
DATASETS = {dataset.name: dataset for dataset in BUILT_IN}
REAL = REAL_FILES / "green_tripdata_2022-02.parquet"

COUNTS = """
    select count(*) - count({column}),
           count(*) filter (where {column} = 0),
           count(*) filter (where {column} < 0),
           coalesce(sum({column}), 0)::double precision, min({column}), max({column})
      from staging.{table}
"""


def staged(connection: Connection, dataset: Dataset, month: Month, path: Path) -> str:
    return stage_file(connection, dataset, month, path).table


def assert_same(connection: Connection, dataset: Dataset, month: Month, table: str, profile: Profile) -> None:
    named = sql.Identifier(table)
    ((rows,),) = ask(connection, sql.SQL("select count(*) from staging.{}").format(named))
    assert profile.rows == rows
    for column in dataset.columns:
        statement = sql.SQL("select count(*) - count({}) from staging.{}").format(sql.Identifier(column.name), named)
        assert [(profile.nulls[column.name],)] == ask(connection, statement), column.name
    for name, numbers in profile.numbers.items():
        if len(numbers.of) == 1:
            ((*counts, total, least, most),) = ask(
                connection, sql.SQL(COUNTS).format(column=sql.Identifier(name), table=named)
            )
            assert [numbers.nulls, numbers.zeros, numbers.negatives] == counts, name
            assert numbers.total == pytest.approx(total, rel=1e-9, abs=1e-6), name
            assert (numbers.minimum, numbers.maximum) == (least, most), name


def assert_same_codes(connection: Connection, table: str, profile: Profile) -> None:
    for name, codes in profile.codes.items():
        statement = sql.SQL("select {0}::text, count(*) from staging.{1} where {0} is not null group by 1")
        counts = dict(ask(connection, statement.format(sql.Identifier(name), sql.Identifier(table))))
        assert codes.counts.items() <= counts.items(), name
        assert sum(codes.counts.values()) + codes.others == sum(counts.values()), name
        assert codes.distinct == len(counts), name


def assert_same_times(connection: Connection, dataset: Dataset, month: Month, table: str, profile: Profile) -> None:
    grid, event, named = profile.grid, sql.Identifier(dataset.event_column), sql.Identifier(table)
    assert grid is not None
    inside = sql.SQL("{0} >= %s and {0} < %s").format(event)
    bounds = (month.first_day, month.next.first_day)
    by_hour = sql.SQL(
        "select (extract(day from {0})::int - 1) * 24 + extract(hour from {0})::int, count(*)"
        " from staging.{1} where {2} group by 1"
    ).format(event, named, inside)
    assert {place: count for place, count in enumerate(grid.hours) if count} == dict(ask(connection, by_hour, *bounds))
    by_slice = sql.SQL(
        "select {0}::text, extract(day from {1})::int, count(*)"
        " from staging.{2} where {3} and {0} is not null group by 1, 2"
    ).format(sql.Identifier(profile.slice_column or ""), event, named, inside)
    told = {(name, day + 1): count for name, days in grid.days_of.items() for day, count in enumerate(days) if count}
    assert told == {(name, day): count for name, day, count in ask(connection, by_slice, *bounds)}


def assert_same_quantiles(connection: Connection, table: str, profile: Profile) -> None:
    for name, numbers in profile.numbers.items():
        if len(numbers.of) == 1 and numbers.quantiles:
            statement = sql.SQL(
                "select percentile_disc(%s::double precision[]) within group (order by {}) from staging.{}"
            ).format(sql.Identifier(name), sql.Identifier(table))
            ((exact,),) = ask(connection, statement, list(QUANTILES))
            assert numbers.quantiles == pytest.approx(exact, rel=0.008, abs=0.001), name


@pytest.mark.parametrize("name", ["yellow", "green", "fhv", "fhvhv"])
def test_a_generated_month(name: str, connection: Connection, tmp_path: Path) -> None:
    dataset = DATASETS[name]
    path = write_month(tmp_path, name, MAY, rows=6000)
    table, profile = staged(connection, dataset, MAY, path), profile_month(dataset, MAY, path)

    assert_same(connection, dataset, MAY, table, profile)
    assert_same_codes(connection, table, profile)
    assert_same_times(connection, dataset, MAY, table, profile)
    assert_same_quantiles(connection, table, profile)


@pytest.mark.skipif(not REAL.exists(), reason="the real months are not here")
def test_a_real_month(connection: Connection, tmp_path: Path) -> None:
    dataset, month = DATASETS["green"], Month(2022, 2)
    path = tmp_path / REAL.name
    path.symlink_to(REAL)
    table, profile = staged(connection, dataset, month, path), profile_month(dataset, month, path)

    assert_same(connection, dataset, month, table, profile)
    assert_same_codes(connection, table, profile)
    assert_same_times(connection, dataset, month, table, profile)
    assert_same_quantiles(connection, table, profile)


def test_rows_that_are_there_twice_and_totals_are_counted_as_postgres_does(
    connection: Connection, tmp_path: Path
) -> None:
    import pyarrow
    import pyarrow.parquet

    dataset, path = DATASETS["green"], write_month(tmp_path, "green", MAY, rows=3000)
    month = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(pyarrow.concat_tables([month, month.slice(100, 40)]), path)
    table, profile = staged(connection, dataset, MAY, path), profile_month(dataset, MAY, path)
    named = sql.Identifier(table)
    assert profile.total is not None
    parts = sql.SQL(" - ").join(sql.SQL("coalesce({}, 0)").format(sql.Identifier(part)) for part in profile.total.parts)
    wrong = sql.SQL("select count(*) from staging.{} where abs(total_amount - {}) > 0.005").format(named, parts)

    assert [(profile.duplicates,)] == ask(
        connection,
        sql.SQL("select count(*) - count(distinct hash_record_extended(t, 0)) from staging.{} t").format(named),
    )
    assert [(profile.total.wrong,)] == ask(connection, wrong)
