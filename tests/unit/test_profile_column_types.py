"""What is measured of a column, as its type is: amounts, codes, and whole numbers that are too many to be codes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.depot import FEBRUARY, RIDES, write_rides
from tidemark.datasets.base import Column, ColumnType
from tidemark.profile import Profile, codes, profile_month

ROWS = 2000


def ride(folder: Path, kind: ColumnType, values: pa.Array, *, unit: str = "", row_group: int | None = None) -> Profile:
    """Profile a month of rides with one more column, ``thing``; all else is the same in each row."""
    thing = Column(name="thing", type=kind, names=("thing",), comment="Any.", unit=unit, required=False)
    path = write_rides(folder / "rides.parquet", FEBRUARY, len(values), row_group=row_group, thing=values)
    return profile_month(replace(RIDES, columns=(*RIDES.columns, thing)), FEBRUARY, path)


def test_decimals_are_measured_as_doubles_are(tmp_path: Path) -> None:
    cents = np.random.default_rng(1).integers(-500, 50_000, ROWS)
    exact = pa.array([None, *(Decimal(int(each)) / 100 for each in cents[1:])], pa.decimal128(12, 2))
    decimals = ride(tmp_path, ColumnType.NUMERIC, exact)
    doubles = ride(tmp_path, ColumnType.DOUBLE, exact.cast(pa.float64()))

    assert decimals.numbers["thing"] == doubles.numbers["thing"]
    assert decimals.looks is not None
    assert doubles.looks is not None
    assert decimals.looks.textures["thing"] == doubles.looks.textures["thing"]


def test_truths_are_codes(tmp_path: Path) -> None:
    profile = ride(tmp_path, ColumnType.BOOLEAN, pa.array([True, None, False, True] * 25))

    assert profile.codes["thing"].counts == {"true": 50, "false": 25}
    assert profile.codes["thing"].nulls == 25
    assert profile.looks is not None
    assert "thing" in profile.looks.stretches


@pytest.mark.parametrize("most", [codes.MOST_DISTINCT, 700])
@pytest.mark.parametrize("row_group", [None, 300])
def test_whole_numbers_that_are_too_many_for_codes_have_levels(
    most: int, row_group: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "MOST_DISTINCT", most)
    numbers = [None, 0, 0, *range(-7, 0), *range(1, 1000)]

    told = ride(tmp_path, ColumnType.BIGINT, pa.array(numbers, pa.int64()), row_group=row_group).levels["thing"]

    assert (told.numbers, told.zeros, told.negatives) == (1008, 2, 7)
    assert (told.minimum, told.maximum) == (-7, 999)
    assert told.quantiles[3] == pytest.approx(495, rel=0.02)
    assert told.quantiles[-1] == pytest.approx(989, rel=0.02)


def test_whole_numbers_that_are_few_have_none(tmp_path: Path) -> None:
    few = pa.array([number % 200 for number in range(ROWS)], pa.int32())

    assert "thing" not in ride(tmp_path, ColumnType.INTEGER, few).levels


def test_whole_numbers_with_a_unit_are_amounts_and_no_levels(tmp_path: Path) -> None:
    profile = ride(tmp_path, ColumnType.INTEGER, pa.array(range(ROWS), pa.int32()), unit="seconds")

    assert "thing" in profile.numbers
    assert "thing" not in profile.levels


def test_texts_have_no_levels_however_many_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "MOST_DISTINCT", 700)

    assert ride(tmp_path, ColumnType.TEXT, pa.array([f"text {n}" for n in range(ROWS)])).levels == {}


def test_the_days_of_which_a_date_is_empty_are_seen(tmp_path: Path) -> None:
    day = np.datetime64("2023-02-01", "us")
    moments = day + (np.arange(ROWS) * 28 * 86400 // ROWS).astype("timedelta64[s]")
    dates = pa.array(moments.astype("datetime64[D]"), mask=np.arange(ROWS) > ROWS // 2)
    thing = Column(name="due", type=ColumnType.DATE, names=("due",), comment="Any.", required=False)
    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, ROWS, at=pa.array(moments), due=dates)

    looks = profile_month(replace(RIDES, columns=(*RIDES.columns, thing)), FEBRUARY, path).looks

    assert looks is not None
    assert max(stretch.distance for stretch in looks.stretches["due"]) > 0.8


@pytest.mark.parametrize("kind", [ColumnType.BOOLEAN, ColumnType.DATE, ColumnType.INSTANT, ColumnType.NUMERIC])
def test_a_unit_makes_no_amount_of_what_is_none(kind: ColumnType, tmp_path: Path) -> None:
    values = {
        ColumnType.BOOLEAN: pa.array([True] * 200),
        ColumnType.DATE: pa.array([19_400] * 200, pa.date32()),
        ColumnType.INSTANT: pa.array([0] * 200, pa.timestamp("us", "UTC")),
        ColumnType.NUMERIC: pa.array([Decimal(2)] * 200),
    }
    profile = ride(tmp_path, kind, values[kind], unit="things")

    assert ("price / thing" in profile.numbers) == (kind is ColumnType.NUMERIC)


def test_a_dataset_of_times_alone_has_a_profile(tmp_path: Path) -> None:
    path = write_rides(tmp_path / "rides.parquet", FEBRUARY, 200)
    dataset = replace(RIDES, columns=RIDES.columns[:1], row_rules=())

    assert profile_month(dataset, FEBRUARY, path).rows == 200
