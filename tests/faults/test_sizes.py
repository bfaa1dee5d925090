"""Months and batches of every size, row for row; and the comparison of counts, against encoders that lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.depot import FEBRUARY, JANUARY, RIDES, Depot, ask
from tests.months import stage_file
from tidemark import stage as staging
from tidemark.contract import canonical_schema
from tidemark.ledger import Outcome
from tidemark.months import Month, months_between
from tidemark.parquet import bounds
from tidemark.partition import Partition
from tidemark.postgres import Connection
from tidemark.read import read_batches
from tidemark.stage import Staged, drop_staged
from tidemark.transform import Transformed, transform

if TYPE_CHECKING:
    import pyarrow

BUFFER_BYTES = 1 << 20  # of pgpq: it gives nothing until it holds more
EMPTY_ROW_BYTES = 38  # of an encoded ride without a note
WIDE = BUFFER_BYTES // 256 - EMPTY_ROW_BYTES  # the length of a note with which 256 rows fill the buffer to the byte
POWERS = [2**power + off for power in range(9, 17) for off in (-1, 0, 1)]
TEXTS = (0, 1, 255, 256, 8192, BUFFER_BYTES - EMPTY_ROW_BYTES, bounds.MAX_VALUE_BYTES - 1, bounds.MAX_VALUE_BYTES)

ROWS_OF_A_TABLE = """
    select count(*), md5(coalesce(string_agg(concat_ws('|', (extract(epoch from at) * 1000000)::bigint, price::bigint,
           seats, note), E'\\n' order by price), ''))
    from {}
"""
ROWS_DIVERTED = """
    select count(*), md5(coalesce(string_agg(concat_ws('|', row_number - 1, (row->>'price')::float::bigint,
           row->>'seats', row->>'note'), E'\\n' order by row_number), ''))
    from {}
"""

Fingerprint = tuple[int, str]  # how many rows, and the md5 of all that they hold


def write(path: Path, month: Month, rows: int, *, note: int = 0, seatless: Iterable[int] = ()) -> pyarrow.Table:
    """Write a month of rides whose every row is another, each note at least ``note`` bytes long; returns it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet

    numbers = np.arange(rows, dtype=np.int64)
    seats = np.full(rows, 2, dtype=np.int64)
    seats[list(seatless)] = 0
    table = pa.table(
        {
            "at": pa.array(np.datetime64(month.first_day, "us") + numbers, pa.timestamp("us")),
            "price": pa.array(numbers.astype(np.float64)),
            "seats": pa.array(seats),
            "note": pc.utf8_rpad(pa.array(numbers).cast(pa.string()), note),
        }
    )
    pa.parquet.write_table(table, path, compression="none", use_dictionary=False)
    return table


