"""Columns that nobody knows: what they are called in the table, and which type they get."""

from __future__ import annotations

import keyword
import random
import re

import pyarrow as pa
import pytest

from tests.attempts import FEBRUARY, RIDES
from tidemark.contract import Binding, bind
from tidemark.datasets.base import ColumnType
from tidemark.drift import MOST_COLUMNS, OUR_OWN, Table, evolve, identifier, type_of
from tidemark.errors import BadFile

KNOWN = {"at": pa.timestamp("us"), "price": pa.float64(), "seats": pa.int32()}
HAVE = {"month": "date", "load_id": "bigint"} | {column.name: column.type.value for column in RIDES.columns}
RESERVED = frozenset({"user", "order", "table"})


def evolved(*fields: tuple[str, pa.DataType], **there: str) -> Binding:
    schema = pa.schema([*KNOWN.items(), *fields])
    table = Table(columns=HAVE | there, reserved=RESERVED)
    return evolve(bind(RIDES, FEBRUARY, schema), FEBRUARY, schema, table)


def names_of(*names: str, **there: str) -> dict[str, str]:
    """The file's names with those of their columns."""
    bound = evolved(*((name, pa.int64()) for name in names), **there)
    return {bound.fields[column.name]: column.name for column in bound.evolved}


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("tip", "tip"),
        ("Tip Amount", "tip_amount"),
        ("VendorID", "vendor_id"),
        ("PULocationID", "pu_location_id"),
        ("cbd_congestion_fee", "cbd_congestion_fee"),
        (" fee (USD) ", "fee_usd"),
        ("Gebühr", "gebuhr"),
        ("a.b", "a_b"),
        ("x\0y", "x_y"),
        ("__x__", "x"),
        ("天气", ""),
    ],
)
def test_a_name_becomes_lower_snake_case(published: str, name: str) -> None:
    assert identifier(published) == name


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("2nd", "published_2nd"),
        ("天气", "published"),
        ("", "published"),
        ("Month", "published_month"),
        ("load_id", "published_load_id"),
        ("ctid", "published_ctid"),
        ("User", "published_user"),
        ("x" * 200, "x" * 63),
    ],
)
def test_a_name_that_would_be_none_or_another_s_says_that_it_was_published(published: str, name: str) -> None:
    assert names_of(published) == {published: name}


def test_a_name_is_never_that_of_a_column_of_the_dataset() -> None:
    assert names_of("_at", "_Price")["_at"] == "published_at"


def test_fields_that_would_get_one_name_keep_theirs_apart_whatever_their_order_and_company() -> None:
    both = names_of("Tip", "tip ")
    assert names_of("tip ", "Tip") == both
    assert all(re.fullmatch("tip_[0-9a-f]{8}", name) for name in both.values())
    assert len(set(both.values())) == 2
    there = dict.fromkeys(both.values(), "bigint")
    assert [names_of(name, **there)[name] for name in both] == list(both.values())


def test_a_name_that_another_field_got_before_is_left_to_it() -> None:
    names = names_of("Tip", "tip ", tip="bigint")
    assert "tip" not in names.values()


def test_whatever_a_file_calls_its_columns_their_names_are_safe_and_different() -> None:
    alphabet = "aB_ .-\"\\';\0\n天ü9%{}$"
    dice = random.Random(7)  # noqa: S311 - guards nothing
    for _ in range(300):
        names = {"".join(dice.choices(alphabet, k=dice.randint(0, 90))) for _ in range(dice.randint(1, 12))}
        names |= set(dice.sample([*keyword.kwlist, *RESERVED, *OUR_OWN, "_price", "AT_"], 3))
        names -= {name for name in names if name.strip().casefold() in {"at", "price", "fare", "seats"}}
        found = names_of(*names)
        assert set(found) == names
        assert len(set(found.values())) == len(names)
        for name in found.values():
            assert re.fullmatch("[a-z][a-z0-9_]{0,62}", name)
            assert name not in RESERVED | OUR_OWN | set(HAVE)


