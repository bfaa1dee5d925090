"""Evidence of lost days and hours: every day of the month with its rows and what was due, the odd ones first. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from checks.history import limits
from checks.history.days import expected_days
from tidemark.months import Month
from tidemark.profile import Grid

Row = Mapping[str, object]


def table_of_days(month: Month, grid: Grid) -> tuple[Row, ...]:
    """Return a row for each day: its rows, those due by the month's same weekdays, and its hours without rows."""
    expected = expected_days(grid.days, month.first_day.weekday())
    lost = _lost_hours(grid)
    days = [(count, float(due), hours) for count, due, hours in zip(grid.days, expected, lost, strict=True)]
    order = sorted(range(len(days)), key=lambda place: (-_oddness(*days[place]), place))
    return tuple(_day(month, place, *days[place]) for place in order)


def table_of_hours(grid: Grid) -> tuple[Row, ...]:
    """Return a row for each hour of the day, over all days: its rows, and the mean of the hours beside it."""
    hours = grid.hours_of_day
    beside = [(hours[place - 1] + hours[(place + 1) % 24]) / 2 for place in range(24)]
    order = sorted(range(24), key=lambda place: -_distance(hours[place], beside[place]))
    return tuple({"hour": f"{place:02d}:00", "rows": hours[place], "beside": round(beside[place])} for place in order)


def _day(month: Month, place: int, count: int, due: float, lost: tuple[int, ...]) -> Row:
    named = month.first_day.replace(day=place + 1)
    return {
        "day": f"{named} {named:%a}",
        "rows": count,
        "expected": round(due),
        "hours without rows": ", ".join(_stretches(lost)) or None,
    }


def _oddness(count: int, due: float, lost: tuple[int, ...]) -> float:
    return _distance(count, due) + len(lost)


def _distance(count: float, due: float) -> float:
    return abs(math.log((count + 1) / (due + 1)))


def _lost_hours(grid: Grid) -> Iterator[tuple[int, ...]]:
    """Return for each day its hours without rows, where the same hours of the other days have some."""
    cells = np.array(grid.hours).reshape(-1, 24)
    usual = np.median(cells, axis=0)
    for day in (cells <= limits.DAY_GONE * usual) & (usual > 0):
        yield tuple(int(hour) for hour in np.flatnonzero(day))


def _stretches(hours: tuple[int, ...]) -> Iterator[str]:
    """Write hours as stretches of the clock: ``10:00 to 15:00``."""
    begin = 0
    for place, hour in enumerate(hours, start=1):
        if place == len(hours) or hours[place] != hour + 1:
            yield f"{hours[begin]:02d}:00 to {hour + 1:02d}:00"
            begin = place
