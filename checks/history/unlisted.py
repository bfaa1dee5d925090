"""Columns that the dataset's module does not list, and the files have, against the months since they came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from checks.history import limits
from checks.history.bands import band, share_error
from checks.history.codes import of_codes
from checks.history.columns import percent
from checks.history.levels import of_levels
from checks.history.limits import NEEDED
from checks.history.signals import Case, Place, Signal, signal, span
from tidemark.datasets.base import Drift
from tidemark.history import PastMonth
from tidemark.profile import Unlisted

EVOLVED: Place = ("evolved", None)


def unlisted_signals(case: Case) -> Iterator[Signal]:
    if case.dataset.unknown_columns is not Drift.EVOLVE:
        return
    past = case.past(*EVOLVED)
    listed = {column.name for column in case.dataset.columns}
    profiles = [*(entry.profile for entry in past), case.profile]
    for name in dict.fromkeys(name for profile in profiles for name in profile.unlisted):
        first = next((number for number, entry in enumerate(past) if name in entry.profile.unlisted), len(past))
        if name not in listed:
            yield from (replace(each, guilty=name) for each in _of_unlisted(case, name, past[first:]))


def _of_unlisted(case: Case, name: str, past: tuple[PastMonth, ...]) -> Iterator[Signal]:
    """Compare a column with the months since it came."""
    if past and case.profile.rows:
        yield _nulls(case, name, past)
    now = case.profile.unlisted.get(name)
    before = [(entry, entry.profile.unlisted[name]) for entry in past if name in entry.profile.unlisted]
    if now is not None and now.codes is not None:
        known = [(entry, each.codes) for entry, each in before if each.codes is not None]
        yield from of_codes(case, EVOLVED, name, now.codes, known)
    if now is not None and now.levels is not None:
        levels = [(entry, each.levels) for entry, each in before if each.levels is not None]
        yield from of_levels(case, EVOLVED, name, now.levels, levels)


def _nulls(case: Case, name: str, past: tuple[PastMonth, ...]) -> Signal:
    """Weigh how much of it is empty; that it is in the file no more is news, and no fault of its values."""
    recent = past[-limits.RECENT :]
    shares = [_empty(entry.profile.unlisted.get(name), entry.profile.rows) for entry in recent]
    now = case.profile.unlisted.get(name)
    share = _empty(now, case.profile.rows)
    limit = band(shares, past=recent, month=case.month, error=share_error(median(shares), case.profile.rows))
    return signal(
        *EVOLVED,
        limit.above(share),
        limits.NULLS if now is not None and len(past) >= NEEDED else limits.UNLISTED_NULLS,
        slack=limit.slack,
        expected=f"{name} empty in at most {percent(limit.high)} of the rows, {span(recent)}",
        observed=f"in {percent(share)}" if now is not None else "not in the file",
    )


def _empty(column: Unlisted | None, rows: int) -> float:
    return 1.0 if column is None else column.nulls / max(rows, 1)
