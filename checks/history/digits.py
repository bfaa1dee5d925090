"""How a column's numbers are written: rounded, computed, repeated, or fewer different ones than ever."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from checks.history import limits
from checks.history.bands import band, share_error
from checks.history.limits import NEEDED, Limit
from checks.history.shapes import LEAST_NUMBERS, is_fixed
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Texture

Share = Callable[[Texture], float]
_KINDS: tuple[tuple[str, Share, Limit], ...] = (
    ("multiples of a tenth", lambda t: t.tenths / t.values, limits.ROUNDED),
    ("with more digits than cents", lambda t: t.finer / t.values, limits.FINER),
    ("one and the same number", lambda t: t.most / t.values, limits.ONE_NUMBER),
    ("the same as in the row before", lambda t: t.again / t.values, limits.AGAIN),
)


def digit_signals(case: Case) -> Iterator[Signal]:
    looks = case.profile.looks
    for name, texture in looks.textures.items() if looks else ():
        past = tuple(entry for entry in case.past("digits", name) if _known(entry, name))
        if len(past) < NEEDED or texture.values < LEAST_NUMBERS or is_fixed(case.profile.numbers[name]):
            continue
        before = [each for entry in past if (each := _known(entry, name))]
        if not any(is_fixed(entry.profile.numbers[name]) for entry in past[-NEEDED:]):
            yield from _shares(case, name, texture, before, past)
            yield from _fewer(case, name, texture, before, past)


def _known(entry: PastMonth, name: str) -> Texture | None:
    looks = entry.profile.looks
    texture = looks.textures.get(name) if looks else None
    return texture if texture and texture.values >= LEAST_NUMBERS else None


def _shares(
    case: Case, name: str, texture: Texture, before: Sequence[Texture], past: tuple[PastMonth, ...]
) -> Iterator[Signal]:
    for words, share, bounds in _KINDS:
        shares = [share(each) for each in before]
        limit = band(shares, past=past, month=case.month, error=share_error(median(shares), texture.values))
        yield signal(
            "digits",
            name,
            limit.above(share(texture)),
            bounds,
            slack=limit.slack,
            expected=f"at most {100 * limit.high:.3g} % of {name} {words}, {span(past)}",
            observed=f"{100 * share(texture):.3g} %",
        )


def _fewer(
    case: Case, name: str, texture: Texture, before: Sequence[Texture], past: tuple[PastMonth, ...]
) -> Iterator[Signal]:
    """Tell when there are fewer different numbers, as logarithms; fewer rows have fewer of them."""
    if min(each.distinct for each in before) < limits.MANY_CODES:
        return
    levels = [math.log(each.distinct) - max(math.log(each.values / texture.values), 0.0) for each in before]
    limit = band(levels, past=past, month=case.month)
    yield signal(
        "digits",
        name,
        limit.below(math.log(texture.distinct)),
        limits.FEWER_NUMBERS,
        slack=limit.slack,
        expected=f"about {math.exp(median(levels)):,.0f} different numbers of {name}, {span(past)}",
        observed=f"{texture.distinct:,} in {texture.values:,} rows",
    )
