"""Statistics of numbers, gathered batch by batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemark.profile.bins import (
    BINS,
    COARSE,
    COARSE_BINS,
    COARSE_SIDE,
    FINE,
    SIDE,
    Floats,
    Integers,
    coarse,
    quantile,
    short,
    signed_bins,
)
from tidemark.profile.values import QUANTILES, Numbers, Part

SLICES = 8  # the most frequent values of the slice column; the last place is that of all others
DAYS = 32  # of the month, from 1; 0 is outside of it
CELLS = SLICES * DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Of each row of a batch: in which slice it is, on which day, both as one number, and in which hour, counted from
    a day before the month; and how many ``rows`` there are by that number."""

    slices: Integers
    days: Integers
    cells: Integers
    rows: Integers
    hours: Integers


class NumberStatistics:
    """Counts, sums and histograms of one column's numbers, in all and by slice and by day."""

    def __init__(self, *of: str) -> None:
        self._of = of
        self._rows = np.zeros(CELLS, dtype=np.int64)
        self._nulls = np.zeros(CELLS, dtype=np.int64)
        self._zeros = np.zeros(CELLS, dtype=np.int64)
        self._negatives = np.zeros(CELLS, dtype=np.int64)
        self._by_slice = np.zeros(SLICES * BINS, dtype=np.int64)
        self._by_day = np.zeros(DAYS * COARSE_BINS, dtype=np.int64)
        self._not_finite = self._whole = 0
        self._total = 0.0
        self._least, self._most = np.inf, -np.inf

    @property
    def is_column(self) -> bool:
        """Whether these are the numbers of one column, not computed from several."""
        return len(self._of) == 1

    def add(self, values: Floats, nulls: NDArray[np.bool_] | None, places: Places) -> None:
        """Take in a batch; what stands in ``values`` where ``nulls`` is true does not matter."""
        cells, slices, days = places.cells, places.slices, places.days
        self._rows += places.rows
        usable = np.isfinite(values)
        if nulls is not None:
            self._nulls += np.bincount(cells[nulls], minlength=CELLS)
            self._not_finite += int(np.count_nonzero(~usable & ~nulls))
            usable &= ~nulls
        else:
            self._not_finite += len(values) - int(np.count_nonzero(usable))
        if not usable.all():
            values, cells, slices, days = values[usable], cells[usable], slices[usable], days[usable]
        if len(values):
            self._add_finite(values, cells, slices, days)

    def _add_finite(self, values: Floats, cells: Integers, slices: Integers, days: Integers) -> None:
        signs, magnitudes = signed_bins(values)
        self._zeros += _counted(cells, signs == 0)
        self._negatives += _counted(cells, signs < 0)
        self._whole += int(np.count_nonzero(values == np.rint(values)))
        with np.errstate(over="ignore"):
            self._total += float(values.sum())
        self._least, self._most = min(self._least, values.min()), max(self._most, values.max())
        fine = signs * (magnitudes + 1) + SIDE
        self._by_slice += np.bincount(fine + slices * BINS, minlength=SLICES * BINS)
        magnitudes //= FINE // COARSE
        by_day = signs * (magnitudes + 1) + COARSE_SIDE
        self._by_day += np.bincount(by_day + days * COARSE_BINS, minlength=DAYS * COARSE_BINS)

    def result(self, slice_names: dict[int, str]) -> Numbers:
        by_slice = self._by_slice.reshape(SLICES, BINS)
        counts = by_slice.sum(axis=0)
        some = bool(counts.any())
        rows, nulls = int(self._rows.sum()), int(self._nulls.sum())
        return Numbers(
            of=self._of,
            rows=rows,
            nulls=nulls,
            not_finite=self._not_finite,
            zeros=int(self._zeros.sum()),
            negatives=int(self._negatives.sum()),
            whole=self._whole,
            minimum=float(self._least) if some else None,
            maximum=float(self._most) if some else None,
            total=self._total if math.isfinite(self._total) else None,  # a sum that no float can hold
            quantiles=tuple(short(quantile(counts, share)) for share in QUANTILES) if some else (),
            histogram=coarse(counts),
            parts={
                name: self._part(np.arange(place * DAYS, (place + 1) * DAYS), by_slice[place], FINE)
                for place, name in slice_names.items()
            },
            days=self._days(),
        )

    def _days(self) -> dict[int, Part]:
        by_day = self._by_day.reshape(DAYS, COARSE_BINS)
        parts = {day: self._part(np.arange(day, CELLS, DAYS), by_day[day], COARSE) for day in range(1, DAYS)}
        return {day: part for day, part in parts.items() if part.rows}

    def _part(self, cells: Integers, counts: Integers, per_octave: int) -> Part:
        others = counts.copy()
        others[len(others) // 2] = 0
        return Part(
            rows=int(self._rows[cells].sum()),
            nulls=int(self._nulls[cells].sum()),
            zeros=int(self._zeros[cells].sum()),
            negatives=int(self._negatives[cells].sum()),
            median=short(quantile(others, 0.5, per_octave)) if others.any() else None,
        )


def _counted(cells: Integers, chosen: NDArray[np.bool_]) -> Integers:
    counts: Integers = np.bincount(cells[chosen], minlength=CELLS)
    return counts
