"""Months published as text, and odd values of any file, in the real database: loaded as they are, or not at all."""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import sql

from tests.depot import FEBRUARY, RIDES, Depot, ask
from tests.unit.test_datasets import REAL_FILES
from tidemark.datasets.draft import draft, write_draft
from tidemark.datasets.registry import load_datasets
from tidemark.datasets.sample import read_sample
from tidemark.facts import State
from tidemark.ledger import Outcome
from tidemark.months import Month, months_between
from tidemark.plan import Mode
from tidemark.postgres import Connection

SAMPLES = REAL_FILES / "yellow-samples"
HEADER = "at,price,seats,Remark"


def line(number: int, price: str = "1.5", note: str = "ok") -> str:
    return f"2023-02-{1 + number % 28:02d} 10:{number % 60:02d}:00,{price},{2 + number % 3},{note}"


def text_of(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def put(depot: Depot, content: bytes, ending: str = "csv") -> Path:
    path = depot.source / f"rides_tripdata_{FEBRUARY}.{ending}"
    path.write_bytes(content)
    return path


def prices(connection: Connection) -> list[float]:
    return [price for (price,) in ask(connection, "select price from trips.rides order by price")]


@pytest.mark.parametrize(("ending", "pack"), [("csv", bytes), ("csv.gz", gzip.compress)])
def test_a_month_of_text_goes_from_the_source_to_the_table(
    depot: Depot, connection: Connection, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    rows = [line(n, f"{n}.25") for n in range(100)]
    rows[7] = rows[7].replace(f",{2 + 7 % 3},", ",0,")  # diverted
    put(depot, pack(text_of(*rows)), ending)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert prices(connection) == [n + 0.25 for n in range(100) if n != 7]
    ((diverted,),) = ask(connection, "select row_number from diverted.rides")
    assert diverted == 8
    (attempt,) = depot.history(FEBRUARY)
    assert (attempt.rows_read, attempt.rows_published, attempt.rows_diverted) == (100, 99, 1)
    (kept,) = (depot.settings.lake / "raw" / "rides" / str(FEBRUARY)).iterdir()
    assert kept.name == f"{attempt.sha256}.{ending}"


def test_what_a_double_can_be_is_loaded_as_it_is(depot: Depot, connection: Connection) -> None:
    written = ["NaN", "Infinity", "-Infinity", "-0.0", "5e-324", "1.7976931348623157e308", "0.1", ""]
    put(depot, text_of(*[line(n, text) for n, text in enumerate(written)], *[line(n) for n in range(200)]))
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    found = ask(connection, "select price::text, count(*) from trips.rides group by 1")
    expected = {text or None for text in written} - {"5e-324", "1.7976931348623157e308", "-0.0"}
    assert {text for text, _ in found} >= expected | {"5e-324", "1.7976931348623157e+308", "-0"}


def test_what_a_double_can_be_is_loaded_from_parquet_as_it_is(depot: Depot, connection: Connection) -> None:
    import pyarrow

    odd = [math.nan, math.inf, -math.inf, -0.0, 5e-324]
    depot.write(FEBRUARY, 200, price=pyarrow.array(odd + [1.5] * 195, pyarrow.float64()))
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    found = {text for (text,) in ask(connection, "select price::text from trips.rides")}
    assert found == {"NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.5"}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (line(1, "1e999").encode(), "lossy-type"),
        (line(1, "cheap").encode(), "lossy-type"),
        (line(1).replace(",2", ",9999999999").replace(",3,", ",9999999999,").encode(), "lossy-type"),
        (line(1).replace(",3,", ",NaN,").encode(), "lossy-type"),
        (line(1).replace(",3,", ",2.5,").encode(), "lossy-type"),
        (line(1).replace("2023-02-02", "2023-02-30").encode(), "lossy-type"),
        (line(1, note="a\0b").encode(), "bad-value"),
        (line(1, note="a").encode() + b"\xff", "bad-value"),
        (line(1, note='"open').encode(), "bad-quotes"),
        (b"2023-02-02 10:00:00,1.5", "wrong-fields"),
        (line(1).encode() + b",5", "wrong-fields"),
    ],
)
def test_one_bad_row_at_the_end_rejects_the_month_and_leaves_nothing(
    depot: Depot, connection: Connection, bad: bytes, code: str
) -> None:
    put(depot, text_of(*[line(n) for n in range(70_000)]) + bad + b"\n")
    result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.REJECTED, code)
    assert result.reason.endswith(".")
    assert ask(connection, "select count(*) from trips.rides") == [(0,)]
    assert ask(connection, "select tablename from pg_tables where schemaname = 'staging'") == []


