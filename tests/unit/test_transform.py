"""Row rules: which rows are taken out, by which rule, under which number, and that none is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tidemark.datasets.base import RowRule
from tidemark.transform import DivertedRow, Transformed
from tidemark.transform import transform as transform_to

if TYPE_CHECKING:
    import pandas

NOON = datetime(2023, 2, 1, 12)  # noqa: DTZ001 - published without zone


def rule(code: str, takes: Callable[[pandas.DataFrame], pandas.Series[bool]], *, column: str = "price") -> RowRule:
    return RowRule(code=code, column=column, reason="because", takes=takes)


NEGATIVE = rule("negative", lambda frame: frame["price"] < 0)
ABSURD = rule("absurd", lambda frame: frame["price"].abs() > 1000)


def prices(*values: float | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"price": pa.array(values, pa.float64())})


def transform(rules: tuple[RowRule, ...], batch: pa.RecordBatch, *, first_row: int) -> Transformed:
    return transform_to(rules, batch, batch.schema.names, first_row=first_row)


def test_rules_and_diverted_rows_have_every_column_and_kept_rows_only_those_to_load() -> None:
    batch = pa.RecordBatch.from_pydict({"price": [1.0, -1.0], "note": pa.array([None, None], pa.string())})
    outcome = transform_to((NEGATIVE,), batch, ["price"], first_row=1)
    assert outcome.kept.to_pylist() == [{"price": 1.0}]
    assert [row.row for row in outcome.diverted] == [{"price": -1.0, "note": None}]
    assert transform_to((), batch, ["price"], first_row=1).kept.schema.names == ["price"]


def test_without_rules_a_batch_passes_as_it_is() -> None:
    batch = prices(1.0, -1.0)
    outcome = transform((), batch, first_row=1)
    assert outcome.kept.equals(batch)
    assert outcome.diverted == ()


def test_a_batch_that_no_rule_takes_from_passes_as_it_is() -> None:
    batch = prices(1.0, 2.0)
    outcome = transform((NEGATIVE, ABSURD), batch, first_row=1)
    assert outcome.kept.equals(batch)
    assert outcome.diverted == ()


def test_the_first_rule_that_takes_a_row_names_it() -> None:
    for rules, codes in (((NEGATIVE, ABSURD), ["negative"]), ((ABSURD, NEGATIVE), ["absurd"])):
        outcome = transform(rules, prices(1.0, -5000.0), first_row=1)
        assert [row.code for row in outcome.diverted] == codes
        assert outcome.kept.to_pylist() == [{"price": 1.0}]


def test_a_null_is_not_taken() -> None:
    outcome = transform((NEGATIVE, ABSURD), prices(None, -1.0, None), first_row=1)
    assert [row.number for row in outcome.diverted] == [2]
    assert outcome.kept.to_pylist() == [{"price": None}, {"price": None}]


def test_a_column_that_is_all_null_loses_nothing() -> None:
    outcome = transform((NEGATIVE, ABSURD), prices(None, None), first_row=1)
    assert outcome.kept.num_rows == 2


def test_a_rule_may_ask_for_nulls_themselves() -> None:
    no_price = rule("no-price", lambda frame: frame["price"].isna())
    outcome = transform((no_price,), prices(None, 1.0), first_row=1)
    assert [(row.code, row.number) for row in outcome.diverted] == [("no-price", 1)]


def test_a_row_carries_its_rule_its_column_and_its_values() -> None:
    batch = pa.RecordBatch.from_pydict({"price": [-1.0], "at": [NOON], "note": ["é"], "seats": [None]})
    (row,) = transform((NEGATIVE,), batch, first_row=1).diverted
    assert (row.code, row.column, row.number) == ("negative", "price", 1)
    assert row.row == {"price": -1.0, "at": "2023-02-01 12:00:00.000000", "note": "é", "seats": None}


def test_rows_are_numbered_from_1_across_batches_and_counts_add_up() -> None:
    values = [-1.0 if n % 3 == 0 else 5000.0 if n % 5 == 0 else float(n) for n in range(1, 101)]
    read = 0
    kept: list[float] = []
    diverted: list[DivertedRow] = []
    for start in range(0, 100, 32):
        outcome = transform((NEGATIVE, ABSURD), prices(*values[start : start + 32]), first_row=read + 1)
        read += len(values[start : start + 32])
        kept += outcome.kept.column("price").to_pylist()
        diverted += outcome.diverted
        assert outcome.kept.num_rows + len(outcome.diverted) == len(values[start : start + 32])
    assert sorted(row.number for row in diverted) == [n for n in range(1, 101) if n % 3 == 0 or n % 5 == 0]
    assert {row.number for row in diverted if row.code == "negative"} == set(range(3, 101, 3))
    assert kept == [value for value in values if 0 <= value <= 1000]


def test_kept_rows_keep_their_order_and_types() -> None:
    batch = pa.RecordBatch.from_pydict({"price": [3.0, -1.0, 1.0], "seats": pa.array([1, 2, 3], pa.int32())})
    kept = transform((NEGATIVE,), batch, first_row=1).kept
    assert kept.schema == batch.schema
    assert kept.to_pylist() == [{"price": 3.0, "seats": 1}, {"price": 1.0, "seats": 3}]


def test_every_row_may_be_taken() -> None:
    outcome = transform((NEGATIVE,), prices(-1.0, -2.0), first_row=1)
    assert outcome.kept.num_rows == 0
    assert [row.number for row in outcome.diverted] == [1, 2]


EVERYTHING = rule("everything", lambda frame: frame["price"].isna() | frame["price"].notna())


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (pa.array([float("nan")]), "nan"),
        (pa.array([float("inf")]), "inf"),
        (pa.array([float("-inf")]), "-inf"),
        (pa.array(["a\0b"]), "a␀b"),
        (pa.array([2**62], pa.int64()), 2**62),
        (pa.array([253402300800_000000], pa.timestamp("us")), "10000-01-01 00:00:00.000000"),
        (pa.array([-62135596800_000001], pa.timestamp("us")), "0000-12-31 23:59:59.999999"),
        (pa.array([NOON], pa.timestamp("us")), "2023-02-01 12:00:00.000000"),
        (pa.array([None], pa.timestamp("us")), None),
    ],
    ids=lambda parameter: str(getattr(parameter, "type", parameter)),
)
def test_a_diverted_row_is_valid_json_whatever_it_holds(array: pa.Array, shown: object) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1.0]), array], names=["price", "value"])
    (row,) = transform((EVERYTHING,), batch, first_row=1).diverted
    assert json.loads(json.dumps(row.row, allow_nan=False))["value"] == shown


def test_a_time_after_the_last_year_of_any_calendar_is_kept_as_words() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1.0]), pa.array([2**62], pa.timestamp("us"))], names=["price", "at"])
    (row,) = transform((EVERYTHING,), batch, first_row=1).diverted
    assert "out of range" in str(row.row["at"])
