"""Whether a dataset fits the files of its source: its first months, read as a load reads them, and not loaded."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidemark.contract import bind, normalise
from tidemark.datasets.base import Dataset
from tidemark.datasets.sample import count_in
from tidemark.errors import BadFile, Failed, NotAtSource
from tidemark.fetch import Limits, fetch
from tidemark.lake import Lake
from tidemark.months import Month
from tidemark.read import open_raw, read_batches
from tidemark.settings import DATASETS, SOURCE, Settings
from tidemark.source import Location, locate
from tidemark.transform import transform

if TYPE_CHECKING:
    import pyarrow

MONTHS = 3  # of which the files are read
MOST_ELSEWHERE = 0.5  # with fewer rows in its month the event column is not the one that says when


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One thing that was looked at: ``level`` is ``ok``, ``note`` or ``bad``; ``remedy`` mends what is bad."""

    what: str
    level: str
    found: str
    remedy: str = ""


@dataclass(kw_only=True)
class _Tally:
    rows: int = 0
    diverted: int = 0
    in_month: int = 0


def check_files(dataset: Dataset, settings: Settings) -> Iterator[Remark]:
    """Read the first ``MONTHS`` files of the source from the dataset's first month on, and say what fits and what not.

    Nothing is stored, and no database is needed. Raises ``UsageError`` when the source cannot be used.
    """
    month, seen = dataset.first_month, 0
    for _ in range(MONTHS):
        try:
            yield from _check_month(dataset, month, settings)
            seen += 1
        except NotAtSource:
            shown = locate(dataset, month, settings.source).shown
            yield Remark(what=str(month), level="note", found=f"the source does not have {shown}")
        except Failed as error:
            yield Remark(what=str(month), level="bad", found=error.message, remedy=error.remedy)
        month = month.next
    if not seen:
        yield Remark(
            what="source",
            level="bad",
            found=f"no file of the first {MONTHS} months could be read",
            remedy=f"Mend home, address and first_month in the module, or {SOURCE}.",
        )


def _check_month(dataset: Dataset, month: Month, settings: Settings) -> Iterator[Remark]:
    try:
        with _file(dataset, month, settings) as path:
            yield from _check_file(dataset, month, path)
    except BadFile as error:
        remedy = f"If the file is right, mend the columns in the dataset's module, in the folder that {DATASETS} names."
        yield Remark(what=str(month), level="bad", found=error.message, remedy=remedy)


@contextmanager
def _file(dataset: Dataset, month: Month, settings: Settings) -> Iterator[Path]:
    """Give the month's file: the one in a folder as it is, one of the network in a folder of its own."""
    location = locate(dataset, month, settings.source)
    if location.path is not None:
        if not location.path.is_file():
            raise NotAtSource(f"{location.shown} does not exist.")
        yield location.path
        return
    with tempfile.TemporaryDirectory(prefix="tidemark-") as folder:
        yield _fetched(dataset, month, location, Path(folder), settings)


def _fetched(dataset: Dataset, month: Month, location: Location, folder: Path, settings: Settings) -> Path:
    limits = Limits(seconds=settings.fetch_seconds, bytes=settings.fetch_bytes)
    return fetch(
        dataset.partition(month), location, Lake(folder), limits, seen=None, stop=threading.Event()
    ).path  # fmt: skip


def _check_file(dataset: Dataset, month: Month, path: Path) -> Iterator[Remark]:
    with open_raw(path) as file:
        binding = bind(dataset, month, file.schema_arrow)
        tally = _Tally()
        for batch in read_batches(file, tuple(binding.fields.values())):
            _count(dataset, month, normalise(binding, batch), tally)
    columns = f"{len(binding.fields)} of {len(dataset.columns)} columns are in {path.name}"
    yield Remark(what=str(month), level="ok", found=f"{columns}; all values of its {tally.rows:,} rows fit")
    if binding.unknown:
        found = f"unknown columns, to {dataset.unknown_columns}: {', '.join(binding.unknown)}"
        yield Remark(what=str(month), level="note", found=found)
    if tally.diverted:
        yield Remark(what=str(month), level="note", found=f"the row rules divert {tally.diverted:,} rows")
    yield from _check_events(dataset, month, tally)


def _count(dataset: Dataset, month: Month, rows: pyarrow.RecordBatch, tally: _Tally) -> None:
    outcome = transform(dataset.row_rules, rows, rows.schema.names, first_row=tally.rows + 1)
    tally.rows += rows.num_rows
    tally.diverted += len(outcome.diverted)
    tally.in_month += count_in(outcome.kept.column(dataset.event_column), month)


def _check_events(dataset: Dataset, month: Month, tally: _Tally) -> Iterator[Remark]:
    kept = tally.rows - tally.diverted
    if not kept:
        remedy = "Ask the publisher for a whole file, or mend the row rules."
        yield Remark(what=str(month), level="bad", found="no row is left to publish", remedy=remedy)
        return
    share = tally.in_month / kept
    found = f"{share:.1%} of the rows have {dataset.event_column} in their month"
    if share < MOST_ELSEWHERE:
        remedy = "Name another event_column in the module, or mend address: this may be another month's file."
        yield Remark(what=str(month), level="bad", found=found, remedy=remedy)
    else:
        yield Remark(what=str(month), level="ok", found=found)