def by_postgresql(connection: Connection, path: Path, dataset: str, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return the rows in which the published month differs from what PostgreSQL itself reads in the file."""
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    table = sql.Identifier("trips", dataset)
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists pg_temp.own")
        cursor.execute(sql.SQL("create temp table own as select {} from {} limit 0").format(names, table))
        lines = path.read_bytes().replace(b"\r\n", b"\n")  # PostgreSQL refuses a file that has both, and these have
        cursor.copy_expert("copy own from stdin (format csv, header true)", io.BytesIO(lines))
    theirs = sql.SQL("select {} from pg_temp.own").format(names)
    ours = sql.SQL("select {} from {} where to_char(month, 'YYYY-MM') = {}").format(
        names, table, sql.Literal(path.stem[-7:])
    )
    both = sql.SQL("({0} except all {1}) union all ({1} except all {0})").format(theirs, ours)
    return ask(connection, both)


def begin_own(depot: Depot, sample: Path) -> None:
    """Make a dataset of one's own of a sample, as ``tidemark dataset new`` does, and let the depot load it."""
    folder = depot.source.parent / "datasets"
    path = write_draft(folder, "cabs", draft("cabs", read_sample(sample)))
    assert len(path.read_text().splitlines()) <= 40
    depot.dataset = load_datasets(folder)["cabs"]
    depot.settings = depot.settings.__class__(**(vars(depot.settings) | {"source": None}))


def assert_six_months_are_published(depot: Depot, connection: Connection, folder: Path) -> None:
    for month in months_between(Month(2019, 1), Month(2019, 6)):
        result = depot.load(month, Mode.DUE)
        assert result.outcome is Outcome.PUBLISHED, result
        assert depot.facts(month).state is State.PUBLISHED
        path = folder / depot.dataset.file_name(month)
        columns = tuple(column.name for column in depot.dataset.columns)
        assert by_postgresql(connection, path, "cabs", columns) == []


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of yellow months are not beside the project")
def test_a_dataset_of_one_s_own_from_a_sample_to_six_published_months(depot: Depot, connection: Connection) -> None:
    begin_own(depot, SAMPLES / "yellow_tripdata_sample_2019-04.csv")
    assert depot.dataset.event_column == "pickup_datetime"
    assert depot.dataset.first_month == Month(2019, 1)
    assert_six_months_are_published(depot, connection, SAMPLES)
    ((rows,),) = ask(connection, "select count(*) from trips.cabs")
    assert rows == 60_000


def test_the_same_with_generated_months(depot: Depot, connection: Connection) -> None:
    for month in months_between(Month(2019, 1), Month(2019, 6)):
        days = (month.next.first_day - month.first_day).days
        rows = [
            f"{n},{month}-{1 + n % days:02d} {n % 24:02d}:{n % 60:02d}:00,{n % 7}.{n % 100:02d},{'NY'[n % 2]},"
            for n in range(500)
        ]
        header = "Ride ID,started at,price,Flag,surcharge"
        (depot.source / f"cabs-{month}.csv").write_text("\n".join([header, *rows, ""]))
    begin_own(depot, depot.source / "cabs-2019-03.csv")
    assert [column.name for column in depot.dataset.columns] == ["ride_id", "started_at", "price", "flag", "surcharge"]
    assert_six_months_are_published(depot, connection, depot.source)


def test_a_month_may_change_its_format(depot: Depot, connection: Connection) -> None:
    path = put(depot, text_of(*[line(n) for n in range(200)]))
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    path.unlink()
    depot.write(FEBRUARY, 300)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert ask(connection, "select count(*) from trips.rides") == [(300,)]
    assert depot.dataset is RIDES


def test_a_text_column_that_nobody_knows_is_added_as_text(depot: Depot, connection: Connection) -> None:
    rows = [f"{line(n)},{n % 3}" for n in range(200)]
    put(depot, text_of(*rows).replace(HEADER.encode(), f"{HEADER},Old Colour".encode()))
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert ask(connection, "select distinct old_colour from trips.rides order by 1") == [("0",), ("1",), ("2",)]
