"""Reading parquet: what is none is named, what is broken is refused, and nothing oversized is begun."""

from __future__ import annotations

import errno
import io
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.attempts import FEBRUARY, RIDES
from tidemark import read
from tidemark.contract import bind, normalise
from tidemark.errors import BadFile, Failed, TidemarkError
from tidemark.read import BATCH_ROWS, open_parquet, read_batches

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
    monkeypatch.setattr(read, bound, most)
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
    file = pq.ParquetFile(disk)
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
