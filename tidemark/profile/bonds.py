"""How closely two columns go together, in the month and in each quarter of it.

Between numbers it is the correlation of their logarithms, signed; between a code and a number the square root of the
share of the variance that the codes explain; between codes Cramér's V. All are from -1 or 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tidemark.profile.bins import Floats, Integers
from tidemark.profile.places import PLACES

QUARTERS = 4
LEAST_ROWS = 60
LEAST_BOND = 0.1  # weaker ones are not kept
MOST_OTHERS = 0.2  # of the rows have none of the codes that have a place: then these tell little of a number
_KNOWN = PLACES - 1  # of the places of a code: the last one is null, and what is empty together is told elsewhere
_USUAL = (0.01, 0.99)  # what is beyond these shares is cut off: one wild value outweighs a thousand others
_MIDDLE = (0.25, 0.75)
_WILD = 3.0  # times the distance of these two beyond them: so far out are only wild values, however many
_NO_VARIANCE = 1e-6

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sums:
    """Sums of products of all columns: of codes by place, of logarithms, of their squares, and of where they are."""

    codes: tuple[str, ...]
    numbers: tuple[str, ...]
    products: Matrix

    def of_code(self, name: str) -> slice:
        begin = _KNOWN * self.codes.index(name)
        return slice(begin, begin + _KNOWN)

    def of_number(self, name: str) -> tuple[slice, slice, slice]:
        """Return where its logarithms, their squares and where they are known stand."""
        begin, width = _KNOWN * len(self.codes) + self.numbers.index(name), len(self.numbers)
        value, square, known = (slice(at, at + 1) for at in range(begin, begin + 3 * width, width))
        return value, square, known


def bonds(
    codes: Mapping[str, Integers], numbers: Mapping[str, Floats], days: Integers
) -> dict[str, tuple[float | None, ...]]:
    """Return by ``"one & other"`` the bond in the month, then in its quarters.

    None where a side is the same in all rows, or there are too few, or a number goes with one of very many codes. Kept
    are those that are close somewhere, and those that could not be measured.
    """
    if len(codes) + len(numbers) < 2:
        return {}
    matrix = _matrix(codes, numbers)
    quarter = np.minimum((days - 1) // 8, QUARTERS - 1)
    parts = [matrix[(quarter == number) & (days > 0)] for number in range(QUARTERS)]
    products = [(part.T @ part).astype(np.float64) for part in parts]
    sums = [
        _Sums(codes=tuple(codes), numbers=tuple(numbers), products=each)
        for each in (np.sum(products, axis=0), *products)
    ]
    found = {}
    crowded = {name for name, places in codes.items() if np.mean(places == PLACES - 2) > MOST_OTHERS}
    for one, other in combinations((*codes, *numbers), 2):
        unclear = one in crowded and other in numbers
        strengths = tuple(None if unclear else _bond(each, one, other) for each in sums)
        known = [abs(each) for each in strengths if each is not None]
        if not known or max(known) >= LEAST_BOND:
            found[f"{one} & {other}"] = strengths
    return found


def _matrix(codes: Mapping[str, Integers], numbers: Mapping[str, Floats]) -> NDArray[np.float32]:
    hot = [np.eye(PLACES, _KNOWN, dtype=np.float32)[places] for places in codes.values()]
    values = np.column_stack([_logarithms(each) for each in numbers.values()]) if numbers else np.empty((0, 0))
    there = ~np.isnan(values)
    values = np.where(there, values, 0.0)
    blocks = [*hot, values, values**2, there] if numbers else hot
    return np.hstack([np.asarray(block, dtype=np.float32) for block in blocks])


def _logarithms(values: Floats) -> Floats:
    """Return logarithms that know zero and below, around 0 and without the wildest."""
    logarithms = np.copysign(np.log2(1 + np.abs(values)), values)
    known = logarithms[np.isfinite(logarithms)]
    if not len(known):
        return np.full(len(values), np.nan)
    low, high = _usual(known)
    clipped: Floats = np.clip(np.where(np.isfinite(logarithms), logarithms, np.nan), low, high)
    return np.asarray(clipped - np.nanmean(clipped))


def _usual(known: Floats) -> tuple[float, float]:
    low, first, third, high = np.quantile(known, (_USUAL[0], *_MIDDLE, _USUAL[1]))
    reach = _WILD * (third - first)
    return (max(low, first - reach), min(high, third + reach)) if reach > 0 else (low, high)


def _bond(sums: _Sums, one: str, other: str) -> float | None:
    if other in sums.codes:
        return _cramer(sums.products[sums.of_code(one), sums.of_code(other)])
    if one in sums.codes:
        places = sums.of_code(one)
        return _explained(*(sums.products[places, column][:, 0] for column in sums.of_number(other)))
    return _correlation(sums.products, sums.of_number(one), sums.of_number(other))


def _cramer(counts: Matrix) -> float | None:
    total = counts.sum()
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    known = min(np.count_nonzero(rows), np.count_nonzero(columns))
    if total < LEAST_ROWS or known < 2:
        return None
    expected = np.outer(rows, columns) / total
    gap = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(counts), where=expected > 0)
    return _rounded(np.sqrt(min(gap.sum() / total / (known - 1), 1.0)))


def _explained(values: Floats, squares: Floats, rows: Floats) -> float | None:
    total = rows.sum()
    if total < LEAST_ROWS or np.count_nonzero(rows) < 2:
        return None
    mean = values.sum() / total
    variance = squares.sum() / total - mean**2
    means = np.divide(values, rows, out=np.zeros_like(values), where=rows > 0)
    between = (rows * (means - mean) ** 2).sum() / total
    return _rounded(np.sqrt(min(between / variance, 1.0))) if variance > _NO_VARIANCE else None


def _correlation(products: Matrix, one: tuple[slice, ...], other: tuple[slice, ...]) -> float | None:
    def joint(left: slice, right: slice) -> float:
        return float(products[left, right][0, 0])

    rows = joint(one[2], other[2])
    if rows < LEAST_ROWS:
        return None
    mean, mean_of_other = joint(one[0], other[2]) / rows, joint(other[0], one[2]) / rows
    variance = joint(one[1], other[2]) / rows - mean**2
    variance_of_other = joint(other[1], one[2]) / rows - mean_of_other**2
    if min(variance, variance_of_other) < _NO_VARIANCE:
        return None
    covariance = joint(one[0], other[0]) / rows - mean * mean_of_other
    return _rounded(np.clip(covariance / np.sqrt(variance * variance_of_other), -1, 1))


def _rounded(strength: float) -> float:
    return round(float(strength), 3)
