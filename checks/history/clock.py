"""The hours of the day: clocks that run in another zone, and times that have lost their seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from checks.history import limits
from checks.history.bands import band, share_error
from checks.history.limits import NEEDED, Limit
from checks.history.shapes import elsewhere, nearest
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Grid

PARTS_MOVED = (0.2, 0.4, 0.6, 0.8, 1.0)
LEAST_ROWS = 300  # of a part, to know its clock
WEEKS = (7, 10, 14)  # days
CHANCE = 0.4  # of the hours' deviations: by how much two samples of the same hours are elsewhere


def clock_signals(case: Case) -> Iterator[Signal]:
    grid = case.profile.grid
    if grid is not None and grid.inside:
        yield from _clock(case, grid)
        yield from _weeks(case, grid)
        yield from _minutes(case, grid)


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
        limit, shift = _limit(hours, twin, distance)
        if abs(shift) == 1 and case.month.number in limits.CLOCKS_CHANGE and not _follows_the_clocks(known, shapes):
            limit = limits.SUMMER_TIME
        turned = limit is not limits.CLOCK
        if limit in (limits.TURNED_WHOLE_CLOCK, limits.SUMMER_TIME):
            slack /= 2  # what differs between months seldom fits when it is turned
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


def _limit(hours: np.ndarray, usual: np.ndarray, distance: float) -> tuple[Limit, int]:
    """Return how far the hours may be off: less where they fit again when they are turned, which no habit does."""
    moved, shift = _whole_shift(hours, usual)
    if shift and moved < limits.FITS_AGAIN * distance:
        return limits.TURNED_WHOLE_CLOCK, shift
    moved, shift = _best_shift(hours, usual)
    if abs(shift) >= 2 and moved < 0.5 * distance:
        return limits.TURNED_CLOCK, shift
    return limits.CLOCK, 0


def _follows_the_clocks(past: Sequence[PastMonth], shapes: Sequence[np.ndarray]) -> bool:
    """Whether the clocks of people have changed before, and the busy hours stayed: then these are people's hours."""
    hours = {entry.month: shape for entry, shape in zip(past, shapes, strict=True)}
    changes = [
        _whole_shift(hours[month.next.next], before)[1]
        for month, before in hours.items()
        if month.next.next in hours and month.next.next.number in limits.CLOCKS_HAVE_CHANGED
    ]
    return bool(changes) and not any(changes)


def _weeks(case: Case, grid: Grid) -> Iterator[Signal]:
    """Look for days in a row whose clock is an hour off, against the month's other days."""
    hours = np.array(grid.hours).reshape(-1, 24)
    odd: tuple[float, int, int, int] | None = None
    for length in WEEKS:
        for first in range(len(hours) - length + 1):
            mine = hours[first : first + length].sum(axis=0)
            others = hours.sum(axis=0) - mine
            if min(mine.sum(), others.sum()) < LEAST_ROWS:
                continue
            chance = CHANCE * np.sqrt(24 * (1 / mine.sum() + 1 / others.sum()))
            distance, (moved, shift) = elsewhere(mine, others) - chance, _whole_shift(mine, others)
            if shift and distance > chance and moved - chance < limits.FITS_AGAIN * distance:
                odd = max(odd or (0.0, 0, 0, 0), (float(distance), first, length, shift))
    if odd is not None:
        distance, first, length, shift = odd
        yield Signal(
            theme="clock",
            column=case.dataset.event_column,
            warn=1 + distance / limits.CLOCK.warn,
            reject=0.6,
            expected=f"the same busy hours on all days of {case.month}",
            observed=f"from {case.month}-{first + 1:02d} to {first + length:02d} as if shifted by {shift:+d} hours",
        )


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


def _whole_shift(hours: np.ndarray, reference: np.ndarray) -> tuple[float, int]:
    """Return the same for all rows moved by as many hours."""
    distances = {shift: elsewhere(hours, np.roll(reference, shift)) for shift in range(-11, 13)}
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
