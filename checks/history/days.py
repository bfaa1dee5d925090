"""The month's days: what is missing or doubled inside of it, or came too late for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from checks.history import limits
from checks.history.limits import NEEDED
from checks.history.signals import Case, Signal
from tidemark.months import Month
from tidemark.profile import Grid

SAME_WEEKDAY = 75  # the percentile of the same weekdays: half of them may be missing
THIRD = 34  # the percentile of the same weekdays: two thirds of them may be there twice


def day_signals(case: Case) -> Iterator[Signal]:
    grid = case.profile.grid
    if grid is None or not grid.inside:
        return
    if _spread_out(case, grid):
        expected = _expected(case, grid)
        yield from _missing(case, grid, expected)
        yield from _empty(case, grid)
        yield from _late(case, grid, expected)
        yield from _gaps(case, grid, expected)
        yield from _high(case, grid)


def _spread_out(case: Case, grid: Grid) -> bool:
    """Whether this is a dataset with rows on most days; some have them on the first of the month, or on Mondays."""
    shares = [_share_of_days(past.days) for _, past in _past(case)]
    if len(shares) >= NEEDED:
        return median(shares) >= limits.MOST_DAYS
    first, last = np.flatnonzero(grid.days)[[0, -1]]
    within = grid.days[first : last + 1]  # a file that was cut has them from one day to another
    return _share_of_days(grid.days) >= limits.MOST_DAYS_ALONE or (
        len(within) >= limits.DAYS_IN_A_ROW and _share_of_days(within) >= limits.MOST_DAYS
    )


def _past(case: Case) -> list[tuple[Month, Grid]]:
    past = case.past("days", case.dataset.event_column)
    return [(entry.month, entry.profile.grid) for entry in past if entry.profile.grid and entry.profile.grid.inside]


def _share_of_days(counts: Sequence[int]) -> float:
    return sum(1 for count in counts if count) / len(counts)


def _expected(case: Case, grid: Grid) -> np.ndarray:
    """Return what each day should have, from the same weekdays of the month; where these have next to nothing, from
    what such weekdays had in the months before."""
    weekday = _weekdays(case.month, len(grid.days))
    mine = expected_days(grid.days, case.month.first_day.weekday())
    past = _past(case)
    if len(past) < NEEDED:
        return mine
    before = np.median([_by_weekday(earlier.days, month) for month, earlier in past], axis=0)[weekday]
    usual = before * np.median(mine[before > 0] / before[before > 0]) if (before > 0).any() else mine
    return np.where(mine < limits.DAY_LOW * usual, usual, mine)


def _by_weekday(counts: Sequence[int], month: Month) -> np.ndarray:
    """Return the median of each weekday, of 1 on average."""
    weekday = _weekdays(month, len(counts))
    medians = np.array([np.median(np.asarray(counts)[weekday == day]) for day in range(7)])
    return np.asarray(medians / max(float(medians.mean()), 1e-9))


def _weekdays(month: Month, days: int) -> np.ndarray:
    return (np.arange(days) + month.first_day.weekday()) % 7


def expected_days(counts: Sequence[int], first_weekday: int) -> np.ndarray:
    """Return what each day of a month should have, from the same weekdays of the month."""
    days = np.asarray(counts, dtype=float)
    weekday = (np.arange(len(days)) + first_weekday) % 7
    usual = np.array([np.percentile(days[weekday == day], SAME_WEEKDAY) for day in range(7)])
    return usual[weekday]


def _missing(case: Case, grid: Grid, expected: np.ndarray) -> Iterator[Signal]:
    days = np.array(grid.days)
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


def _empty(case: Case, grid: Grid) -> Iterator[Signal]:
    """Days without rows where a day has only a few: more of them than chance leaves, as often as days were empty."""
    past = [earlier.days for _, earlier in _past(case)]
    empty = sum(not count for count in grid.days)
    if len(past) < NEEDED or empty <= max(sum(not count for count in days) for days in past):
        return
    seen = [count for days in past for count in days]
    usual = (sum(not count for count in seen) + 1) / (len(seen) + 2) * len(grid.days)
    chance = 1 - sum(math.exp(-usual) * usual**number / math.factorial(number) for number in range(empty))
    if chance < limits.NO_CHANCE.warn:
        yield Signal(
            theme="days",
            column=case.dataset.event_column,
            warn=2.0,
            reject=1.0 + 0.1 * empty if chance < limits.NO_CHANCE.reject else 0.5,
            expected=f"about {usual:.2g} days without rows in {case.month}",
            observed=f"{empty}",
        )


def _late(case: Case, grid: Grid, expected: np.ndarray) -> Iterator[Signal]:
    """Days that grow thinner up to the last one of the month: their rows had not all come when it was closed."""
    share = np.array(grid.days) / np.maximum(expected, 1)
    thin = share < limits.DAY_THIN
    full = np.flatnonzero(~thin)
    run = len(thin) - 1 - int(full[-1]) if len(full) else len(thin)
    if not run or expected[-run:].sum() < 5 * limits.ENOUGH_FOR_A_DAY:
        return
    lost = float((1 - share[-run:]).sum())
    yield Signal(
        theme="days",
        column=case.dataset.event_column,
        warn=1.2,
        reject=lost / limits.DAYS_LATE if run > limits.DAYS_OF_A_STORM else 0.5,
        expected=f"about {expected[-1]:,.0f} rows on {case.month}-{len(thin):02d}, as on such weekdays",
        observed=f"{grid.days[-1]:,}, and about {lost:.1f} days' rows missing from the last {run} days",
    )


def _gaps(case: Case, grid: Grid, daily: np.ndarray) -> Iterator[Signal]:
    """Hours without a row where the same hours of the other days have many."""
    hours = np.array(grid.hours).reshape(-1, 24)
    usual = np.percentile(hours, 50, axis=0)
    scale = daily / max(np.median(hours.sum(axis=1)), 1)
    expected = (usual[None, :] * scale[:, None]).ravel()
    empty = (hours.ravel() <= limits.DAY_GONE * expected) & (expected > 0)
    length, begin = _longest_run(empty, expected)
    due = expected[begin : begin + length].sum()
    if length >= limits.GAP_HOURS and due >= 2 * limits.ENOUGH_FOR_A_DAY:
        touched = daily[begin // 24 : (begin + length - 1) // 24 + 1].mean()
        whole_day = -(-begin // 24) * 24 + 24 <= begin + length  # which is told as a day without rows
        yield Signal(
            theme="hours",
            column=case.dataset.event_column,
            warn=1.5,
            reject=0.5 if whole_day else max(0.5, float(due / (limits.GAP_OF_A_DAY * touched))),
            expected=f"rows in every hour, about {due:,.0f} in these",
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
    weekday = _weekdays(case.month, len(days))
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
