"""Where the evidence of a load lies: one page that a browser shows without a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tidemark.partition import Partition


def page_path(home: Path, partition: Partition, load_id: int) -> Path:
    """Return where the page of a load is, or would be."""
    return home / "evidence" / partition.dataset / f"{partition.month}-load{load_id}.html"


def written_pages(home: Path, partition: Partition, loads: Iterable[int]) -> Mapping[int, Path]:
    """Return the pages that are there, by load."""
    paths = {load_id: page_path(home, partition, load_id) for load_id in loads}
    return {load_id: path for load_id, path in paths.items() if path.exists()}
