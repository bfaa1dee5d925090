"""Beyond the list, and looked at while the gate was made: numbers, codes and texts that lost their meaning."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.gate.cases import A, R, W, looked_at
from bench.gate.corrupt.values import KM_PER_MILE, exchanged
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


def payments_swapped(sheet: Sheet) -> Sheet:
    """Call cash card and card cash."""
    codes = sheet.values("code")
    return sheet.put("code", 2, codes == 1).put("code", 1, codes == 2)


def sources_swapped(sheet: Sheet) -> Sheet:
    first, second = sheet.from_source(0), sheet.from_source(1)
    values = sheet.values("source")
    one, other = values[np.flatnonzero(first)[0]], values[np.flatnonzero(second)[0]]
    return sheet.put("source", other, first).put("source", one, second)


def zones_from_zero(sheet: Sheet) -> Sheet:
    """Count the zones from 0, as an index does."""
    return sheet.put("origin", sheet.values("origin") - 1).put("destination", sheet.values("destination") - 1)


def zones_unknown(share: float, sheet: Sheet) -> Sheet:
    return sheet.put("origin", 264, sheet.some(share))


def reworded(change: Callable[[str], str], share: float, sheet: Sheet) -> Sheet:
    texts = [None if text is None else change(text) for text in sheet.values("text")]
    return sheet.put("text", np.array(texts, dtype=object), sheet.some(share))


def padded(text: str) -> str:
    return f"{text}   "


def emptied(_: str) -> str:
    return ""


def wrongly_decoded(text: str) -> str:
    return f"Ã¯{text}"


CASES = (
    *looked_at(
        "fares cut to whole dollars",
        {"10 %": (W, partial(rounded, "fare", 0.1)), "all": (R, partial(rounded, "fare", 1.0))},
        guilty=("fare", "total"),
        needs=("fare",),
        why="Half a dollar a trip is gone, and the total says otherwise.",
    ),
    *looked_at(
        "distances cut to whole miles",
        {"all": (R, partial(rounded, "distance", 1.0))},
        guilty=("distance",),
        why="A fifth of the miles is gone, and short trips have none.",
    ),
    *looked_at(
        "stuck at the last value",
        {
            "fare, 1 day": (W, partial(stuck, "fare", 20, 1)),
            "fare, last 10 days": (R, partial(stuck, "fare", 20, 11)),
        },
        guilty=("fare", "total"),
        needs=("fare",),
        why="No two trips in a row cost the same.",
    ),
    *looked_at(
        "distance stuck for the last 10 days",
        {"": (R, partial(stuck, "distance", 20, 11))},
        guilty=("distance",),
        why="No two trips in a row are as long.",
    ),
    *looked_at(
        "a column shifted by one row",
        {"total": (R, partial(shifted_by_a_row, "total"))},
        guilty=("total",),
        why="Every total belongs to another trip, though every value is a good one.",
    ),
    *looked_at(
        "distances shifted by one row",
        {"": (R, partial(shifted_by_a_row, "distance"))},
        guilty=("distance", "fare"),
        needs=("distance",),
        why="Every distance belongs to another trip, though every value is a good one.",
    ),
    *looked_at(
        "cents for dollars in one source",
        {"second": (R, partial(cents_of_one, "fare", 100, 1))},
        guilty=("fare", "total"),
        needs=("fare", "source"),
        why="One vendor's trips cost a hundred times as much.",
    ),
    *looked_at(
        "kilometres for miles in one source",
        {"second": (W, partial(cents_of_one, "distance", KM_PER_MILE, 1))},
        guilty=("distance",),
        needs=("distance", "source"),
        why="One vendor in five is wrong by 60 %: worth a look.",
    ),
    *looked_at(
        "empty fields filled",
        {"with 0": (W, partial(filled, 0)), "with -999": (R, partial(filled, -999))},
        guilty=("optional",),
        needs=("passengers",),
        why="What nobody knew has become a number; one that is impossible ruins every sum.",
    ),
    *looked_at(
        "tips lost",
        {"30 %": (W, partial(zeroed, "tip", 0.3)), "from the 16th on": (R, partial(zeroed_from, "tip", 15))},
        guilty=("tip", "total"),
        needs=("tip",),
        why="Half a month without any tip has not happened.",
    ),
    *looked_at(
        "minutes for seconds",
        {"": (R, minutes_for_seconds)},
        guilty=("seconds",),
        why="The time of every trip is wrong by a factor of 60.",
    ),
    *looked_at(
        "fares off by a hair", {"": (A, hair_off)}, needs=("fare",), why="Another way to write the same number."
    ),
    *looked_at(
        "fares capped",
        {"at the 99th hundredth": (W, partial(capped, 0.99)), "at the 75th": (R, partial(capped, 0.75))},
        guilty=("fare", "total"),
        needs=("fare",),
        why="The dearest trips are cut; a quarter of them changes what a month costs.",
    ),
    *looked_at(
        "categories swapped",
        {"card and cash": (R, payments_swapped)},
        guilty=("code",),
        why="Cash has become card: every share is another one.",
    ),
    *looked_at(
        "sources swapped",
        {"first and second": (R, sources_swapped)},
        guilty=("source",),
        why="The large vendor has become the small one.",
    ),
    *looked_at(
        "pickup and dropoff zones exchanged",
        {"all": (R, partial(exchanged, "origin", "destination", 1.0))},
        guilty=("origin", "destination"),
        why="Every trip goes the wrong way.",
    ),
    *looked_at(
        "zones counted from 0",
        {"": (R, zones_from_zero)},
        guilty=("origin", "destination"),
        why="Every trip begins and ends next door.",
    ),
    *looked_at(
        "zones unknown",
        {"10 %": (W, partial(zones_unknown, 0.1)), "half": (R, partial(zones_unknown, 0.5))},
        guilty=("origin",),
        why="264 is a good code that says nothing.",
    ),
    *looked_at(
        "texts in other letters",
        {
            "padded, all": (R, partial(reworded, padded, 1.0)),
            "lower case, half": (R, partial(reworded, str.lower, 0.5)),
            "wrong encoding, 10 %": (W, partial(reworded, wrongly_decoded, 0.1)),
        },
        guilty=("text",),
        why="What groups by them finds others: all or half of the rows are recoded.",
    ),
    *looked_at(
        "empty texts",
        {"3 %": (W, partial(reworded, emptied, 0.03)), "all": (R, partial(reworded, emptied, 1.0))},
        guilty=("text",),
        why="An empty text passes for a value and says nothing.",
    ),
)
