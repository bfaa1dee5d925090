"""Vendors, or what else a month is cut by, that are silent for days or come twice, though few rows are theirs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import numpy as np

from checks.history import limits
from checks.history.limits import NEAREST, NEEDED
from checks.history.signals import Case, Signal, span
from tidemark.profile import Grid


def silence_signals(case: Case) -> Iterator[Signal]:
    grid, column = case.profile.grid, case.profile.slice_column
    if grid is None or column is None:
        return
    past = tuple(
        entry
        for entry in case.past("silence")
        if entry.profile.grid and entry.profile.grid.inside and entry.profile.slice_column == column
    )
    if len(past) < NEEDED:
        return
    grids = [entry.profile.grid for entry in past if entry.profile.grid]
    codes = case.profile.codes.get(column)
    for name in grids[-1].days_of:
        if name not in grid.days_of and codes and codes.counts.get(name):
            continue  # it is there, but others have more rows, so its days were not counted
        shares = [_share(each, name) for each in grids]
        low, high = min(shares[-NEAREST:]), max(shares)
        silent = _longest(grid, name, low, gone=True) - max(_longest(each, name, low, gone=True) for each in grids)
        twice = _longest(grid, name, high, gone=False) - max(_longest(each, name, high, gone=False) for each in grids)
        for days, words in ((silent, "without rows"), (twice, "with far more rows")):
            if days > 0 and (days != twice or high >= limits.LARGE_PART):
                yield Signal(
                    theme="silence",
                    column=None,
                    guilty=column,
                    warn=1.0 + days / limits.LONG_STRETCH,
                    reject=days / limits.LONG_STRETCH,
                    expected=f"{column} {name} in {100 * median(shares):.3g} % of each day's rows, {span(past)}",
                    observed=f"{days} days in a row {words}",
                )


def _share(grid: Grid, name: str) -> float:
    return sum(grid.days_of.get(name, ())) / grid.inside


def _longest(grid: Grid, name: str, share: float, *, gone: bool) -> int:
    """Return the longest run of days in which a part has next to none, or far more, of what its share would be."""
    days = np.array(grid.days, dtype=float)
    expected = np.concatenate([[0.0], np.cumsum(share * days)])
    mine = np.concatenate([[0.0], np.cumsum(grid.days_of.get(name, (0,) * len(days)))])
    for length in range(len(days), 0, -1):
        due, came = expected[length:] - expected[:-length], mine[length:] - mine[:-length]
        odd = came <= limits.PART_GONE * due if gone else came > limits.PART_TWICE * due + 5 * np.sqrt(due)
        if (odd & (due >= limits.ENOUGH_FOR_AN_HOUR)).any():
            return length
    return 0
