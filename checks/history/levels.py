"""Whole numbers without a unit against their own past: nobody says what they are, keys or counts or codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from checks.history import limits
from checks.history.bands import band
from checks.history.columns import Kind, odd_share, percent
from checks.history.limits import NEEDED, Limit
from checks.history.signals import Case, Place, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Levels
from tidemark.profile.values import QUANTILES

_JUDGED = range(1, len(QUANTILES) - 1)  # the quantiles of a level that are not of its wildest values
_QUARTER, _MIDDLE, _THREE_QUARTERS = (QUANTILES.index(share) for share in (0.25, 0.5, 0.75))

PastLevels = Sequence[tuple[PastMonth, Levels]]


def level_signals(case: Case) -> Iterator[Signal]:
    for name, levels in case.profile.levels.items():
        before = [(e, e.profile.levels[name]) for e in case.past("codes", name) if name in e.profile.levels]
        yield from of_levels(case, ("codes", name), name, levels, before)


def of_levels(case: Case, place: Place, name: str, levels: Levels, before: PastLevels) -> Iterator[Signal]:
    """Compare where numbers lie of which nobody says what they are; those that never stay where they were are keys."""
    known = [(entry, each) for entry, each in before if each.numbers]
    if len(known) < NEEDED or not levels.numbers:
        return
    past = tuple(entry for entry, _ in known)
    for word, count, usual, unheard in _KINDS_OF_LEVELS:
        shares = [count(each) / each.numbers for _, each in known]
        kind = Kind(word=word, name=name, usual=usual, unheard=unheard)
        yield odd_share(case, place, kind, (count(levels) / levels.numbers, levels.numbers), past, shares)
    if not _is_key([each for _, each in known]):
        yield from _moved_levels(case, place, name, levels, known)


def _is_key(before: Sequence[Levels]) -> bool:
    """Whether most months have left the values of the month before behind, as the numbers of orders do."""
    left = [_is_clear_of(later, earlier) for earlier, later in pairwise(before)]
    return sum(left) * 2 > len(left)


def _is_clear_of(later: Levels, earlier: Levels) -> bool:
    """Whether values are others than before; of great numbers, whose quantiles are not sharp enough, by all of them."""
    if later.minimum is None or earlier.maximum is None:
        return False
    above = later.minimum > earlier.maximum or later.quantiles[_QUARTER] > earlier.quantiles[_MIDDLE]
    return above or later.quantiles[_THREE_QUARTERS] < earlier.quantiles[_MIDDLE]


def _moved_levels(case: Case, place: Place, name: str, levels: Levels, known: PastLevels) -> Iterator[Signal]:
    for number in _JUDGED:
        above = [(entry, each.quantiles[number]) for entry, each in known if each.quantiles[number] > 0]
        value = levels.quantiles[number]
        if value <= 0 or len(above) < NEEDED:
            continue
        past, before = tuple(entry for entry, _ in above), [quantile for _, quantile in above]
        error = _quantile_error(levels, number)
        limit = band([math.log(each) for each in before], past=past, month=case.month, error=error)
        usual = f"{min(before):.4g} to {max(before):.4g}"
        yield signal(
            *place,
            max(limit.above(math.log(value)), limit.below(math.log(value))),
            limits.LEVEL,
            slack=limit.slack + 1 / max(min(value, *before), 1.0),  # whole numbers move by one at least
            expected=f"{percent(QUANTILES[number])} of {name} below {usual}, {span(past)}",
            observed=f"below {value:.4g}",
        )


def _quantile_error(levels: Levels, number: int) -> float:
    """Return the standard error of the logarithm of a quantile, from how steep the quantiles are around it."""
    low, high = levels.quantiles[number - 1], levels.quantiles[number + 1]
    if low <= 0:
        return 0.0
    share, width = QUANTILES[number], QUANTILES[number + 1] - QUANTILES[number - 1]
    return math.log(high / low) / width * math.sqrt(share * (1 - share) / levels.numbers)


_KINDS_OF_LEVELS: tuple[tuple[str, Callable[[Levels], int], Limit, Limit], ...] = (
    ("zero", lambda levels: levels.zeros, limits.ZEROS, limits.NEW_ZEROS),
    ("below zero", lambda levels: levels.negatives, limits.NEGATIVES, limits.NEW_NEGATIVES),
)
