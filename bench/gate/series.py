"""Months in a row that are clean: generated ones of every dataset, and the real ones that lie beside the project."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.gate import seasons
from bench.gate.sheet import Sheet
from bench.worker import PROJECT
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN, find_dataset
from tidemark.months import Month

REAL_FILES = PROJECT.parent / "shared" / "tlc"
HISTORY = 24  # months that a generated one is compared with
SEEDS = (0, 1, 2)
_BY_NAME = {dataset.name: dataset for dataset in BUILT_IN}


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The months of a dataset, the oldest first; ``seed``: of generated ones, none for real ones."""

    dataset: Dataset
    seed: int | None
    months: tuple[Month, ...]

    @property
    def name(self) -> str:
        return f"{self.dataset.name}-{'real' if self.seed is None else self.seed}"

    def before(self, month: Month) -> tuple[Month, ...]:
        """Return the months that one is compared with."""
        return tuple(past for past in self.months if past < month)[-HISTORY:]

    def table(self, month: Month) -> pa.Table:
        if self.seed is None:
            return pq.read_table(_real(self.dataset, month))
        return seasons.clean_month(self.dataset, month, self.seed).table

    def sheet(self, month: Month, salt: str = "") -> Sheet:
        """Return a month to be corrupted; the same salt makes the same random choices."""

        def earlier(months: int) -> pa.Table:
            past = _back(month, months)
            older = tuple(each for each in self.months if each < month)
            return self.table(past if past in older else older[-1])

        seed = zlib.crc32(f"{self.name} {month} {salt}".encode())
        return Sheet.of(self.dataset, month, self.table(month), rng=np.random.default_rng(seed), earlier=earlier)


def generated(dataset: str, seed: int) -> Series:
    return Series(dataset=find_dataset(dataset, _BY_NAME), seed=seed, months=seasons.MONTHS)


def real() -> Series | None:
    """Return the real months of green, if they are there."""
    green = _BY_NAME["green"]
    months = sorted(
        Month.parse(path.stem.removeprefix("green_tripdata_"))
        for path in REAL_FILES.glob("green_tripdata_????-??.parquet")
    )
    return Series(dataset=green, seed=None, months=tuple(months)) if months else None


def series_named(name: str) -> Series:
    dataset, _, seed = name.partition("-")
    found = real() if seed == "real" else generated(dataset, int(seed))
    if found is None:
        raise FileNotFoundError(REAL_FILES)
    return found


def _real(dataset: Dataset, month: Month) -> Path:
    return REAL_FILES / dataset.file_name(month)


def _back(month: Month, months: int) -> Month:
    number = month.year * 12 + month.number - 1 - months
    return Month(number // 12, number % 12 + 1)
