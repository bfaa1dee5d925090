"""Some of a month's rows, evenly over the file, for what is too dear to be asked of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tidemark.profile.bins import Integers

MOST = 1 << 15  # rows that are kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows of a month: their columns, their days from 1 (0 is outside of the month) and the hours of these."""

    columns: dict[str, pa.Array]
    days: Integers
    hours: Integers

    def __len__(self) -> int:
        return len(self.days)


class Sample:
    """Every row of a month with at most ``MOST`` of them, else every second, every fourth, and so on.

    Which rows these are follows from their place in the file, so it does not matter how it is cut into batches.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._stride = 1
        self._kept: list[tuple[Integers, pa.RecordBatch, Integers]] = []

    def add(self, batch: pa.RecordBatch, hours: Integers) -> None:
        """Take in a batch; ``hours``: of each row, counted from a day before the month."""
        chosen = np.arange(-self._seen % self._stride, batch.num_rows, self._stride)
        kept = batch if self._stride == 1 else batch.take(pa.array(chosen))
        self._kept.append((chosen + self._seen, kept, hours[chosen]))
        self._seen += batch.num_rows
        while sum(len(places) for places, _, _ in self._kept) > MOST:
            self._stride *= 2
            self._kept = [self._thinned(*each) for each in self._kept]

    def _thinned(
        self, places: Integers, batch: pa.RecordBatch, hours: Integers
    ) -> tuple[Integers, pa.RecordBatch, Integers]:
        chosen = np.flatnonzero(places % self._stride == 0)
        return places[chosen], batch.take(pa.array(chosen)), hours[chosen]

    def rows(self) -> Rows | None:
        if not self._seen:
            return None
        table = pa.Table.from_batches([batch for _, batch, _ in self._kept]).combine_chunks()
        hours = np.concatenate([hours for _, _, hours in self._kept])
        columns = {name: pa.concat_arrays(table[name].chunks) for name in table.column_names}
        return Rows(columns=columns, days=hours // 24, hours=hours % 24)
