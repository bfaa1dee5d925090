"""Delimited text: every form that publishers use is read right, and what cannot be is refused with its place."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tidemark.delimited import reader
from tidemark.delimited import stream as streams
from tidemark.delimited.quotes import Quotes
from tidemark.delimited.reader import BLOCK_BYTES, HEADER_BYTES, RawDelimited
from tidemark.errors import BadFile
from tidemark.read import BATCH_BYTES, BATCH_ROWS, RawParquet, open_raw, read_batches

ROWS = [{"a": "1", "b": "2"}, {"a": "3", "b": None}]
MANY = b"a,b\n" + b"1,2\n" * 300_000


def read(path: Path, *columns: str) -> list[dict[str, str | None]]:
    with open_raw(path) as file:
        names = columns or file.schema_arrow.names
        return [row for batch in read_batches(file, names) for row in batch.to_pylist()]


def write(folder: Path, content: bytes, name: str = "month.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> BadFile:
    with pytest.raises(BadFile) as caught:
        read(path)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,\n",
        b"a,b\n1,2\n3,",
        b"a,b\r\n1,2\r\n3,\r\n",
        b"a,b\r1,2\r3,\r",
        b"\xef\xbb\xbfa,b\n1,2\n3,\n",
        b'\xef\xbb\xbf"a","b"\n"1","2"\n"3",""\n',
        b" a ,\tb\n1,2\n3,\n",
        b"\n\na,b\n\n1,2\n\n3,\n\n",
        b"a,b\r\n\r\n1,2\r\n3,\r\n",
        b"a,b\n1,2,,\n3,,,\n",
        b'a,b\n1,2,"",\n3,,,""\n',
    ],
    ids=["lf", "no-last-line-end", "crlf", "cr", "bom", "bom-quoted", "blanks", "blank-lines", "crlf-blank", "two-more",
         "two-more-quoted"],
)  # fmt: skip
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_form_says_the_same(content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert read(write(tmp_path, pack(content))) == ROWS


def test_quoted_values_may_hold_anything(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n"1,2","say ""hi"""\n"two\nlines","ü"\n'.encode())
    assert read(path) == [{"a": "1,2", "b": 'say "hi"'}, {"a": "two\nlines", "b": "ü"}]


def test_columns_come_in_the_order_in_which_they_are_asked_for(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"a,b,c\n1,2,3\n"), "c", "a") == [{"c": "3", "a": "1"}]


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    assert read(write(tmp_path, b",b\n0,2\n")) == [{"unnamed_1": "0", "b": "2"}]


def test_a_header_alone_is_a_file_without_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"a,b\n")) == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_single_column_has_the_rows_that_it_has(end: bytes, tmp_path: Path) -> None:
    assert read(write(tmp_path, end.join([b"a", b"1", b"2", b""]))) == [{"a": "1"}, {"a": "2"}]


def test_the_empty_rows_of_a_single_column_are_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"a\n1\n\n3\n")) == [{"a": "1"}, {"a": None}, {"a": "3"}]


def test_random_texts_are_read_as_python_s_own_reader_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1000)  # so that many a value lies in two blocks
    chance = random.Random(7)  # noqa: S311 - no secret
    values = ["", "1", "x,y", 'q"q', "two\nlines", "ü€", " b ", "\r\n", '"', ",,", "é" * 50]
    rows = [[chance.choice(values) for _ in range(3)] for _ in range(5_000)]
    rows[0] = ["1", "2", "3"]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_MINIMAL).writerows([["a", "b", "c"], *rows])
    found = read(write(tmp_path, text.getvalue().encode()))
    assert [[row["a"] or "", row["b"] or "", row["c"] or ""] for row in found] == rows


@pytest.mark.parametrize("ends", [b"\r\n", b"\r", b"\n"])
def test_a_line_end_within_a_value_stays_wherever_the_pieces_end(
    ends: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for before in range(20):
        monkeypatch.setattr(reader, "BLOCK_BYTES", 256)
        value = "x" * before + ends.decode() * 3 + "y"
        path = write(tmp_path, b"a,b" + ends + (b'1,"' + value.encode() + b'"' + ends) * 60)
        assert read(path) == [{"a": "1", "b": value}] * 60


def test_a_file_is_opened_for_what_it_is(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"a": [1]})
    for name in ("month.parquet", "month.csv", "month.bin"):
        pyarrow.parquet.write_table(table, tmp_path / name)
        with open_raw(tmp_path / name) as file:
            assert isinstance(file, RawParquet)
            assert file.promised_rows == 1
    for name in ("month.csv", "month.csv.gz", "month.bin"):
        with open_raw(write(tmp_path, b"a\n1\n", name)) as file:
            assert isinstance(file, RawDelimited)
            assert file.promised_rows is None
    assert refused(write(tmp_path, b"a\n1\n", "month.parquet")).code == "not-parquet"


PACKED = gzip.compress(MANY)


