"""A column of codes as positions in the list of its values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def encoded(column: pa.Array) -> tuple[NDArray[np.int64], list[str | None]]:
    """Return of each row the position of its value, and the values as texts; null is a value too, the last one."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.string())  # as PostgreSQL writes them
    dictionary = pc.dictionary_encode(column)
    words: list[str | None] = [str(value) for value in dictionary.dictionary.to_pylist()]
    indices = pc.fill_null(dictionary.indices, len(words)).to_numpy(zero_copy_only=False)
    return indices.astype(np.int64), [*words, None]
