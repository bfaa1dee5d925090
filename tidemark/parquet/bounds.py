"""What keeps the memory bounded that a parquet file takes to decode, whatever it holds.

Nothing here decodes a page: the headers of all pages are looked at first, and say what decoding them would take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tidemark.errors import BadFile
from tidemark.parquet.footer import Chunk, Group, read_groups
from tidemark.parquet.pages import (
    DATA_PAGES,
    DELTA_ENCODINGS,
    DICTIONARY_ENCODINGS,
    DICTIONARY_PAGE,
    SELF_CONTAINED_ENCODINGS,
    Page,
    longest_value,
    read_pages,
)
from tidemark.parquet.thrift import Malformed

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

BATCH_ROWS = 65_536
BATCH_BYTES = 32 << 20  # twice what a batch of the TLC's widest files has; staging holds some ten times this at once
MAX_VALUE_BYTES = 1 << 20  # a text of a trip has some ten
MAX_HELD_BYTES = 256 << 20  # a page and a dictionary of each column are held at once: writers make pages of about 1 MB
MAX_FOOTER_BYTES = 2 << 20  # becomes up to two hundred times as much; those of the TLC have 11 kB
MAX_COLUMNS = 2_000
MAX_ROWS = 200_000_000  # ten times the largest month the TLC has published
MAX_DECODED_BYTES = 64 * 1024**3
MAX_EXPANSION = 100  # times the size of the file; the TLC's months become ten times as large
SMALL_BYTES = 256 << 20  # so much is decoded of any file: a month of nulls, or of one value, takes next to nothing
MAX_BATCHES = 200_000  # so that a file that must be read in small pieces ends within the hour
MAX_PAGES = 500_000  # MAX_ROWS of 25 columns in pages of 10,000 rows; so many are looked at in some ten seconds
MAX_DICTIONARY_VALUES = 50_000_000  # likewise
_PAGE_OVERHEAD = 64  # bytes of a page that belong to none of its values


@dataclass(kw_only=True, slots=True)
class _Weight:
    """What one column takes: ``page`` and ``dictionary`` are held at once, and each row has ``width`` bytes at most,
    on average over the rows of any page."""

    name: str
    page: int = 0
    dictionary: int = 0
    width: int = 0

    @property
    def held(self) -> int:
        return self.page + self.dictionary


def rows_at_once(file: BinaryIO, metadata: pyarrow.parquet.FileMetaData, columns: Sequence[str]) -> int:
    """Return how many rows of the named columns may be decoded at once to get ``BATCH_BYTES`` at most.

    Raises ``BadFile``: ``oversized`` when pages are too large, too many, or need too small pieces; ``value-too-large``;
    ``nested-column`` when a row may have any number of values; ``corrupt`` when a header is none.
    """
    weights = _weights(file, metadata, columns)
    if not weights:
        return BATCH_ROWS
    heaviest = max(weights, key=lambda weight: weight.held)
    if sum(weight.held for weight in weights) > MAX_HELD_BYTES:
        raise _oversized(
            f"Column {heaviest.name!r} has pages that take {heaviest.held:,} bytes when decoded, the columns together "
            f"{sum(weight.held for weight in weights):,}; at most {MAX_HELD_BYTES:,} are held at once"
        )
    rows = min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, sum(weight.width for weight in weights))))
    if metadata.num_rows > rows * MAX_BATCHES:
        widest = max(weights, key=lambda weight: weight.width)
        raise _oversized(
            f"Column {widest.name!r} may have {widest.width:,} bytes in each of {metadata.num_rows:,} rows; "
            f"it would have to be read in more than {MAX_BATCHES:,} pieces"
        )
    return rows


def check_claims(metadata: pyarrow.parquet.FileMetaData) -> None:
    """Refuse a file by what its footer says of itself; raises ``BadFile`` (``oversized``, ``corrupt``)."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    decoded = sum(group.total_byte_size for group in groups)
    if not 0 <= metadata.num_rows <= MAX_ROWS or not 0 <= decoded <= MAX_DECODED_BYTES:
        raise _oversized(
            f"The file claims {metadata.num_rows:,} rows and {decoded:,} bytes when decoded; "
            f"at most {MAX_ROWS:,} and {MAX_DECODED_BYTES:,} are read"
        )
    if metadata.num_columns > MAX_COLUMNS:
        raise _oversized(f"The file has {metadata.num_columns:,} columns; at most {MAX_COLUMNS:,} are read")
    held = sum(group.num_rows for group in groups)
    if held != metadata.num_rows or any(group.num_rows < 0 for group in groups):
        raise bad_file(
            "corrupt", f"The parquet file promises {metadata.num_rows:,} rows, and its row groups have {held:,}"
        )


