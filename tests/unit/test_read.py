"""Reading parquet: what is none is named, what is broken is refused, and nothing oversized is begun."""

from __future__ import annotations

import errno
import io
import itertools
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.attempts import FEBRUARY, RIDES
from tidemark.contract import bind, normalise
from tidemark.errors import BadFile, Failed, TidemarkError
from tidemark.parquet import bounds
from tidemark.parquet.bounds import BATCH_BYTES, BATCH_ROWS, MAX_VALUE_BYTES
from tidemark.parquet.footer import _chunk
from tidemark.parquet.thrift import I32, I64, STRUCT, Malformed, Struct, read_struct
from tidemark.read import RawParquet, open_parquet, read_batches

ROWS = 50
NOON = datetime(2023, 2, 1, 12)  # noqa: DTZ001 - published without zone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "month.parquet"


def write(path: Path, rows: int = ROWS) -> bytes:
    """A small sound month; returns its bytes."""
    times = pa.array([NOON] * rows, pa.timestamp("us"))
    seats = pa.array([n % 4 for n in range(rows)], pa.int32())
    pq.write_table(pa.table({"at": times, "price": [2.5] * rows, "seats": seats, "note": ["é"] * rows}), path)
    return path.read_bytes()


def footer_start(content: bytes) -> int:
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def refused(path: Path) -> BadFile:
    with pytest.raises(BadFile) as caught:
        open_parquet(path)
    return caught.value


def load(path: Path) -> int:
    """Everything that staging does with a file, up to the COPY; returns the rows."""
    with open_parquet(path) as file:
        binding = bind(RIDES, FEBRUARY, file.schema_arrow)
        return sum(normalise(binding, batch).num_rows for batch in read_batches(file, tuple(binding.fields.values())))


# ---- opening


def test_a_sound_file_opens_and_gives_all_its_rows(path: Path) -> None:
    write(path)
    assert load(path) == ROWS


def test_a_month_without_rows_is_a_sound_file(path: Path) -> None:
    write(path, rows=0)
    assert load(path) == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"<!DOCTYPE html><html></html>", "html"),
        (b"\r\n  <html>", "html"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "html"),
        (b"P", "not-parquet"),
        (b"\0" * 1000, "not-parquet"),
        (b"vendor,fare\n1,2.5\n", "not-parquet"),
        (b"PK\x03\x04 a zip", "not-parquet"),
        (b"\x1f\x8b\x08 half a gzip", "not-parquet"),
        (b"PARE encrypted PARE", "not-parquet"),
        (b"PAR1 and then it was cut", "no-footer"),
        (b"PAR1", "corrupt"),
        (b"PAR1PAR1", "corrupt"),
        (b"PAR1" + b"\0" * 8 + b"PAR1", "corrupt"),
        (b"PAR1" + b"\xff" * 8 + b"PAR1", "corrupt"),
    ],
    ids=repr,
)
def test_what_is_no_parquet_file_is_refused_and_named(content: bytes, code: str, path: Path) -> None:
    path.write_bytes(content)
    error = refused(path)
    assert error.code == code
    assert error.remedy


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_file_that_was_cut_off_is_refused(kept: float, path: Path) -> None:
    content = write(path)
    path.write_bytes(content[: int(len(content) * kept)])
    assert refused(path).code == "no-footer"


def test_a_file_with_more_behind_its_end_is_refused(path: Path) -> None:
    path.write_bytes(write(path) + b"PAR1")
    assert refused(path).code == "corrupt"


