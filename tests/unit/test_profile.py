"""The profile of a month: what it counts, whatever the batches, and what it never does."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from demo.generate import write_month
from tests.depot import FEBRUARY, RIDES, write_rides
from tidemark.datasets.base import Column, ColumnType
from tidemark.datasets.registry import BUILT_IN
from tidemark.errors import BadFile, Stopped
from tidemark.months import Month
from tidemark.profile import Profile, profile_month, rowhash
from tidemark.profile.bins import BINS, SIDE, quantile, signed_bins

MAY = Month(2023, 5)
DATASETS = {dataset.name: dataset for dataset in BUILT_IN}
START = datetime(2023, 2, 1)  # noqa: DTZ001 - published without zone


def ride(folder: Path, rows: int = 10, **shape: Any) -> Profile:
    return profile_month(RIDES, FEBRUARY, write_rides(folder / "rides.parquet", FEBRUARY, rows, **shape))


def at(*moments: datetime | None) -> pa.Array:
    return pa.array(moments, pa.timestamp("us"))


def doubles(*values: float | None) -> pa.Array:
    return pa.array(values, pa.float64())


# ---- numbers


def test_nulls_and_what_is_no_number_are_counted_apart(tmp_path: Path) -> None:
    price = ride(tmp_path, 6, price=doubles(None, math.nan, math.inf, -math.inf, 0.0, -2.0)).numbers["price"]

    assert (price.rows, price.nulls, price.not_finite, price.numbers) == (6, 1, 3, 2)
    assert (price.zeros, price.negatives, price.minimum, price.maximum, price.total) == (1, 1, -2.0, 0.0, -2.0)


def test_whole_numbers_are_counted(tmp_path: Path) -> None:
    assert ride(tmp_path, 4, price=doubles(1.0, 2.5, -3.0, 1e300)).numbers["price"].whole == 3


def test_a_column_that_the_file_does_not_have_is_null_in_every_row(tmp_path: Path) -> None:
    path = write_month(tmp_path, "yellow", MAY, rows=500)
    profile = profile_month(DATASETS["yellow"], MAY, path)

    assert profile.nulls["pickup_longitude"] == profile.rows
    assert "pickup_longitude" not in profile.numbers


def test_rows_that_a_rule_diverts_are_not_in_it(tmp_path: Path) -> None:
    assert ride(tmp_path, 10, seatless=(0, 4)).rows == 8


@pytest.mark.parametrize("sign", [1, -1])
def test_a_quantile_is_off_by_less_than_the_bound_that_is_promised(sign: int) -> None:
    values = sign * np.random.default_rng(1).lognormal(2, 2, 20_000)
    signs, steps = signed_bins(values)
    counts = np.bincount(signs * (steps + 1) + SIDE, minlength=BINS)

    for share in (0.01, 0.25, 0.5, 0.99):
        exact = np.sort(values)[math.ceil(share * len(values)) - 1]
        assert quantile(counts, share) == pytest.approx(exact, rel=0.008)


@pytest.mark.parametrize("value", [1e-9, 1e300, -1e300, 5e-324])
def test_numbers_beyond_the_bins_count_as_the_last_one(value: float) -> None:
    signs, steps = signed_bins(np.array([value]))

    assert 0 <= steps[0] < SIDE
    assert signs[0] == math.copysign(1, value)


# ---- batches


def test_it_is_the_same_however_the_file_is_cut_into_batches(tmp_path: Path) -> None:
    cents = np.random.default_rng(3).integers(-500, 5000, 1000) / 4  # sums of quarters are exact
    times = [START + timedelta(minutes=30 * number) for number in range(1000)]
    columns: dict[str, Any] = {"price": pa.array(cents), "at": at(*times)}

    assert ride(tmp_path, 1000, row_group=7, **columns) == ride(tmp_path, 1000, **columns)


def test_more_rows_than_a_batch_has_are_all_counted(tmp_path: Path) -> None:
    path = write_month(tmp_path, "yellow", MAY, rows=140_000)
    profile = profile_month(DATASETS["yellow"], MAY, path)

    assert profile.grid is not None
    assert profile.rows == profile.codes["vendor_id"].rows == profile.grid.inside + profile.grid.outside
    assert sum(profile.codes["vendor_id"].counts.values()) == profile.rows
    assert all(numbers.rows == profile.rows for numbers in profile.numbers.values())


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Stopped):
        profile_month(RIDES, FEBRUARY, write_rides(tmp_path / "rides.parquet", FEBRUARY, 10), stop=stop)


def test_a_bad_file_is_refused_as_by_staging(tmp_path: Path) -> None:
    path = tmp_path / "rides.parquet"
    path.write_bytes(b"<html>")

    with pytest.raises(BadFile):
        profile_month(RIDES, FEBRUARY, path)


def test_a_month_without_rows_has_a_profile(tmp_path: Path) -> None:
    profile = ride(tmp_path, 0)

    assert (profile.rows, profile.duplicates) == (0, 0)
    assert profile.numbers["price"].minimum is None


# ---- times


def test_rows_stand_in_their_hour_and_those_of_other_months_outside(tmp_path: Path) -> None:
    last = datetime(2023, 2, 28, 23, 59, 59, 999_999)  # noqa: DTZ001 - published without zone
    times = at(
        START,
        START + timedelta(hours=25, seconds=1),
        last,
        last + timedelta(microseconds=1),
        None,
        START.replace(year=2008),
    )
    grid = ride(tmp_path, 6, at=times).grid

    assert grid is not None
    assert (grid.hours[0], grid.hours[25], grid.hours[-1]) == (1, 1, 1)
    assert (grid.inside, grid.outside, grid.nulls) == (3, 2, 1)
    assert (grid.times["at"], grid.whole_minutes["at"]) == (5, 3)


def test_the_time_between_two_columns_and_the_amounts_by_the_mile_are_told(tmp_path: Path) -> None:
    profile = profile_month(DATASETS["green"], MAY, write_month(tmp_path, "green", MAY, rows=2000))

    elapsed = profile.numbers["dropoff_datetime - pickup_datetime"]
    assert elapsed.negatives == 0
    assert 300 < elapsed.quantiles[3] < 1500  # seconds
    assert profile.numbers["trip_distance / fare_amount"].of == ("trip_distance", "fare_amount")


# ---- whole rows


def test_rows_that_are_the_same_in_every_column_are_duplicates(tmp_path: Path) -> None:
    times = at(*[START] * 3, *[START + timedelta(seconds=1)] * 2)

    assert ride(tmp_path, 5, at=times).duplicates == 3


def test_rows_that_are_there_an_even_number_of_times_are_counted(tmp_path: Path) -> None:
    assert ride(tmp_path, 5, at=at(START, START, *[START + timedelta(days=1)] * 3)).doubled == 2


def test_a_charge_and_its_reversal_are_no_duplicates(tmp_path: Path) -> None:
    assert ride(tmp_path, 2, at=at(START, START), price=doubles(5.0, -5.0)).duplicates == 0


def test_null_is_no_value_and_minus_zero_is_zero(tmp_path: Path) -> None:
    times = at(START, START, START)

    assert ride(tmp_path, 3, at=times, price=doubles(0.0, -0.0, None)).duplicates == 1


def test_of_very_many_rows_the_duplicates_are_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [START + timedelta(seconds=number // 2) for number in range(20_000)]
    monkeypatch.setattr(rowhash, "MOST", 4000)

    assert ride(tmp_path, 20_000, at=at(*times), row_group=1000).duplicates == pytest.approx(10_000, rel=0.1)


def test_the_sketch_is_that_of_the_rows_whatever_their_order_and_times(tmp_path: Path) -> None:
    prices, later = [1.0, 2.0, 3.0], at(*[START + timedelta(days=9, seconds=number) for number in range(3)])
    first = ride(tmp_path, 3, price=doubles(*prices)).sketch

    assert len(first) == 3
    assert ride(tmp_path, 3, price=doubles(*reversed(prices)), at=later).sketch == first
    assert len({*ride(tmp_path, 3, price=doubles(1.0, 2.0, 3.5)).sketch} & {*first}) == 2


def test_the_sketches_of_two_months_share_as_much_as_their_rows(tmp_path: Path) -> None:
    rows = 4000
    both, other = (doubles(*(float(n) for n in range(first, first + rows))) for first in (0, rows // 2))
    one, two = (ride(tmp_path, rows, price=prices).sketch for prices in (both, other))

    smallest = sorted({*one, *two})[: len(one)]
    assert len({*one} & {*two} & {*smallest}) / len(one) == pytest.approx(1 / 3, abs=0.2)


# ---- as JSON


@pytest.mark.parametrize("name", ["yellow", "green", "fhv", "fhvhv"])
def test_it_comes_back_from_json_as_it_was_and_is_small(name: str, tmp_path: Path) -> None:
    profile = profile_month(DATASETS[name], MAY, write_month(tmp_path, name, MAY, rows=20_000))
    text = json.dumps(profile.to_json(), allow_nan=False)

    assert Profile.from_json(json.loads(text)) == profile
    assert len(text.encode()) < 60_000


def test_a_column_of_very_many_texts_is_none_of_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tidemark.profile import codes

    monkeypatch.setattr(codes, "MOST_DISTINCT", 50)
    told = ride(tmp_path, 100, note=pa.array([f"note {number}" for number in range(100)])).codes["note"]

    assert (told.counts, told.rows) == ({}, 100)


# ---- whatever a column may hold


def test_a_column_of_any_type_is_profiled(tmp_path: Path) -> None:
    values: dict[ColumnType, pa.Array] = {
        ColumnType.TIMESTAMP: at(START, None),
        ColumnType.INTEGER: pa.array([1, None], pa.int32()),
        ColumnType.BIGINT: pa.array([2**62, None], pa.int64()),
        ColumnType.DOUBLE: doubles(1.5, None),
        ColumnType.TEXT: pa.array(["a", None]),
        ColumnType.NUMERIC: pa.array([Decimal("1.25"), None], pa.decimal128(10, 2)),
        ColumnType.BOOLEAN: pa.array([True, None]),
        ColumnType.DATE: pa.array([START.date(), None], pa.date32()),
        ColumnType.INSTANT: pa.array([START, None], pa.timestamp("us", "UTC")),
    }
    assert set(values) == set(ColumnType)
    columns = tuple(
        Column(name=kind.name.lower(), type=kind, names=(kind.name.lower(),), comment="Any.", required=False)
        for kind in values
    )
    dataset = replace(RIDES, columns=(*RIDES.columns, *columns))
    path = write_rides(tmp_path / "any.parquet", FEBRUARY, 2, **{kind.name.lower(): v for kind, v in values.items()})

    profile = profile_month(dataset, FEBRUARY, path)

    assert all(profile.nulls[column.name] == 1 for column in columns)
    assert profile.duplicates == 0


def test_a_sum_that_no_float_holds_is_none_and_fits_into_json(tmp_path: Path) -> None:
    profile = ride(tmp_path, 2, price=doubles(1.7e308, 1.7e308))

    assert profile.numbers["price"].total is None
    assert Profile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False))) == profile


def test_long_texts_do_not_make_a_long_profile(tmp_path: Path) -> None:
    profile = ride(tmp_path, 300, note=pa.array([f"{n}{'x' * 100_000}" for n in range(300)]))

    assert profile.codes["note"].distinct == 300
    assert len(json.dumps(profile.to_json())) < 200_000
