"""The month's days and hours: what is missing or doubled inside of it, and clocks that run in another zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from checks.history import limits
from checks.history.bands import band, share_error
from checks.history.limits import NEEDED
from checks.history.shapes import elsewhere, nearest
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Grid

PARTS_MOVED = (0.2, 0.4, 0.6, 0.8, 1.0)
SAME_WEEKDAY = 75  # the percentile of the same weekdays: half of them may be missing
THIRD = 34  # the percentile of the same weekdays: two thirds of them may be there twice
LEAST_ROWS = 300  # of a part, to know its clock


def day_signals(case: Case) -> Iterator[Signal]:
    grid = case.profile.grid
    if grid is None or not grid.inside:
        return
    if _spread_out(case, grid):
        yield from _missing(case, grid)
        yield from _gaps(case, grid)
        yield from _high(case, grid)
    yield from _clock(case, grid)
    yield from _minutes(case, grid)


def _spread_out(case: Case, grid: Grid) -> bool:
    """Whether this is a dataset with rows on most days; some have them on the first of the month, or on Mondays."""
    past = [entry.profile.grid for entry in case.past("days", case.dataset.event_column) if entry.profile.grid]
    shares = [_share_of_days(each) for each in past if each.inside]
    if len(shares) >= NEEDED:
        return median(shares) >= limits.MOST_DAYS
    return _share_of_days(grid) >= limits.MOST_DAYS_ALONE


def _share_of_days(grid: Grid) -> float:
    return sum(1 for count in grid.days if count) / len(grid.days)


def expected_days(counts: Sequence[int], first_weekday: int) -> np.ndarray:
    """Return what each day of a month should have, from the same weekdays of the month."""
    days = np.asarray(counts, dtype=float)
    weekday = (np.arange(len(days)) + first_weekday) % 7
    usual = np.array([np.percentile(days[weekday == day], SAME_WEEKDAY) for day in range(7)])
    return usual[weekday]


def _missing(case: Case, grid: Grid) -> Iterator[Signal]:
    days = np.array(grid.days)
    expected = expected_days(grid.days, case.month.first_day.weekday())
    gone = (days <= limits.DAY_GONE * expected) & (expected >= limits.ENOUGH_FOR_A_DAY)
    low = (days <= limits.DAY_LOW * expected) & (expected >= 5 * limits.ENOUGH_FOR_A_DAY)
    chosen = gone if gone.any() else low
    if chosen.any():
        first = int(np.flatnonzero(chosen)[0])
        yield Signal(
            theme="days",
            column=case.dataset.event_column,
            warn=2.0,
            reject=1.0 + 0.5 * int(gone.sum()) if gone.any() else 0.4,
            expected=f"rows on each day of {case.month}, about {expected[first]:,.0f} on such a weekday",
            observed=f"{int(days[first]):,} rows on {case.month}-{first + 1:02d}"
            + (f", and as few on {int(chosen.sum()) - 1} more days" if chosen.sum() > 1 else ""),
        )


def _gaps(case: Case, grid: Grid) -> Iterator[Signal]:
    """Hours without a row where the same hours of the other days have many."""
    hours = np.array(grid.hours).reshape(-1, 24)
    usual = np.percentile(hours, 50, axis=0)
    scale = expected_days(grid.days, case.month.first_day.weekday()) / max(np.median(hours.sum(axis=1)), 1)
    expected = (usual[None, :] * scale[:, None]).ravel()
    empty = (hours.ravel() <= limits.DAY_GONE * expected) & (expected > 0)
    length, begin = _longest_run(empty, expected)
    if length >= limits.GAP_HOURS and expected[begin : begin + length].sum() >= 2 * limits.ENOUGH_FOR_A_DAY:
        yield Signal(
            theme="hours",
            column=case.dataset.event_column,
            warn=1.5,
            reject=0.5,
            expected=f"rows in every hour, about {expected[begin : begin + length].sum():,.0f} in these",
            observed=f"no rows for {length} hours from {case.month}-{begin // 24 + 1:02d} {begin % 24:02d}:00 on",
        )


def _longest_run(empty: np.ndarray, expected: np.ndarray) -> tuple[int, int]:
    best, begin, best_begin = 0, 0, 0
    for place in range(len(empty) + 1):
        if place == len(empty) or not empty[place]:
            if place - begin > best and expected[begin:place].sum() > 0:
                best, best_begin = place - begin, begin
            begin = place + 1
    return best, best_begin


def _high(case: Case, grid: Grid) -> Iterator[Signal]:
    """Days with far more rows than the same weekdays have; few of them are a feast, or a day that is there twice."""
    days = np.array(grid.days, dtype=float)
    weekday = (np.arange(len(days)) + case.month.first_day.weekday()) % 7
    usual = np.array([np.percentile(days[weekday == day], THIRD) for day in range(7)])[weekday]
    high = (days > limits.DAY_HIGH * usual + 4 * np.sqrt(usual + 1)) & (usual > limits.ENOUGH_FOR_A_DAY)
    if high.any():
        worst = int(np.argmax(np.where(high, days / np.maximum(usual, 1), 0)))
        yield Signal(
            theme="days",
            column=case.dataset.event_column,
            warn=1.2,
            reject=int(high.sum()) / limits.HIGH_DAYS,
            expected=f"about {usual[worst]:,.0f} rows on such a weekday",
            observed=f"{int(days[worst]):,} rows on {case.month}-{worst + 1:02d}"
            + (f", and as many on {int(high.sum()) - 1} more days" if high.sum() > 1 else ""),
        )


# ---- clocks


def _clock(case: Case, grid: Grid) -> Iterator[Signal]:
    event = case.dataset.event_column
    past = tuple(entry for entry in case.past("clock", event) if entry.profile.grid)
    if len(past) < NEEDED:
        yield from _clock_alone(case, grid)
        return
    parts = {"all rows": np.array(grid.hours_of_day)} | {
        f"{case.profile.slice_column} {name}": np.array(hours) for name, hours in grid.hours_of.items()
    }
    for name, hours in parts.items():
        if hours.sum() < LEAST_ROWS:
            continue
        before = [_hours_of(entry, name) for entry in past]
        known = tuple(entry for entry, counts in zip(past, before, strict=True) if counts.sum() >= LEAST_ROWS)
        if len(known) < NEEDED:
            continue
        shapes = [counts for counts in before if counts.sum() >= LEAST_ROWS]
        distance, slack, twin = nearest(hours, shapes, known, case.month, elsewhere)
        moved, shift = _best_shift(hours, twin)
        # a shape that fits again when it is turned by some hours is a clock, not a change of habits
        turned = abs(shift) >= 2 and moved < 0.5 * distance
        limit = limits.TURNED_CLOCK if turned else limits.CLOCK
        moved_hours = signal(
            "clock",
            event,
            distance,
            limit,
            slack=slack,
            expected=f"the hours of the day as {span(known)}",
            observed=f"{100 * distance:.0f} % of {name} at other hours"
            + (f", as if shifted by {shift:+d} hours" if turned else ""),
        )
        yield replace(moved_hours, habit=not turned)


def _clock_alone(case: Case, grid: Grid) -> Iterator[Signal]:
    """Without history the other parts of the month tell what time it is."""
    for name, hours in grid.hours_of.items():
        mine = np.array(hours)
        others = np.array(grid.hours_of_day) - mine
        if min(mine.sum(), others.sum()) < LEAST_ROWS:
            continue
        distance, (moved, shift) = elsewhere(mine, others), _best_shift(mine, others)
        if abs(shift) >= 3 and distance > 0.2 and moved < 0.3 * distance:
            yield Signal(
                theme="clock",
                column=case.dataset.event_column,
                warn=2.0,
                reject=distance / 0.2,
                expected="the same busy hours in every part of the month",
                observed=f"{case.profile.slice_column} {name} as if shifted by {shift:+d} hours",
            )


def _hours_of(entry: PastMonth, name: str) -> np.ndarray:
    grid = entry.profile.grid
    if grid is None:
        return np.zeros(24, dtype=int)
    if name == "all rows":
        return np.array(grid.hours_of_day)
    return np.array(grid.hours_of.get(name.split(" ", 1)[1], (0,) * 24))


def _best_shift(hours: np.ndarray, reference: np.ndarray) -> tuple[float, int]:
    """Return how far the hours are from the reference with some of its rows moved, and by how many hours they were."""
    usual = reference / max(reference.sum(), 1)
    distances = {
        shift: min(elsewhere(hours, (1 - part) * usual + part * np.roll(usual, shift)) for part in PARTS_MOVED)
        for shift in range(-11, 13)
    }
    shift = min(distances, key=lambda turn: (distances[turn], abs(turn)))
    return distances[shift], shift


def _minutes(case: Case, grid: Grid) -> Iterator[Signal]:
    """Times that have lost their seconds."""
    for column, whole in grid.whole_minutes.items():
        past = tuple(e for e in case.past("minutes", column) if e.profile.grid and e.profile.grid.times.get(column))
        times = grid.times[column]
        if len(past) < NEEDED or not times:
            continue
        shares = [e.profile.grid.whole_minutes[column] / e.profile.grid.times[column] for e in past if e.profile.grid]
        share = whole / times
        limit = band(shares, past=past, month=case.month, error=share_error(shares[-1], times))
        yield signal(
            "minutes",
            column,
            limit.above(share),
            limits.MINUTES,
            slack=limit.slack,
            expected=f"at most {100 * limit.high:.3g} % of {column} without seconds, {span(past)}",
            observed=f"{100 * share:.3g} %",
        )
