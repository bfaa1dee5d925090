"""Staged months for tests: from a file, or generated."""

from __future__ import annotations

import threading
from pathlib import Path

from tidemark.datasets.base import Dataset
from tidemark.fetch import RawFile
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.stage import Staged, stage
from tidemark.warehouse import ensure_tables

REAL_FILES = Path(__file__).parents[2] / "shared" / "tlc"


def raw_file(dataset: Dataset, month: Month, path: Path) -> RawFile:
    """A file as it would lie in the lake."""
    return RawFile(
        partition=dataset.partition(month),
        path=path,
        size=path.stat().st_size,
        sha256="0" * 64,
        url=path.as_uri(),
        etag=None,
        last_modified=None,
        downloaded=True,
    )


def stage_file(connection: Connection, dataset: Dataset, month: Month, path: Path, *, load_id: int = 1) -> Staged:
    """Stage a file as the month of a dataset, whatever it holds; diverted rows are spooled beside the file."""
    ensure_tables(connection, dataset)
    raw = raw_file(dataset, month, path)
    return stage(connection, dataset, raw, load_id, temporary=path.parent, stop=threading.Event())


def stage_generated(
    connection: Connection, dataset: Dataset, month: Month, folder: Path, *, rows: int = 2000, load_id: int = 1
) -> Staged:
    """Stage a generated month of one of the datasets that come with Tidemark."""
    from demo.generate import write_month

    path = write_month(folder, dataset.name, month, rows=rows)
    return stage_file(connection, dataset, month, path, load_id=load_id)
