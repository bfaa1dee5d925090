"""Hashes of whole rows, to count the rows that are there twice and to know a file that was there before."""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidemark.profile.encoded import encoded

Hashes = NDArray[np.uint64]

MOST = 1 << 22  # hashes that are kept, in 32 MB
_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)
_SHIFT = np.uint64(31)
_NULL = -(2**53) - 1


class RowHashes:
    """Hashes of all rows, or, where there are more than ``MOST``, of those whose hash is small: duplicates stay
    together, so their share is that of all rows."""

    def __init__(self) -> None:
        self._kept: list[Hashes] = []
        self._halvings = 0
        self._timeless = 0

    def add(self, batch: pa.RecordBatch) -> None:
        times = [column for column in batch.columns if pa.types.is_timestamp(column.type)]
        others = [column for column in batch.columns if not pa.types.is_timestamp(column.type)]
        hashes = np.full(batch.num_rows, _SPREAD)
        for column in others:
            _mix(hashes, _bits(column))
        self._timeless += int(hashes.sum(dtype=np.uint64)) if others else batch.num_rows
        for column in times:
            _mix(hashes, _bits(column))
        self._kept.append(self._chosen(hashes))
        while sum(map(len, self._kept)) > MOST:
            self._halvings += 1
            self._kept = [self._chosen(kept) for kept in self._kept]

    @property
    def duplicates(self) -> int:
        hashes = np.concatenate(self._kept) if self._kept else np.empty(0, dtype=np.uint64)
        hashes.sort()
        return int(np.count_nonzero(hashes[1:] == hashes[:-1])) << self._halvings

    @property
    def timeless(self) -> str:
        """The same for the same rows in any order and at any time, in hexadecimal digits."""
        return f"{self._timeless % (1 << 64):016x}"

    def _chosen(self, hashes: Hashes) -> Hashes:
        return hashes[hashes < np.uint64(1 << (64 - self._halvings))] if self._halvings else hashes


def _mix(hashes: Hashes, bits: Hashes) -> None:
    hashes ^= bits
    hashes *= _SPREAD
    hashes ^= hashes >> _SHIFT


def _bits(column: pa.Array) -> Hashes:
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
