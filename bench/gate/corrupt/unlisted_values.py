"""Beyond the list that the gate was made by: numbers that were rounded, stuck, filled in or moved between rows."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.gate.cases import A, R, W, kind, unlisted
from bench.gate.corrupt.values import KM_PER_MILE
from bench.gate.sheet import Sheet


def rounded(role: str, share: float, sheet: Sheet) -> Sheet:
    return sheet.put(role, np.trunc(sheet.values(role)), sheet.some(share))


def stuck(role: str, first_day: int, days: int, sheet: Sheet) -> Sheet:
    """Repeat one value from a day on, for so many days."""
    there = (sheet.days() >= first_day) & (sheet.days() < first_day + days)
    values = sheet.values(role)
    return sheet.put(role, values[there & ~np.isnan(values)][0], there)


def shifted_by_a_row(role: str, sheet: Sheet) -> Sheet:
    return sheet.put(role, np.roll(sheet.values(role), 1))


def cents_of_one(role: str, factor: float, rank: int, sheet: Sheet) -> Sheet:
    return sheet.put(role, sheet.values(role) * factor, sheet.from_source(rank))


def filled(value: float, sheet: Sheet) -> Sheet:
    """Write a number where the optional field is empty."""
    empty = ~sheet.array("optional").combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return sheet.fill("optional", value, empty)


def zeroed(role: str, share: float, sheet: Sheet) -> Sheet:
    return sheet.put(role, 0.0, sheet.some(share))


def zeroed_from(role: str, day: int, sheet: Sheet) -> Sheet:
    return sheet.put(role, 0.0, sheet.days() >= day)


def minutes_for_seconds(sheet: Sheet) -> Sheet:
    return sheet.put("seconds", np.round(sheet.values("seconds") / 60))


def hair_off(sheet: Sheet) -> Sheet:
    return sheet.put("fare", sheet.values("fare") * (1 + 1e-12))


def capped(share: float, sheet: Sheet) -> Sheet:
    """Cut every fare at the one that this share of them stays below."""
    fare = sheet.values("fare")
    return sheet.put("fare", np.minimum(fare, np.nanquantile(fare, share)))


CASES = (
    *kind(
        "fares cut to whole dollars",
        {"10 %": (W, partial(rounded, "fare", 0.1)), "all": (R, partial(rounded, "fare", 1.0))},
        guilty=("fare", "total"),
        needs=("fare",),
        why="Half a dollar a trip is gone, and the total says otherwise.",
    ),
    *kind(
        "distances cut to whole miles",
        {"all": (R, partial(rounded, "distance", 1.0))},
        guilty=("distance",),
        why="A fifth of the miles is gone, and short trips have none.",
    ),
    *kind(
        "stuck at the last value",
        {
            "fare, 1 day": (W, partial(stuck, "fare", 20, 1)),
            "fare, last 10 days": (R, partial(stuck, "fare", 20, 11)),
        },
        guilty=("fare", "total"),
        needs=("fare",),
        why="No two trips in a row cost the same.",
    ),
    *kind(
        "distance stuck for the last 10 days",
        {"": (R, partial(stuck, "distance", 20, 11))},
        guilty=("distance",),
        why="No two trips in a row are as long.",
    ),
    *unlisted(
        "a column shifted by one row",
        {"total": (R, partial(shifted_by_a_row, "total"))},
        guilty=("total",),
        why="Every total belongs to another trip, though every value is a good one.",
    ),
    *unlisted(
        "distances shifted by one row",
        {"": (R, partial(shifted_by_a_row, "distance"))},
        guilty=("distance", "fare"),
        needs=("distance",),
        why="Every distance belongs to another trip, though every value is a good one.",
    ),
    *kind(
        "cents for dollars in one source",
        {"second": (R, partial(cents_of_one, "fare", 100, 1))},
        guilty=("fare", "total"),
        needs=("fare", "source"),
        why="One vendor's trips cost a hundred times as much.",
    ),
    *kind(
        "kilometres for miles in one source",
        {"second": (W, partial(cents_of_one, "distance", KM_PER_MILE, 1))},
        guilty=("distance",),
        needs=("distance", "source"),
        why="One vendor in five is wrong by 60 %: worth a look.",
    ),
    *unlisted(
        "empty fields filled",
        {"with 0": (W, partial(filled, 0)), "with -999": (R, partial(filled, -999))},
        guilty=("optional",),
        needs=("passengers",),
        why="What nobody knew has become a number; one that is impossible ruins every sum.",
    ),
    *unlisted(
        "tips lost",
        {"30 %": (W, partial(zeroed, "tip", 0.3)), "from the 16th on": (R, partial(zeroed_from, "tip", 15))},
        guilty=("tip", "total"),
        needs=("tip",),
        why="Half a month without any tip has not happened.",
    ),
    *unlisted(
        "minutes for seconds",
        {"": (R, minutes_for_seconds)},
        guilty=("seconds",),
        why="The time of every trip is wrong by a factor of 60.",
    ),
    *unlisted("fares off by a hair", {"": (A, hair_off)}, needs=("fare",), why="Another way to write the same number."),
    *unlisted(
        "fares capped",
        {"at the 99th hundredth": (W, partial(capped, 0.99)), "at the 75th": (R, partial(capped, 0.75))},
        guilty=("fare", "total"),
        needs=("fare",),
        why="The dearest trips are cut; a quarter of them changes what a month costs.",
    ),
)
