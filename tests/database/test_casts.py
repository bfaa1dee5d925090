"""Every type that a file may have into every type of a column: the same values in the database, or a rejected month."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.depot import FEBRUARY, RIDES, ask
from tests.months import REAL_FILES, stage_file
from tidemark.contract import arrow_type, bind, normalise
from tidemark.datasets import green
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.errors import BadFile
from tidemark.months import Month
from tidemark.postgres import Connection

T = ColumnType
NOON = datetime(2023, 2, 1, 12, 30, 15, 123456)  # noqa: DTZ001 - published without zone
WHOLE = [0, 1, -1, 127, -128, 255, 2**15, 2**31 - 1, 2**31, -(2**31), 2**53, 2**53 + 1, 2**54, 2**63 - 1, -(2**63)]
FRACTIONS = [0.0, -0.0, 0.5, -2.5, 0.1, 1e300, 5e-324, 2.0**31, 2.0**53, 2.0**63, float("nan"), float("inf"), 3.0]
DECIMALS = ["0.00", "1.10", "-1.50", "12.00", "99999999.99", "2147483648.00", "9007199254740993.00"]
TIMES = [NOON, NOON.replace(microsecond=0), datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)]  # noqa: DTZ001
TEXTS = ["", "5", "2.5", "é€😀", "2023-02-01", "2023-02-01 12:30:15", "2023-02-30", "true", "NaN", "\\N", 'a,b\n"c"']


def within(values: list[int], low: int, high: int) -> list[int]:
    return [value for value in values if low <= value <= high]


def of_kinds() -> Iterator[pa.Array]:
    """An array of each type that parquet has, with the values that show where it ends."""
    for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64()):
        bound = 2 ** (kind.bit_width - 1)
        yield pa.array([*within(WHOLE, -bound, bound - 1), None], kind)
    for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        yield pa.array([*within([*WHOLE, 2**64 - 1, 2**63], 0, 2**kind.bit_width - 1), None], kind)
    yield pa.array([0.0, -0.0, 0.5, 65504.0, float("nan"), None], pa.float16())
    yield pa.array(
        [*(struct.unpack("f", struct.pack("f", v))[0] for v in FRACTIONS if abs(v) != 1e300), None], pa.float32()
    )
    yield pa.array([*FRACTIONS, None], pa.float64())
    yield pa.array([*map(Decimal, DECIMALS), None], pa.decimal128(20, 2))
    yield pa.array([*map(Decimal, DECIMALS), None], pa.decimal256(60, 2))
    yield pa.array([Decimal(2) ** 70, Decimal(7), None], pa.decimal128(38, 0))
    for unit in ("s", "ms", "us"):
        yield pa.array([*TIMES, None], pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)
    yield pa.array([0, 1, 1000, 1675254615123456789, None], pa.timestamp("ns"))
    yield pa.array([*TIMES, None], pa.timestamp("us", "UTC"))
    yield pa.array([0, 1, 1000, None], pa.timestamp("ns", "America/New_York"))
    yield pa.array([date(2023, 2, 1), date(1, 1, 1), date(9999, 12, 31), None], pa.date32())
    yield pa.array([date(2023, 2, 1), None], pa.date64())
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        yield pa.array([*TEXTS, None], kind)
    yield pa.array([*TEXTS, None]).dictionary_encode()
    yield pa.array([5, 2**31, None]).dictionary_encode()
    yield pa.array([True, False, None])
    yield pa.nulls(3)
    yield pa.array([b"a", None])


def exactly(value: Any) -> Any:
    """What a value is, whatever type says it: two are equal if and only if not a bit of meaning differs."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float) and value != value:
        return "nan"
    if isinstance(value, int | float | Decimal):
        return Fraction(value) if value not in (float("inf"), float("-inf")) else str(value)
    return value


