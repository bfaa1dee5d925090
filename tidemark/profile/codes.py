"""How often a column holds each value, gathered batch by batch."""

from __future__ import annotations

import zlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidemark.profile.encoded import encoded
from tidemark.profile.levels import LevelCounts
from tidemark.profile.values import Codes, Levels

MOST_DISTINCT = 20_000  # a column with more is none of codes
MOST_KEPT = 300
LONGEST = 64  # characters of a code; what is longer is no code, and is told by its beginning and a hash
_COUNTED_AT_ONCE = 4096  # whole numbers below this are counted without looking each up


class CodeCounts:
    """Counts of a column's values, as long as they are few enough to be codes.

    ``levels``: whole numbers that are too many are gathered there.
    """

    def __init__(self, levels: LevelCounts | None = None) -> None:
        self._levels = levels
        self._counts: Counter[str] = Counter()
        self._rows = self._nulls = 0
        self._too_many = False

    def add(self, column: pa.Array) -> None:
        self._rows += len(column)
        self._nulls += column.null_count
        if self._too_many:
            self._add_levels(column)
            return
        self._counts.update(_counts(column))
        if len(self._counts) > MOST_DISTINCT:
            self._too_many = True
            self._move_to_levels()

    def _add_levels(self, column: pa.Array) -> None:
        if self._levels is not None:
            self._levels.add(column.drop_null().to_numpy().astype(np.float64))

    def _move_to_levels(self) -> None:
        if self._levels is not None and self._counts:
            values = np.array([float(value) for value in self._counts])
            self._levels.add(values, np.array(list(self._counts.values())))
        self._counts.clear()

    def levels(self) -> Levels | None:
        """Return where its numbers lie; none where they are few enough to be codes. To be asked last."""
        if len(self._counts) > MOST_KEPT:
            self._move_to_levels()
        elif not self._too_many:
            return None
        return None if self._levels is None else self._levels.result()

    def result(self) -> Codes:
        kept = dict(self._counts.most_common(MOST_KEPT))
        return Codes(
            rows=self._rows,
            nulls=self._nulls,
            counts=kept,
            others=self._rows - self._nulls - sum(kept.values()),
            distinct=len(self._counts),
        )


def _counts(column: pa.Array) -> dict[str, int]:
    if pa.types.is_string(column.type) or pa.types.is_boolean(column.type):
        indices, words = encoded(column)
        counts = np.bincount(indices, minlength=len(words))
        return {_short(word): int(count) for word, count in zip(words, counts, strict=True) if word is not None}
    values = column.drop_null()
    bounds = pc.min_max(values).as_py()
    if len(values) and bounds["min"] >= 0 and bounds["max"] < _COUNTED_AT_ONCE:
        counts = np.bincount(values.to_numpy())
        return {str(value): int(counts[value]) for value in np.flatnonzero(counts)}
    return {str(pair["values"]): pair["counts"] for pair in values.value_counts().to_pylist()}


def _short(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}…{zlib.crc32(word.encode()):08x}"
