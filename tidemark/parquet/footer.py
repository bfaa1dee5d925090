"""The footer of a parquet file, as far as it says where the pages lie.

pyarrow tells it too, but ends the whole process when a chunk's statistics contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from tidemark.parquet.thrift import BINARY, I32, I64, STRUCT, Malformed, Struct, read_struct

_OLD_WRITERS_SLACK = 100  # bytes that pyarrow reads behind a chunk, as some old writers counted wrongly
_LISTS = {
    (2,): STRUCT,  # the schema
    (4,): STRUCT,  # row groups
    (5,): STRUCT,
    (7,): STRUCT,
    (4, 1): STRUCT,  # column chunks
    (4, 4): STRUCT,
    (4, 1, 3, 2): I32,
    (4, 1, 3, 3): BINARY,
    (4, 1, 3, 8): STRUCT,
    (4, 1, 3, 13): STRUCT,
    (4, 1, 3, 16, 2): I64,
    (4, 1, 3, 16, 3): I64,
    (4, 1, 3, 17, 2): I32,
    (4, 1, 8, 2, 1): BINARY,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """The pages of one column in one row group: ``values`` of them in the bytes from ``start`` to ``end``.

    ``codec`` is the number that parquet gives it.
    """

    values: int
    codec: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A row group, with one chunk for each column of the file, also for those that are nested."""

    rows: int
    chunks: tuple[Chunk, ...]


def read_groups(file: BinaryIO) -> list[Group]:
    """Return the row groups of an open file; raises ``Malformed`` where the footer is none."""
    size = file.seek(-8, 2) + 8
    length = int.from_bytes(file.read(4), "little")
    file.seek(-8 - length, 2)
    try:
        footer, _ = read_struct(file.read(length), lists=_LISTS)
    except IndexError:
        raise Malformed from None
    return [
        Group(rows=group.integer(3, I64), chunks=tuple(_chunk(column.struct(3), size) for column in group.structs(1)))
        for group in footer.structs(4)
    ]


def _chunk(described: Struct, file_size: int) -> Chunk:
    start = described.integer(9, I64)
    dictionary = described.optional(11, I64)
    if dictionary is not None and 0 < dictionary < start:
        start = dictionary
    size = described.integer(7, I64)
    if start < 0 or size < 0 or start + size > file_size:
        raise Malformed
    return Chunk(
        values=described.integer(5, I64),
        codec=described.integer(4, I32),
        start=start,
        end=start + size + _OLD_WRITERS_SLACK,
    )
