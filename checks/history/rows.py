"""The month as a whole: how many rows, whether they are there twice, were there before, or belong to other months."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from checks.history import limits
from checks.history.bands import SIGMA, SURE, band, share_error, widening
from checks.history.columns import percent
from checks.history.limits import NEEDED, UNKNOWN_SEASON, Limit
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.months import Month
from tidemark.profile import Profile, Total
from tidemark.profile.rowhash import TIMES


def row_signals(case: Case) -> Iterator[Signal]:
    yield from _volume(case)
    yield from _duplicates(case)
    yield from _repeats(case)
    yield from _stale(case)
    yield from _strays(case)
    yield from _total(case)


# ---- how many


def _volume(case: Case) -> Iterator[Signal]:
    past = case.past("volume")
    if len(past) < NEEDED or not case.profile.rows:
        return
    levels = {entry.month: math.log(max(entry.profile.rows, 1)) - _days(entry.profile, entry.month) for entry in past}
    expected, spread = forecast(levels, case.month)
    centre = expected + _days(case.profile, case.month)
    season, chance = spread * widening(past, case.month), SURE / math.sqrt(max(math.exp(centre), 1))
    slack = season + chance
    distance = math.log(case.profile.rows) - centre
    limit = limits.FEWER_ROWS if distance < 0 else limits.MORE_ROWS
    low, high = (
        round(math.exp(centre + side), -1) for side in (-limits.FEWER_ROWS.warn - slack, limits.MORE_ROWS.warn + slack)
    )
    # what is not known about the season widens the warning; half is half, unless it is chance
    reject = abs(distance) / (limit.reject + min(season, limits.SEASON) + chance)
    yield Signal(
        theme="volume",
        column=None,
        warn=abs(distance) / (limit.warn + slack),
        reject=reject,
        expected=f"{low:,.0f} to {high:,.0f} rows, {span(past)}",
        observed=f"{case.profile.rows:,} rows",
        rise=distance > 0,
    )


def forecast(levels: dict[Month, float], month: Month) -> tuple[float, float]:
    """Return the level to expect and how far forecasts of past months were off, both as logarithms.

    Where there is a year before, the last months' changes against that year are added to what it had.
    """
    expected, seasonal = _forecast(levels, month)
    errors = []
    for earlier in list(levels)[NEEDED:]:
        before = {past: level for past, level in levels.items() if past < earlier}
        guess, was_seasonal = _forecast(before, earlier)
        if was_seasonal == seasonal:
            errors.append(abs(levels[earlier] - guess))
    typical = SIGMA * median(errors) if len(errors) >= NEEDED else 0.04
    return expected, max(typical, 0.01) * 2 if seasonal else max(typical, UNKNOWN_SEASON / 4)


def _forecast(levels: dict[Month, float], month: Month) -> tuple[float, bool]:
    recent = list(levels)[-6:]
    guesses = []
    for years in (1, 2):
        before = Month(month.year - years, month.number) if month.year > years else month
        if before in levels:
            pairs = [(past, Month(past.year - years, past.number)) for past in recent]
            changes = [levels[past] - levels[twin] for past, twin in pairs if twin in levels]
            if len(changes) >= NEEDED:
                guesses.append(levels[before] + median(changes))
    if guesses:
        return sum(guesses) / len(guesses), True
    return median(levels[past] for past in recent[-NEEDED:]), False


def _days(profile: Profile, month: Month) -> float:
    """Return the logarithm of the month's days."""
    if profile.grid is None:
        return 0.0
    return math.log((month.next.first_day - month.first_day).days)


# ---- twice, before, elsewhere


def _duplicates(case: Case) -> Iterator[Signal]:
    rows = case.profile.rows
    if not rows:
        return
    past = case.past("duplicates")
    usual = median(entry.profile.duplicates / max(entry.profile.rows, 1) for entry in past) if past else 0.0
    share = case.profile.duplicates / rows
    yield signal(
        "duplicates",
        None,
        max(share - usual, 0.0),
        limits.DUPLICATES if len(past) >= NEEDED else _duplicates_alone(case.profile),
        slack=SURE * share_error(usual, rows) / 2,
        expected=f"at most {100 * (usual + limits.DUPLICATES.warn):.3g} % of the rows the same as another one",
        observed=f"{case.profile.duplicates:,} of {rows:,} rows ({100 * share:.3g} %) are repeated",
    )


def _duplicates_alone(profile: Profile) -> Limit:
    """Without history: where nearly every row is there an even number of times, all of them came twice."""
    twice = profile.doubled >= limits.ALL_TWICE * profile.rows
    return limits.DOUBLED if twice else limits.DUPLICATES_ALONE


