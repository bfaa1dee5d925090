"""Reading a raw file in batches, within bounds that hold whatever the source sent: parquet, or delimited text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from tidemark.delimited.reader import RawDelimited, open_delimited
from tidemark.errors import BadFile, Failed
from tidemark.parquet.bounds import (
    BATCH_BYTES,
    BATCH_ROWS,
    MAX_FOOTER_BYTES,
    MAX_VALUE_BYTES,
    Decoded,
    bad_file,
    check_claims,
    rows_at_once,
    value_too_large,
)

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "RawParquet", "RawTable", "open_parquet", "open_raw", "read_batches"]

BUFFER_BYTES = 1 << 20  # with pyarrow's own buffering, memory grows with the size of a row group


class RawParquet:
    """A raw file that is open; of it only the footer was read so far. Closes the file when it is left."""

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow.parquet

        self.file = file
        self.size = file.seek(0, 2)
        self.parquet = pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
        self.metadata: pyarrow.parquet.FileMetaData = self.parquet.metadata
        self.schema_arrow: pyarrow.Schema = self.parquet.schema_arrow

    @property
    def promised_rows(self) -> int:
        rows: int = self.metadata.num_rows
        return rows

    def __enter__(self) -> RawParquet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.parquet.close()
        self.file.close()


RawTable = RawParquet | RawDelimited


def open_raw(path: Path) -> RawTable:
    """Open a raw file for what it is: parquet by its first bytes or its name, else delimited text.

    Both have a ``schema_arrow``, and ``promised_rows``, which is none where the file does not say.
    Raises ``BadFile`` when nothing can be read of it, ``Failed`` when the disk does not give it.
    """
    import pyarrow

    try:
        with path.open("rb") as file:
            parquet = path.suffix == ".parquet" or file.read(4) == b"PAR1"
        return open_parquet(path) if parquet else open_delimited(path)
    except (pyarrow.ArrowException, OSError, MemoryError) as error:
        raise _unreadable(error) from None


def open_parquet(path: Path) -> RawParquet:
    """Open a raw file, looking only at its head and its footer.

    Raises ``BadFile`` when it is empty, HTML, not parquet, has no footer, or claims more columns, rows or bytes than
    any month can have; ``Failed`` when the disk does not give it.
    """
    import pyarrow

    with ExitStack() as unless_sound:
        try:
            file = unless_sound.enter_context(path.open("rb"))
            _check_ends(file)
            raw = RawParquet(file)
            _ = raw.schema_arrow.names  # read only now: types that do not exist, names that are no text
            check_claims(raw.metadata)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
            raise _unreadable(error) from None
        unless_sound.pop_all()
    return raw


def read_batches(raw: RawTable, columns: Sequence[str]) -> Iterator[pyarrow.RecordBatch]:
    """Yield the rows of the named columns, ``BATCH_ROWS`` and ``BATCH_BYTES`` at a time or fewer; one row at least,
    none of whose values has more than ``MAX_VALUE_BYTES``.

    Raises ``BadFile`` when a part of the file is corrupt, would take too much to decode, or the file holds other than
    the rows that it promises; ``Failed`` when the disk does not give it.
    """
    import pyarrow

    try:
        if isinstance(raw, RawDelimited):
            for batch in raw.batches(columns):
                yield from _cut(batch)
        else:
            yield from _parquet_batches(raw, columns)
    except (pyarrow.ArrowException, OSError, MemoryError) as error:
        raise _unreadable(error) from None


def _parquet_batches(raw: RawParquet, columns: Sequence[str]) -> Iterator[pyarrow.RecordBatch]:
    rows = 0
    decoded_so_far = Decoded(raw.size)
    at_once = rows_at_once(raw.file, raw.metadata, columns)
    for batch in raw.parquet.iter_batches(batch_size=at_once, columns=list(columns), use_threads=False):
        decoded = _decoded(batch)
        _check_values(decoded)
        rows += decoded.num_rows
        decoded_so_far.add(decoded)
        yield from _cut(decoded)
    if rows != raw.metadata.num_rows:
        raise bad_file("corrupt", f"The parquet file promises {raw.metadata.num_rows:,} rows and holds {rows:,}")


def _check_ends(file: BinaryIO) -> None:
    head = file.read(512)
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    if size == 0:
        raise bad_file("empty-file", "The source sent a file of 0 bytes")
    if head.lstrip()[:1] == b"<":
        raise bad_file("html", "The source sent a web page (HTML or XML) instead of a parquet file")
    if head[:4] != b"PAR1":
        raise bad_file("not-parquet", "The source sent a file that is not parquet")
    if tail[-4:] != b"PAR1":
        raise bad_file("no-footer", "The source sent a parquet file without its footer: it was cut off")
    footer = int.from_bytes(tail[:4], "little")
    if MAX_FOOTER_BYTES < footer < size:
        raise bad_file("oversized", f"The file has a footer of {footer:,} bytes; at most {MAX_FOOTER_BYTES:,} are read")


def _decoded(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """Return the batch with texts written out, so that its size is that of its values."""
    import pyarrow
    import pyarrow.types as types

    if not any(types.is_dictionary(kind) or types.is_string_view(kind) for kind in batch.schema.types):
        return batch
    arrays = []
    for array in batch.columns:
        if types.is_dictionary(array.type):
            array = array.dictionary_decode()
        arrays.append(array.cast(pyarrow.string()) if types.is_string_view(array.type) else array)
    return pyarrow.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _check_values(batch: pyarrow.RecordBatch) -> None:
    import pyarrow.compute
    import pyarrow.types as types

    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if types.is_string(array.type) or types.is_large_string(array.type):
            longest = pyarrow.compute.max(pyarrow.compute.binary_length(array)).as_py() or 0
            if longest > MAX_VALUE_BYTES:
                raise value_too_large(name, longest)


def _cut(batch: pyarrow.RecordBatch) -> Iterator[pyarrow.RecordBatch]:
    """Yield a batch in parts of at most ``BATCH_BYTES``: a page may have its large values side by side."""
    if batch.nbytes <= BATCH_BYTES or batch.num_rows <= 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _cut(batch.slice(0, half))
    yield from _cut(batch.slice(half))


def _unreadable(error: Exception) -> BadFile | Failed:
    if isinstance(error, MemoryError):  # pyarrow's own is one of its errors about files, too
        return Failed(
            "The memory does not suffice to read the raw file.",
            remedy="Give the process more memory, or load fewer months at once (TIDEMARK_WAREHOUSE_LIMIT).",
            code="out-of-memory",
        )
    if isinstance(error, OSError) and error.errno is not None:  # pyarrow's own, about the content, have none
        return Failed(
            f"The raw file cannot be read: {error.strerror}.",
            remedy="Check the disk of the lake (TIDEMARK_LAKE), then run this again.",
            code="lake-unreadable",
        )
    return bad_file("corrupt", f"The parquet file cannot be decoded: {' '.join(str(error).split())[:200]}")