def test_a_footer_that_claims_to_be_longer_than_the_file_is_refused(path: Path) -> None:
    content = write(path)
    path.write_bytes(content[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    assert refused(path).code == "corrupt"


@pytest.mark.parametrize(("bound", "most"), [("MAX_ROWS", ROWS - 1), ("MAX_DECODED_BYTES", 100)])
def test_a_file_that_claims_too_much_is_refused_before_it_is_read(
    bound: str, most: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path)
    monkeypatch.setattr(bounds, bound, most)
    error = refused(path)
    assert error.code == "oversized"
    assert f"{ROWS} rows" in error.message
    assert f"{most:,}" in error.message


def test_a_small_file_of_very_many_rows_is_refused(path: Path) -> None:
    """A third of a megabyte can hold 205 million rows: nulls cost next to nothing."""
    with pq.ParquetWriter(path, pa.schema([("n", pa.null())])) as writer:
        for _ in range(41):
            writer.write_table(pa.table({"n": pa.nulls(5_000_000)}), row_group_size=5_000_000)
    assert path.stat().st_size < 500_000
    assert refused(path).code == "oversized"


# ---- the disk is at fault, not the file


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_a_disk_that_does_not_give_the_file_fails_and_does_not_reject(kind: str, path: Path) -> None:
    if kind == "folder":
        path.mkdir()
    with pytest.raises(Failed) as caught:
        open_parquet(path)
    assert caught.value.code == "lake-unreadable"
    assert "TIDEMARK_LAKE" in caught.value.remedy


class _DyingDisk(io.BytesIO):
    """A file on a disk that gives its footer and then an error for every page."""

    dying = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.dying:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_disk_that_dies_between_pages_fails_and_does_not_reject(path: Path) -> None:
    disk = _DyingDisk(write(path))
    file = RawParquet(disk)
    disk.dying = True
    with pytest.raises(Failed) as caught:
        list(read_batches(file, ["price"]))
    assert caught.value.code == "lake-unreadable"


# ---- batches


def test_rows_come_in_batches_with_only_the_columns_asked_for(path: Path) -> None:
    rows = 2 * BATCH_ROWS + 1
    write(path, rows=rows)
    with open_parquet(path) as file:
        batches = list(read_batches(file, ["seats", "at"]))
    assert sum(batch.num_rows for batch in batches) == rows
    assert max(batch.num_rows for batch in batches) == BATCH_ROWS
    assert {name for batch in batches for name in batch.schema.names} == {"seats", "at"}


def test_a_corrupt_page_is_refused_when_it_is_reached(path: Path) -> None:
    content = bytearray(write(path))
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)
    with open_parquet(path) as file, pytest.raises(BadFile) as caught:
        list(read_batches(file, ["at"]))
    assert caught.value.code == "corrupt"
    assert "\n" not in caught.value.message


def test_a_file_with_other_than_the_rows_it_promises_is_refused(path: Path) -> None:
    """pyarrow itself reads such a file to its end and says nothing."""
    content = write(path, rows=ROWS)
    start = footer_start(content)
    promised = (2 * ROWS).to_bytes(1, "little")  # of the whole file, as a zigzag integer in the footer
    other = (2 * (ROWS - 8)).to_bytes(1, "little")
    differing = 0
    for position in (n for n in range(start, len(content) - 8) if content[n : n + 1] == promised):
        path.write_bytes(content[:position] + other + content[position + 1 :])
        file = pq.ParquetFile(path)
        if file.metadata.num_rows != sum(batch.num_rows for batch in file.iter_batches()):
            differing += 1
            with pytest.raises(BadFile, match="promises"):
                load(path)
    assert differing


# ---- bounds, of files that are sound


def read_back(path: Path) -> tuple[list[object], list[pa.RecordBatch]]:
    """The notes of a file as they are read here, and the batches; no batch is larger than promised."""
    with open_parquet(path) as file:
        batches = list(read_batches(file, ["note"]))
    assert max(batch.num_rows for batch in batches) <= BATCH_ROWS
    assert all(batch.nbytes <= BATCH_BYTES or batch.num_rows == 1 for batch in batches)
    return [note for batch in batches for note in batch.column(0).to_pylist()], batches


DELTAS = [
    {"use_dictionary": False, "column_encoding": {"note": encoding}}
    for encoding in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY")
]
SHAPES: list[dict[str, Any]] = [
    *({"compression": codec} for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4")),
    {"use_dictionary": False},
    {"data_page_version": "2.0"},
    {"version": "1.0"},
    {"dictionary_pagesize_limit": 100},
    {"row_group_size": 70},
    {"max_rows_per_page": 1},
    {"write_statistics": False, "write_page_index": True, "write_page_checksum": True},
]
CATEGORIES = pa.dictionary(pa.int32(), pa.string())  # which pyarrow itself does not read where they are deltas


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        *itertools.product((pa.string(), pa.large_string(), pa.string_view()), [*SHAPES, *DELTAS]),
        *itertools.product((CATEGORIES,), SHAPES),
    ],
    ids=str,
)
def test_texts_are_read_alike_however_they_were_written(kind: pa.DataType, shape: dict[str, Any], path: Path) -> None:
    notes = [None if n % 7 == 0 else "é" * (n % 50) for n in range(1000)]
    if pa.types.is_dictionary(kind):
        written = pa.array(notes, pa.string()).dictionary_encode()
    else:
        written = pa.array(notes, kind)
    pq.write_table(pa.table({"note": written}), path, **shape)
    assert read_back(path)[0] == notes


