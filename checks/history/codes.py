"""Columns of codes against their own past: how often each code comes, new ones, and those that are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from checks.history import limits
from checks.history.bands import SURE, band, gap_of, share_error
from checks.history.columns import percent
from checks.history.limits import NEEDED
from checks.history.shapes import elsewhere, nearest
from checks.history.signals import Case, Place, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Codes

OTHERS = "all others"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counts:
    """A column's counts by code, now and in the months before; the last place is that of all other codes."""

    place: Place
    column: str
    names: list[str]
    now: np.ndarray
    before: list[np.ndarray]
    past: tuple[PastMonth, ...]

    @property
    def total(self) -> float:
        return max(float(self.now.sum()), 1.0)

    @property
    def mine(self) -> np.ndarray:
        return np.asarray(self.now / self.total)

    @property
    def shares(self) -> np.ndarray:
        """One row a month before."""
        return np.array([counts / max(counts.sum(), 1) for counts in self.before])

    @property
    def usual(self) -> np.ndarray:
        return np.asarray(np.median(self.shares[-2 * NEEDED :], axis=0))

    def odd(self, reject: float, expected: str, observed: str) -> Signal:
        theme, column = self.place
        return Signal(theme=theme, column=column, warn=2.0, reject=reject, expected=expected, observed=observed)


def code_signals(case: Case) -> Iterator[Signal]:
    for column, codes in case.profile.codes.items():
        place = ("codes", column)
        before = [(e, e.profile.codes[column]) for e in case.past(*place) if column in e.profile.codes]
        yield from of_codes(case, place, column, codes, before)


def of_codes(
    case: Case, place: Place, name: str, codes: Codes, before: Sequence[tuple[PastMonth, Codes]]
) -> Iterator[Signal]:
    known = [(entry, each) for entry, each in before if _usable(each)]
    if len(known) < NEEDED or codes.rows == codes.nulls:
        return
    counts = _counts(place, name, codes, known)
    yield _moved(case, counts)
    if _usable(codes):
        yield _one_more(case, counts)
        yield from _new(counts)
        yield from _lost(case, counts)
        yield from _only_one(counts)
        yield from _fewer(counts)


def _usable(codes: Codes) -> bool:
    return bool(codes.counts) and codes.others <= limits.MOST_OTHERS * (codes.rows - codes.nulls)


def _counts(place: Place, name: str, codes: Codes, known: Sequence[tuple[PastMonth, Codes]]) -> _Counts:
    months = [codes, *(each for _, each in known)]
    names = sorted({name for month in months for name in month.counts})
    now, *before = [
        np.array([*(month.counts.get(name, 0) for name in names), month.others], dtype=float) for month in months
    ]
    past = tuple(entry for entry, _ in known)
    return _Counts(place=place, column=name, names=[*names, OTHERS], now=now, before=before, past=past)


def _moved(case: Case, counts: _Counts) -> Signal:
    distance, slack, twin = nearest(counts.now, counts.before, counts.past, case.month, elsewhere)
    old = twin / max(twin.sum(), 1)
    place = int(np.argmax(np.abs(counts.mine - old)))
    moved = signal(
        *counts.place,
        distance,
        limits.CODES,
        slack=slack,
        expected=f"the codes of {counts.column} as often as {span(counts.past)}",
        observed=f"{percent(distance)} of the values have another code: {counts.names[place]!r} in "
        f"{percent(float(counts.mine[place]))} instead of {percent(float(old[place]))}",
    )
    return replace(moved, habit=True)


def _one_more(case: Case, counts: _Counts) -> Signal:
    """Look for the code that has become more frequent by most: what nobody can tell gets a code such as unknown."""
    place = int(np.argmax(counts.mine - counts.shares.max(axis=0)))
    before = counts.shares[:, place].tolist()
    limit = band(before, past=counts.past, month=case.month, error=share_error(median(before), int(counts.total)))
    return signal(
        *counts.place,
        limit.above(float(counts.mine[place])),
        limits.ONE_CODE,
        slack=limit.slack + _usually_new(counts),
        expected=f"{counts.names[place]!r} in at most {percent(limit.high)} of {counts.column}, {span(counts.past)}",
        observed=f"in {percent(float(counts.mine[place]))}",
    )


def _new(counts: _Counts) -> Iterator[Signal]:
    if any(month[-1] for month in counts.before):
        return  # not all codes of the months before were kept
    new = np.where(counts.shares.max(axis=0) == 0, counts.mine, 0.0)
    if new.max() > 0:
        place = int(np.argmax(new))
        yield signal(
            *counts.place,
            float(new.sum()),
            limits.NEW_CODE,
            slack=_unseen(counts),
            expected=f"no other codes of {counts.column} than {span(counts.past)}",
            observed=f"{counts.names[place]!r} in {percent(float(new[place]))} of {int(counts.total):,} values",
        )


def _unseen(counts: _Counts) -> float:
    """Return the share of values that may have codes which nobody has seen by chance (Good and Turing)."""
    pooled = np.sum(counts.before, axis=0)
    unseen = float(np.count_nonzero(pooled == 1) / max(pooled.sum(), 1))
    by_chance = unseen + SURE * float(np.sqrt(unseen / counts.total)) + SURE / counts.total
    return by_chance + _usually_new(counts)


def _usually_new(counts: _Counts) -> float:
    """Return twice the share of values with codes that no month before had, as it was in the months before: of keys,
    nearly all are new."""
    seen = np.maximum.accumulate(counts.shares, axis=0)[:-1] > 0
    return 2 * float(np.median(np.where(seen, 0.0, counts.shares[1:]).sum(axis=1)))


def _lost(case: Case, counts: _Counts) -> Iterator[Signal]:
    usual = counts.usual
    gone = counts.mine < limits.LOST_BELOW * usual
    lost = (usual >= limits.LOST_CODE.warn) & gone & (usual * counts.total > limits.CONSTANT_ROWS)
    if lost.any():
        place = int(np.argmax(np.where(lost, usual, 0)))
        recent = gap_of(counts.past, case.month) <= limits.LOST_WITHIN
        yield counts.odd(
            float(usual[lost].sum()) / limits.LOST_CODE.reject if recent else 0.5,
            f"{counts.names[place]!r} in about {percent(float(usual[place]))} of {counts.column}, {span(counts.past)}",
            f"in {percent(float(counts.mine[place]))}",
        )


def _only_one(counts: _Counts) -> Iterator[Signal]:
    others = float((1 - counts.shares.max(axis=1)).min())
    if np.count_nonzero(counts.now) == 1 and others * counts.total >= limits.CONSTANT_ROWS:
        yield counts.odd(
            1.5 if others >= limits.CONSTANT else 0.9,
            f"more than one code of {counts.column}, {span(counts.past)}",
            f"{counts.names[int(np.argmax(counts.now))]!r} in all of {int(counts.total):,} values",
        )


def _fewer(counts: _Counts) -> Iterator[Signal]:
    """Tell when many of the codes that must be there are not, each of them too rare to be missed alone."""
    if counts.now[-1] or any(month[-1] for month in counts.before):
        return  # not all codes were kept, so one that is missing may be there
    due = counts.usual * counts.total > limits.DUE_ROWS
    missing = due & (counts.now == 0)
    share = missing.sum() / max(due.sum(), 1)
    if due.sum() >= limits.MANY_CODES and share > limits.FEWER_CODES.warn:
        yield counts.odd(
            float(share) / limits.FEWER_CODES.reject,
            f"at least {int(due.sum()):,} codes of {counts.column}, {span(counts.past)}",
            f"{int(missing.sum()):,} of them are gone",
        )
