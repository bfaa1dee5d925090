"""Hours that have no rows, here and there or on every day, and hours that are there twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checks.history import limits
from checks.history.limits import NEEDED
from checks.history.signals import Case, Signal, span
from tidemark.history import PastMonth


def hour_signals(case: Case) -> Iterator[Signal]:
    event = case.dataset.event_column
    past = tuple(e for e in case.past("hours", event) if e.profile.grid and e.profile.grid.inside)
    if case.profile.grid is None or not case.profile.grid.inside or len(past) < NEEDED:
        return
    before = np.array([_shares(entry) for entry in past])
    yield from _of_day(case, before, past)
    yield from _scattered(case, before, past)


def _shares(entry: PastMonth) -> np.ndarray:
    hours = np.array(entry.profile.grid.hours_of_day if entry.profile.grid else (1,) * 24)
    return np.asarray(hours / max(hours.sum(), 1))


def _of_day(case: Case, before: np.ndarray, past: tuple[PastMonth, ...]) -> Iterator[Signal]:
    """Look for an hour of the day that is gone from every day, or that comes twice."""
    grid = case.profile.grid
    hours = np.array(grid.hours_of_day if grid else ())
    least, most = before.min(axis=0) * hours.sum(), before.max(axis=0) * hours.sum()
    gone = (hours <= limits.DAY_GONE * least) & (least >= limits.ENOUGH_FOR_AN_HOUR)
    high = (hours > limits.HOUR_TWICE * most + 5 * np.sqrt(most)) & (most >= limits.ENOUGH_FOR_AN_HOUR)
    for chosen, reject in ((gone, 1.0 + 0.2 * float(gone.sum())), (high, limits.OF_ONE_HOUR * float(high.sum()))):
        if chosen.any():
            hour = int(np.argmax(np.where(chosen, most, 0)))
            yield Signal(
                theme="hours",
                column=case.dataset.event_column,
                warn=2.0,
                reject=reject,
                expected=f"{least[hour]:,.0f} to {most[hour]:,.0f} rows in the hour from {hour}:00, {span(past)}",
                observed=f"{int(hours[hour]):,} rows"
                + (f", and {int(chosen.sum()) - 1} more hours are alike" if chosen.sum() > 1 else ""),
            )


def _scattered(case: Case, before: np.ndarray, past: tuple[PastMonth, ...]) -> Iterator[Signal]:
    """Count the hours without rows where many are due, on days that have others."""
    grid = case.profile.grid
    cells = np.array(grid.hours if grid else ()).reshape(-1, 24)
    expected = np.median(before, axis=0)[None, :] * cells.sum(axis=1)[:, None]
    empty = (cells <= limits.DAY_GONE * expected) & (expected >= limits.ENOUGH_FOR_A_DAY)
    days = int(empty.any(axis=1).sum())
    lost = int(empty.sum())
    if lost > limits.HOURS_LOST.warn:
        day, hour = (int(place) for place in np.argwhere(empty)[0])
        yield Signal(
            theme="hours",
            column=case.dataset.event_column,
            warn=lost / limits.HOURS_LOST.warn,
            reject=lost / limits.HOURS_LOST.reject if days > limits.DAYS_OF_A_STORM else 0.9,
            expected=f"rows in every hour as {span(past)}",
            observed=f"no rows in {lost} hours of {days} days, first on {case.month}-{day + 1:02d} {hour:02d}:00",
        )
