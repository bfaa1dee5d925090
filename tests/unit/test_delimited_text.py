"""Values that are written as text: each becomes exactly what it says, or is refused."""

from __future__ import annotations

import math
import random
from datetime import datetime
from typing import Any

import pytest

from tests.depot import FEBRUARY, RIDES
from tidemark.contract import arrow_type, bind, normalise
from tidemark.datasets.base import ColumnType
from tidemark.delimited.text import MARK, UnfitError, from_text
from tidemark.errors import BadFile

INTEGER, BIGINT, DOUBLE = ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DOUBLE
TIMESTAMP, TEXT = ColumnType.TIMESTAMP, ColumnType.TEXT


def cast(kind: ColumnType, *texts: str | None) -> list[Any]:
    import pyarrow

    values: list[Any] = from_text(pyarrow.array(texts, pyarrow.string()), arrow_type(kind)).to_pylist()
    return values


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (INTEGER, "1", 1),
        (INTEGER, "-0", 0),
        (INTEGER, "007", 7),
        (INTEGER, " 2\t", 2),
        (INTEGER, "3.0", 3),
        (INTEGER, "-3.000", -3),
        (INTEGER, "4.", 4),
        (INTEGER, "2147483647", 2**31 - 1),
        (INTEGER, " ", None),
        (BIGINT, "9223372036854775807.0", 2**63 - 1),
        (DOUBLE, ".00", 0.0),
        (DOUBLE, "2.6299999999999999", 2.63),
        (DOUBLE, " -73.991956999999999 ", -73.991957),
        (DOUBLE, "1e3", 1000.0),
        (DOUBLE, "9007199254740992", 2.0**53),
        (DOUBLE, "1.7976931348623157e308", 1.7976931348623157e308),
        (DOUBLE, "5e-324", 5e-324),
        (DOUBLE, "1e22", 1e22),
        (DOUBLE, "Infinity", math.inf),
        (DOUBLE, "-inf", -math.inf),
        (DOUBLE, "", None),
        (TIMESTAMP, "2019-01-31 23:59:59", datetime(2019, 1, 31, 23, 59, 59)),  # noqa: DTZ001 - published without zone
        (TIMESTAMP, "2019-01-31T23:59:59.000001", datetime(2019, 1, 31, 23, 59, 59, 1)),  # noqa: DTZ001 - as above
        (TIMESTAMP, "2019-01-31", datetime(2019, 1, 31)),  # noqa: DTZ001 - as above
        (TEXT, " as it is ", " as it is "),
        (TEXT, "NaN", "NaN"),
    ],
)
def test_a_text_becomes_what_it_says(kind: ColumnType, text: str, value: object) -> None:
    assert cast(kind, text) == [value]


def test_not_a_number_stays_one() -> None:
    assert [math.isnan(value) for value in cast(DOUBLE, "NaN", "nan")] == [True, True]


def test_the_sign_of_zero_stays() -> None:
    assert [math.copysign(1, value) for value in cast(DOUBLE, "-0.0", "0")] == [-1, 1]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (INTEGER, "1.5"),
        (INTEGER, "2147483648"),
        (INTEGER, "NaN"),
        (INTEGER, "inf"),
        (INTEGER, "one"),
        (INTEGER, "1 2"),
        (BIGINT, "9223372036854775808"),
        (DOUBLE, "1e999"),
        (DOUBLE, "-1e999"),
        (DOUBLE, "1e-400"),
        (DOUBLE, "9007199254740993"),
        (DOUBLE, "1,5"),
        (DOUBLE, "$3"),
        (TIMESTAMP, "2019-02-29 00:00:00"),
        (TIMESTAMP, "2019-01-31 24:00:00"),
        (TIMESTAMP, "01/31/2019 10:00"),
        (TIMESTAMP, "2019-01-31 10:00:00Z"),
        (TIMESTAMP, "2019-01-31 10:00:00.0000001"),
    ],
)
def test_a_text_that_the_type_cannot_hold_is_named(kind: ColumnType, text: str) -> None:
    good = "2019-01-01" if kind is TIMESTAMP else "1"
    with pytest.raises(UnfitError) as caught:
        cast(kind, *[good] * 999, None, text, good)
    assert caught.value.text == text


def test_doubles_are_read_as_python_reads_them() -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    texts = [f"{chance.uniform(-1e6, 1e6):.{chance.randint(0, 17)}f}" for _ in range(20_000)]
    texts += [repr(chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300)) for _ in range(20_000)]
    assert cast(DOUBLE, *texts) == [float(text) for text in texts]


def test_the_contract_casts_texts_and_names_what_it_cannot() -> None:
    import pyarrow

    def batch(price: str) -> pyarrow.RecordBatch:
        texts = {"at": "2023-02-01 10:00:00", "PRICE": price, "seats": "2.0", "note": None}
        schema = pyarrow.schema([(name, pyarrow.string()) for name in texts], metadata=MARK)
        return pyarrow.RecordBatch.from_pylist([texts], schema=schema)

    binding = bind(RIDES, FEBRUARY, batch("1.5").schema)
    (row,) = normalise(binding, batch("1.5")).to_pylist()
    assert row == {"at": datetime(2023, 2, 1, 10), "price": 1.5, "seats": 2, "note": None}  # noqa: DTZ001 - no zone
    with pytest.raises(BadFile, match="'PRICE' holds the text 'cheap', which price") as caught:
        normalise(binding, batch("cheap"))
    assert caught.value.code == "lossy-type"


def test_texts_of_a_parquet_file_are_not_taken_for_numbers() -> None:
    import pyarrow

    batch = pyarrow.RecordBatch.from_pylist([{"at": datetime(2023, 2, 1), "price": "1.5"}])  # noqa: DTZ001 - no zone
    with pytest.raises(BadFile, match="published as string"):
        normalise(bind(RIDES, FEBRUARY, batch.schema), batch)
