"""Reading a raw parquet file in batches, within bounds that hold whatever the source sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidemark.errors import BadFile, Failed

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

BATCH_ROWS = 65_536
MAX_ROWS = 200_000_000  # ten times the largest month the TLC has published
MAX_DECODED_BYTES = 64 * 1024**3
BUFFER_BYTES = 1 << 20  # with pyarrow's own buffering, memory grows with the size of a row group


def open_parquet(path: Path) -> pyarrow.parquet.ParquetFile:
    """Open a raw file, looking only at its head and its footer.

    Raises ``BadFile`` when it is empty, HTML, not parquet, has no footer, or claims more rows or bytes than
    any month can have; ``Failed`` when the disk does not give it.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        _check_magic(path)
        file = pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES)
        _ = file.schema_arrow.names  # read only now: types that do not exist, names that are no text
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None
    _check_bounds(file)
    return file


def read_batches(file: pyarrow.parquet.ParquetFile, columns: Sequence[str]) -> Iterator[pyarrow.RecordBatch]:
    """Yield the rows of the named columns, ``BATCH_ROWS`` at a time.

    Raises ``BadFile`` when a page of the file is corrupt or the file holds other than the rows that its footer
    promises; ``Failed`` when the disk does not give it.
    """
    import pyarrow

    rows = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(columns), use_threads=False):
            rows += batch.num_rows
            yield batch
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(error) from None
    if rows != file.metadata.num_rows:
        raise _bad("corrupt", f"The parquet file promises {file.metadata.num_rows:,} rows and holds {rows:,}")


def _check_magic(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if size == 0:
        raise _bad("empty-file", "The source sent a file of 0 bytes")
    if head.lstrip()[:1] == b"<":
        raise _bad("html", "The source sent a web page (HTML or XML) instead of a parquet file")
    if head[:4] != b"PAR1":
        raise _bad("not-parquet", "The source sent a file that is not parquet")
    if tail != b"PAR1":
        raise _bad("no-footer", "The source sent a parquet file without its footer: it was cut off")


def _check_bounds(file: pyarrow.parquet.ParquetFile) -> None:
    metadata = file.metadata
    decoded = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if not 0 <= metadata.num_rows <= MAX_ROWS or not 0 <= decoded <= MAX_DECODED_BYTES:
        raise _bad(
            "oversized",
            f"The file claims {metadata.num_rows:,} rows and {decoded:,} bytes when decoded; "
            f"at most {MAX_ROWS:,} and {MAX_DECODED_BYTES:,} are read",
        )


def _unreadable(error: Exception) -> BadFile | Failed:
    if isinstance(error, OSError) and error.errno is not None:  # pyarrow's own, about the content, have none
        return Failed(
            f"The raw file cannot be read: {error.strerror}.",
            remedy="Check the disk of the lake (TIDEMARK_LAKE), then run this again.",
            code="lake-unreadable",
        )
    return _bad("corrupt", f"The parquet file cannot be decoded: {' '.join(str(error).split())[:200]}")


def _bad(code: str, message: str) -> BadFile:
    return BadFile(
        f"{message}.",
        remedy="Ask the publisher for a whole file; the next backfill takes it once the source has other bytes.",
        code=code,
    )