def _repeats(case: Case) -> Iterator[Signal]:
    """Rows that repeat another but for something: a block under other dates, or one vendor's rows as another's."""
    rows = case.profile.rows
    if not rows:
        return
    for but, repeated in case.profile.repeats.items():
        past = tuple(e for e in case.past("repeats") if but in e.profile.repeats and e.profile.rows)
        shares = [entry.profile.repeats[but] / entry.profile.rows for entry in past]
        if len(past) < NEEDED or median(shares) > limits.NO_MORE_REPEATS:
            continue
        if but != TIMES and _coarser_times(case, past):
            continue
        limit = band(shares, past=past, month=case.month, error=share_error(median(shares), rows))
        yield signal(
            "repeats",
            None,
            limit.above(repeated / rows),
            limits.REPEATS,
            slack=limit.slack + limits.REPEATS_USUAL * median(shares),
            expected=f"at most {100 * limit.high:.3g} % of the rows the same as another but for {but}, {span(past)}",
            observed=f"{100 * repeated / rows:.3g} % ({repeated:,})",
        )


def _coarser_times(case: Case, past: tuple[PastMonth, ...]) -> bool:
    """Whether times have lost their seconds, which is told elsewhere: more rows have the same ones by chance."""
    now = _whole_minutes(case.profile)
    return now > max(map(_whole_minutes, (entry.profile for entry in past))) + limits.MINUTES.warn


def _whole_minutes(profile: Profile) -> float:
    grid = profile.grid
    return (
        max((whole / max(grid.times[name], 1) for name, whole in grid.whole_minutes.items()), default=0) if grid else 0
    )


def _stale(case: Case) -> Iterator[Signal]:
    if case.profile.repeats.get(TIMES, 0) > limits.ALIKE * case.profile.rows:
        return  # rows that only their times tell apart are no sign of one file
    past = case.past("stale")
    usual = max((_shared(one.profile.sketch, two.profile.sketch) for one, two in pairwise(past)), default=0.0)
    for entry in past:
        shared = _shared(entry.profile.sketch, case.profile.sketch)
        if shared > usual + limits.SHARED_ROWS:
            known = len(past) >= NEEDED or shared >= limits.ALL_SHARED
            yield Signal(
                theme="stale",
                column=None,
                warn=20.0 * shared,
                reject=20.0 * shared if known else 0.9,
                expected="rows that no month before had",
                observed=f"{'the same rows' if shared == 1 else f'about {percent(shared)} the same rows'} as in "
                f"{entry.month}, whatever their times say",
            )


def _shared(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the share of the rows of two months that are in both, estimated from their smallest hashes."""
    if min(len(one), len(other)) < limits.ENOUGH_TO_SHARE:
        return 0.0
    smallest = sorted({*one, *other})[: max(len(one), len(other))]
    return len({*one} & {*other} & {*smallest}) / len(smallest)


def _strays(case: Case) -> Iterator[Signal]:
    grid = case.profile.grid
    if grid is None or not grid.inside + grid.outside:
        return
    rows = grid.inside + grid.outside
    past = case.past("strays", case.dataset.event_column)
    shares = [_stray_share(entry) for entry in past] or [0.0]
    limit = band(shares, past=past, month=case.month, error=share_error(median(shares), rows))
    share = grid.outside / rows
    yield signal(
        "strays",
        case.dataset.event_column,
        limit.above(share),
        limits.STRAYS,
        slack=limit.slack,
        expected=f"at most {100 * (limit.high + limits.STRAYS.warn):.3g} % of the times outside of {case.month}",
        observed=f"{grid.outside:,} of {rows:,} ({100 * share:.3g} %)",
    )


def _stray_share(entry: PastMonth) -> float:
    grid = entry.profile.grid
    return grid.outside / max(grid.inside + grid.outside, 1) if grid else 0.0


# ---- the total and its parts


def _total(case: Case) -> Iterator[Signal]:
    total = case.profile.total
    if total is None or not total.rows:
        return
    past = tuple(e for e in case.past("total", total.column) if e.profile.total and e.profile.total.rows)
    known = past if len(past) >= NEEDED else ()
    bounds = (limits.TOTALS, limits.TOTALS_FAR) if known else (limits.TOTALS_ALONE, limits.TOTALS_ALONE)
    if known and known[-1].profile.total and known[-1].profile.total.parts != total.parts:
        bounds = (limits.TOTALS, limits.TOTALS)  # a part is new or gone: the sum is another one than before
    for far, bound in zip((False, True), bounds, strict=True):
        shares = [_wrong_share(e.profile.total, far=far) for e in known if e.profile.total] or [0.0]
        limit = band(shares, past=known, month=case.month, error=share_error(median(shares), total.rows))
        share = _wrong_share(total, far=far)
        yield signal(
            "total",
            total.column,
            limit.above(share),
            bound,
            slack=limit.slack,
            expected=f"{total.column} the sum of its parts but in {100 * limit.high:.3g} % of the rows"
            + (f", {span(known)}" if known else ""),
            observed=f"another sum in {100 * share:.3g} % of {total.rows:,} rows",
            of=(total.column, *total.parts),
        )


def _wrong_share(total: Total, *, far: bool) -> float:
    return (total.far if far else total.wrong) / total.rows
