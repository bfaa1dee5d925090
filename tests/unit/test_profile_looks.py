"""What a sample of a month's rows tells: odd stretches of days, columns that go together, how numbers are written."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from demo.generate import write_month
from tests.depot import FEBRUARY, RIDES, write_rides
from tidemark.datasets import green
from tidemark.months import Month
from tidemark.profile import Profile, profile_month, rowhash, sample
from tidemark.profile.bonds import bonds
from tidemark.profile.places import PLACES, of_numbers, of_times
from tidemark.profile.rowhash import DATE, TIMES, VALUES
from tidemark.profile.stretches import stretches

START = datetime(2023, 2, 1)  # noqa: DTZ001 - published without zone
RNG = np.random.default_rng(8)
DAYS = np.repeat(np.arange(1, 29), 100)


def ride(folder: Path, rows: int, **columns: pa.Array) -> Profile:
    return profile_month(RIDES, FEBRUARY, write_rides(folder / "rides.parquet", FEBRUARY, rows, **columns))


def every(seconds: int, rows: int) -> pa.Array:
    return pa.array([START + timedelta(seconds=seconds * number) for number in range(rows)], pa.timestamp("us"))


# ---- the sample


def test_of_very_many_rows_few_are_kept_and_they_are_spread_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST", 100)
    taken = sample.Sample()
    for begin in range(0, 5000, 700):
        numbers = np.arange(begin, min(begin + 700, 5000))
        taken.add(pa.record_batch({"n": pa.array(numbers)}), np.full(len(numbers), 24))
    rows = taken.rows()

    assert rows is not None
    kept = rows.columns["n"].to_numpy()
    assert 50 <= len(kept) <= 100
    assert set(np.diff(kept)) == {kept[1] - kept[0]}
    assert kept[0] == 0


def test_a_month_without_rows_has_no_looks(tmp_path: Path) -> None:
    assert ride(tmp_path, 0).looks is None


# ---- stretches


def test_a_week_that_is_empty_is_the_oddest_stretch_of_its_length() -> None:
    places = np.where((DAYS >= 8) & (DAYS <= 14), 0, RNG.integers(3, 8, len(DAYS)))
    week = next(each for each in stretches(DAYS, places, 28) if each.days == 7)

    assert (week.first, week.distance > 0.9) == (8, True)


def test_days_that_are_alike_are_not_odd() -> None:
    assert max(each.distance for each in stretches(DAYS, RNG.integers(0, 8, len(DAYS)), 28)) < 0.12


def test_days_outside_of_the_month_are_in_no_stretch() -> None:
    days = np.where(DAYS == 5, 0, DAYS)
    places = np.where(days == 0, 0, 3)

    assert max(each.distance for each in stretches(days, places, 28)) == 0


def test_numbers_are_sorted_into_nothing_below_zero_zero_and_fifths() -> None:
    values = np.array([np.nan, -2.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0])

    assert of_numbers(values).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_times_are_sorted_by_whether_they_know_seconds() -> None:
    times = pa.array([None, START, START + timedelta(seconds=7)], pa.timestamp("us"))

    assert of_times(times).tolist() == [0, 1, 2]


# ---- bonds


def test_what_goes_together_is_close_and_what_was_moved_by_a_row_is_not() -> None:
    miles = RNG.lognormal(1, 1, len(DAYS))
    fare = 3 * miles
    found = bonds({}, {"miles": miles, "fare": fare, "moved": np.roll(fare, 1)}, DAYS)

    assert found["miles & fare"][0] == pytest.approx(0.97, abs=0.03)
    assert all(abs(each or 0) < 0.2 for each in found.get("miles & moved", ()))


def test_a_bond_that_is_lost_in_one_quarter_is_lost_there_alone() -> None:
    miles = RNG.lognormal(1, 1, len(DAYS))
    fare = np.asarray(np.where(DAYS <= 8, RNG.permutation(miles), miles), dtype=np.float64)
    _, first, *others = bonds({}, {"miles": miles, "fare": fare}, DAYS)["miles & fare"]

    assert abs(first or 0) < 0.15
    assert min(each or 0 for each in others) > 0.95


def test_codes_go_with_codes_and_with_numbers() -> None:
    code = RNG.integers(0, 3, len(DAYS))
    found = bonds({"code": code, "copy": code}, {"fare": np.asarray(code * 10 + 1, dtype=np.float64)}, DAYS)

    assert found["code & copy"][0] == 1.0
    assert (found["code & fare"][0] or 0) > 0.95


def test_what_is_the_same_in_every_row_cannot_be_measured() -> None:
    same, miles = np.ones(len(DAYS)), np.asarray(RNG.random(len(DAYS)), dtype=np.float64)

    found = bonds({"code": same.astype(np.int64)}, {"fare": same, "miles": miles}, DAYS)

    assert found == dict.fromkeys(("code & fare", "code & miles", "fare & miles"), (None,) * 5)


def test_a_number_is_not_measured_against_very_many_codes() -> None:
    few, many = RNG.integers(0, PLACES - 1, len(DAYS)), np.full(len(DAYS), PLACES - 2)
    found = bonds({"few": few, "many": many}, {"miles": few + RNG.random(len(DAYS))}, DAYS)

    assert found["few & miles"][0] == pytest.approx(1, abs=0.05)
    assert found["many & miles"] == (None,) * 5


# ---- how numbers are written


def test_digits_are_counted(tmp_path: Path) -> None:
    prices = pa.array([0.0, 0.5, 0.5, 1.25, 2.003, 3.0, None], pa.float64())
    looks = ride(tmp_path, 7, price=prices).looks

    assert looks is not None
    price = looks.textures["price"]
    assert (price.values, price.tenths, price.finer) == (5, 3, 1)
    assert (price.distinct, price.most, price.again) == (4, 2, 1)


# ---- rows that are the same but for something


def test_rows_that_repeat_but_for_their_date_are_counted(tmp_path: Path) -> None:
    prices = pa.array(np.arange(40) % 20 + 0.5)
    times = pa.array([START + timedelta(days=n // 20, minutes=n % 20) for n in range(40)], pa.timestamp("us"))
    repeats = ride(tmp_path, 40, price=prices, at=times).repeats

    assert repeats == {DATE: 20, TIMES: 20, VALUES: 0}


def test_rows_that_repeat_but_for_their_values_are_counted(tmp_path: Path) -> None:
    times = pa.array([START + timedelta(minutes=n // 2) for n in range(40)], pa.timestamp("us"))
    repeats = ride(tmp_path, 40, price=pa.array(np.arange(40) + 0.5), at=times).repeats

    assert repeats == {DATE: 0, TIMES: 0, VALUES: 20}


def test_of_very_many_rows_those_that_repeat_are_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowhash, "MOST_ALIKE", 2000)
    prices = pa.array(np.arange(20_000) // 2 + 0.5)

    assert ride(tmp_path, 20_000, price=prices, at=every(60, 20_000)).repeats[TIMES] == pytest.approx(10_000, rel=0.15)


def test_a_generated_month_has_bonds_that_make_sense(tmp_path: Path) -> None:
    month = Month(2023, 5)
    looks = profile_month(green.DATASET, month, write_month(tmp_path, "green", month, rows=3000)).looks

    assert looks is not None
    assert (looks.bonds["trip_distance & fare_amount"][0] or 0) > 0.8
    assert looks.rows == 3000
