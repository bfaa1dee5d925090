"""A raw file of delimited text: its header, and its rows in batches of texts.

The first line that is not blank names the columns. Rows may have more fields than that, as some months of the TLC
have: if they all have them, and these are empty. Everything else that does not fit the header is refused, since a row
that is shifted by one field is wrong in every column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from tidemark.delimited.stream import TextStream
from tidemark.delimited.text import MARK
from tidemark.errors import BadFile
from tidemark.parquet.bounds import BATCH_ROWS, MAX_COLUMNS, MAX_ROWS, MAX_VALUE_BYTES, bad_file, value_too_large

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.csv

BLOCK_BYTES = 4 << 20  # is parsed at once, and no row is longer; about 40,000 rows of the TLC's
HEADER_BYTES = 1 << 20
_FIELDS = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_COLUMN = re.compile(r"In CSV column #(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The names of the columns, without blanks around them, and how many more fields the first row has."""

    names: tuple[str, ...]
    extra: int


class RawDelimited:
    """A raw file that is open; of it only the header and the first row were read. Closes the file when it is left."""

    promised_rows = None  # a text does not say how many rows it has

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow

        self.file = file
        self.size = file.seek(0, 2)
        self.header = _read_header(TextStream(file))
        fields = [pyarrow.field(name, pyarrow.string()) for name in self.header.names]
        self.schema_arrow: pyarrow.Schema = pyarrow.schema(fields, metadata=MARK)

    def __enter__(self) -> RawDelimited:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def batches(self, columns: Sequence[str]) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows of the named columns as texts, ``BATCH_ROWS`` at a time or fewer; empty ones are null.

        Raises ``BadFile``, which names the row or the line; ``OSError`` when the disk does not give the file.
        """
        import pyarrow

        stream = TextStream(self.file)
        header = _read_header(stream)
        places = [header.names.index(name) for name in columns]
        schema = pyarrow.schema([pyarrow.field(name, pyarrow.string()) for name in columns], metadata=MARK)
        rows = 0
        for block in _blocks(stream, header, places):
            _check_extra(header, block, rows)
            _check_sizes(columns, block)
            for first in range(0, block.num_rows, BATCH_ROWS):
                part = block.slice(first, BATCH_ROWS)
                yield pyarrow.RecordBatch.from_arrays(part.columns[: len(columns)], schema=schema)
            rows += block.num_rows
            if rows > MAX_ROWS:
                raise bad_file("oversized", f"The file has more than {MAX_ROWS:,} rows")


def open_delimited(path: Path) -> RawDelimited:
    """Open a raw file of delimited text, packed with gzip or not, looking only at its header and first row.

    Raises ``BadFile`` when it is empty, HTML, cut off, no text, or has no header; ``OSError`` when the disk does not
    give it.
    """
    file = path.open("rb")
    try:
        return RawDelimited(file)
    except BaseException:
        file.close()
        raise


def _read_header(stream: TextStream) -> Header:
    """Read the names, and leave the stream where the rows begin."""
    head = stream.read(HEADER_BYTES)
    while 0 < len(head) < HEADER_BYTES and (piece := stream.read(HEADER_BYTES - len(head))):
        head += piece
    if not head:
        raise bad_file("empty-file", "The source sent a file of 0 bytes")
    if head.lstrip()[:1] == b"<":
        raise bad_file("html", "The source sent a web page (HTML or XML) instead of a file of comma-separated values")
    whole = len(head) < HEADER_BYTES
    names, rows_begin = _record(head, 0, whole=whole)
    if not any(name.strip() for name in names):
        raise bad_file("no-header", "The file has no line with the names of its columns")
    if len(names) > MAX_COLUMNS:
        raise bad_file("oversized", f"The file has {len(names):,} columns; at most {MAX_COLUMNS:,} are read")
    first_row, _ = _record(head, rows_begin, whole=whole)
    stream.push_back(head[rows_begin:])
    return Header(
        names=tuple(name.strip() or f"unnamed_{number}" for number, name in enumerate(names, 1)),
        extra=max(0, len(first_row) - len(names)),
    )


def _record(head: bytes, begin: int, *, whole: bool) -> tuple[list[str], int]:
    """Return the fields of the first record that is not blank from ``begin`` on, and where the next one begins."""
    while head[begin : begin + 1] in (b"\r", b"\n"):
        begin += 1
    quoted = False
    for match in re.compile(rb'["\r\n]').finditer(head, begin):
        if match[0] == b'"':
            quoted = not quoted
        elif not quoted:
            return _fields(head[begin : match.start()]), _after_line(head, match.start())
    if not whole:
        raise bad_file("value-too-large", f"A line at the head of the file has more than {HEADER_BYTES:,} bytes")
    return _fields(head[begin:]), len(head)


def _after_line(head: bytes, end: int) -> int:
    """Return where the line after one begins; of CRLF both belong to its end."""
    return end + (2 if head[end : end + 2] == b"\r\n" else 1)


def _fields(record: bytes) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(record.decode(), newline="")), [])
    except UnicodeDecodeError:
        raise bad_file("bad-value", "The head of the file holds bytes that are no UTF-8 text") from None
    except csv.Error:  # a value of more than 131,072 characters
        raise bad_file("value-too-large", "A value at the head of the file is too long") from None


def _blocks(stream: TextStream, header: Header, places: Sequence[int]) -> Iterator[pyarrow.RecordBatch]:
    """Yield the columns at ``places``, and after them those beyond the header, as the parser gives them."""
    import pyarrow

    reader = _parser(stream, header, places)
    try:
        if reader is not None:
            yield from reader
    except (pyarrow.ArrowException, OSError) as error:
        raise stream.error or _unparsed(error, header) from None
    finally:
        if reader is not None:
            reader.close()


def _parser(stream: TextStream, header: Header, places: Sequence[int]) -> pyarrow.csv.CSVStreamingReader | None:
    """Return pyarrow's parser, with columns named by their place; none where there is no row."""
    import pyarrow
    import pyarrow.csv

    names = [str(place) for place in range(len(header.names) + header.extra)]
    asked = [str(place) for place in places] + names[len(header.names) :]
    try:
        return pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) > 1),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=asked,
                column_types=dict.fromkeys(names, pyarrow.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pyarrow.ArrowException, OSError) as error:
        if stream.error is None and "Empty CSV file" in str(error):
            return None
        raise stream.error or _unparsed(error, header) from None


