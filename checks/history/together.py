"""Columns that go together against how closely they did: values that were moved to other rows change nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean, median

from checks.history import limits
from checks.history.bands import SURE, Band, band
from checks.history.limits import NEEDED, Limit
from checks.history.shapes import is_fixed
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Profile
from tidemark.profile.bonds import LEAST_BOND

Strengths = tuple[float | None, ...]
_WEAK: Strengths = (0.0,) * 5  # bonds so weak that they are not kept
QUARTER_NAMES = ("in the month", "from day 1 to 8", "from day 9 to 16", "from day 17 to 24", "from day 25 on")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    """How much of a bond is lost, or new; ``columns`` are those of the table."""

    columns: tuple[str, str]
    name: str
    when: str
    distance: float
    limit: Limit
    slack: float
    usual: float
    now: float


def together_signals(case: Case) -> Iterator[Signal]:
    looks = case.profile.looks
    past = tuple(entry for entry in case.past("together") if entry.profile.looks)
    if looks is None or len(past) < NEEDED or looks.rows < limits.ENOUGH_FOR_BONDS:
        return
    bonds = [entry.profile.looks.bonds for entry in past if entry.profile.looks]
    names = set(looks.bonds).union(*bonds)
    changes = [
        change
        for name in sorted(names)
        for change in _changes(
            case, name, looks.bonds.get(name, _WEAK), [each.get(name, _WEAK) for each in bonds], past
        )
    ]
    guilt = _guilt(changes)
    for change in changes:
        odd = signal(
            "together",
            None,
            change.distance,
            change.limit,
            slack=change.slack,
            expected=f"{change.name} going together by {_shown(change.usual)} of 1, {span(past)}",
            observed=f"by {_shown(change.now)} {change.when}",
            of=change.columns,
        )
        yield replace(odd, guilty=max(change.columns, key=lambda name: guilt[name]))


def _changes(
    case: Case, name: str, now: Strengths, before: list[Strengths], past: tuple[PastMonth, ...]
) -> Iterator[_Change]:
    one, other = (case.column_of(side) for side in name.split(" & "))
    if one == other or {one, other} & _says_nothing(case.profile):
        return
    rows = case.profile.looks.rows if case.profile.looks else 1
    for place, when in enumerate(QUARTER_NAMES):
        whole, strength = place == 0, now[place]
        known = [
            (entry, value)
            for entry, each in zip(past, before, strict=True)
            for value in (each[:1] if whole else each[1:])
            if value is not None and not {one, other} & _says_nothing(entry.profile)
        ]
        if strength is None or len(known) < NEEDED:
            continue
        usual = median(value for _, value in known)
        if not whole and abs(usual) < limits.CLOSE:
            continue
        sign = -1.0 if usual < 0 else 1.0
        limit = band(
            [sign * value for _, value in known],
            past=[entry for entry, _ in known],
            month=case.month,
            error=(rows if whole else rows / 4) ** -0.5,
        )
        distance, bound, part = _distance(limit, sign * strength, abs(usual), whole=whole)
        if bound is limits.BOND_NEW and (not _alike(case, name) or _any_new_code(case, (one, other), past)):
            bound = limits.BOND_NEW_WITH_CODES
        elif bound is not limits.BOND_NEW and _any_fixed(case, name):
            bound = limits.BOND_OF_FIXED
        yield _Change(
            columns=(one, other),
            name=name,
            when=when,
            distance=distance,
            limit=bound,
            slack=limit.slack / part,
            usual=usual,
            now=strength,
        )


def _distance(limit: Band, now: float, usual: float, *, whole: bool) -> tuple[float, Limit, float]:
    """Return how much of a close bond is lost, or how close a loose one has become; and what it is a part of."""
    if usual >= limits.CLOSE:
        return limit.below(now) / usual, limits.BOND_LOST if whole else limits.BOND_LOST_IN_A_QUARTER, usual
    return max(limit.above(now), limit.below(now)), limits.BOND_NEW, 1.0


def _shown(strength: float) -> str:
    return f"{strength:.2f}" if abs(strength) >= LEAST_BOND else f"less than {LEAST_BOND}"


def _alike(case: Case, name: str) -> bool:
    """Whether both sides are codes, or both are amounts that vary: then one may be a copy of the other."""
    amounts = [case.profile.numbers.get(side) for side in name.split(" & ")]
    return not any(amounts) or all(amount is not None and not is_fixed(amount) for amount in amounts)


def _says_nothing(profile: Profile) -> set[str]:
    """Columns that are empty or the same in all rows go with none, and that is told elsewhere."""
    empty = {name for name, nulls in profile.nulls.items() if nulls == profile.rows}
    one_code = {name for name, codes in profile.codes.items() if codes.distinct == 1}
    return empty | one_code | {name for name, numbers in profile.numbers.items() if numbers.minimum == numbers.maximum}


def _any_fixed(case: Case, name: str) -> bool:
    amounts = [case.profile.numbers.get(side) for side in name.split(" & ")]
    return any(amount is not None and is_fixed(amount) for amount in amounts)


def _any_new_code(case: Case, columns: tuple[str, str], past: tuple[PastMonth, ...]) -> bool:
    """Whether a column has a code that it never had: that is told elsewhere, and goes with what nothing did."""
    return any(_new_codes(case, column, past) > limits.NEW_CODE.warn for column in columns)


def _new_codes(case: Case, column: str, past: tuple[PastMonth, ...]) -> float:
    codes = case.profile.codes.get(column)
    known = {name for entry in past if column in entry.profile.codes for name in entry.profile.codes[column].counts}
    if codes is None or not known:
        return 0.0
    return sum(count for name, count in codes.counts.items() if name not in known) / max(codes.rows, 1)


def _guilt(changes: list[_Change]) -> Mapping[str, float]:
    """Return by column how much its bonds have changed on average: its partners have others that have not."""
    by_column: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for each in changes:
        for column in each.columns:
            worst = by_column[column]
            worst[each.columns] = max(worst.get(each.columns, 0.0), each.distance - SURE * each.slack)
    return {column: fmean(worst.values()) for column, worst in by_column.items()}
