"""Histograms whose bins are a share of the value wide, so that quantiles of dollars and of seconds are as good.

A bin is told by the bits of the number: its exponent and the first six bits of its fraction, so there are 64 bins to
an octave, each at most 1/64 of the value wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

FINE = 64  # bins to an octave
COARSE = 8
_LOWEST = -10  # the exponent of the smallest number that has a bin of its own
_OCTAVES = 41
SIDE = FINE * _OCTAVES  # bins on either side of zero
BINS = 2 * SIDE + 1
COARSE_SIDE = COARSE * _OCTAVES
COARSE_BINS = 2 * COARSE_SIDE + 1
_FRACTION_BITS = 52 - 6
_FIRST = (1023 + _LOWEST) * FINE
_WITHOUT_SIGN = np.int64(0x7FFF_FFFF_FFFF_FFFF)


def signed_bins(values: Floats) -> tuple[Integers, Integers]:
    """Return of each finite number its sign and how many bins from zero it lies, from 0."""
    magnitude = values.view(np.int64) & _WITHOUT_SIGN
    magnitude >>= _FRACTION_BITS
    magnitude -= _FIRST
    np.clip(magnitude, 0, SIDE - 1, out=magnitude)
    return np.sign(values).astype(np.int64), magnitude


def centre(steps: int, per_octave: int = FINE) -> float:
    """Return the middle of a bin; ``steps`` is its distance from the bin of zero, signed, from 1."""
    if steps == 0:
        return 0.0
    low, high = bounds(steps, per_octave)
    return (low + high) / 2


def bounds(steps: int, per_octave: int = COARSE) -> tuple[float, float]:
    """Return the two bounds of a bin, that nearer to zero first; ``steps`` is not 0."""
    octave, step = divmod(abs(steps) - 1, per_octave)
    unit = 2.0 ** (_LOWEST + octave) * (1 if steps > 0 else -1)
    return unit * (1 + step / per_octave), unit * (1 + (step + 1) / per_octave)


def quantile(counts: Integers, share: float, per_octave: int = FINE) -> float:
    """Return the quantile of a histogram over the bins of both signs; there must be a count in it."""
    running = np.cumsum(counts)
    rank = max(int(np.ceil(share * running[-1])), 1)
    position = int(np.searchsorted(running, rank))
    return centre(position - len(counts) // 2, per_octave)


def short(value: float) -> float:
    """Return a number with as many digits as the bins know."""
    return float(f"{value:.5g}")


def coarse(counts: Integers) -> dict[int, int]:
    """Return a fine histogram's counts by signed coarse bin, without the empty ones."""
    side = np.arange(SIDE) // (FINE // COARSE)
    steps = np.concatenate([-(side[::-1] + 1), [0], side + 1])
    by_bin = np.bincount(steps + COARSE_SIDE, weights=counts, minlength=COARSE_BINS).astype(np.int64)
    return {int(place) - COARSE_SIDE: int(by_bin[place]) for place in np.flatnonzero(by_bin)}
