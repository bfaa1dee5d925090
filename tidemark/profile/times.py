"""When the rows of a month happened, gathered batch by batch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidemark.months import Month
from tidemark.profile.bins import Integers
from tidemark.profile.numbers import CELLS, DAYS, SLICES, Places
from tidemark.profile.values import Grid

_HOUR = 3_600_000_000  # microseconds
_MINUTE = 60_000_000
_HOURS = DAYS * 24


class TimeGrid:
    """Counts of rows by slice, day and hour, and of times without seconds."""

    def __init__(self, month: Month) -> None:
        self._start = int(np.datetime64(month.first_day, "us").astype(np.int64))
        self._days = (month.next.first_day - month.first_day).days
        self._counts = np.zeros(SLICES * _HOURS, dtype=np.int64)
        self._outside = self._nulls = 0
        self._whole: dict[str, int] = {}
        self._times: dict[str, int] = {}

    def add(self, events: pa.Array, slices: Integers) -> Places:
        """Take in the event times of a batch, and return where its rows are."""
        micros, nulls = microseconds(events)
        hours = (micros - self._start) // _HOUR
        outside = (hours < 0) | (hours >= 24 * self._days)
        if nulls is not None:
            outside |= nulls
            self._nulls += events.null_count
        hours += 24
        hours[outside] = 0
        self._outside += int(np.count_nonzero(outside))
        self._counts += np.bincount(slices * _HOURS + hours, minlength=SLICES * _HOURS)
        days = hours // 24
        cells = slices * DAYS + days
        rows = np.bincount(cells, minlength=CELLS)
        return Places(slices=slices, days=days, cells=cells, rows=rows, hours=hours)

    def add_minutes(self, name: str, column: pa.Array) -> None:
        """Count the times of a column that know no seconds."""
        micros, nulls = microseconds(column)
        whole = micros % _MINUTE == 0
        if nulls is not None:
            whole &= ~nulls
        self._whole[name] = self._whole.get(name, 0) + int(np.count_nonzero(whole))
        self._times[name] = self._times.get(name, 0) + len(column) - column.null_count

    def result(self, slice_names: dict[int, str]) -> Grid:
        counts = self._counts.reshape(SLICES, DAYS, 24)[:, 1 : self._days + 1]
        return Grid(
            hours=tuple(counts.sum(axis=0).ravel().tolist()),
            outside=self._outside - self._nulls,
            nulls=self._nulls,
            days_of={name: tuple(counts[place].sum(axis=1).tolist()) for place, name in slice_names.items()},
            hours_of={name: tuple(counts[place].sum(axis=0).tolist()) for place, name in slice_names.items()},
            whole_minutes=self._whole,
            times=self._times,
        )


def microseconds(column: pa.Array) -> tuple[Integers, NDArray[np.bool_] | None]:
    """Return times as microseconds since 1970, and where they are null, if anywhere."""
    whole = column.cast(pa.int64())
    if not whole.null_count:
        return whole.to_numpy(), None
    nulls = whole.is_null().to_numpy(zero_copy_only=False)
    return pc.fill_null(whole, 0).to_numpy(zero_copy_only=False), nulls
