"""What does not fit a column: the sentence, and the commands that make it fit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.attempts import FEBRUARY, RIDES
from tests.rides import AT, NOTE
from tidemark.contract import bind, normalise
from tidemark.datasets.base import Column
from tidemark.datasets.base import ColumnType as T
from tidemark.errors import BadFile
from tidemark.misfit import wider_for, wider_for_text

DISTANCE = Column(name="distance", type=T.DOUBLE, names=("km",), comment="How far.")


def refused(kind: T, array: pa.Array, *, evolved: bool = False) -> BadFile:
    column = replace(DISTANCE, type=kind)
    batch = pa.RecordBatch.from_arrays([array], names=["km"])
    bound = bind(replace(RIDES, columns=(column,)), FEBRUARY, batch.schema)
    with pytest.raises(BadFile) as caught:
        normalise(replace(bound, evolved=(column,) if evolved else ()), batch)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "array", "rule"),
    [
        (T.INTEGER, pa.array(["1"]), "text is never cast to a number"),
        (T.INTEGER, pa.array([True]), "true or false is never cast to a number"),
        (T.TEXT, pa.array([Decimal("1.10")]), "a number is never cast to text"),
        (T.TIMESTAMP, pa.array([0], pa.timestamp("us", "UTC")), "a time with a zone is never cast to a time without a"),
    ],
)
def test_a_type_that_is_never_taken_is_told_as_that_whatever_the_value(kind: T, array: pa.Array, rule: str) -> None:
    error = refused(kind, array)
    assert f"; distance ({kind}) does not take it: {rule}" in error.message
    assert "without loss" not in error.message


def test_a_value_that_would_change_is_told_as_that() -> None:
    message = "Column 'km' was published as double and holds '2.5', which distance (integer) cannot hold without loss."
    assert refused(T.INTEGER, pa.array([2.5])).message == message


def test_the_remedy_names_the_table_the_column_the_type_and_the_command() -> None:
    assert refused(T.INTEGER, pa.array([2.5])).remedy.endswith(
        'alter table trips.rides alter column "distance" type double precision; then: tidemark backfill rides 2023-02.'
    )


def test_a_column_that_an_earlier_file_brought_is_changed_in_the_table_alone() -> None:
    remedy = refused(T.BIGINT, pa.array([2.5]), evolved=True).remedy
    assert remedy.startswith("An earlier file brought the column distance.")
    assert (
        'alter table trips.rides alter column "distance" type double precision; then: '
        "tidemark backfill rides 2023-02 --mode rejected."
    ) in remedy


def test_what_no_type_holds_is_left_for_people_to_choose() -> None:
    assert 'alter column "distance" type …; then' in refused(T.INTEGER, pa.array([True])).remedy


@pytest.mark.parametrize(
    ("column", "published", "wider"),
    [
        (T.INTEGER, pa.int64(), T.BIGINT),
        (T.INTEGER, pa.float64(), T.DOUBLE),
        (T.BIGINT, pa.uint64(), T.NUMERIC),
        (T.BIGINT, pa.float64(), T.DOUBLE),
        (T.DOUBLE, pa.decimal128(10, 2), T.NUMERIC),
        (T.NUMERIC, pa.float64(), None),
        (T.INTEGER, pa.dictionary(pa.int8(), pa.string()), T.TEXT),
        (T.TIMESTAMP, pa.timestamp("us", "UTC"), T.INSTANT),
        (T.TIMESTAMP, pa.timestamp("ns"), None),
        (T.TEXT, pa.int64(), None),
        (T.INTEGER, pa.bool_(), None),
    ],
    ids=str,
)
def test_the_type_that_holds_both_is_the_next_wider_one(column: T, published: pa.DataType, wider: T | None) -> None:
    assert wider_for(replace(DISTANCE, type=column), published) is wider


@pytest.mark.parametrize(
    ("column", "text", "wider"),
    [
        (T.INTEGER, "2.5", T.DOUBLE),
        (T.INTEGER, "NaN", T.DOUBLE),
        (T.INTEGER, "9999999999", T.BIGINT),
        (T.BIGINT, "99999999999999999999", T.TEXT),
        (T.INTEGER, "n/a", T.TEXT),
        (T.DOUBLE, "1e999", T.TEXT),
    ],
)
def test_of_a_text_what_it_says_decides(column: T, text: str, wider: T) -> None:
    assert wider_for_text(replace(DISTANCE, type=column), text) is wider


@pytest.mark.parametrize("column", [AT, NOTE])
def test_times_and_texts_have_no_wider_type_for_a_text(column: Column) -> None:
    assert wider_for_text(column, "2023-02-30") is None
