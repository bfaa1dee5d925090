"""Beyond the list that the gate was made by: dates and clocks that went wrong."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.gate.cases import R, W, unlisted
from bench.gate.corrupt.times import moved
from bench.gate.sheet import Sheet

_TWELVE_HOURS = 12


def day_and_month_swapped(sheet: Sheet) -> Sheet:
    """Read 2024-03-05 as the third of May, where that is a date."""
    days, year = sheet.days(), sheet.month.year
    swappable = (days >= 0) & (days < 12)
    month = np.where(swappable, days, 0).astype("timedelta64[M]")
    date = (np.datetime64(f"{year}-01", "M") + month).astype("datetime64[D]") + np.timedelta64(
        sheet.month.number - 1, "D"
    )
    for role in ("event", "end"):
        clock = sheet.values(role) - sheet.values("event").astype("datetime64[D]")
        sheet = sheet.put(role, date + clock, swappable)
    return sheet


def midnight(sheet: Sheet) -> Sheet:
    return sheet.put("event", sheet.values("event").astype("datetime64[D]").astype("datetime64[us]"))


def half_a_day_clock(sheet: Sheet) -> Sheet:
    """Write hours from 13 on as 1 to 11, as a clock of twelve hours without am and pm does."""
    afternoon = sheet.hours() > _TWELVE_HOURS
    return moved(sheet, np.timedelta64(-_TWELVE_HOURS, "h"), afternoon)


def end_is_begin(share: float, sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("event"), sheet.some(share))


def ends_with_the_day(sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("end").astype("datetime64[D]") + np.timedelta64(86399, "s"), sheet.some(0.3))


def other_zone_for_a_week(sheet: Sheet) -> Sheet:
    week = (sheet.days() >= 7) & (sheet.days() < 14)
    return moved(sheet, np.timedelta64(5, "h"), week)


CASES = (
    *unlisted(
        "day and month swapped",
        {"": (R, day_and_month_swapped)},
        guilty=("event", "end"),
        why="A third of the rows is of other months.",
    ),
    *unlisted("every time at midnight", {"": (R, midnight)}, guilty=("event", "end"), why="The time of day is lost."),
    *unlisted(
        "a clock of twelve hours",
        {"": (R, half_a_day_clock)},
        guilty=("event", "end"),
        why="Afternoons have become nights.",
    ),
    *unlisted(
        "dropoff is pickup",
        {"3 %": (W, partial(end_is_begin, 0.03)), "all": (R, partial(end_is_begin, 1.0))},
        guilty=("end", "event"),
        why="Trips take time.",
    ),
    *unlisted(
        "dropoff at the end of its day",
        {"30 %": (R, ends_with_the_day)},
        guilty=("end", "event"),
        why="A third of the trips last for most of a day.",
    ),
    *unlisted(
        "zone shifted by 5 h for a week",
        {"": (R, other_zone_for_a_week)},
        guilty=("event", "end"),
        why="A quarter of the month has the wrong time of day.",
    ),
)
