"""Months of rides that are small to send and would be huge to decode, each with the code of its rejection."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.depot import write_rides
from tests.faults.bomb_parquet import (
    BINARY,
    BYTE_ARRAY,
    DELTA_BYTE_ARRAY,
    DOUBLE,
    FIXED,
    I32,
    INT64,
    RLE_DICTIONARY,
    Chunk,
    Field,
    File,
    Page,
    encode,
    footer,
    varint,
)
from tidemark.months import Month

ROWS = 60_000
MONTH = Month(2023, 2)
FEBRUARY_1 = 1_675_209_600_000_000  # microseconds


@dataclass(frozen=True, kw_only=True)
class Bomb:
    """``column``: what the reason of the rejection names."""

    name: str
    code: str
    write: Callable[[Path], object]
    column: str = ""


def packed(body: bytes) -> bytes:
    return bytes(pa.compress(body, "zstd"))


def repeated(body: bytes, times: int) -> bytes:
    """So many times the same bytes, made without having them all: a stream of zstd is made of frames."""
    return packed(body) * times


def dictionary(values: Sequence[bytes], rows: int) -> tuple[Page, Page]:
    """A dictionary, and one page of rows that all have its first value."""
    body = b"".join(values)
    run = b"\x01" + varint(rows << 1) + b"\0"
    return (
        Page(body=packed(body), values=len(values), claims=len(body), dictionary=True),
        Page(body=packed(run), values=rows, claims=len(run), encoding=RLE_DICTIONARY),
    )


def text(size: int) -> bytes:
    """One value of a page of texts."""
    return struct.pack("<I", size) + b"x" * size


def note(*pages: Page) -> Chunk:
    return Chunk(name="note", kind=BYTE_ARRAY, text=True, pages=pages)


def rides(*others: Chunk, rows: int = ROWS) -> File:
    """Sound rides, and what else is in their file."""
    at = Chunk(name="at", kind=INT64, timestamp=True, pages=dictionary([struct.pack("<q", FEBRUARY_1)], rows))
    price = Chunk(name="price", kind=DOUBLE, pages=dictionary([struct.pack("<d", 1.0)], rows))
    return File(chunks=(at, price, *others))


def written(make: Callable[[], File]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(make().written())


def sound(path: Path) -> None:
    path.write_bytes(rides(note(*dictionary([text(10)], ROWS))).written())


def one_text_in_each_row() -> File:
    return rides(note(*dictionary([text(32_000)], ROWS)))


def one_text_beside_short_ones() -> File:
    """Two million bytes among texts of one byte: on average they are small."""
    body = text(2_000_000) + text(1) * (ROWS - 1)
    return rides(note(Page(body=packed(body), values=ROWS, claims=len(body))))


def one_long_text_in_a_dictionary() -> File:
    return rides(note(*dictionary([text(1), text(2_000_000)], ROWS)))


def one_text_of_gigabytes() -> File:
    """Of which the header tells the truth, and the footer does not."""
    body = repeated(b"x" * (64 << 20), 30)
    return rides(note(Page(body=body, values=1, claims=30 * (64 << 20))), rows=1)


def a_page_of_claimed_gigabytes() -> File:
    body = text(10) * ROWS
    return rides(note(Page(body=packed(body), values=ROWS, claims=2**31 - 1)))


def a_page_that_claims_less_than_it_has() -> File:
    body = repeated(b"x" * (64 << 20), 30)
    return rides(note(Page(body=body, values=ROWS, claims=1000)))


def a_dictionary_that_claims_billions_of_values() -> File:
    values, indices = dictionary([text(10)], ROWS)
    return rides(note(replace(values, values=2**31 - 1), indices))


def a_dictionary_of_gigabytes() -> File:
    values, indices = dictionary([text(10)], ROWS)
    return rides(note(replace(values, body=repeated(b"x" * (64 << 20), 30), claims=30 * (64 << 20)), indices))


def long_texts_in_pages_of_their_own() -> File:
    page = Page(body=packed(text(1_000_000)), values=1, claims=1_000_004, copies=ROWS)
    return rides(note(page))


def texts_like_the_one_before() -> File:
    """Each of them is the first one again, which costs a bit or two."""
    length = 900_000
    head = varint(128) + varint(4) + varint(ROWS)  # differences in blocks of 128, four parts each
    same = (b"\0" + bytes(4)) * (-(-(ROWS - 1) // 128) - 1)  # the blocks but the first: no difference
    once = bytes([20, 0, 0, 0]) + length.to_bytes(80, "little")  # 20 bits for each of 32: up by the length, then 0
    prefixes = head + b"\0" + b"\0" + once + same
    same_again, back = (sum(length << (20 * n) for n in range(first, 32)).to_bytes(80, "little") for first in (0, 1))
    down = bytes([20, 20, 20, 20]) + back + same_again * 3  # all above the least difference, which is -length
    suffixes = head + varint(2 * length) + varint(2 * length - 1) + down + same
    body = prefixes + suffixes + b"x" * length
    return rides(note(Page(body=packed(body), values=ROWS, claims=len(body), encoding=DELTA_BYTE_ARRAY)))


def very_wide_numbers() -> File:
    width = 100_000_000
    values = Page(body=packed(b"\0" * 1000), values=1, claims=width, dictionary=True)
    _, indices = dictionary([], ROWS)
    return rides(Chunk(name="seats", kind=FIXED, width=width, pages=(values, indices)))


def very_many_row_groups() -> File:
    file = rides(rows=10)
    file.groups = 30_000
    return file


def a_page_of_more_values_than_rows() -> File:
    return rides(note(Page(body=packed(text(1)), values=2**31 - 1, claims=5)))


def fewer_rows_than_there_are() -> File:
    file = rides()
    file.rows = 10
    return file


def very_many_columns(path: Path) -> None:
    root: list[Field] = [(4, BINARY, b"schema"), (5, I32, 300_000)]
    column = encode([(1, I32, DOUBLE), (3, I32, 0), (4, BINARY, b"")])
    path.write_bytes(b"PAR1" + footer([root, *[column] * 300_000], [], 0))


def a_huge_schema(path: Path) -> None:
    table = pa.table({"at": pa.array([FEBRUARY_1], pa.timestamp("us")), "price": [1.0]})
    pq.write_table(table.replace_schema_metadata({"note": "x" * (3 << 20)}), path)


def lists_of_very_many(path: Path) -> None:
    many = 5_000_000
    write_rides(path, MONTH, 2, seats=pa.ListArray.from_arrays([0, many, many], pa.repeat(7, many)))


def very_deep(path: Path) -> None:
    kind: pa.DataType = pa.int64()
    for _ in range(99):
        kind = pa.struct([("x", kind)])
    write_rides(path, MONTH, 2, seats=pa.nulls(2, kind))


BOMBS = (
    Bomb(name="one text in each row", code="oversized", column="note", write=written(one_text_in_each_row)),
    Bomb(name="one long text", code="value-too-large", column="note", write=written(one_text_beside_short_ones)),
    Bomb(
        name="one long text in a dictionary",
        code="value-too-large",
        column="note",
        write=written(one_long_text_in_a_dictionary),
    ),
    Bomb(name="a text of gigabytes", code="oversized", column="note", write=written(one_text_of_gigabytes)),
    Bomb(
        name="a page that claims gigabytes",
        code="oversized",
        column="note",
        write=written(a_page_of_claimed_gigabytes),
    ),
    Bomb(name="a page that claims little", code="corrupt", write=written(a_page_that_claims_less_than_it_has)),
    Bomb(
        name="a dictionary that claims billions",
        code="oversized",
        column="note",
        write=written(a_dictionary_that_claims_billions_of_values),
    ),
    Bomb(name="a dictionary of gigabytes", code="oversized", column="note", write=written(a_dictionary_of_gigabytes)),
    Bomb(name="long texts in pages", code="oversized", column="note", write=written(long_texts_in_pages_of_their_own)),
    Bomb(name="texts like before", code="oversized", column="note", write=written(texts_like_the_one_before)),
    Bomb(name="very wide numbers", code="value-too-large", column="seats", write=written(very_wide_numbers)),
    Bomb(name="very many row groups", code="oversized", write=written(very_many_row_groups)),
    Bomb(name="more values than rows", code="corrupt", column="note", write=written(a_page_of_more_values_than_rows)),
    Bomb(name="fewer rows than there are", code="corrupt", write=written(fewer_rows_than_there_are)),
    Bomb(name="very many columns", code="oversized", write=very_many_columns),
    Bomb(name="a huge schema", code="oversized", write=a_huge_schema),
    Bomb(name="lists of very many", code="nested-column", column="seats", write=lists_of_very_many),
    Bomb(name="very deep", code="corrupt", write=very_deep),
)
