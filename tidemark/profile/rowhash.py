"""Hashes of whole rows, to count the rows that are there twice and to know a file that was there before."""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidemark.profile.encoded import encoded

Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]

MOST = 1 << 22  # hashes that are kept, in 32 MB
MOST_ALIKE = 1 << 16  # hashes that are kept of rows that may be the same but for something
SKETCHED = 64
DATE, TIMES, VALUES = "the date", "the times", "the values"
_DAY = 86_400_000_000  # microseconds
_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)
_SHIFT = np.uint64(31)
_NULL = -(2**53) - 1


class Thinned:
    """Hashes of rows, or of those whose hash is small: what is the same stays together, so its share is that of all.

    With each, hashes of the same rows by which they are told apart further.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._halvings = 0
        self._kept: list[tuple[Hashes, ...]] = []

    def chosen(self, hashes: Hashes) -> Flags:
        return hashes < np.uint64((1 << (64 - self._halvings)) - 1)

    def add(self, *hashes: Hashes) -> None:
        self._kept.append(hashes)
        while sum(len(first) for first, *_ in self._kept) > self._most:
            self._halvings += 1
            self._kept = [tuple(each[self.chosen(kept[0])] for each in kept) for kept in self._kept]

    def repeated(self, place: int = 0) -> int:
        """Return how many rows are the same as an earlier one by the hashes at a place; estimated when thinned."""
        hashes = np.concatenate([kept[place] for kept in self._kept]) if self._kept else np.empty(0, dtype=np.uint64)
        hashes.sort()
        return int(np.count_nonzero(hashes[1:] == hashes[:-1])) << self._halvings

    def copies(self) -> tuple[int, int]:
        """Return how many rows are the same as an earlier one, and how many are there an even number of times."""
        hashes = np.concatenate([kept[0] for kept in self._kept]) if self._kept else np.empty(0, dtype=np.uint64)
        hashes.sort()
        ends = np.flatnonzero(np.append(hashes[1:] != hashes[:-1], len(hashes) > 0))
        counts = np.diff(ends, prepend=-1)
        return (len(hashes) - len(ends)) << self._halvings, int(counts[counts % 2 == 0].sum()) << self._halvings

    def smallest(self, number: int) -> Hashes:
        """Return the smallest different hashes."""
        hashes = [kept[0] for kept in self._kept]
        return np.unique(np.concatenate(hashes))[:number] if hashes else np.empty(0, dtype=np.uint64)


class RowHashes:
    """Hashes of whole rows, of all that is no time in them, and of their times."""

    def __init__(self, event_column: str) -> None:
        self._event = event_column
        self._whole = Thinned(MOST)
        self._by_values = Thinned(MOST_ALIKE)
        self._by_times = Thinned(MOST_ALIKE)
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        named = dict(zip(batch.schema.names, batch.columns, strict=True))
        times = [name for name, column in named.items() if pa.types.is_timestamp(column.type)]
        others = [_bits(column) for name, column in named.items() if name not in times]
        bits = {name: _bits(named[name]) for name in times}
        hashes = np.full(batch.num_rows, _SPREAD)
        for each in others:
            _mix(hashes, each)
        if others:
            self._add_values(hashes, list(bits.values()))
        self._add_times(bits)
        for each in bits.values():
            _mix(hashes, each)
        self._whole.add(hashes[self._whole.chosen(hashes)])

    def _add_values(self, hashes: Hashes, times: list[Hashes]) -> None:
        """Keep the rows' values, and the same with the times of the day."""
        chosen = self._by_values.chosen(hashes)
        values = hashes[chosen]
        dateless = values.copy()
        for each in times:
            _mix(dateless, each[chosen] % np.uint64(_DAY))
        self._by_values.add(values, dateless)

    def _add_times(self, times: dict[str, Hashes]) -> None:
        event = np.full(len(times[self._event]), _SPREAD)
        _mix(event, times[self._event])
        chosen = self._by_times.chosen(event)
        moments = event[chosen]
        for each in times.values():
            _mix(moments, each[chosen])
        self._by_times.add(event[chosen], moments)

    def copies(self) -> tuple[int, int]:
        """Return how many rows are the same as an earlier one, and how many are there an even number of times."""
        return self._whole.copies()

    def repeats(self) -> dict[str, int]:
        """Return how many rows are the same as an earlier one but for their date, their times or their values."""
        by_values, by_times = self._by_values, self._by_times
        found = {DATE: by_values.repeated(1), TIMES: by_values.repeated(), VALUES: by_times.repeated(1)}
        return {but: min(repeated, self._rows) for but, repeated in found.items()}  # an estimate may be above

    def sketch(self) -> tuple[int, ...]:
        """Return the smallest hashes of the rows' values, whatever their times: of two months that share rows, as many
        are the same as rows are (a bottom-k sketch)."""
        return tuple(int(each) for each in self._by_values.smallest(SKETCHED))


def _mix(hashes: Hashes, bits: Hashes) -> None:
    hashes ^= bits
    hashes *= _SPREAD
    hashes ^= hashes >> _SHIFT


def _bits(column: pa.Array) -> Hashes:
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_string(column.type):
        indices, words = encoded(column)
        hashed = np.array([_of_text(word) for word in words], dtype=np.uint64)
        result: Hashes = hashed[indices]
    elif pa.types.is_floating(column.type):
        values = pc.fill_null(column, float(_NULL)).to_numpy(zero_copy_only=False)
        result = (values + 0.0).view(np.uint64)  # minus zero is zero
    else:
        result = pc.fill_null(column.cast(pa.int64()), _NULL).to_numpy(zero_copy_only=False).view(np.uint64)
    return result


def _of_text(word: str | None) -> int:
    if word is None:
        return 1
    data = word.encode()
    return zlib.crc32(data) << 32 | zlib.adler32(data)
