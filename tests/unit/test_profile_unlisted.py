"""Columns that a file has and its dataset's module does not list: they have a place of their own in the profile."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tests.depot import FEBRUARY, RIDES, write_rides
from tidemark.datasets.base import Drift
from tidemark.profile import Profile, profile_month

ROWS = 400


def ride(folder: Path, drift: Drift = Drift.EVOLVE, **columns: pa.Array) -> Profile:
    dataset = replace(RIDES, unknown_columns=drift)
    return profile_month(dataset, FEBRUARY, write_rides(folder / "rides.parquet", FEBRUARY, ROWS, **columns))


def test_it_has_codes_or_levels_as_its_type_is(tmp_path: Path) -> None:
    profile = ride(
        tmp_path,
        Rating=pa.array([1, 2] * (ROWS // 2)),
        orderNumber=pa.array(range(1, ROWS + 1)),
        fee=pa.array([None, 2.0] * (ROWS // 2)),
        tax=pa.array([Decimal("-1.5")] * ROWS),
        vip=pa.array([True, False, False, None] * (ROWS // 4)),
        until=pa.array([None] * ROWS, pa.date32()),
    )
    told = profile.unlisted

    assert set(told) == {"rating", "order_number", "fee", "tax", "vip", "until"}
    assert told["rating"].codes is not None
    assert told["rating"].codes.counts == {"1": 200, "2": 200}
    assert told["rating"].levels is None
    assert told["order_number"].levels is not None
    assert told["order_number"].levels.numbers == ROWS
    assert told["order_number"].levels.quantiles[3] == pytest.approx(200, rel=0.02)
    assert told["fee"].nulls == 200
    assert told["fee"].levels is not None
    assert told["fee"].levels.numbers == 200
    assert told["tax"].levels is not None
    assert told["tax"].levels.negatives == ROWS
    assert told["vip"].codes is not None
    assert told["vip"].codes.counts == {"true": 100, "false": 200}
    assert (told["until"].nulls, told["until"].codes, told["until"].levels) == (ROWS, None, None)
    assert Profile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False))) == profile


def test_the_rest_of_the_profile_is_as_without_it(tmp_path: Path) -> None:
    with_it = ride(tmp_path, rating=pa.array(range(ROWS)))

    assert replace(with_it, unlisted={}) == ride(tmp_path)


def test_rows_that_a_rule_diverts_are_not_in_it(tmp_path: Path) -> None:
    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, 10, seatless=(0, 4), rating=pa.array([None] * 9 + [1]))

    assert profile_month(RIDES, FEBRUARY, path).unlisted["rating"].nulls == 7


@pytest.mark.parametrize("data_type", [pa.list_(pa.int64()), pa.binary(), pa.null()])
def test_what_no_table_takes_is_not_in_it(data_type: pa.DataType, tmp_path: Path) -> None:
    assert ride(tmp_path, thing=pa.array([None] * ROWS, data_type)).unlisted == {}


def test_whole_numbers_that_no_column_of_ours_holds_are_measured_too(tmp_path: Path) -> None:
    """The table's column may have been made wider since."""
    (column,) = ride(tmp_path, thing=pa.array([2**64 - 1] * ROWS, pa.uint64())).unlisted.values()

    assert column.levels is not None
    assert column.levels.numbers == ROWS


def test_a_dataset_that_leaves_them_out_has_none(tmp_path: Path) -> None:
    assert ride(tmp_path, Drift.DISCARD, rating=pa.array(range(ROWS))).unlisted == {}
