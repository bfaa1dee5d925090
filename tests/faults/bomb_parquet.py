"""A parquet file written by hand, so that its headers and its footer can say what no writer would."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

INT32, INT64, DOUBLE, BYTE_ARRAY, FIXED = 1, 2, 5, 6, 7
PLAIN, PLAIN_DICTIONARY, RLE, DELTA_LENGTH, DELTA_BYTE_ARRAY, RLE_DICTIONARY = 0, 2, 3, 6, 7, 8
UNCOMPRESSED, ZSTD = 0, 6
FALSE, I32, I64, BINARY, LIST, STRUCT = 2, 5, 6, 8, 9, 12

Value = Any  # an int, bytes, the fields of a struct, or the type of a list's items and they
Field = tuple[int, int, Value]  # number, type, value
TIMESTAMP: Value = [(8, STRUCT, [(1, FALSE, b""), (2, STRUCT, [(2, STRUCT, [])])])]  # in microseconds, of no zone


def encode(fields: Sequence[Field]) -> bytes:
    """A struct in Thrift's compact protocol."""
    written = bytearray()
    for number, kind, value in fields:
        written += bytes([kind]) + varint(number << 1) + _encoded(kind, value)
    return bytes(written) + b"\0"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page as it lies in the file; ``claims``: the bytes that its header says it has when decompressed."""

    body: bytes
    values: int
    claims: int
    encoding: int = PLAIN
    dictionary: bool = False
    copies: int = 1

    def written(self) -> bytes:
        counts: list[Field] = [(1, I32, self.values), (2, I32, self.encoding)]
        if not self.dictionary:
            counts += [(3, I32, RLE), (4, I32, RLE)]
        head = [
            (1, I32, 2 if self.dictionary else 0),
            (2, I32, self.claims),
            (3, I32, len(self.body)),
            (7 if self.dictionary else 5, STRUCT, counts),
        ]
        return (encode(head) + self.body) * self.copies


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One column of one row group."""

    name: str
    kind: int
    pages: Sequence[Page]
    codec: int = ZSTD
    text: bool = False
    timestamp: bool = False
    width: int = 0

    @property
    def values(self) -> int:
        return sum(page.values * page.copies for page in self.pages if not page.dictionary)

    def schema(self) -> list[Field]:
        element: list[Field] = [(1, I32, self.kind)]
        element += [(2, I32, self.width)] if self.width else []
        element += [(3, I32, 0), (4, BINARY, self.name.encode())]  # required: a page has no levels then
        element += [(6, I32, 0)] if self.text else []
        return [*element, (10, STRUCT, TIMESTAMP)] if self.timestamp else element


@dataclass(kw_only=True)
class File:
    """A file of one row group unless ``groups`` says how often the footer names it."""

    chunks: Sequence[Chunk]
    groups: int = 1
    rows: int | None = None
    body: bytearray = field(default_factory=lambda: bytearray(b"PAR1"))

    def written(self) -> bytes:
        rows = self.chunks[0].values if self.rows is None else self.rows
        columns = [self._placed(chunk) for chunk in self.chunks]
        size = 1000  # which is a lie, and a small one
        group: list[Field] = [(1, LIST, (STRUCT, columns)), (2, I64, size), (3, I64, rows)]
        root: list[Field] = [(4, BINARY, b"schema"), (5, I32, len(self.chunks))]
        return bytes(self.body) + footer(
            [root, *(chunk.schema() for chunk in self.chunks)], [encode(group)] * self.groups, rows * self.groups
        )

    def _placed(self, chunk: Chunk) -> list[Field]:
        start = len(self.body)
        places: list[Field] = []
        for page in chunk.pages:
            places.append((11 if page.dictionary else 9, I64, len(self.body)))
            self.body += page.written()
        first = {number: place for number, _, place in reversed(places)}
        meta: list[Field] = [
            (1, I32, chunk.kind),
            (2, LIST, (I32, [PLAIN])),
            (3, LIST, (BINARY, [chunk.name.encode()])),
            (4, I32, chunk.codec),
            (5, I64, chunk.values),
            (6, I64, 1000),
            (7, I64, len(self.body) - start),
            *((number, I64, place) for number, place in sorted(first.items())),
        ]
        return [(2, I64, start), (3, STRUCT, meta)]


def footer(schema: Sequence[Value], groups: Sequence[Value], rows: int) -> bytes:
    """The end of a file, from its metadata on; structs may be encoded already."""
    metadata = encode([(1, I32, 1), (2, LIST, (STRUCT, schema)), (3, I64, rows), (4, LIST, (STRUCT, groups))])
    return metadata + struct.pack("<I", len(metadata)) + b"PAR1"


def _encoded(kind: int, value: Value) -> bytes:
    if isinstance(value, int):
        return varint((value << 1) ^ (value >> 63))
    if isinstance(value, bytes):
        return varint(len(value)) + value if kind == BINARY else value
    if kind == STRUCT:
        return encode(value)
    item, items = value
    return bytes([0xF0 | item]) + varint(len(items)) + b"".join(_encoded(item, each) for each in items)


def varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])