def in_file(table: pyarrow.Table, *, diverted: bool = False) -> Fingerprint:
    """The fingerprint of the rows of a file that are to be published, or of those that are to be diverted."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    nobody = pc.equal(table["seats"], 0)
    found = table.append_column("number", pa.array(np.arange(len(table)))).filter(
        nobody if diverted else pc.invert(nobody)
    )
    names = ("number" if diverted else "at", "price", "seats", "note")
    texts = [found[name].cast(pa.int64()).cast(pa.string()) for name in names[:3]] + [found["note"]]
    lines = pc.binary_join_element_wise(*texts, "|").to_pylist()
    return len(lines), hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()


def in_table(connection: Connection, table: str, query: str = ROWS_OF_A_TABLE) -> Fingerprint:
    ((rows, md5),) = ask(connection, query.format(table))
    return rows, md5


# ---- batches


@pytest.fixture
def staged_in_batches(connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Stages a month in batches of so many rows, and compares it row for row with what was written."""
    ask(connection, "set synchronous_commit = off")  # hundreds of months: nobody cuts the power here
    sizes: list[int] = []

    def read(*given: Any) -> Iterator[pyarrow.RecordBatch]:
        for batch in read_batches(*given):
            sizes.append(batch.num_rows)
            yield batch

    def stage(batch: int, rows: int, **shape: Any) -> None:
        sizes.clear()
        monkeypatch.setattr(bounds, "BATCH_ROWS", batch)
        written = write(tmp_path / "rides.parquet", FEBRUARY, rows, **shape)
        staged = stage_file(connection, RIDES, FEBRUARY, tmp_path / "rides.parquet")
        assert sizes == [*[batch] * (rows // batch), *[rows % batch] * (rows % batch > 0)]
        assert_same(connection, staged, written)
        drop_staged(connection, staged.table)

    monkeypatch.setattr(staging, "read_batches", read)
    return stage


def assert_same(connection: Connection, staged: Staged, written: pyarrow.Table) -> None:
    """Assert that each row that was written is staged or diverted, as it was."""
    kept, diverted = in_file(written), in_file(written, diverted=True)
    assert (staged.rows_read, staged.rows, staged.rows_diverted) == (len(written), kept[0], diverted[0])
    assert in_table(connection, f"staging.{staged.table}") == kept
    assert in_table(connection, f"staging.{staged.diverted_table}", ROWS_DIVERTED) == diverted


@pytest.mark.parametrize("note", [0, WIDE], ids=["narrow", "wide"])
def test_batches_of_any_size_lose_nothing(staged_in_batches: Callable[..., None], note: int) -> None:
    for batch in range(1, 301):
        staged_in_batches(batch, batch + 1, note=note)


def test_large_batches_lose_nothing(staged_in_batches: Callable[..., None]) -> None:
    for batch in POWERS:
        staged_in_batches(batch, batch + 1, note=200 if batch % 2 else 0)


def test_an_encoder_that_holds_back_a_buffer_to_the_byte_loses_nothing(staged_in_batches: Callable[..., None]) -> None:
    for note in (WIDE - 1, WIDE, WIDE + 1):
        for batch, rows in ((1, 255), (1, 256), (1, 257), (64, 256), (64, 257), (128, 512), (256, 256), (256, 513)):
            staged_in_batches(batch, rows, note=note)


@pytest.mark.parametrize("rows", [1, 2, 3, 255, 256, 257, 20_001])
def test_whatever_is_diverted_nothing_is_lost(staged_in_batches: Callable[..., None], rows: int) -> None:
    for batch in (1, 256) if rows < 300 else (8192,):
        for seatless in (range(rows), range(0, rows, 2), range(1, rows, 2), (rows - 1,)):
            staged_in_batches(batch, rows, seatless=seatless)


def test_texts_of_any_length_arrive(staged_in_batches: Callable[..., None]) -> None:
    for length in TEXTS:
        staged_in_batches(2, 3, note=length)


def test_the_buffer_is_full_when_these_tests_say_so(tmp_path: Path) -> None:
    from pgpq import ArrowToPostgresBinaryEncoder

    schema = canonical_schema(RIDES.columns)
    (rows,) = write(tmp_path / "rides.parquet", FEBRUARY, 256, note=WIDE).cast(schema).to_batches()
    encoder = ArrowToPostgresBinaryEncoder(schema)
    encoder.write_header()
    assert encoder.write_batch(rows) == b""
    assert len(encoder.write_batch(rows.slice(0, 1))) == 257 * BUFFER_BYTES // 256


# ---- months


def test_months_of_named_sizes_are_published_row_for_row(depot: Depot, connection: Connection) -> None:
    sizes = (1, 65_535, 65_536, 65_537, 131_073)
    months = months_between(JANUARY, Month(2023, len(sizes)))

    def publish(month: Month, rows: int) -> None:
        seatless = (rows - 1,) if rows > 1 else ()
        written = write(depot.source / RIDES.file_name(month), month, rows, seatless=seatless)
        assert depot.load(month).outcome is Outcome.PUBLISHED, rows
        assert in_table(connection, f"trips.{RIDES.partition(month).table}") == in_file(written)

    for month, rows in zip(months, sizes, strict=True):
        publish(month, rows)
    for month, rows in zip(
        months, (65_537, 1, 65_536), strict=False
    ):  # the other way in: old rows give way to new ones
        publish(month, rows)


def test_a_month_without_rows_goes_to_quarantine_and_leaves_a_published_one_alone(
    depot: Depot, connection: Connection
) -> None:
    written = write(depot.source / RIDES.file_name(FEBRUARY), FEBRUARY, 100)
    before = depot.load(FEBRUARY)
    for month, rows in ((FEBRUARY, 0), (JANUARY, 0), (FEBRUARY, 5)):
        write(depot.source / RIDES.file_name(month), month, rows, seatless=range(rows))
        result = depot.load(month)
        assert (result.outcome, depot.history(month)[0].quarantine_table) == (
            Outcome.REJECTED,
            f"quarantine.rides_2023_0{month.number}",
        )
        assert ask(connection, f"select count(*) from quarantine.rides_2023_0{month.number}") == [(0,)]
        assert in_table(connection, "trips.rides") == in_file(written)
    assert ask(connection, "select distinct load_id from trips.rides") == [(before.load_id,)]


# ---- the comparison

Break = Callable[[pytest.MonkeyPatch], None]


def chunks(change: Callable[[list[bytes]], list[bytes]]) -> Break:
    """Break what the encoder gives to COPY: the header, some chunks of whole rows, and the last rows with the end."""

    class Broken(staging._Encoder):
        def _encoded(self) -> Iterator[bytes]:
            given = [chunk for chunk in super()._encoded() if chunk]
            assert len(given) > 3
            yield from change(given)

    return lambda patch: patch.setattr(staging, "_Encoder", Broken)


def batches(change: Callable[[list[pyarrow.RecordBatch]], list[pyarrow.RecordBatch]]) -> Break:
    """Break the reader: what it says it gives are other batches than the file has."""
    return lambda patch: patch.setattr(staging, "read_batches", lambda *given: iter(change(list(read_batches(*given)))))


def rules(change: Callable[[Transformed], Transformed]) -> Break:
    """Break the row rules: rows go, or stay, that they do not name."""
    return lambda patch: patch.setattr(
        staging, "transform", lambda *given, first_row: change(transform(*given, first_row=first_row))
    )


def counts(change: Callable[[staging._Encoder, int], int]) -> Break:
    """Break the counts after a COPY that went well; ``change`` returns the rows that were copied."""
    real = staging._copy

    def lying(connection: Connection, table: str, binding: Any, encoder: staging._Encoder) -> int:
        return change(encoder, real(connection, table, binding, encoder))

    return lambda patch: patch.setattr(staging, "_copy", lying)


def promise(rows: int) -> Break:
    """Break what the footer promises."""
    real = staging._check_counts

    def promised(partition: Partition, encoder: staging._Encoder, copied: int, promise: int) -> None:
        real(partition, encoder, copied, promise + rows)

    return lambda patch: patch.setattr(staging, "_check_counts", promised)


def unspooled(patch: pytest.MonkeyPatch) -> None:
    real = staging._DivertedSpool.add
    patch.setattr(staging._DivertedSpool, "add", lambda spool, rows: real(spool, rows[1:]))


def _read(encoder: staging._Encoder, rows: int) -> None:
    encoder.rows_read += rows


def _encoded(encoder: staging._Encoder, rows: int) -> None:
    encoder.rows_encoded += rows


def _diverted(encoder: staging._Encoder, rows: int) -> None:
    encoder.diverted["RIDES-NO-SEATS"] += rows


def miscounted(lie: Callable[[staging._Encoder, int], None], rows: int) -> Break:
    def change(encoder: staging._Encoder, copied: int) -> int:
        lie(encoder, rows)
        return copied

    return counts(change)


BREAKS: dict[str, Break] = {
    "the first chunk is lost": chunks(lambda given: [given[0], *given[2:]]),
    "a chunk is lost": chunks(lambda given: [*given[:2], *given[3:]]),
    "the last chunk is lost": chunks(lambda given: given[:-1]),
    "all chunks are lost": chunks(lambda given: given[:1]),
    "a chunk is sent twice": chunks(lambda given: [*given[:2], *given[1:]]),
    "a batch is not read": batches(lambda given: given[1:]),
    "the last batch is not read": batches(lambda given: given[:-1]),
    "no batch is read": batches(lambda given: []),
    "a batch is read twice": batches(lambda given: [given[0], *given]),
    "a row of each batch is dropped": rules(lambda done: Transformed(kept=done.kept[1:], diverted=done.diverted)),
    "diverted rows are dropped": rules(lambda done: Transformed(kept=done.kept, diverted=())),
    "diverted rows are dropped later": unspooled,
    "more is promised": promise(1),
    "less is promised": promise(-1),
    "more is said to be read": miscounted(_read, 1),
    "less is said to be read": miscounted(_read, -1),
    "more is said to be encoded": miscounted(_encoded, 1),
    "less is said to be encoded": miscounted(_encoded, -1),
    "more is said to be diverted": miscounted(_diverted, 1),
    "less is said to be diverted": miscounted(_diverted, -1),
    "more is said to be copied": counts(lambda _, copied: copied + 1),
    "less is said to be copied": counts(lambda _, copied: copied - 1),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_counts_that_differ_publish_nothing(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(bounds, "BATCH_ROWS", 300)
    write(depot.source / RIDES.file_name(FEBRUARY), FEBRUARY, 1000, note=WIDE, seatless=(1, 301))
    BREAKS[broken](monkeypatch)
    result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.FAILED, "does-not-reconcile"), result
    assert ask(connection, "select count(*) from trips.rides") == [(0,)]
    (attempt,) = depot.history(FEBRUARY)
    assert (attempt.outcome, attempt.code, attempt.rows_published) == (Outcome.FAILED, "does-not-reconcile", None)
    assert "Nothing was published" in result.remedy
    assert "1,000" in result.reason or "1000" in result.reason or "diverted rows were spooled" in result.reason


@pytest.mark.parametrize("cut", [slice(1, None), slice(None, -1), slice(500)], ids=["begin", "end", "middle"])
def test_a_stream_that_breaks_within_a_row_publishes_nothing(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch, cut: slice
) -> None:
    monkeypatch.setattr(bounds, "BATCH_ROWS", 300)
    write(depot.source / RIDES.file_name(FEBRUARY), FEBRUARY, 1000, note=WIDE)
    chunks(lambda given: [*given[:2], given[2][cut], *given[3:]])(monkeypatch)
    result = depot.load(FEBRUARY)
    assert result.outcome in (Outcome.FAILED, Outcome.REJECTED), result
    assert ask(connection, "select count(*) from trips.rides") == [(0,)]


STEALS = {
    "a staged row goes": "delete from staging.{0} where price = (select min(price) from staging.{0})",
    "a staged row comes twice": "insert into staging.{0} select * from staging.{0} order by price limit 1",
    "a diverted row goes": "delete from staging.{0}_diverted where row_number = 2",
    "a diverted row comes twice": "insert into staging.{0}_diverted select * from staging.{0}_diverted limit 1",
}


@pytest.mark.parametrize("there", [False, True], ids=["first load", "reload"])
@pytest.mark.parametrize("stolen", STEALS)
def test_rows_that_change_after_the_audit_are_not_published(
    depot: Depot, connection: Connection, stolen: str, there: bool
) -> None:
    path = depot.source / RIDES.file_name(FEBRUARY)
    written = write(path, FEBRUARY, 500, seatless=(1, 301))
    before = (0, in_file(written.slice(0, 0))[1])
    if there:
        depot.load(FEBRUARY)
        before = in_file(written)
        written = write(path, FEBRUARY, 400, seatless=(1, 301))
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    accepted = depot.accepted(load)
    ask(connection, STEALS[stolen].format(accepted.staged.table))
    result = depot.conclude(load, accepted)
    assert in_table(connection, "trips.rides") == before
    assert (result.outcome, result.code) == (Outcome.FAILED, "does-not-reconcile"), result
    depot.close()
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert in_table(connection, "trips.rides") == in_file(written)
