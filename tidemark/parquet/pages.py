"""The pages of a parquet file, as their own headers describe them, before any of them is decoded.

The footer can say anything about sizes; a decoder believes the headers, so these are what counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tidemark.parquet.footer import Chunk
from tidemark.parquet.thrift import I32, Malformed, Struct, read_struct

DATA_PAGES = (0, 3)  # of version 1 and 2
DICTIONARY_PAGE = 2
DICTIONARY_ENCODINGS = (2, 8)
SELF_CONTAINED_ENCODINGS = (0, 6)  # plain, and lengths followed by the values
DELTA_ENCODINGS = (5, 6, 7)  # their lengths or differences are unpacked, four bytes each

_HEADER_BYTES = 256  # most are shorter; those with statistics of texts are read again, with more
_LONGEST_HEADER = 1 << 20
_COUNTS_IN = {0: (5, 2), 2: (7, 2), 3: (8, 4)}  # type of page: where its counts are, and in them its encoding
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a page's header says: ``stored`` bytes from ``start`` on, which become ``size`` bytes of ``values``."""

    kind: int
    encoding: int
    values: int
    size: int
    stored: int
    start: int


def read_pages(file: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """Yield the pages of a column chunk as a decoder will come upon them.

    Raises ``Malformed`` where a header is none or its page does not lie in the chunk.
    """
    position, seen = chunk.start, 0
    while seen < chunk.values:
        page = _read_page(file, position)
        position = page.start + page.stored
        if min(page.size, page.stored, page.values) < 0 or position > chunk.end:
            raise Malformed
        yield page
        if page.kind in DATA_PAGES:
            seen += page.values
    if seen != chunk.values:
        raise Malformed


def longest_value(file: BinaryIO, page: Page, codec: int) -> int:
    """Return how long the longest value of a dictionary of texts is; as long as the page, if that cannot be told.

    Raises ``Malformed`` where it is no such dictionary.
    """
    import pyarrow

    if codec and codec not in _CODECS:
        return page.size
    file.seek(page.start)
    data = file.read(page.stored)
    try:
        if codec:
            data = pyarrow.Codec(_CODECS[codec]).decompress(data, page.size, asbytes=True)
        return _longest(data, page.values)
    except (pyarrow.ArrowException, OSError, struct.error) as error:
        if isinstance(error, MemoryError):
            raise
        raise Malformed from None


def _longest(data: bytes, values: int) -> int:
    longest = position = 0
    length_at = struct.Struct("<I").unpack_from
    for _ in range(values):
        (length,) = length_at(data, position)
        position += 4 + length
        if length > longest:
            longest = length
    return longest


def _read_page(file: BinaryIO, position: int) -> Page:
    window = _HEADER_BYTES
    while True:
        file.seek(position)
        data = file.read(window)
        try:
            header, length = read_struct(data, lists={})
            return _page(header, position + length)
        except IndexError:
            if len(data) < window or window >= _LONGEST_HEADER:
                raise Malformed from None
            window *= 16


def _page(header: Struct, start: int) -> Page:
    kind = header.integer(1, I32)
    where, encoding = _COUNTS_IN.get(kind, (0, 0))
    counts = header.struct(where) if where else None
    return Page(
        kind=kind,
        encoding=counts.integer(encoding, I32) if counts else -1,
        values=counts.integer(1, I32) if counts else 0,
        size=header.integer(2, I32),
        stored=header.integer(3, I32),
        start=start,
    )
