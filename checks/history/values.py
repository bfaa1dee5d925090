"""Numbers against their own past: how they are distributed, how they relate to each other, and parts that differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

import numpy as np

from checks.history import limits
from checks.history.bands import band, gap_of, share_error
from checks.history.limits import NEEDED, Limit
from checks.history.naming import told
from checks.history.parts import part_signals
from checks.history.shapes import ENOUGH_NUMBERS, aligned, is_fixed_shape, largest_gap, lately_and_a_year_ago, nearest
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Numbers
from tidemark.profile.bins import COARSE, bounds, centre
from tidemark.profile.values import QUANTILES


def value_signals(case: Case) -> Iterator[Signal]:
    for name, numbers in case.profile.numbers.items():
        theme, column = theme_of(case, name, numbers)
        past = tuple(e for e in case.past(theme, column) if _positive(e.profile.numbers.get(name)) >= ENOUGH_NUMBERS)
        if len(past) >= NEEDED and _positive(numbers) >= ENOUGH_NUMBERS:
            yield from _distribution(case, name, numbers, past)
            yield from part_signals(case, name, numbers, past, (theme, column))
        if theme == "elapsed":
            yield from _order(case, name, numbers)
            yield from _no_time(case, name, numbers)


def theme_of(case: Case, name: str, numbers: Numbers) -> tuple[str, str]:
    """Return the theme and the column under which numbers are judged: a column, a ratio or a time between two."""
    if len(numbers.of) == 1:
        return "quantiles", name
    return ratio_theme(name) if " / " in name else ("elapsed", case.column_of(name))


def ratio_theme(name: str) -> tuple[str, str]:
    above, below = name.split(" / ")
    return f"per-{'elapsed' if ' - ' in below else below}", above


def _positive(numbers: Numbers | None) -> int:
    return sum(count for place, count in numbers.histogram.items() if place > 0) if numbers else 0


def _distribution(case: Case, name: str, numbers: Numbers, past: tuple[PastMonth, ...]) -> Iterator[Signal]:
    """Compare the values above zero: zeros and negatives have shares of their own."""
    theme, column = theme_of(case, name, numbers)
    histograms = [numbers.histogram, *(entry.profile.numbers[name].histogram for entry in past)]
    (now, *before), bins = aligned(histograms)
    distance, slack, twin = nearest(now, before, past, case.month, largest_gap)
    fixed = is_fixed_shape(twin)
    last = past[-1].profile.numbers[name]
    expected = f"{told(case.dataset, name)} as {span(past)}: {_level(last)} in {past[-1].month}"
    observed = f"{_level(numbers)}, {100 * distance:.0f} % of the values moved"
    shape = limits.FIXED_AMOUNTS if fixed else limits.SHAPE if len(numbers.of) == 1 else limits.RATIO_SHAPE

    def beyond(distance: float, limit: Limit, slack: float, seen: str = observed) -> Signal:
        return signal(theme, column, distance, limit, slack=slack, expected=expected, observed=seen, of=numbers.of)

    habit = " / " not in name  # what a mile costs stays, whoever travels
    yield replace(beyond(distance, shape, slack), habit=habit)
    level, bound = (_mean, limits.FIXED_LEVEL) if fixed else (_smooth_median, limits.MEDIAN)
    yield replace(beyond(_shift(now, before, bins, level), bound, slack), habit=habit)
    inverted = _inverted(now, before, bins) if " / " in name and " - " not in name else 0.0
    if inverted > limits.SWAPPED.warn:
        seen = f"the other way round in {100 * inverted:.3g} % of the rows"
        yield replace(beyond(inverted, limits.SWAPPED, 0.0, seen), swapped=True)
        return
    lately = [before[place] for place in lately_and_a_year_ago(past, case.month)]
    lost, edge = _cut_off(now, lately, bins)
    if len(numbers.of) == 1 and not fixed:
        seen = f"none above {edge:.4g}, where {100 * lost:.3g} % were"
        yield beyond(lost, limits.CUT_OFF, 0.0, seen)
    factor = limits.FIXED_TAIL_BEGINS if fixed else limits.TAIL_BEGINS
    near = limits.TAIL if len(numbers.of) == 1 else limits.RATIO_TAIL
    for begins, bound in ((factor, near), (factor * limits.FAR_TAIL_BEGINS, limits.FAR_TAIL)):
        for side, share, usual in _tails(now, before, lately, bins, begins):
            seen = f"{100 * share:.3g} % {side}"
            limit = band(usual, past=past, month=case.month, error=share_error(median(usual), int(now.sum())))
            yield beyond(limit.above(share), bound, limit.slack * gap_of(past, case.month), seen)


def _level(numbers: Numbers) -> str:
    """Say the median; of a column that is mostly zero, what lies highest."""
    by_share = dict(zip(QUANTILES, numbers.quantiles, strict=True))
    share = next((share for share in (0.5, 0.75, 0.95) if by_share[share] != 0), 0.5)
    return f"median {by_share[share]:.3g}" if share == 0.5 else f"{100 * share:.0f} % up to {by_share[share]:.3g}"


def _place(counts: np.ndarray, share: float) -> int:
    running = np.cumsum(counts)
    return int(np.searchsorted(running, share * running[-1]))


def _shift(
    now: np.ndarray, before: list[np.ndarray], bins: list[int], level: Callable[[np.ndarray, list[int]], float]
) -> float:
    """Return the logarithm of the level of this month over that of the nearest of the months before."""
    mine = math.log(level(now, bins))
    return min(abs(mine - math.log(level(counts, bins))) for counts in before)


def _mean(counts: np.ndarray, bins: list[int]) -> float:
    """Return the middle of a few fixed amounts, in logarithms: a median would jump from one of them to the next."""
    logs = np.log([centre(place, COARSE) for place in bins])
    return float(np.exp((counts * logs).sum() / counts.sum()))


def _smooth_median(counts: np.ndarray, bins: list[int]) -> float:
    place = _place(counts, 0.5)
    low, high = bounds(bins[place], COARSE)
    below = counts[:place].sum()
    within = (counts.sum() / 2 - below) / max(counts[place], 1)
    return float(low + (high - low) * within)


def _tails(
    now: np.ndarray, before: list[np.ndarray], lately: list[np.ndarray], bins: list[int], factor: float
) -> Iterator[tuple[str, float, list[float]]]:
    """Yield for either side the share of the values so many times beyond where one in a hundred was, now and before."""
    middles = np.array([centre(place, COARSE) for place in bins])
    highs, lows = ([middles[_place(counts, share)] for counts in lately] for share in (0.99, 0.01))
    high = factor * max(float(np.median(highs)), float(highs[0]))  # the first may be of the season
    low = min(float(np.median(lows)), float(lows[0])) / factor
    for side, chosen in ((f"above {high:.4g}", middles > high), (f"below {low:.4g}", middles < low)):
        shares = [float(counts[chosen].sum() / counts.sum()) for counts in before]
        yield side, float(now[chosen].sum() / now.sum()), shares


def _cut_off(now: np.ndarray, before: list[np.ndarray], bins: list[int]) -> tuple[float, float]:
    """Return the share of the values that always lay above a number that next to none does now, and that number."""
    above = np.cumsum(now[::-1])[::-1] / now.sum()
    usual = np.min([np.cumsum(counts[::-1])[::-1] / counts.sum() for counts in before], axis=0)
    gone = (above <= limits.CUT_BELOW * usual) & (usual * now.sum() >= limits.CONSTANT_ROWS)
    if not gone.any():
        return 0.0, math.inf
    place = int(np.flatnonzero(gone)[0])
    return float(usual[place]), centre(bins[place], COARSE)


def _inverted(now: np.ndarray, before: list[np.ndarray], bins: list[int]) -> float:
    """Return the share of a ratio's values that would be usual ones if its two columns were swapped."""
    middles = np.array([centre(place, COARSE) for place in bins])
    pooled = np.sum(before[-2 * NEEDED :], axis=0)
    low, high = (middles[_place(pooled, share)] for share in (0.05, 0.95))
    first, last = (middles[_place(pooled, share)] for share in (0.01, 0.99))
    chosen = (middles >= 1 / high) & (middles <= 1 / low) & ((middles < first) | (middles > last))
    usual = float(pooled[chosen].sum() / pooled.sum())
    mine = float(now[chosen].sum() / now.sum())
    beyond = float(now[(middles < first) | (middles > last)].sum() / now.sum())
    return mine - usual if mine > 0.6 * beyond else 0.0


