"""Columns that have each other's values: either is odd alone, and both are as the other one was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from checks.history import limits
from checks.history.limits import NEAREST, NEEDED
from checks.history.shapes import LEAST_NUMBERS, elsewhere
from checks.history.signals import Case, Signal, span
from tidemark.profile import Profile

Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """How often each value of a column came, now and in the last months."""

    name: str
    now: Counts
    before: Sequence[Counts]

    @property
    def moved(self) -> float:
        return _distance(self.now, self.before)

    def is_as(self, other: _Column) -> bool:
        return _distance(self.now, other.before) < limits.AS_THE_OTHER * self.moved


def exchanged_signals(case: Case) -> Iterator[Signal]:
    for theme, held in (("codes", _codes), ("quantiles", _numbers)):
        odd = [column for column in _columns(case, theme, held) if column.moved > limits.EXCHANGED]
        for one, other in combinations(odd, 2):
            if one.is_as(other) and other.is_as(one):
                yield Signal(
                    theme=theme,
                    column=one.name,
                    warn=5.0,
                    reject=1.0 + one.moved,
                    expected=f"{one.name} and {other.name} each as {span(case.past(theme, one.name))}",
                    observed="each as the other one was",
                    of=(one.name, other.name),
                )


def _columns(case: Case, theme: str, held: Callable[[Profile], Mapping[str, Counts]]) -> Iterator[_Column]:
    for name, now in held(case.profile).items():
        before = [counts for entry in case.past(theme, name) if (counts := held(entry.profile).get(name))]
        if len(before) >= NEEDED and now:
            yield _Column(name=name, now=now, before=before[-NEAREST:])


def _codes(profile: Profile) -> Mapping[str, Counts]:
    return {name: codes.counts for name, codes in profile.codes.items() if codes.rows - codes.nulls >= LEAST_NUMBERS}


def _numbers(profile: Profile) -> Mapping[str, Counts]:
    return {
        name: {str(place): count for place, count in numbers.histogram.items()}
        for name, numbers in profile.numbers.items()
        if len(numbers.of) == 1 and numbers.numbers >= LEAST_NUMBERS
    }


def _distance(now: Counts, before: Sequence[Counts]) -> float:
    return min(_elsewhere(now, counts) for counts in before)


def _elsewhere(now: Counts, then: Counts) -> float:
    places = list({*now, *then})
    mine, theirs = (np.array([counts.get(place, 0) for place in places], dtype=float) for counts in (now, then))
    return elsewhere(mine, theirs)
