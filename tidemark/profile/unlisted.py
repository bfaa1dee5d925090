"""Columns that a file has, and its dataset's module does not list: those that drift has brought into the table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.types

from tidemark.contract import Binding
from tidemark.datasets.base import Column, Dataset, Drift
from tidemark.drift import Table, evolve
from tidemark.months import Month
from tidemark.profile.codes import CodeCounts
from tidemark.profile.kinds import is_code, is_number, may_be_key
from tidemark.profile.levels import LevelCounts
from tidemark.profile.values import Unlisted

_NO_TABLE = Table(columns={}, reserved=frozenset())
_ANY_WHOLE = pa.decimal128(20, 0)


def with_unlisted(dataset: Dataset, month: Month, binding: Binding, schema: pa.Schema) -> Binding:
    """Bind the fields that nobody knows, too, where the dataset's table takes them; each gets its own type.

    The table is not asked: what staging could cast to its types is measured, whatever these are.
    """
    if dataset.unknown_columns is not Drift.EVOLVE or not binding.unknown:
        return binding
    return evolve(binding, month, pa.schema([_widened(field) for field in schema]), _NO_TABLE)


def _widened(field: pa.Field) -> pa.Field:
    """No whole number of ours holds the greatest of these."""
    return field.with_type(_ANY_WHOLE) if pyarrow.types.is_uint64(field.type) else field


class UnlistedColumn:
    """What is gathered of one such column."""

    def __init__(self, column: Column) -> None:
        self._nulls = 0
        self._levels = LevelCounts() if is_number(column) or may_be_key(column) else None
        self._codes = CodeCounts(self._levels) if is_code(column) else None

    def add(self, column: pa.Array) -> None:
        self._nulls += column.null_count
        if self._codes is not None:
            self._codes.add(column)
        elif self._levels is not None:
            self._levels.add(as_floats(column.drop_null()))

    def result(self) -> Unlisted:
        if self._codes is not None:
            return Unlisted(nulls=self._nulls, codes=self._codes.result(), levels=self._codes.levels())
        levels = None if self._levels is None else self._levels.result()
        return Unlisted(nulls=self._nulls, codes=None, levels=levels)


def as_floats(column: pa.Array) -> np.ndarray:
    """Return numbers of any type as floats; where there are none, NaN."""
    values: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values