# ---- order


def _order(case: Case, name: str, numbers: Numbers) -> Iterator[Signal]:
    column = numbers.of[0] if numbers.of[0] != case.dataset.event_column else numbers.of[1]
    past = tuple(e for e in case.past("order", column) if name in e.profile.numbers and e.profile.numbers[name].numbers)
    if not numbers.numbers:
        return
    share = numbers.negatives / numbers.numbers
    known = past if len(past) >= NEEDED else ()
    shares = [e.profile.numbers[name].negatives / e.profile.numbers[name].numbers for e in known] or [0.0]
    limit = band(shares, past=known, month=case.month, error=share_error(median(shares), numbers.numbers))
    yield signal(
        "order",
        column,
        limit.above(share),
        limits.ORDER if known else limits.ORDER_ALONE,
        slack=limit.slack,
        expected=f"{told(case.dataset, name)} below 0 in at most {100 * limit.high:.3g} % of the rows"
        + (f", {span(known)}" if known else ""),
        observed=f"{100 * share:.3g} % ({numbers.negatives:,})",
    )


def _no_time(case: Case, name: str, numbers: Numbers) -> Iterator[Signal]:
    """Tell when two times of a row are the same as hardly ever before: one of them may be a copy."""
    past = tuple(e for e in case.past("elapsed", case.column_of(name)) if _some(e.profile.numbers.get(name)))
    if len(past) < NEEDED or not numbers.numbers:
        return
    before = [entry.profile.numbers[name] for entry in past]
    shares = [each.zeros / each.numbers for each in before]
    limit = band(shares, past=past, month=case.month, error=share_error(median(shares), numbers.numbers))
    yield signal(
        "elapsed",
        case.column_of(name),
        limit.above(numbers.zeros / numbers.numbers),
        limits.NO_TIME,
        slack=limit.slack,
        expected=f"{told(case.dataset, name)} nothing in at most {100 * limit.high:.3g} % of the rows, {span(past)}",
        observed=f"{100 * numbers.zeros / numbers.numbers:.3g} % ({numbers.zeros:,})",
    )


def _some(numbers: Numbers | None) -> bool:
    return numbers is not None and numbers.numbers > 0