@pytest.mark.parametrize(
    ("published", "kind"),
    [
        *((kind, ColumnType.BIGINT) for kind in (pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64())),
        *((kind, ColumnType.DOUBLE) for kind in (pa.float16(), pa.float32(), pa.float64())),
        *((kind, ColumnType.TEXT) for kind in (pa.string(), pa.large_string(), pa.string_view())),
        (pa.dictionary(pa.int8(), pa.string()), ColumnType.TEXT),
        (pa.dictionary(pa.int8(), pa.int64()), ColumnType.BIGINT),
        (pa.bool_(), ColumnType.BOOLEAN),
        (pa.date32(), ColumnType.DATE),
        (pa.date64(), ColumnType.DATE),
        *((pa.timestamp(unit), ColumnType.TIMESTAMP) for unit in ("s", "ms", "us", "ns")),
        (pa.timestamp("us", "UTC"), ColumnType.INSTANT),
        (pa.timestamp("ms", "America/New_York"), ColumnType.INSTANT),
        (pa.decimal128(10, 2), ColumnType.NUMERIC),
        (pa.decimal128(38, 10), ColumnType.NUMERIC),
        (pa.decimal256(20, 0), ColumnType.NUMERIC),
        (pa.decimal128(38, 2), None),
        (pa.decimal128(38, 11), None),
        (pa.null(), None),
        (pa.binary(), None),
        (pa.list_(pa.int64()), None),
        (pa.struct([("a", pa.int64())]), None),
        (pa.time64("us"), None),
        (pa.duration("s"), None),
    ],
    ids=str,
)
def test_a_new_column_has_the_type_that_holds_its_values(published: pa.DataType, kind: ColumnType | None) -> None:
    assert type_of(published) is kind


def test_new_columns_come_after_those_of_the_dataset_and_say_where_they_come_from() -> None:
    bound = evolved(("Tip", pa.float32()), ("Zone", pa.string()))
    assert [column.name for column in bound.columns] == [*(c.name for c in RIDES.columns), "tip", "zone"]
    assert bound.added == bound.evolved == bound.columns[-2:]
    assert bound.unknown == ()
    tip = bound.added[0]
    assert (tip.names, tip.required) == (("Tip",), False)
    assert "2023-02" in tip.comment
    assert "float" in tip.comment


def test_a_column_of_an_earlier_month_has_the_table_s_type_and_is_not_new() -> None:
    bound = evolved(("Tip", pa.int64()), ("nothing", pa.null()), tip="double precision", nothing="text")
    assert [(column.name, column.type) for column in bound.evolved] == [
        ("tip", ColumnType.DOUBLE),
        ("nothing", ColumnType.TEXT),
    ]
    assert bound.added == ()


def test_what_fits_no_column_is_left_out_by_name() -> None:
    bound = evolved(("a", pa.list_(pa.int64())), ("b", pa.int64()), ("c", pa.null()), ("d", pa.int64()), d="money")
    assert [column.name for column in bound.evolved] == ["b"]
    assert bound.unknown == ("a", "c", "d")


def test_one_name_twice_is_left_out() -> None:
    bound = evolved(("x", pa.int64()), ("x", pa.string()), ("y", pa.int64()))
    assert [column.name for column in bound.evolved] == ["y"]
    assert bound.unknown == ("x", "x")


def test_a_table_does_not_grow_without_end() -> None:
    room = MOST_COLUMNS - len(HAVE)
    assert len(evolved(*((f"c{n}", pa.int64()) for n in range(room))).added) == room
    with pytest.raises(BadFile, match=f"{room + 1} columns that nobody knows") as caught:
        evolved(*((f"c{n}", pa.int64()) for n in range(room + 1)))
    assert caught.value.code == "unknown-column"
    assert "DISCARD" in caught.value.remedy