@pytest.mark.parametrize("dictionary", [True, False], ids=["dictionary", "plain"])
@pytest.mark.parametrize("categories", [True, False], ids=["categories", "texts"])
def test_long_texts_come_in_batches_of_fewer_rows(dictionary: bool, categories: bool, path: Path) -> None:
    rows, text = 1_500, "x" * 32_000
    notes = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    column = notes if categories else notes.dictionary_decode()
    pq.write_table(pa.table({"note": column}), path, use_dictionary=dictionary)
    read, batches = read_back(path)
    assert read == [text] * rows
    assert len(batches) > 1


def test_long_texts_side_by_side_in_a_page_are_cut_apart(path: Path) -> None:
    notes = ["y" * MAX_VALUE_BYTES] * 60 + ["x"] * 60_000
    limits = {"data_page_size": 1 << 30, "max_rows_per_page": 100_000, "write_batch_size": 100_000}
    pq.write_table(pa.table({"note": notes}), path, use_dictionary=False, **limits)
    read, batches = read_back(path)
    assert read == notes
    assert len(batches) > 2


@pytest.mark.parametrize("dictionary", [True, False], ids=["dictionary", "plain"])
def test_a_text_above_the_limit_is_refused_and_its_column_named(dictionary: bool, path: Path) -> None:
    for size, refused_as in ((MAX_VALUE_BYTES, None), (MAX_VALUE_BYTES + 1, "value-too-large")):
        pq.write_table(pa.table({"note": ["x" * size, "y"]}), path, use_dictionary=dictionary)
        if refused_as is None:
            assert len(read_back(path)[0]) == 2
        else:
            with pytest.raises(BadFile, match="'note'") as caught:
                read_back(path)
            assert caught.value.code == refused_as


def test_what_is_not_read_may_be_of_any_size(path: Path) -> None:
    lists = pa.array([[1, 2]] * ROWS, pa.list_(pa.int32()))
    pq.write_table(pa.table({"note": ["x"] * ROWS, "huge": ["x" * 2 * MAX_VALUE_BYTES] * ROWS, "lists": lists}), path)
    assert read_back(path)[0] == ["x"] * ROWS


