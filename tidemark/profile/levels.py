"""Where numbers lie that are looked at as a whole alone, gathered batch by batch."""

from __future__ import annotations

import numpy as np

from tidemark.profile.bins import BINS, SIDE, Floats, Integers, quantile, short, signed_bins
from tidemark.profile.values import QUANTILES, Levels


class LevelCounts:
    """A histogram of numbers; NaN and the infinite count as none."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, dtype=np.int64)
        self._least, self._most = np.inf, -np.inf

    def add(self, values: Floats, times: Integers | None = None) -> None:
        """Take in numbers, each once or so many ``times``."""
        usable = np.isfinite(values)
        finite = values[usable]
        signs, magnitudes = signed_bins(finite)
        places = signs * (magnitudes + 1) + SIDE
        weights = None if times is None else times[usable]
        self._counts += np.bincount(places, weights=weights, minlength=BINS).astype(np.int64)
        self._least = min(self._least, finite.min(initial=np.inf))
        self._most = max(self._most, finite.max(initial=-np.inf))

    def result(self) -> Levels:
        numbers = int(self._counts.sum())
        return Levels(
            numbers=numbers,
            zeros=int(self._counts[SIDE]),
            negatives=int(self._counts[:SIDE].sum()),
            minimum=float(self._least) if numbers else None,
            maximum=float(self._most) if numbers else None,
            quantiles=tuple(short(quantile(self._counts, share)) for share in QUANTILES) if numbers else (),
        )
