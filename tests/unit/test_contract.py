"""The contract: which field feeds which column, and that no cast ever changes a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.attempts import FEBRUARY, RIDES
from tidemark.contract import arrow_type, bind, canonical_schema, normalise
from tidemark.datasets.base import Column, ColumnType, Dataset, Drift
from tidemark.errors import BadFile
from tidemark.months import Month

T = ColumnType
WHOLE = {"at": pa.timestamp("us"), "price": pa.float64(), "seats": pa.int32()}
NOON = datetime(2023, 2, 1, 12)  # noqa: DTZ001 - published without zone


def schema(**fields: pa.DataType) -> pa.Schema:
    return pa.schema(list(fields.items()))


def with_columns(*columns: Column) -> Dataset:
    return replace(RIDES, columns=columns)


def name_of(parameter: object) -> str:
    return str(parameter.type) if isinstance(parameter, pa.Array) else str(parameter)


def column(name: str, kind: ColumnType, *names: str, required: bool = True) -> Column:
    return Column(name=name, type=kind, names=names or (name,), comment="", required=required)


def refused(dataset: Dataset, given: pa.Schema, month: Month = FEBRUARY) -> BadFile:
    with pytest.raises(BadFile) as caught:
        bind(dataset, month, given)
    return caught.value


def cast(kind: ColumnType, array: pa.Array, *, source: str = "published") -> pa.Array:
    """One array, published as a field of another name, as a column of this type."""
    dataset = with_columns(column("canonical", kind, source))
    batch = pa.RecordBatch.from_arrays([array], names=[source])
    return normalise(bind(dataset, FEBRUARY, batch.schema), batch).column("canonical")


# ---- binding fields to columns


def test_every_field_goes_to_the_column_that_lists_its_name() -> None:
    bound = bind(RIDES, FEBRUARY, schema(seats=pa.int64(), fare=pa.float64(), at=pa.timestamp("us")))
    fields = {"at": "at", "price": "fare", "seats": "seats"}
    assert (bound.columns, bound.fields, bound.unknown) == (RIDES.columns, fields, ())


def test_a_field_that_nobody_knows_is_told_and_not_read() -> None:
    bound = bind(RIDES, FEBRUARY, schema(**WHOLE, tip=pa.float64(), colour=pa.string()))
    assert bound.unknown == ("tip", "colour")
    assert set(bound.fields.values()) == set(WHOLE)


@pytest.mark.parametrize("name", ["PRICE", "Price", " price ", "FARE"])
def test_names_are_matched_without_regard_to_case_and_space(name: str) -> None:
    bound = bind(RIDES, FEBRUARY, schema(**{name: pa.float64(), "at": WHOLE["at"], "seats": WHOLE["seats"]}))
    assert bound.fields["price"] == name


def test_an_exact_name_wins_over_one_that_differs_in_case() -> None:
    dataset = with_columns(column("upper", T.DOUBLE, "Fee"), column("lower", T.DOUBLE, "fee"))
    assert bind(dataset, FEBRUARY, schema(fee=pa.float64(), Fee=pa.float64())).fields == {
        "upper": "Fee",
        "lower": "fee",
    }


@pytest.mark.parametrize(
    ("published", "feeds"),
    [
        (pa.string(), "as_text"),
        (pa.large_string(), "as_text"),
        (pa.string_view(), "as_text"),
        (pa.dictionary(pa.int32(), pa.string()), "as_text"),
        (pa.int64(), "as_number"),
        (pa.float32(), "as_number"),
        (pa.dictionary(pa.int32(), pa.int64()), "as_number"),
        (pa.timestamp("ns"), "as_time"),
        (pa.null(), "as_text"),
    ],
)
def test_a_name_that_several_columns_list_goes_to_the_one_of_its_own_kind(published: pa.DataType, feeds: str) -> None:
    dataset = with_columns(
        *(column(name, kind, "x", required=False) for name, kind in
          (("as_text", T.TEXT), ("as_number", T.INTEGER), ("as_time", T.TIMESTAMP)))
    )  # fmt: skip
    assert bind(dataset, FEBRUARY, schema(x=published)).fields == {feeds: "x"}


def test_an_exact_name_wins_also_over_one_of_the_fields_own_kind() -> None:
    dataset = with_columns(column("upper", T.TEXT, "Fee", required=False), column("lower", T.DOUBLE, "fee"))
    assert bind(dataset, FEBRUARY, schema(fee=pa.string())).fields == {"lower": "fee"}


def test_two_fields_for_one_column_are_refused_by_name() -> None:
    error = refused(RIDES, schema(**WHOLE, Fare=pa.float64()))
    assert error.code == "ambiguous-column"
    assert "'price' and 'Fare'" in error.message


def test_one_name_twice_is_refused_also_when_it_feeds_two_columns() -> None:
    twice = [("x", pa.string()), ("x", pa.int64())]
    one = with_columns(column("as_text", T.TEXT, "x"))
    two = with_columns(column("as_text", T.TEXT, "x"), column("as_number", T.INTEGER, "x"))
    assert [refused(dataset, pa.schema(twice)).code for dataset in (one, two)] == ["ambiguous-column"] * 2


def test_columns_that_are_absent_are_refused_all_at_once_with_the_names_they_have_had() -> None:
    error = refused(RIDES, schema(at=WHOLE["at"]))
    assert error.code == "missing-column"
    assert "price (published as price or fare)" in error.message
    assert "seats" in error.message
    assert "note" not in error.message


@pytest.mark.parametrize(
    ("month", "is_required"),
    [
        (Month(2022, 12), False),
        (Month(2023, 1), True),
        (Month(2023, 6), True),
        (Month(2023, 7), False),
    ],
)
def test_a_column_is_required_only_in_its_own_era(month: Month, *, is_required: bool) -> None:
    fee = replace(column("fee", T.DOUBLE), since=Month(2023, 1), until=Month(2023, 6))
    dataset = with_columns(column("at", T.TIMESTAMP), fee)
    if is_required:
        assert refused(dataset, schema(at=WHOLE["at"]), month).code == "missing-column"
    else:
        assert bind(dataset, month, schema(at=WHOLE["at"])).fields == {"at": "at"}
    assert "fee" in bind(dataset, month, schema(at=WHOLE["at"], fee=pa.float64())).fields


def test_a_frozen_dataset_refuses_a_field_that_nobody_knows_and_says_which_setting_takes_it() -> None:
    frozen = replace(RIDES, unknown_columns=Drift.FREEZE)
    assert set(bind(frozen, FEBRUARY, schema(**WHOLE)).fields) == {"at", "price", "seats"}
    error = refused(frozen, schema(**WHOLE, tip=pa.float64(), colour=pa.string()))
    assert error.code == "unknown-column"
    assert "'tip', 'colour'" in error.message
    assert "unknown_columns" in error.remedy
    assert "tidemark backfill rides 2023-02" in error.remedy


def test_a_missing_column_is_told_before_one_that_nobody_knows() -> None:
    frozen = replace(RIDES, unknown_columns=Drift.FREEZE)
    assert refused(frozen, schema(at=WHOLE["at"], tip=pa.float64())).code == "missing-column"


# ---- the normalised batch


def test_a_batch_gets_the_canonical_columns_in_their_order_and_absent_ones_are_null() -> None:
    published = pa.RecordBatch.from_pydict({"tip": [1.0], "seats": [4], "fare": [2.5], "at": [NOON]})
    batch = normalise(bind(RIDES, FEBRUARY, published.schema), published)
    assert batch.schema == canonical_schema(RIDES.columns)
    assert batch.to_pylist() == [{"at": NOON, "price": 2.5, "seats": 4, "riders": None, "note": None}]


def test_every_type_of_a_column_has_one_of_arrow() -> None:
    assert {kind: str(arrow_type(kind)) for kind in ColumnType} == {
        T.TIMESTAMP: "timestamp[us]",
        T.INTEGER: "int32",
        T.BIGINT: "int64",
        T.DOUBLE: "double",
        T.NUMERIC: "decimal128(38, 10)",
        T.TEXT: "string",
        T.BOOLEAN: "bool",
        T.DATE: "date32[day]",
        T.INSTANT: "timestamp[us, tz=UTC]",
    }


@pytest.mark.parametrize(
    ("kind", "array", "values"),
    [
        (T.INTEGER, pa.array([1, None, -(2**31)], pa.int64()), [1, None, -(2**31)]),
        (T.INTEGER, pa.array([1.0, None, 6.0]), [1, None, 6]),
        (T.INTEGER, pa.array([7], pa.uint8()), [7]),
        (T.INTEGER, pa.array([7, 8, 7]).dictionary_encode(), [7, 8, 7]),
        (T.BIGINT, pa.array([2**53], pa.float64()), [2**53]),
        (T.BIGINT, pa.array([2**63 - 1], pa.uint64()), [2**63 - 1]),
        (T.DOUBLE, pa.array([2**53], pa.int64()), [2.0**53]),
        (T.DOUBLE, pa.array([0.5, None], pa.float32()), [0.5, None]),
        (T.DOUBLE, pa.array([float("inf")]), [float("inf")]),
        (T.DOUBLE, pa.array([2**54, None], pa.int64()), [2.0**54, None]),
        (T.DOUBLE, pa.array([2**63], pa.uint64()), [2.0**63]),
        (T.DOUBLE, pa.array([0.1], pa.float32()), [0.10000000149011612]),
        (T.DOUBLE, pa.array([1.5, None], pa.float16()), [1.5, None]),
        (T.DOUBLE, pa.array([Decimal("1.50"), None]), [1.5, None]),
        (T.DOUBLE, pa.array([Decimal("1.25")]).dictionary_encode(), [1.25]),
        (T.BIGINT, pa.array([Decimal("12.00"), None]), [12, None]),
        (T.INTEGER, pa.array([-0.0]), [0]),
        (T.NUMERIC, pa.array([1.5, -0.0, None]), [Decimal("1.5"), Decimal(0), None]),
        (T.NUMERIC, pa.array([2**63 - 1], pa.int64()), [Decimal(2**63 - 1)]),
        (T.NUMERIC, pa.array([Decimal("1.10")]), [Decimal("1.10")]),
        (T.NUMERIC, pa.array([Decimal("1.10")], pa.decimal256(50, 2)), [Decimal("1.10")]),
        (T.BOOLEAN, pa.array([True, None]).dictionary_encode(), [True, None]),
        (T.DATE, pa.array([date(2023, 2, 1)], pa.date64()), [date(2023, 2, 1)]),
        (T.DATE, pa.array(["2023-02-01"]), [date(2023, 2, 1)]),
        (T.INSTANT, pa.array([NOON], pa.timestamp("ns", "America/New_York")), [NOON.replace(tzinfo=UTC)]),
        (T.TEXT, pa.array(["é", None], pa.large_string()), ["é", None]),
        (T.TEXT, pa.array(["é", None], pa.string_view()), ["é", None]),
        (T.TEXT, pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (T.TIMESTAMP, pa.array([NOON], pa.timestamp("ns")), [NOON]),
        (T.TIMESTAMP, pa.array([NOON], pa.timestamp("s")), [NOON]),
        (T.TIMESTAMP, pa.array(["2023-02-01 12:00:00", None]), [NOON, None]),
        (T.TIMESTAMP, pa.array(["2023-02-01T12:00:00"], pa.large_string()), [NOON]),
        (T.TIMESTAMP, pa.array(["2023-02-01 12:00:00.000000"], pa.string_view()), [NOON]),
        (T.TIMESTAMP, pa.array(["2023-02-01 12:00"]).dictionary_encode(), [NOON]),
        *((kind, pa.nulls(2), [None, None]) for kind in ColumnType),
        *((kind, pa.nulls(2, pa.string()), [None, None]) for kind in ColumnType),
        (T.INTEGER, pa.array([None, None], pa.float64()), [None, None]),
        (T.INTEGER, pa.array([], pa.string()), []),
    ],
    ids=name_of,
)
def test_what_can_be_cast_without_loss_is(kind: ColumnType, array: pa.Array, values: list[object]) -> None:
    found = cast(kind, array)
    assert found.type == arrow_type(kind)
    assert found.to_pylist() == values


@pytest.mark.parametrize(
    ("kind", "array", "shown"),
    [
        (T.INTEGER, pa.array([1.0, 2.5, 3.5]), "'2.5'"),
        (T.INTEGER, pa.array([1.0, float("nan")]), "'nan'"),
        (T.INTEGER, pa.array([1.0, float("inf")]), "'inf'"),
        (T.BIGINT, pa.array([1e300]), "'1e+300'"),
        (T.BIGINT, pa.array([2.0**63]), "'9.223372036854776e+18'"),
        (T.INTEGER, pa.array([3e9]), "'3000000000.0'"),
        (T.INTEGER, pa.array([1, 2**31], pa.int64()), "'2147483648'"),
        (T.BIGINT, pa.array([2**63], pa.uint64()), "'9223372036854775808'"),
        (T.DOUBLE, pa.array([2**53 + 1], pa.int64()), "'9007199254740993'"),
        (T.TIMESTAMP, pa.array([0, 1], pa.timestamp("ns")), "'1970-01-01 00:00:00.000000001'"),
        (T.TIMESTAMP, pa.array([NOON], pa.timestamp("us", tz="UTC")), "'2023-02-01 12:00:00+00:00'"),
        (T.TIMESTAMP, pa.array([NOON], pa.timestamp("us", tz="America/New_York")), "'2023-02-01 07:00:00-05:00'"),
        (T.TIMESTAMP, pa.array([None, date(2023, 2, 1)]), "'2023-02-01'"),
        (T.TIMESTAMP, pa.array([1675252800], pa.int64()), "'1675252800'"),
        (T.TIMESTAMP, pa.array(["2023-02-01 12:00:00", "2023-02-30 12:00:00"]), "'2023-02-30 12:00:00'"),
        (T.TIMESTAMP, pa.array(["2023-02-01 12:00:00Z"]), "'2023-02-01 12:00:00Z'"),
        (T.TIMESTAMP, pa.array(["2023-02-01 12:00:00.123456789"]), "'2023-02-01 12:00:00.123456789'"),
        (T.TIMESTAMP, pa.array([""]), "''"),
        (T.TIMESTAMP, pa.array([2**62], pa.timestamp("s")), "a value that cannot be shown"),
        (T.TIMESTAMP, pa.array([2**31 - 1], pa.date32()), "a value that cannot be shown"),
        (T.INTEGER, pa.array([None, "5"]), "'5'"),
        (T.DOUBLE, pa.array(["n/a"]).dictionary_encode(), "'n/a'"),
        (T.TEXT, pa.array([5]), "'5'"),
        (T.TEXT, pa.array([b"bytes"]), "bytes"),
        (T.TEXT, pa.array([NOON]), "'2023-02-01 12:00:00'"),
        (T.INTEGER, pa.array([True]), "'True'"),
        (T.DOUBLE, pa.array([Decimal("1.10")]), "'1.10'"),
        (T.DOUBLE, pa.array([Decimal("1000000000000000000000000001")]), "'1000000000000000000000000001'"),
        (T.DOUBLE, pa.array([2**64 - 1], pa.uint64()), "'18446744073709551615'"),
        (T.BIGINT, pa.array([Decimal("1.00"), Decimal("1.50")]), "'1.50'"),
        (T.INTEGER, pa.array([Decimal(2**31)]), "'2147483648'"),
        (T.NUMERIC, pa.array([1.0, 0.1]), "'0.1'"),
        (T.NUMERIC, pa.array([1.0, float("nan")]), "'nan'"),
        (T.NUMERIC, pa.array([float("inf")]), "'inf'"),
        (T.NUMERIC, pa.array([Decimal("0.00000000001")]), "'1E-11'"),
        (T.NUMERIC, pa.array([Decimal(10) ** 28]), "'10000000000000000000000000000'"),
        (T.BOOLEAN, pa.array([1]), "'1'"),
        (T.BOOLEAN, pa.array(["true"]), "'true'"),
        (T.DATE, pa.array([NOON]), "'2023-02-01 12:00:00'"),
        (T.DATE, pa.array([86_400_000, 1], pa.date64()), "1970-01-01"),
        (T.DATE, pa.array(["2023-02-30"]), "'2023-02-30'"),
        (T.INSTANT, pa.array([NOON]), "'2023-02-01 12:00:00'"),
        (T.INSTANT, pa.array([1], pa.timestamp("ns", "UTC")), "'1970-01-01 00:00:00.000000001+00:00'"),
        (T.DOUBLE, pa.array([{"amount": 1.0}]), "amount"),
        (T.DOUBLE, pa.array([[1.0]]), "[1.0]"),
    ],
    ids=name_of,
)
def test_a_cast_that_would_lose_names_column_type_and_value(kind: ColumnType, array: pa.Array, shown: str) -> None:
    with pytest.raises(BadFile) as caught:
        cast(kind, array, source="Published As")
    assert caught.value.code == "lossy-type"
    for part in ("'Published As'", f"as {array.type} ", shown, f"canonical ({kind})"):
        assert part in caught.value.message


def test_the_value_is_found_wherever_it_stands_in_a_batch() -> None:
    for position in (0, 1, 32_768, 65_535):
        values = [float(n) for n in range(65_536)]
        values[position] = 0.5
        with pytest.raises(BadFile, match=r"'0\.5'"):
            cast(T.INTEGER, pa.array(values))


def test_a_long_value_is_cut() -> None:
    with pytest.raises(BadFile) as caught:
        cast(T.INTEGER, pa.array(["x" * 10_000]))
    assert len(caught.value.message) < 300


NO_TEXT = pa.array([b"ok", b"\xff\xfe"])
"""Bytes that parquet may declare to be text."""


def as_text(kind: pa.DataType) -> pa.Array:
    return NO_TEXT.cast(pa.large_binary()).view(kind) if kind == pa.large_string() else NO_TEXT.view(kind)


@pytest.mark.parametrize(
    "publish",
    [
        lambda: as_text(pa.string()),
        lambda: as_text(pa.large_string()),
        lambda: pa.DictionaryArray.from_arrays(pa.array([1, 0]), as_text(pa.string())),
    ],
    ids=["string", "large_string", "dictionary"],
)
def test_a_text_that_is_none_is_refused_before_it_meets_the_database(publish: Callable[[], pa.Array]) -> None:
    with pytest.raises(BadFile, match="'published' holds bytes that are no UTF-8 text") as caught:
        cast(T.TEXT, publish())
    assert caught.value.code == "bad-value"


@pytest.mark.parametrize("kind", [T.INTEGER, T.TIMESTAMP])
def test_a_text_that_is_none_is_refused_in_columns_of_other_types_too(kind: ColumnType) -> None:
    with pytest.raises(BadFile, match="that cannot be shown") as caught:
        cast(kind, as_text(pa.string()).slice(1))
    assert caught.value.code == "lossy-type"


def test_every_refusal_says_what_to_do() -> None:
    errors: Mapping[str, BadFile] = {
        "missing": refused(RIDES, schema(at=WHOLE["at"])),
        "ambiguous": refused(RIDES, schema(**WHOLE, fare=pa.float64())),
    }
    assert [name for name, error in errors.items() if "publisher" not in error.remedy] == []
