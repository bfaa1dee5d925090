"""Values sorted into a few places, so that one count of them tells how a column is distributed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tidemark.profile.bins import Floats, Integers
from tidemark.profile.encoded import encoded

PLACES = 8
NOTHING, NEGATIVE, ZERO, POSITIVE = range(4)  # the first places of numbers; the rest are fifths of those above zero
_FIFTHS = (0.2, 0.4, 0.6, 0.8)


def of_numbers(values: Floats) -> Integers:
    """Sort numbers; NaN is nothing."""
    positive = values > 0
    places = np.where(values < 0, NEGATIVE, np.where(values == 0, ZERO, NOTHING))
    if positive.any():
        edges = np.quantile(np.minimum(values[positive], 1e300), _FIFTHS)
        places[positive] = POSITIVE + np.searchsorted(edges, values[positive], side="right")
    return places.astype(np.int64)


def of_codes(column: pa.Array) -> Integers:
    """Sort codes: the six most frequent of them, all others, null."""
    indices, words = encoded(column)
    counts = np.bincount(indices, minlength=len(words))
    counts[-1] = 0  # null has a place of its own
    place_of = np.full(len(words), PLACES - 2)
    frequent = np.argsort(-counts, kind="stable")[: PLACES - 2]
    place_of[frequent] = np.arange(len(frequent))
    place_of[-1] = PLACES - 1
    sorted_in: Integers = place_of[indices]
    return sorted_in


def of_times(column: pa.Array) -> Integers:
    """Sort times: none, without seconds, with seconds; a date is one without."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    seconds = column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64) / 1e6
    return np.where(np.isnan(seconds), 0, np.where(seconds % 60 == 0, 1, 2)).astype(np.int64)