def _check_extra(header: Header, block: pyarrow.RecordBatch, rows: int) -> None:
    """Refuse values beyond the header's fields: nobody knows which column they belong to, or which were shifted."""
    import pyarrow.compute

    for array in block.columns[block.num_columns - header.extra :] if header.extra else ():
        if array.null_count < len(array):
            row = rows + pyarrow.compute.indices_nonzero(array.is_valid())[0].as_py() + 1
            raise bad_file(
                "shifted-row",
                f"Row {row:,} has a value beyond the {len(header.names):,} fields of the header: its values may be "
                "shifted against their names",
            )


def _check_sizes(columns: Sequence[str], block: pyarrow.RecordBatch) -> None:
    import pyarrow.compute

    for name, array in zip(columns, block.columns, strict=False):  # those beyond the header are empty
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(array)).as_py() or 0
        if longest > MAX_VALUE_BYTES:
            raise value_too_large(name, longest)


def _unparsed(error: Exception, header: Header) -> BadFile:
    text = str(error)
    if fields := _FIELDS.search(text):
        row, expected, got = (int(number) for number in fields.groups())
        return bad_file(
            "wrong-fields",
            f"Row {row:,} has {got:,} fields instead of {expected:,}, which is what the "
            f"{'first row' if header.extra else 'header'} has",
        )
    if "straddling" in text:
        return bad_file("value-too-large", f"A row of the file has more than {BLOCK_BYTES:,} bytes")
    if "UTF8" in text and (column := _COLUMN.search(text)):
        name = (*header.names, *("beyond the header" for _ in range(header.extra)))[int(column[1])]
        return bad_file("bad-value", f"Column {name[:63]!r} holds bytes that are no UTF-8 text")
    return bad_file("corrupt", f"The file of comma-separated values cannot be read: {' '.join(text.split())[:200]}")
