"""Columns against their own past: what is empty, zero, negative or whole in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from checks.history import limits
from checks.history.bands import band, share_error
from checks.history.limits import NEEDED, Limit
from checks.history.shapes import LEAST_NUMBERS, is_fixed
from checks.history.signals import Case, Place, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Numbers, Profile

HARDLY_EVER = 0.01
NEVER = 0.0005


Share = Callable[[Profile], float | None]
Count = Callable[[Numbers], float | None]


def column_signals(case: Case) -> Iterator[Signal]:
    for column, nulls in case.profile.nulls.items():
        yield from _nulls(case, column, nulls)
    for name, numbers in case.profile.numbers.items():
        if len(numbers.of) == 1 and numbers.numbers:
            yield from _shares(case, name, numbers)
            yield from _constant(case, name, numbers)


def _known(past: tuple[PastMonth, ...], share: Share) -> tuple[tuple[PastMonth, ...], list[float]]:
    pairs = [(entry, share(entry.profile)) for entry in past]
    known = [(entry, value) for entry, value in pairs if value is not None]
    return tuple(entry for entry, _ in known), [value for _, value in known]


def _nulls(case: Case, column: str, nulls: int) -> Iterator[Signal]:
    rows = case.profile.rows
    past, shares = _known(
        case.past("nulls", column),
        lambda profile: profile.nulls[column] / profile.rows if column in profile.nulls and profile.rows else None,
    )
    if len(past) < NEEDED or not rows:
        return
    share = nulls / rows
    required = any(known.name == column and known.required_in(case.month) for known in case.dataset.columns)
    never = max(shares) <= NEVER and required
    recent = slice(-limits.RECENT, None)
    limit = band(shares[recent], past=past[recent], month=case.month, error=share_error(median(shares[recent]), rows))
    up = share >= limit.low
    bounds = (limits.NEW_NULLS if never else limits.NULLS) if up else limits.FEWER_NULLS
    yield signal(
        "nulls",
        column,
        limit.above(share) if up else limit.below(share),
        bounds,
        slack=limit.slack,
        expected=f"{column} empty in {shown_range(limit.low, limit.high)} of the rows, {span(past)}",
        observed=f"in {percent(share)} ({nulls:,} of {rows:,})",
    )
    yield from _creeping(case, column, share, past[: -limits.RECENT_STEPS], shares[: -limits.RECENT_STEPS])


def _creeping(
    case: Case, column: str, share: float, past: tuple[PastMonth, ...], shares: list[float]
) -> Iterator[Signal]:
    """Compare with the months before the last ones, which may each have come a step of the way."""
    if len(past) < NEEDED:
        return
    highest = max(shares[-limits.RECENT :])
    yield signal(
        "nulls",
        column,
        share - highest,
        limits.CREEPING_NULLS,
        expected=f"{column} empty in at most {percent(highest)} of the rows, {span(past)}",
        observed=f"in {percent(share)}, after a few months with more and more of them",
    )


def _shares(case: Case, name: str, numbers: Numbers) -> Iterator[Signal]:
    baseline = case.past("shares", name)
    for word, count, usual, unheard in _KINDS:
        past, shares = _known(baseline, partial(_share_of, name=name, count=count))
        share = count(numbers)
        if len(past) < NEEDED or share is None:
            continue
        kind = Kind(word=word, name=name, usual=usual, unheard=unheard)
        yield odd_share(case, ("shares", name), kind, (share, numbers.numbers), past, shares)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What a share is of, and its limits: where there always was some of it, and where there hardly was any."""

    word: str
    name: str
    usual: Limit
    unheard: Limit


def odd_share(
    case: Case, place: Place, kind: Kind, now: tuple[float, int], past: tuple[PastMonth, ...], shares: list[float]
) -> Signal:
    """Weigh a share of so many numbers."""
    share, rows = now
    limit = band(shares, past=past, month=case.month, error=share_error(median(shares), rows))
    rare = max(shares) <= (HARDLY_EVER if kind.word == "zero" else NEVER)
    distance = limit.above(share)
    if kind.word == "zero" and not rare:  # nothing is zero any more: values were put where none were
        distance = max(distance, limit.below(share))
    return signal(
        *place,
        distance,
        kind.unheard if rare else kind.usual,
        slack=limit.slack,
        expected=f"{shown_range(limit.low, limit.high)} of {kind.name} {kind.word}, {span(past)}",
        observed=f"{percent(share)} {kind.word}",
    )


def _constant(case: Case, name: str, numbers: Numbers) -> Iterator[Signal]:
    """Tell a column that holds one number only, where no month before did."""
    past = tuple(e for e in case.past("shares", name) if name in e.profile.numbers and e.profile.numbers[name].numbers)
    before = [entry.profile.numbers[name] for entry in past]
    if len(past) < NEEDED or numbers.minimum != numbers.maximum:
        return
    others = min(1 - max(each.histogram.values()) / each.numbers for each in before)
    if others * numbers.numbers >= limits.CONSTANT_ROWS:
        yield Signal(
            theme="shares",
            column=name,
            warn=2.0,
            reject=1.5 if others >= limits.CONSTANT else 0.9,
            expected=f"more than one value of {name}, {span(past)}",
            observed=f"{numbers.minimum:.4g} in all of {numbers.numbers:,}",
        )


def _share_of(profile: Profile, *, name: str, count: Count) -> float | None:
    numbers = profile.numbers.get(name)
    return count(numbers) if numbers and numbers.numbers else None


def _whole(numbers: Numbers) -> float | None:
    """Return the share of those above and below zero; whole amounts of a fixed fee say nothing."""
    others = numbers.numbers - numbers.zeros
    return (numbers.whole - numbers.zeros) / others if others >= LEAST_NUMBERS and not is_fixed(numbers) else None


_KINDS: tuple[tuple[str, Count, Limit, Limit], ...] = (
    ("zero", lambda n: n.zeros / n.numbers, limits.ZEROS, limits.NEW_ZEROS),
    ("below zero", lambda n: n.negatives / n.numbers, limits.NEGATIVES, limits.NEW_NEGATIVES),
    ("whole", _whole, limits.WHOLE, limits.WHOLE),
    ("NaN or infinite", lambda n: n.not_finite / n.rows, limits.NOT_FINITE, limits.NOT_FINITE),
)


def shown_range(low: float, high: float) -> str:
    return percent(high) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"