class Decoded:
    """Counts what is decoded of a file of ``size`` bytes, and refuses what would fill the database's disk."""

    def __init__(self, size: int) -> None:
        self._most = min(MAX_DECODED_BYTES, max(SMALL_BYTES, MAX_EXPANSION * size))
        self._size = size
        self._bytes: Counter[str] = Counter()

    def add(self, batch: pyarrow.RecordBatch) -> None:
        """Raise ``BadFile`` (``oversized``) when it is too much with this batch."""
        for name, array in zip(batch.schema.names, batch.columns, strict=True):
            self._bytes[name] += array.nbytes
        if self._bytes.total() > self._most:
            name, _ = self._bytes.most_common(1)[0]
            raise _oversized(
                f"The file of {self._size:,} bytes has more than {self._most:,} bytes when decoded, "
                f"most of them in column {name!r}"
            )


def bad_file(code: str, message: str) -> BadFile:
    other = "one with smaller parts" if code == "oversized" else "a whole file"
    return BadFile(
        f"{message}.",
        remedy=f"Ask the publisher for {other}; the next backfill takes it once the source has other bytes.",
        code=code,
    )


def value_too_large(column: str, size: int) -> BadFile:
    return bad_file(
        "value-too-large", f"Column {column!r} has a value of {size:,} bytes; at most {MAX_VALUE_BYTES:,} are read"
    )


def _oversized(message: str) -> BadFile:
    return bad_file("oversized", message)


def _leaves(metadata: pyarrow.parquet.FileMetaData, columns: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of what pyarrow reads when it is asked for the named columns."""
    for number in range(metadata.num_columns):
        column = metadata.schema.column(number)
        parts = column.path.split(".")
        if any(".".join(parts[: n + 1]) in columns for n in range(len(parts))):
            if column.max_repetition_level:
                raise bad_file("nested-column", f"Column {parts[0]!r} has lists of values in its rows")
            yield number


class _Looked:
    """How much was looked at so far; refuses what would take too long."""

    def __init__(self) -> None:
        self._pages = 0
        self._dictionary_values = 0
        self._bytes = 0

    def at(self, name: str, page: Page) -> None:
        self._pages += 1
        self._bytes += page.size
        if page.kind == DICTIONARY_PAGE:
            self._dictionary_values += page.values
        for count, most, what in (
            (self._pages, MAX_PAGES, "pages"),
            (self._dictionary_values, MAX_DICTIONARY_VALUES, "values in dictionaries"),
            (self._bytes, MAX_DECODED_BYTES, "bytes when decoded"),
        ):
            if count > most:
                raise _oversized(f"The columns up to {name!r} have more than {most:,} {what}")


def _weights(file: BinaryIO, metadata: pyarrow.parquet.FileMetaData, columns: Sequence[str]) -> list[_Weight]:
    groups = _groups(file, metadata.num_columns)
    looked = _Looked()
    weights = []
    for leaf in _leaves(metadata, columns):
        column = metadata.schema.column(leaf)
        text = column.physical_type == "BYTE_ARRAY"
        weight = _Weight(name=column.path, width=0 if text else max(8, column.length or 0))
        _check_value(weight.name, weight.width)
        try:
            for group in groups:
                if group.chunks[leaf].values != group.rows:
                    raise Malformed
                _weigh_chunk(file, group.chunks[leaf], weight, looked, text=text)
        except Malformed:
            raise bad_file("corrupt", f"Column {weight.name!r} has a page that cannot be right") from None
        weights.append(weight)
    return weights


def _groups(file: BinaryIO, columns: int) -> list[Group]:
    try:
        groups = read_groups(file)
        if any(len(group.chunks) != columns for group in groups):
            raise Malformed
    except Malformed:
        raise bad_file("corrupt", "The parquet file has a footer that cannot be right") from None
    return groups


def _weigh_chunk(file: BinaryIO, chunk: Chunk, weight: _Weight, looked: _Looked, *, text: bool) -> None:
    longest: int | None = None
    for page in read_pages(file, chunk):
        looked.at(weight.name, page)
        weight_of_page = page.size + page.stored
        if page.kind == DICTIONARY_PAGE:
            weight.dictionary = max(weight.dictionary, weight_of_page + 16 * page.values)
            if text and weight.dictionary <= MAX_HELD_BYTES:
                longest = max(longest or 0, longest_value(file, page, chunk.codec))
                _check_value(weight.name, longest)
            continue
        unpacked = 4 * page.values if page.encoding in DELTA_ENCODINGS else 0
        weight.page = max(weight.page, weight_of_page + unpacked)
        if text and page.kind in DATA_PAGES:
            weight.width = max(weight.width, 4 + _width(page, longest))


def _width(page: Page, longest: int | None) -> int:
    """How many bytes the values of a page of texts have at most, on average."""
    if page.encoding in DICTIONARY_ENCODINGS and longest is not None:
        return longest
    if page.encoding in SELF_CONTAINED_ENCODINGS:
        return -(-max(0, page.size - _PAGE_OVERHEAD) // max(1, page.values))
    return page.size  # each value may begin with all of the one before


def _check_value(column: str, size: int) -> None:
    if size > MAX_VALUE_BYTES:
        raise value_too_large(column, size)
