"""The statistics of a month that the two other detectors look at: one number for each column and statistic."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidemark.contract import bind, normalise
from tidemark.datasets.base import Dataset
from tidemark.months import Month

Features = Mapping[str, float]
ROWS = "rows"


def features_of(dataset: Dataset, month: Month, content: bytes) -> Features:
    """Return ``column.statistic`` to number: completeness, distinct values, the share of the most frequent one, and for
    numbers and times minimum, maximum, mean and standard deviation (Redyuk and others, EDBT 2021).

    Raises what the contract raises when the file does not keep it.
    """
    table = pq.read_table(io.BytesIO(content)).combine_chunks()
    binding = bind(dataset, month, table.schema)
    rows = pa.Table.from_batches([normalise(binding, batch) for batch in table.to_batches()])
    found = {ROWS: float(len(rows))}
    for column in binding.present:
        for statistic, value in _statistics(rows[column.name].combine_chunks(), month):
            found[f"{column.name}.{statistic}"] = value
    return found


def column_of(feature: str) -> str | None:
    """Return the column that a feature speaks of; none for the number of rows."""
    return None if feature == ROWS else feature.rpartition(".")[0]


def _statistics(array: pa.Array, month: Month) -> Iterator[tuple[str, float]]:
    rows = max(len(array), 1)
    yield "completeness", 1 - array.null_count / rows
    full = array.drop_null()
    if not len(full):
        return
    counts = pc.value_counts(full).field("counts")
    yield "distinct", float(len(counts))
    yield "most_frequent", pc.max(counts).as_py() / len(full)
    if pa.types.is_timestamp(full.type):
        since = full.to_numpy(zero_copy_only=False) - np.datetime64(month.first_day, "us")
        yield from _moments(since.astype(np.float64) / 86_400e6)
    elif not pa.types.is_string(full.type):
        yield from _moments(full.to_numpy(zero_copy_only=False).astype(np.float64))


def _moments(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Iterator[tuple[str, float]]:
    finite = values[np.isfinite(values)]
    if len(finite):
        yield "min", float(finite.min())
        yield "max", float(finite.max())
        yield "mean", float(finite.mean())
        yield "deviation", float(finite.std())
