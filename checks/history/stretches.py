"""Stretches of days that are unlike the rest of their month: what begins in the middle of it, or lasts a week."""

from __future__ import annotations

import math
from collections.abc import Iterator

from checks.history import limits
from checks.history.bands import band
from checks.history.limits import NEEDED, Limit
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Looks, Stretch

HOURS = "the hours of the day"
_MONTH = 30  # days
_CHANCE = 0.3  # of the square root of the rows: by how much the oddest of all stretches differs between months


def stretch_signals(case: Case) -> Iterator[Signal]:
    """Compare how far the oddest days of each column are from the others with how far they were in other months."""
    looks = case.profile.looks
    if looks is None:
        return
    yield from _of(case, HOURS, case.dataset.event_column, looks.hours)
    for name, odd in looks.stretches.items():
        yield from _of(case, name, case.column_of(name), odd)


def _of(case: Case, name: str, column: str, odd: tuple[Stretch, ...]) -> Iterator[Signal]:
    past = tuple(entry for entry in case.past("stretch", column) if entry.profile.looks)
    for each in odd:
        before = [(entry, value) for entry in past for value in _distances(entry, name, each.days)]
        if len(before) < NEEDED:
            continue
        error = _CHANCE / math.sqrt(max(case.profile.rows * each.days / _MONTH, 1))
        values, months = [value for _, value in before], [entry for entry, _ in before]
        limit = band(values, past=months, month=case.month, error=error)
        last = each.first + each.days - 1
        yield signal(
            "stretch",
            column,
            limit.above(each.distance),
            _limit(name, each.days),
            slack=limit.slack,
            expected=f"on any {each.days} days at most {100 * limit.high:.0f} % of {name} elsewhere, {span(past)}",
            observed=f"{100 * each.distance:.0f} % elsewhere from {case.month}-{each.first:02d} to {last:02d}",
        )


def _distances(entry: PastMonth, name: str, days: int) -> list[float]:
    looks: Looks | None = entry.profile.looks
    if looks is None:
        return []
    odd = looks.hours if name == HOURS else looks.stretches.get(name, ())
    return [each.distance for each in odd if each.days == days]


def _limit(name: str, days: int) -> Limit:
    if days < limits.LONG_STRETCH:
        return limits.SHORT_STRETCH
    return limits.STRETCH_OF_HOURS if name == HOURS else limits.STRETCH