@pytest.mark.parametrize(
    ("bound", "most", "says"),
    [
        ("MAX_PAGES", 3, "'price' have more than 3 pages"),
        ("MAX_DICTIONARY_VALUES", 4, "'seats' have more than 4 values"),
        ("MAX_DECODED_BYTES", 500, "more than 500 bytes when decoded"),
        ("MAX_HELD_BYTES", 100, "'seats' has pages that take"),
        ("MAX_BATCHES", 0, "more than 0 pieces"),
        ("MAX_COLUMNS", 3, "has 4 columns"),
        ("SMALL_BYTES", 0, "more than 0 bytes when decoded"),
    ],
)
def test_a_file_that_would_take_too_much_is_refused_and_says_of_what(
    bound: str, most: int, says: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path)
    monkeypatch.setattr(bounds, bound, most)
    monkeypatch.setattr(bounds, "MAX_EXPANSION", 0)
    with pytest.raises(BadFile) as caught:
        load(path)
    assert caught.value.code == "oversized"
    assert says in caught.value.message


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is only limited on Linux")
def test_a_process_without_memory_fails_and_does_not_reject(path: Path) -> None:
    limits = {"data_page_size": 1 << 30, "max_rows_per_page": 1 << 30, "write_batch_size": 1 << 30}
    pq.write_table(pa.table({"price": pa.repeat(2.5, 20_000_000)}), path, use_dictionary=False, **limits)
    code = """if True:
        import resource, sys
        from pathlib import Path
        from tidemark.errors import Failed
        from tidemark.read import open_parquet, read_batches
        with open_parquet(Path(sys.argv[1])) as file:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), used + (32 << 20)))
            try:
                list(read_batches(file, ["price"]))
            except Failed as error:
                print(error.code, error.remedy)
    """
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("out-of-memory Give the process more memory")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x15\x02\x00", 3),  # field 1: the integer 1
        (b"\x15\x02", IndexError),  # no end
        (b"\x19\x00\x00", 3),  # an empty list, whose type some writers leave out
        (b"\x15\x02\x05\x02\x04\x00", Malformed),  # field 1 again
        (b"\x1e\x00", Malformed),  # a type that does not exist
        (b"\x15\xff\xff\xff\xff\x7f\x00", Malformed),  # more than 32 bits
        (b"\x16" + b"\xff" * 10 + b"\x7f\x00", Malformed),  # more than 64
        (b"\x19\x25\x02\x02\x00", Malformed),  # a list of integers where structs belong
        (b"\x29\x25\x02\x02\x00", 5),  # where nobody knows what belongs
        (b"\x19\xfc\xff\xff\xff\xff\x7f", IndexError),  # a list without end
        (b"\x1c" * 100, Malformed),  # structs in structs
        (b"\x29" + b"\x19" * 100, Malformed),  # lists in lists
        (b"\x28\xff\xff\xff\xff\x7f", IndexError),  # a text that ends behind the file
    ],
    ids=repr,
)
def test_structs_are_read_strictly(data: bytes, expected: int | type[Exception]) -> None:
    if isinstance(expected, int):
        assert read_struct(data, lists={(1,): STRUCT})[1] == expected
    else:
        with pytest.raises(expected):
            read_struct(data, lists={(1,): STRUCT})


# ---- no bit of a file can make it end otherwise than well or refused


@pytest.mark.parametrize("flipped", [0x01, 0x80, 0xFF])
def test_a_file_with_any_byte_changed_is_read_whole_or_refused(flipped: int, path: Path) -> None:
    content = write(path)
    surprises = []
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= flipped
        path.write_bytes(changed)
        try:
            rows = load(path)
        except BadFile:
            continue
        except (TidemarkError, Exception) as error:  # noqa: BLE001 - any other is the finding of this test
            surprises.append(f"byte {position}: {type(error).__name__}: {error}")
        else:
            if rows != ROWS:
                surprises.append(f"byte {position}: {rows} rows")
    assert surprises == []


def test_pages_that_lie_beyond_the_file_are_none() -> None:
    described = Struct()
    described.fields = {(4, I32): 0, (5, I64): 1, (7, I64): 100, (9, I64): 2**62}
    with pytest.raises(Malformed):
        _chunk(described, 1_000)
    described.fields[9, I64] = 4
    assert _chunk(described, 1_000).start == 4
