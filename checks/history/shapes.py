"""Shapes against shapes: how a column's values are distributed, compared with single months before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np

from checks.history.bands import SIGMA, a_year_ago, gap_of
from checks.history.limits import NEAREST, NEEDED
from tidemark.history import PastMonth
from tidemark.months import Month
from tidemark.profile import Numbers

LEAST_NUMBERS = 100  # above zero, to know a shape well
ENOUGH_NUMBERS = 20  # to know one at all
FEW_AMOUNTS = 5  # bins that hold nearly all: then a column is one of fixed amounts
NEARLY_ALL = 0.9

Distance = Callable[[np.ndarray, np.ndarray], float]


def nearest(
    shape: np.ndarray, before: Sequence[np.ndarray], past: Sequence[PastMonth], month: Month, distance: Distance
) -> tuple[float, float, np.ndarray]:
    """Return how far a shape is from the nearest of the last months and the same month of the year before.

    With it come the slack, from how far each of those months was from the ones before it, from chance and from the
    gap; and the shape that is nearest. Single months, not their mean: after a change of level one of them fits.
    """
    chosen = _candidates(past, month)
    distances = [distance(shape, before[place]) for place in chosen]
    best = int(np.argmin(distances))
    usual = _usual(before, past, distance)
    noise = 1.4 * np.sqrt(1 / max(shape.sum(), 1) + 1 / max(before[chosen[best]].sum(), 1))
    slack = (usual + noise) * gap_of(past, month) + 0.05 * (gap_of(past, month) - 1)
    return distances[best], float(slack), before[chosen[best]]


def lately_and_a_year_ago(past: Sequence[PastMonth], month: Month) -> list[int]:
    """Return the places of the last half year, with that of the same month a year ago first where it is known."""
    year_ago = [
        n for n, entry in enumerate(past) if (entry.month.year, entry.month.number) == (month.year - 1, month.number)
    ]
    return [*year_ago, *range(max(len(past) - 2 * NEEDED, 0), len(past))]


def _candidates(past: Sequence[PastMonth], month: Month) -> list[int]:
    last = list(range(max(len(past) - NEAREST, 0), len(past)))
    return sorted({*last, *a_year_ago(past, month)})


def _usual(before: Sequence[np.ndarray], past: Sequence[PastMonth], distance: Distance) -> float:
    """Return how far months usually were from the nearest of the ones before them, and twice the deviation."""
    own = []
    for place in range(max(1, len(before) - 9), len(before)):
        earlier = _candidates(past[:place], past[place].month)
        own.append(min(distance(before[place], before[other]) for other in earlier))
    middle = median(own)
    return middle + 2 * SIGMA * median(abs(value - middle) for value in own)


def largest_gap(left: np.ndarray, right: np.ndarray) -> float:
    """Return the largest difference of the cumulative shares (Kolmogorov and Smirnov)."""
    if not left.sum() or not right.sum():
        return 0.0
    return float(np.abs(np.cumsum(left) / left.sum() - np.cumsum(right) / right.sum()).max())


def elsewhere(left: np.ndarray, right: np.ndarray) -> float:
    """Return the share that is somewhere else: half the sum of the differences of all shares."""
    return float(np.abs(left / (left.sum() or 1) - right / (right.sum() or 1)).sum() / 2)


def is_fixed(numbers: Numbers) -> bool:
    """Whether a few amounts are nearly all there is above zero, as with a fee."""
    return is_fixed_shape(aligned([numbers.histogram])[0][0])


def is_fixed_shape(counts: np.ndarray) -> bool:
    return float(np.sort(counts)[-FEW_AMOUNTS:].sum()) >= NEARLY_ALL * float(counts.sum())


def aligned(histograms: Sequence[Mapping[int, int]]) -> tuple[list[np.ndarray], list[int]]:
    """Return the parts of histograms above zero over the same bins, and these."""
    bins = sorted({place for histogram in histograms for place in histogram if place > 0})
    return [np.array([histogram.get(place, 0) for place in bins], dtype=float) for histogram in histograms], bins