def means(published: pa.Scalar, kind: ColumnType) -> Any:
    """What a published value is for a column of this type; for text in a column of times, the time that it says."""
    if pa.types.is_timestamp(published.type) and published.is_valid:
        micros = Fraction(published.value, {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[published.type.unit])
        zoned = published.type.tz is not None
        return ("instant" if zoned else "time", micros)
    value = published.as_py()
    if isinstance(value, str) and kind in (T.TIMESTAMP, T.DATE):
        moment = datetime.fromisoformat(value)
        return moment.date() if kind is T.DATE else ("time", seconds(moment))
    return exactly(value)


def arrived(value: Any) -> Any:
    """The same of a value as the database gives it."""
    if isinstance(value, datetime):
        return ("instant" if value.tzinfo else "time", seconds(value.replace(tzinfo=None)))
    return exactly(value)


def seconds(moment: datetime) -> Fraction:
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001 - both without zone
    return Fraction((moment - epoch) // timedelta(microseconds=1), 10**6)


def dataset_of(kind: ColumnType) -> Dataset:
    value = Column(name="value", type=kind, names=("value",), comment="Any.", required=False)
    return replace(RIDES, columns=(RIDES.columns[0], value), row_rules=())


def cast(array: pa.Array, kind: ColumnType) -> pa.Array:
    dataset = replace(dataset_of(kind), columns=dataset_of(kind).columns[1:])
    batch = pa.RecordBatch.from_arrays([array], names=["value"])
    return normalise(bind(dataset, FEBRUARY, batch.schema), batch)["value"]


def refusal(array: pa.Array, kind: ColumnType) -> BadFile | None:
    try:
        cast(array, kind)
    except BadFile as error:
        return error
    return None


def survivors(array: pa.Array, kind: ColumnType) -> list[int]:
    """The positions of the values that the contract takes; every other one is refused by name and value."""
    refusals = [refusal(array.slice(position, 1), kind) for position in range(len(array))]
    for error in filter(None, refusals):
        assert error.code == "lossy-type"
        assert f"Column 'value' was published as {array.type} and holds " in error.message
        assert f"value ({kind})" in error.message
    return [position for position, error in enumerate(refusals) if error is None]


def picked(array: pa.Array, positions: list[int]) -> pa.Array:
    if pa.types.is_string_view(array.type):  # which pyarrow cannot take from
        return picked(array.cast(pa.string()), positions).cast(array.type)
    return array.take(pa.array(positions, pa.int64()))


def write(path: Path, array: pa.Array) -> Path:
    times = pa.array([datetime(2023, 2, 1) + timedelta(seconds=n) for n in range(len(array))])  # noqa: DTZ001
    pyarrow.parquet.write_table(pa.table({"at": times, "value": array}), path)
    return path


@pytest.mark.parametrize("kind", ColumnType, ids=lambda kind: kind.name)
def test_what_a_column_takes_arrives_unchanged_and_all_else_is_refused(
    connection: Connection, tmp_path: Path, kind: ColumnType
) -> None:
    taken = 0
    for load_id, array in enumerate(of_kinds(), start=1):
        kept = survivors(array, kind)
        values = picked(array, kept)
        path = write(tmp_path / "month.parquet", values)
        published = pyarrow.parquet.read_table(path)["value"]
        staged = stage_file(connection, dataset_of(kind), FEBRUARY, path, load_id=load_id)
        found = [value for (value,) in ask(connection, f"select value from staging.{staged.table} order by at")]
        assert list(map(arrived, found)) == [means(value, kind) for value in published], array.type
        taken += len(kept)
        if len(kept) < len(array):
            with pytest.raises(BadFile):
                stage_file(connection, dataset_of(kind), FEBRUARY, write(path, array), load_id=1000 + load_id)
            assert ask(connection, f"select count(*) from staging.rides_2023_02_{1000 + load_id}") == [(0,)]
    assert taken > 30  # nulls alone are as many


CLOSE: dict[str, tuple[Callable[[random.Random], Any], pa.DataType, ColumnType]] = {
    "whole doubles": (lambda dice: float(dice.getrandbits(dice.randint(1, 70))), pa.float64(), T.BIGINT),
    "integers": (lambda dice: dice.getrandbits(dice.randint(1, 63)), pa.int64(), T.DOUBLE),
    "narrow integers": (lambda dice: dice.getrandbits(dice.randint(1, 40)), pa.int64(), T.INTEGER),
    "unsigned": (lambda dice: dice.getrandbits(dice.randint(1, 64)), pa.uint64(), T.BIGINT),
    "cents": (lambda dice: Decimal(dice.randint(-(10**9), 10**9)).scaleb(-2), pa.decimal128(20, 2), T.DOUBLE),
    "binary fractions": (
        lambda dice: dice.randint(-(10**6), 10**6) / 2 ** dice.randint(0, 20),
        pa.float64(),
        T.NUMERIC,
    ),
    "moments": (lambda dice: dice.randint(0, 10**6) * 10 ** dice.randint(0, 6), pa.timestamp("ns"), T.TIMESTAMP),
}


@pytest.mark.parametrize("case", CLOSE)
def test_of_values_at_the_border_each_is_the_same_or_refused(case: str) -> None:
    make, published, kind = CLOSE[case]
    dice = random.Random(case)  # noqa: S311 - guards nothing
    array = pa.array([make(dice) for _ in range(2000)], published)
    kept = survivors(array, kind)
    assert 0 < len(kept) < len(array)
    found = cast(picked(array, kept), kind)
    assert found.type == arrow_type(kind)
    assert [means(value, kind) for value in found] == [means(array[position], kind) for position in kept]
    for position in set(range(len(array))) - set(kept):
        assert not fits(means(array[position], kind), kind), array[position]


def fits(value: Any, kind: ColumnType) -> bool:
    """Whether a column of this type can hold a value exactly, by arithmetic alone."""
    if kind is T.TIMESTAMP:
        return bool((value[1] * 10**6).denominator == 1)
    if kind is T.DOUBLE:
        return bool(Fraction(float(value)) == value)
    if kind is T.NUMERIC:
        return bool((value * 10**10).denominator == 1)
    most = 2**31 if kind is T.INTEGER else 2**63
    return bool(value.denominator == 1 and -most <= value < most)


# ---- whole rows


def digest(row: tuple[Any, ...]) -> str:
    return hashlib.md5(repr(tuple(map(arrived, row))).encode()).hexdigest()  # noqa: S324 - compares, guards nothing


def rows_of(path: Path, names: list[str]) -> Iterator[tuple[Any, ...]]:
    table = pyarrow.parquet.read_table(path, columns=names)
    for batch in table.to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="needs the real files of ../shared/tlc")
@pytest.mark.parametrize("name", ["green_tripdata_2023-01.parquet", "reencoded/green_tripdata_2023-02.parquet"])
def test_a_real_month_of_either_era_is_in_the_database_row_for_row(
    connection: Connection, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "month.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(REAL_FILES / name).slice(0, 5_000), path)
    month = Month(2023, 1 if "2023-01" in name else 2)
    dataset = replace(green.DATASET, row_rules=())
    bound = bind(dataset, month, pyarrow.parquet.read_schema(path))
    staged = stage_file(connection, dataset, month, path)
    columns = ", ".join(bound.fields)
    found = sorted(digest(row) for row in ask(connection, f"select {columns} from staging.{staged.table}"))
    assert found == sorted(digest(row) for row in rows_of(path, list(bound.fields.values())))
    assert len(found) == 5_000


def test_a_time_is_told_from_an_instant() -> None:
    """The comparison itself: without this a column of instants would pass for one of times."""
    assert arrived(NOON) != arrived(NOON.replace(tzinfo=UTC))
    assert exactly(0.1) != exactly(Decimal("0.1"))
    assert exactly(2**53 + 1) != exactly(float(2**53 + 1))
    assert exactly(True) is True
