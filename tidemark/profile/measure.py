"""From a raw file to its profile: the rows that staging loads, once more, batch by batch."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidemark.contract import Binding, bind, normalise
from tidemark.datasets.base import Column, Dataset
from tidemark.errors import Stopped
from tidemark.months import Month
from tidemark.profile.bins import Floats, Integers
from tidemark.profile.codes import CodeCounts
from tidemark.profile.encoded import encoded
from tidemark.profile.kinds import is_code, is_number, is_slice, is_time, may_be_key
from tidemark.profile.levels import LevelCounts
from tidemark.profile.looks import looks
from tidemark.profile.numbers import SLICES, NumberStatistics, Places
from tidemark.profile.related import Difference, Ratio, Related, related
from tidemark.profile.rowhash import RowHashes
from tidemark.profile.sample import Sample
from tidemark.profile.times import TimeGrid, microseconds
from tidemark.profile.unlisted import UnlistedColumn, with_unlisted
from tidemark.profile.values import Levels, Looks, Profile, Total
from tidemark.read import open_raw, read_batches
from tidemark.transform import transform

_SECOND = 1_000_000  # microseconds
HALF_A_CENT = 0.005
FAR = 0.02  # of the total

Flags = NDArray[np.bool_]
Measured = tuple[Floats, Flags | None]


def measure(dataset: Dataset, month: Month, path: Path, stop: threading.Event) -> Profile:
    """Return the profile of a raw file: see ``profile_month``."""
    with open_raw(path) as file:
        known = bind(dataset, month, file.schema_arrow)
        binding = with_unlisted(dataset, month, known, file.schema_arrow)
        names = [column.name for column in binding.present]
        sums = _Sums(dataset, month, binding)
        read = 0
        for batch in read_batches(file, tuple(binding.fields.values())):
            if stop.is_set():
                raise Stopped("The audit was stopped.", remedy="Run the same command again to go on.")
            outcome = transform(dataset.row_rules, normalise(binding, batch), names, first_row=read + 1)
            read += batch.num_rows
            if outcome.kept.num_rows:
                sums.add(outcome.kept)
    return sums.profile()


class _Sums:
    """What is gathered of all batches."""

    def __init__(self, dataset: Dataset, month: Month, binding: Binding) -> None:
        self._columns = tuple(column for column in binding.columns if column not in binding.evolved)
        present = tuple(column for column in binding.present if column not in binding.evolved)
        self._unlisted = {column.name: UnlistedColumn(column) for column in binding.evolved}
        self._listed = [column.name for column in present]
        self._event = dataset.event_column
        self._rows = 0
        self._nulls: Counter[str] = Counter()
        self._related: Related = related(dataset, present)
        self._times = [column.name for column in present if is_time(column)]
        self._numbers = {column.name: NumberStatistics(column.name) for column in present if is_number(column)}
        for difference in self._related.differences:
            self._numbers[difference.name] = NumberStatistics(difference.end, difference.start)
        for ratio in self._related.ratios:
            self._numbers[ratio.name] = NumberStatistics(*ratio.of)
        self._codes = {column.name: _code_counts(column) for column in present if is_code(column)}
        self._slices = _Slices(
            next((column for column in present if is_slice(column) and column.required_in(month)), None)
        )
        self._grid = TimeGrid(month)
        self._hashes = RowHashes(dataset.event_column)
        self._sample = Sample()
        self._month_days = (month.next.first_day - month.first_day).days
        self._wrong = self._far = 0

    def add(self, batch: pa.RecordBatch) -> None:
        for name, unlisted in self._unlisted.items():
            unlisted.add(batch.column(name))
        batch = batch.select(self._listed)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        self._rows += batch.num_rows
        for name, column in columns.items():
            self._nulls[name] += column.null_count
        slices = self._slices.of(columns, batch.num_rows)
        places = self._grid.add(columns[self._event], slices)
        for name in self._times:
            self._grid.add_minutes(name, columns[name])
        for name, counts in self._codes.items():
            counts.add(columns[name])
        self._add_numbers(columns, places)
        self._hashes.add(batch)
        self._sample.add(batch, places.hours)

    def _add_numbers(self, columns: dict[str, pa.Array], places: Places) -> None:
        measured: dict[str, Measured] = {}
        for difference in self._related.differences:
            measured[difference.name] = _seconds(difference, columns)
        for name in self._numbers:
            if name in columns:
                measured[name] = _floats(columns[name])
        for ratio in self._related.ratios:
            measured[ratio.name] = _ratio(ratio, measured)
        for name, statistics in self._numbers.items():
            statistics.add(*measured[name], places)
        if self._related.total is not None:
            total = measured[self._related.total.total]
            gap = _gap(total, [measured[part] for part in self._related.total.parts])
            self._wrong += int(np.count_nonzero(~(gap <= HALF_A_CENT)))
            self._far += int(np.count_nonzero(~(gap <= np.maximum(FAR * np.abs(_or_zero(total)), HALF_A_CENT))))

    def profile(self) -> Profile:
        names = self._slices.names
        duplicates, doubled = self._hashes.copies()
        absent = {column.name: self._rows for column in self._columns if column.name not in self._nulls}
        return Profile(
            rows=self._rows,
            slice_column=self._slices.column,
            nulls=dict(self._nulls) | absent,
            numbers={name: statistics.result(names) for name, statistics in self._numbers.items()},
            codes={name: counts.result() for name, counts in self._codes.items()},
            grid=self._grid.result(names),
            total=self._total(),
            duplicates=duplicates,
            doubled=doubled,
            repeats=self._hashes.repeats(),
            sketch=self._hashes.sketch(),
            looks=self._looks(),
            levels=self._levels(),
            unlisted={name: unlisted.result() for name, unlisted in self._unlisted.items()},
        )

    def _levels(self) -> dict[str, Levels]:
        levels = {name: counts.levels() for name, counts in self._codes.items()}
        return {name: each for name, each in levels.items() if each is not None}

    def _looks(self) -> Looks | None:
        rows = self._sample.rows()
        if rows is None:
            return None
        numbers = tuple(name for name, statistics in self._numbers.items() if statistics.is_column)
        codes = tuple(name for name in self._codes if name not in numbers)
        return looks(rows, codes, numbers, self._related.differences, self._month_days)

    def _total(self) -> Total | None:
        if self._related.total is None:
            return None
        return Total(
            column=self._related.total.total,
            parts=self._related.total.parts,
            rows=self._rows,
            wrong=self._wrong,
            far=self._far,
        )


class _Slices:
    """The values of the slice column by place: the most frequent of the first batch; all others share the last."""

    def __init__(self, column: Column | None) -> None:
        self.column = None if column is None else column.name
        self._places: dict[str | None, int] | None = None

    def of(self, columns: dict[str, pa.Array], rows: int) -> Integers:
        if self.column is None:
            return np.zeros(rows, dtype=np.int64)
        column = columns[self.column]
        indices, words = encoded(column)
        if self._places is None:
            counts = np.bincount(indices, minlength=len(words))
            frequent = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]][: SLICES - 1]
            self._places = {words[place]: number for number, place in enumerate(frequent)}
        known = self._places
        return np.array([known.get(word, SLICES - 1) for word in words], dtype=np.int64)[indices]

    @property
    def names(self) -> dict[int, str]:
        return {place: word for word, place in (self._places or {}).items() if word is not None}


def _code_counts(column: Column) -> CodeCounts:
    return CodeCounts(LevelCounts() if may_be_key(column) else None)


def _floats(column: pa.Array) -> Measured:
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if column.null_count:
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        return pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.float64), nulls
    return column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False), None


def _seconds(difference: Difference, columns: dict[str, pa.Array]) -> Measured:
    start, no_start = microseconds(columns[difference.start])
    end, no_end = microseconds(columns[difference.end])
    seconds = (end - start) / _SECOND
    missing = [nulls for nulls in (no_start, no_end) if nulls is not None]
    return seconds, np.logical_or.reduce(missing) if missing else None


def _ratio(ratio: Ratio, measured: dict[str, Measured]) -> Measured:
    (above, no_above), (below, no_below) = measured[ratio.above], measured[ratio.below]
    useless = ~((above > 0) & (below > 0) & np.isfinite(above) & np.isfinite(below))
    for nulls in (no_above, no_below):
        if nulls is not None:
            useless |= nulls
    with np.errstate(over="ignore", under="ignore"):
        return np.divide(above, below, out=np.zeros(len(above)), where=~useless), useless


def _gap(total: Measured, parts: list[Measured]) -> Floats:
    """Return how far each total is from the sum of its parts; what is null counts as nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        gap = _or_zero(total).copy()
        for part in parts:
            gap -= _or_zero(part)
        return np.abs(gap)


def _or_zero(measured: Measured) -> Floats:
    values, nulls = measured
    return values if nulls is None else np.where(nulls, 0.0, values)
