"""The row rules: from a normalised batch to the rows to load and the rows to divert. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemark.datasets.base import RowRule

if TYPE_CHECKING:
    import pandas
    import pyarrow


@dataclass(frozen=True, kw_only=True, slots=True)
class DivertedRow:
    """A row that a rule took out: ``number`` counts the file's rows from 1, ``row`` is fit for jsonb."""

    code: str
    column: str
    number: int
    row: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transformed:
    """The outcome of one batch; ``kept.num_rows + len(diverted)`` are the rows that went in."""

    kept: pyarrow.RecordBatch
    diverted: tuple[DivertedRow, ...]


def transform(
    rules: tuple[RowRule, ...], batch: pyarrow.RecordBatch, columns: Sequence[str], *, first_row: int
) -> Transformed:
    """Apply the row rules to a batch whose first row is the file's row ``first_row`` (from 1).

    The first rule that takes a row names it. Rules and diverted rows have every column, kept rows only ``columns``.
    """
    loaded = batch.select(list(columns))
    if not rules:
        return Transformed(kept=loaded, diverted=())
    import pandas

    frame = batch.to_pandas(types_mapper=pandas.ArrowDtype)
    taken = pandas.Series(data=False, index=frame.index)
    diverted: list[DivertedRow] = []
    for rule in rules:
        mask = rule.takes(frame).fillna(value=False).astype(bool) & ~taken
        if mask.any():
            diverted += _divert(rule, batch, mask, first_row)
            taken |= mask
    if not diverted:
        return Transformed(kept=loaded, diverted=())
    import pyarrow

    return Transformed(kept=loaded.filter(pyarrow.array(~taken)), diverted=tuple(diverted))


def _divert(rule: RowRule, batch: pyarrow.RecordBatch, mask: pandas.Series[bool], first_row: int) -> list[DivertedRow]:
    positions = mask.to_numpy().nonzero()[0].tolist()
    return [
        DivertedRow(code=rule.code, column=rule.column, number=first_row + position, row=_json_row(row))
        for position, row in zip(positions, _fit_for_json(batch.take(positions)).to_pylist(), strict=True)
    ]


def _fit_for_json(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """Write times and decimals as texts in Arrow: Python has no time after the year 9999, and files do."""
    import pyarrow
    import pyarrow.types as types

    arrays = [
        array.cast(pyarrow.string()) if types.is_temporal(array.type) or types.is_decimal(array.type) else array
        for array in batch
    ]
    return pyarrow.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _json_row(row: Mapping[str, object]) -> dict[str, object]:
    return {name: _json_value(value) for name, value in row.items()}


def _json_value(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    if isinstance(value, str):
        return value.replace("\0", "␀")  # jsonb cannot hold it
    return value
