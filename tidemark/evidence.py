"""Where the evidence of a load lies: one page that a browser shows without a network."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tidemark.partition import Partition

DAY_S = 86_400

logger = logging.getLogger(__name__)


def page_path(home: Path, partition: Partition, load_id: int) -> Path:
    """Return where the page of a load is, or would be."""
    return home / "evidence" / partition.dataset / f"{partition.month}-load{load_id}.html"


def written_pages(home: Path, partition: Partition, loads: Iterable[int]) -> Mapping[int, Path]:
    """Return the pages that are there, by load."""
    paths = {load_id: page_path(home, partition, load_id) for load_id in loads}
    return {load_id: path for load_id, path in paths.items() if path.exists()}


def sweep_pages(home: Path, *, days: int) -> None:
    """Remove the pages, and what was left of unfinished ones, that are older than this."""
    before = time.time() - days * DAY_S
    for path in (home / "evidence").glob("*/*-load*"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
        except OSError as error:  # another run has removed it, or it is not ours to remove
            logger.warning("%s is left for a later sweep: %s", path.name, error.strerror)
