"""Clean months with a past: what ``demo/generate.py`` makes, with trend, season, holidays, weather and drift.

The generator knows a week and a day; here a month gets what a history is compared by. The shapes follow what the
TLC's monthly totals show: a dip in winter and in August, a fall on holidays, a block of empty fields that shrinks, more
cards and less cash, a vendor that comes in. No figure is meant to be New York's own.
"""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.gate.sheet import Flags, Sheet
from demo.generate import write_month
from tidemark.datasets.base import Dataset
from tidemark.months import Month, months_between

FIRST = Month(2021, 1)
LAST = Month(2025, 12)
MONTHS = months_between(FIRST, LAST)
NEW_VENDOR = Month(2023, 6)
_NEWCOMER = {"yellow": 7, "green": 6}
# Clean months with something new that a person would like to be told of; those of January are the generator's.
_NEWS = {
    Month(2023, 1): ("a new tariff", ("yellow", "green")),
    NEW_VENDOR: ("a new vendor", ("yellow", "green")),
    Month(2024, 1): ("a new vendor", ("yellow",)),
    Month(2025, 1): ("a new fee", ("yellow", "green", "fhvhv")),
}

# 1.0 is a year's mean; what is between months of one season and trend beside it: 2 %.
_SEASON = (0.91, 0.93, 1.04, 1.02, 1.06, 1.02, 0.97, 0.94, 1.00, 1.07, 1.02, 1.02)
_UNEVEN = 0.02
_WEATHER = 0.05  # what a day differs from its weekday
_HOLIDAYS = {(1, 1): 0.75, (5, 29): 0.85, (7, 4): 0.7, (9, 4): 0.85, (11, 23): 0.6, (12, 24): 0.75, (12, 25): 0.5}
_SNOW_CHANCE = 0.1  # of a winter month to have a day of snow
_SNOW = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class _Size:
    """Rows of a month of 30.4 days in the middle of 2021, and by how much they grow a month."""

    rows: int
    growth: float


_SIZES = {
    "yellow": _Size(rows=30_000, growth=0.004),
    "green": _Size(rows=27_000, growth=-0.005),
    "fhv": _Size(rows=26_000, growth=0.002),
    "fhvhv": _Size(rows=28_000, growth=0.006),
}


def clean_month(dataset: Dataset, month: Month, seed: int, *, volume: float = 1.0) -> Sheet:
    """Make a clean month; ``volume`` times as many rows as its season and trend would have."""
    rng = np.random.default_rng([seed, month.yyyymm, zlib.crc32(dataset.name.encode()), 4])
    weights = _days(rng, month)
    rows = _rows(rng, dataset, month) * volume * weights.max() / weights.mean()
    with tempfile.TemporaryDirectory() as folder:
        path = write_month(Path(folder), dataset.name, month, rows=round(rows), seed=seed)
        table = pq.read_table(path)
    sheet = Sheet.of(dataset, month, table, rng=rng, earlier=lambda _: table)
    sheet = sheet.kept(_happened(sheet, weights / weights.max()))
    sheet = _with_other_destinations(sheet)
    return _drifted_taxi(sheet) if dataset.name in ("yellow", "green") else _drifted_others(sheet)


def news(dataset: str, month: Month) -> str | None:
    """Return what is new in a clean month, if anything is: to warn of it is no false alarm."""
    what, datasets = _NEWS.get(month, ("", ()))
    return what if dataset in datasets else None


def _age(month: Month) -> int:
    return (month.year - FIRST.year) * 12 + month.number - FIRST.number


def _rows(rng: np.random.Generator, dataset: Dataset, month: Month) -> float:
    size = _SIZES[dataset.name]
    days = (month.next.first_day - month.first_day).days
    expected = size.rows * (1 + size.growth) ** (_age(month) - 6) * _SEASON[month.number - 1] * days / 30.4
    return float(expected * rng.lognormal(0, _UNEVEN))


def _days(rng: np.random.Generator, month: Month) -> NDArray[np.float64]:
    """Return how much of its usual traffic each day of a month has."""
    days = (month.next.first_day - month.first_day).days
    weights = rng.lognormal(0, _WEATHER, days)
    for day in range(days):
        weights[day] *= _HOLIDAYS.get((month.number, day + 1), 1.0)
    if month.number in (12, 1, 2, 3) and rng.random() < _SNOW_CHANCE:
        weights[rng.integers(days)] *= _SNOW
    return weights


def _happened(sheet: Sheet, weights: NDArray[np.float64]) -> Flags:
    days = sheet.days()
    inside = (days >= 0) & (days < len(weights))
    share = np.where(inside, weights[days.clip(0, len(weights) - 1)], 1.0)
    kept: Flags = _by_trip(sheet, salt=1) < share
    return kept


def _by_trip(sheet: Sheet, *, salt: int) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each row, the same for a charge and its reversal."""
    micros = sheet.values("event").astype("datetime64[us]").astype(np.int64)
    mixed = micros.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt * 0x632BE59BD9B4E019 % 2**64)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    share: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) / 2**53
    return share


def _with_other_destinations(sheet: Sheet) -> Sheet:
    """Send two trips of five elsewhere: in the generator people go where they come from."""
    zones = sheet.values("destination")
    return sheet.put("destination", zones * 37 % 263 + 1, _by_trip(sheet, salt=2) < 0.4)


# ---- what changes slowly


def _drifted_taxi(sheet: Sheet) -> Sheet:
    age = _age(sheet.month)
    sheet = sheet.put("code", 1, (sheet.values("code") == 2) & (_by_trip(sheet, salt=3) < 0.005 * age))
    if sheet.month >= NEW_VENDOR:
        share = min(0.002 * (_age(sheet.month) - _age(NEW_VENDOR) + 1), 0.03)
        sheet = sheet.put("source", _NEWCOMER[sheet.dataset.name], _by_trip(sheet, salt=4) < share)
    dearer = 1 + 0.001 * age + sheet.rng.normal(0, 0.004)
    fare = sheet.values("fare")
    rise = np.round(fare * (dearer - 1), 2)
    unlisted = np.where(_by_trip(sheet, salt=5) < 0.0015 * age, 1.25, 0.0) * np.sign(sheet.values("total"))
    sheet = sheet.put("fare", np.round(fare + rise, 2))
    sheet = sheet.put("total", np.round(sheet.values("total") + rise + unlisted, 2))
    return _with_longer_tail(sheet, share=0.07 + 0.25 * 0.9**age)


def _with_longer_tail(sheet: Sheet, *, share: float) -> Sheet:
    """Empty the fields that are empty in the last row also in the rows before it, ``share`` of all of them in all."""
    late = np.arange(sheet.rows) >= round(sheet.rows * (1 - share))
    for column in sheet.names:
        array = sheet.array(column)
        if not array[-1].is_valid and array.null_count < sheet.rows:
            sheet = sheet.nulled(column, late)
        elif column == sheet.column("code"):
            sheet = sheet.put(column, 0, late)  # where green has null, yellow has 0
    return sheet


def _drifted_others(sheet: Sheet) -> Sheet:
    age = _age(sheet.month)
    if sheet.dataset.name == "fhv":
        found = sheet.some(abs(sheet.rng.normal(0, 0.01)))
        sheet = sheet.fill("origin", sheet.values("destination"), found)
        return sheet.put("source", "B90007", _by_trip(sheet, salt=4) < 0.001 * age)
    fare = sheet.values("fare") * (1 + 0.001 * age + sheet.rng.normal(0, 0.004))
    return sheet.put("fare", np.round(fare, 2))
