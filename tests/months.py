"""Staged months for tests: from a file, or generated."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields
from pathlib import Path

from checks.gate import audit
from tidemark.datasets.base import Dataset
from tidemark.fetch import RawFile
from tidemark.history import History
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.settings import Secret
from tidemark.stage import Staged, stage
from tidemark.verdict import Verdict
from tidemark.warehouse import ensure_tables

REAL_FILES = Path(__file__).parents[2] / "shared" / "tlc"


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFile(Staged):
    """What was staged, with the file that it was read from."""

    raw: Path


def audit_file(url: Secret, dataset: Dataset, staged: StagedFile, history: History = History()) -> Verdict:  # noqa: B008 - frozen
    """Audit what was staged as a load does, with its file."""
    return audit(url, dataset, staged, raw=staged.raw, history=history)


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


def stage_file(connection: Connection, dataset: Dataset, month: Month, path: Path, *, load_id: int = 1) -> StagedFile:
    """Stage a file as the month of a dataset, whatever it holds; diverted rows are spooled beside the file."""
    ensure_tables(connection, dataset)
    raw = raw_file(dataset, month, path)
    staged = stage(connection, dataset, raw, load_id, temporary=path.parent, stop=threading.Event())
    return StagedFile(raw=path, **{field.name: getattr(staged, field.name) for field in fields(staged)})


def stage_generated(
    connection: Connection, dataset: Dataset, month: Month, folder: Path, *, rows: int = 2000, load_id: int = 1
) -> StagedFile:
    """Stage a generated month of one of the datasets that come with Tidemark."""
    from demo.generate import write_month

    path = write_month(folder, dataset.name, month, rows=rows)
    return stage_file(connection, dataset, month, path, load_id=load_id)
