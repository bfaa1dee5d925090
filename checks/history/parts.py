"""The parts of a month, each vendor and each day, where the whole hides that one of them is odd."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import median

import numpy as np

from checks.history import limits
from checks.history.bands import SIGMA, SURE, gap_of, share_error
from checks.history.limits import NEEDED
from checks.history.naming import told
from checks.history.shapes import LEAST_NUMBERS, is_fixed
from checks.history.signals import Case, Signal, signal, span
from tidemark.history import PastMonth
from tidemark.profile import Numbers, Part

LEAST_DAYS = 10  # that have enough numbers, to say that one is unlike the others

Place = tuple[str, str]  # theme and column
SHARES: Mapping[str, Callable[[Part], float]] = {
    "empty": lambda part: part.nulls / part.rows,
    "zero": lambda part: part.zeros / part.rows,
    "below zero": lambda part: part.negatives / part.rows,
}


def part_signals(
    case: Case, name: str, numbers: Numbers, past: tuple[PastMonth, ...], place: Place
) -> Iterator[Signal]:
    """Compare each vendor with itself in the months before, and each day with the other days of the month."""
    for key, part in numbers.parts.items():
        if part.rows >= max(limits.LARGE_PART * numbers.rows, LEAST_NUMBERS):
            before = [each.parts[key] for each in _numbers(past, name) if key in each.parts and each.parts[key].rows]
            if len(before) >= NEEDED:
                title = f"{told(case.dataset, name)} of {case.profile.slice_column} {key}"
                yield from _median(case, title, part, before, past, place, numbers)
                if len(numbers.of) == 1:
                    yield from _shares(title, part, before, past, place)
    yield from _odd_day(case, name, numbers, place)


def _numbers(past: tuple[PastMonth, ...], name: str) -> list[Numbers]:
    return [entry.profile.numbers[name] for entry in past]


def _median(
    case: Case,
    title: str,
    part: Part,
    before: list[Part],
    past: tuple[PastMonth, ...],
    place: Place,
    numbers: Numbers,
) -> Iterator[Signal]:
    known = [each.median for each in before if each.median and each.median > 0 and _counts(each) >= LEAST_NUMBERS]
    if len(known) < NEEDED or part.median is None or part.median <= 0 or _counts(part) < LEAST_NUMBERS:
        return
    spread = float(np.std(np.log(known)))
    yield signal(
        *place,
        min(abs(math.log(part.median / value)) for value in known),
        limits.PART_OF_FIXED if is_fixed(numbers) else limits.PART_MEDIAN,
        slack=(spread + SURE / math.sqrt(part.rows)) * gap_of(past, case.month),
        expected=f"{title} with a median of {median(known):.4g} but for zeros, {span(past)}",
        observed=f"{part.median:.4g}",
        of=numbers.of,
    )


def _shares(title: str, part: Part, before: list[Part], past: tuple[PastMonth, ...], place: Place) -> Iterator[Signal]:
    for word, share in SHARES.items():
        usual = max(share(each) for each in before)
        yield signal(
            *place,
            max(share(part) - usual, 0.0),
            limits.PART_SHARES,
            slack=SURE * share_error(usual, part.rows),
            expected=f"{title} {word} in at most {100 * usual:.3g} %, {span(past)}",
            observed=f"in {100 * share(part):.3g} %",
        )


def _odd_day(case: Case, name: str, numbers: Numbers, place: Place) -> Iterator[Signal]:
    """Look for the day whose median is farthest from that of the month's other days."""
    busy = {day: part.median for day, part in numbers.days.items() if _counts(part) >= LEAST_NUMBERS}
    medians = {day: math.log(value) for day, value in busy.items() if value is not None and value > 0}
    if len(medians) < LEAST_DAYS or is_fixed(numbers):
        return
    middle = median(medians.values())
    spread = SIGMA * median(abs(value - middle) for value in medians.values())
    day = max(medians, key=lambda number: abs(medians[number] - middle))
    yield signal(
        *place,
        abs(medians[day] - middle),
        limits.DAY_MEDIAN,
        slack=4 * spread,
        expected=f"{told(case.dataset, name)} on each day with a median of about {math.exp(middle):.4g} but for zeros",
        observed=f"{math.exp(medians[day]):.4g} on {case.month}-{day:02d}",
        of=numbers.of,
    )


def _counts(part: Part) -> int:
    return part.rows - part.nulls - part.zeros