BAD: list[tuple[bytes, str, str]] = [
    (b"", "empty-file", "0 bytes"),
    (gzip.compress(b""), "empty-file", "0 bytes"),
    (b"<!doctype html><p>busy", "html", "web page"),
    (gzip.compress(b"\n <html>"), "html", "web page"),
    (b"\n\n", "no-header", "no line with the names"),
    (b" ,\n1,2\n", "no-header", "no line with the names"),
    (b"a,b\n1,2\n3\n", "wrong-fields", "Row 2 has 1 fields instead of 2"),
    (b"a,b\n1\n", "wrong-fields", "Row 1 has 1 fields"),
    (b"a,b\n1,2\n3,4,5\n", "wrong-fields", "Row 2 has 3 fields"),
    (b"a,b\n1,2,,\n3,4\n", "wrong-fields", "Row 2 has 2 fields instead of 4, which is what the first row has"),
    (MANY + b"1\n", "wrong-fields", "Row 300,001 has 1 fields"),
    (b"a,b\n1,2,,\n3,4,5,\n", "shifted-row", "Row 2 has a value beyond the 2 fields"),
    (b"a,b\n1,2,3\n", "shifted-row", "Row 1 has a value beyond the 2 fields"),
    (MANY.replace(b"2\n", b"2,\n") + b"1,2,3\n", "shifted-row", "Row 300,001 has"),
    (b"a,b\n1,2\n3,x\xff\n", "bad-value", "no UTF-8"),
    (b"a,\xff\n1,2\n", "bad-value", "no UTF-8"),
    (MANY + b"1,\xff\n", "bad-value", "Column 'b' holds bytes that are no UTF-8"),
    (MANY + b"1,x\0y\n", "bad-value", "Line 300,002 of the file has a NUL"),
    (MANY + b'1,"2\n' + b"1,2\n" * 9, "bad-quotes", "a quote is not closed"),
    (MANY + b'1,"2"x\n', "bad-quotes", "Line 300,002"),
    (MANY + b'1,2"2\n1,2"\n', "bad-quotes", "Line 300,002"),
    (b'a,b\n1,"2\n3,4\n5,"6"\n', "bad-quotes", "Line 4"),
    (b"a,b\n1," + b"y" * HEADER_BYTES + b"\n", "value-too-large", "at the head"),
    (b"a,b\n1,2\n1," + b"y" * (1 << 20) + b"y\n", "value-too-large", "Column 'b' has a value of 1,048,577 bytes"),
    (b"a,b\n1,2\n1," + b"y" * 2 * BLOCK_BYTES + b"\n", "value-too-large", "A row of the file"),
    (b",".join(b"%d" % n for n in range(2_001)), "oversized", "2,001 columns"),
    (PACKED[:-9], "corrupt", "cut off"),
    (PACKED[:40], "corrupt", "cut off"),
    (b"\x1f\x8b", "corrupt", "cut off"),
    (PACKED + b"garbage", "corrupt", "cannot be unpacked"),
    (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "corrupt", "cannot be unpacked"),
    (PACKED[:90] + b"\xff" * 9 + PACKED[99:], "corrupt", "cannot be unpacked"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "says"), BAD, ids=[f"{number}-{code}" for number, (_, code, _) in enumerate(BAD)]
)
def test_a_bad_file_is_refused_with_the_place(content: bytes, code: str, says: str, tmp_path: Path) -> None:
    error = refused(write(tmp_path, content))
    assert error.code == code
    assert says in error.message


def test_gzip_may_be_in_parts_and_padded(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,\n") + b"\0" * 100)
    assert read(path) == ROWS


def test_what_unpacks_to_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SMALL_BYTES", 1 << 20)
    path = write(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000))
    error = refused(path)
    assert error.code == "oversized"
    assert f"{100 * path.stat().st_size:,}" in error.message or "1,048,576" in error.message


def test_batches_are_bounded(tmp_path: Path) -> None:
    with open_raw(write(tmp_path, b"a,b\n" + b",\n" * 400_000)) as file:
        batches = list(read_batches(file, ["a", "b"]))
    assert sum(batch.num_rows for batch in batches) == 400_000
    assert max(batch.num_rows for batch in batches) <= BATCH_ROWS
    assert max(batch.nbytes for batch in batches) <= BATCH_BYTES


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    import pyarrow

    path = write(tmp_path, gzip.compress(b"a,b\n" + b"12345678,abcdefgh\n" * 1_500_000, 1))
    before = pyarrow.total_allocated_bytes()
    most = 0
    tracemalloc.start()
    with open_raw(path) as file:
        for _ in read_batches(file, ["a", "b"]):
            most = max(most, pyarrow.total_allocated_bytes() - before)
    _, of_python = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most + of_python < 80 << 20  # what is unpacked has 27 MB, as columns more


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_quotes_are_followed_whatever_the_pieces(size: int) -> None:
    def ends_well(text: bytes) -> bool:
        quotes = Quotes()
        places = [quotes.misplaced(text[n : n + size]) for n in range(0, len(text), size)]
        return not quotes.is_open and places == [None] * len(places)

    for good in (b'"a","b""c"\r\n"",x\n', b'a,b\n"""",""""""\n', b'"two\nlines"', b"none"):
        assert ends_well(good), good
    for bad in (b'a"b,c\n', b'"a"b\n', b'"a\n', b'a,"b"c"\n', b'"a" ,b\n', b'a, "b"\n'):
        assert not ends_well(bad), bad
