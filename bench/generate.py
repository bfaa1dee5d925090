"""Generated months, as a worker of its own, because making a large one takes gigabytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.answering import answer
from tidemark.months import Month, months_between

PIECE_ROWS = 1_400_000


def write(folder: str, dataset: str, first: str, last: str, rows: int, seed: int) -> Mapping[str, Any]:
    """Write months of so many rows each, every one in one row group, as the TLC writes them; returns their paths."""
    months = months_between(Month.parse(first), Month.parse(last))
    paths = [_write(Path(folder), dataset, month, rows, seed + number) for number, month in enumerate(months)]
    return {"paths": [str(path) for path in paths]}


def _write(folder: Path, dataset: str, month: Month, rows: int, seed: int) -> Path:
    import pyarrow.parquet

    from demo.generate import write_month

    folder.mkdir(parents=True, exist_ok=True)
    if rows > PIECE_ROWS:
        path = _write_in_pieces(folder, dataset, month, rows, seed)
    else:
        path = write_month(folder, dataset, month, rows=rows, seed=seed)
    metadata = pyarrow.parquet.read_metadata(path)
    if (metadata.num_rows, metadata.num_row_groups) != (rows, 1):
        raise RuntimeError(f"{path.name} has {metadata.num_rows} rows in {metadata.num_row_groups} row groups")
    return path


def _write_in_pieces(folder: Path, dataset: str, month: Month, rows: int, seed: int) -> Path:
    """Put a large month together from smaller ones: to make rows takes far more memory than to hold them."""
    import pyarrow
    import pyarrow.parquet

    from demo.generate import write_month

    pieces = []
    for begin in range(0, rows, PIECE_ROWS):
        path = write_month(folder, dataset, month, rows=min(rows - begin, PIECE_ROWS), seed=seed + begin)
        pieces.append(pyarrow.parquet.read_table(path))
    pyarrow.parquet.write_table(pyarrow.concat_tables(pieces), path, row_group_size=rows, compression="zstd")
    return path


if __name__ == "__main__":
    answer({"write": write}, ())
