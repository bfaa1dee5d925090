"""Staging: from a raw file to a committed table in schema ``staging``, by one streaming COPY.

Reading, casting and encoding run in a thread ahead of the COPY, a few chunks at most, so memory does not grow
with the month. The rows read, encoded, copied and diverted are compared, always.
"""

from __future__ import annotations

import csv
import json
import queue
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg2
import psycopg2.errors
from psycopg2 import sql

from tidemark.contract import Binding, bind, canonical_schema, normalise
from tidemark.datasets.base import Column, Dataset, Drift
from tidemark.drift import evolve
from tidemark.errors import BadFile, Failed, Stopped
from tidemark.evolve import give_staged, read_table
from tidemark.heap import give_large_buffers_back
from tidemark.partition import Partition
from tidemark.points import Point, passed
from tidemark.postgres import LOCK_TIMEOUT_MS, Connection, transaction
from tidemark.queries import QUERIES
from tidemark.read import RawTable, open_raw, read_batches
from tidemark.transform import DivertedRow, transform

if TYPE_CHECKING:
    import pyarrow
    from pgpq import ArrowToPostgresBinaryEncoder

    from tidemark.fetch import RawFile

CHUNKS_AHEAD = 2
_OUR_OWN = (psycopg2.errors.BadCopyFileFormat, psycopg2.errors.InvalidBinaryRepresentation)  # faults, not the file's
SPOOL_BYTES = 8 << 20  # diverted rows above this size go to the disk


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """A committed table of ``rows`` rows in schema ``staging``, and beside it one with the diverted rows.

    ``diverted``: rows taken out, per rule code. ``dropped``: columns of the file that the contract does not know.
    ``added``: those that nobody knew, and that the dataset's table gets with this month.
    """

    partition: Partition
    load_id: int
    table: str
    rows_read: int
    rows: int
    diverted: Mapping[str, int]
    dropped: tuple[str, ...]
    added: tuple[Column, ...] = ()

    @property
    def diverted_table(self) -> str:
        return diverted_table(self.table)

    @property
    def rows_diverted(self) -> int:
        return sum(self.diverted.values())


def diverted_table(table: str) -> str:
    return f"{table}_diverted"


def stage(
    connection: Connection,
    dataset: Dataset,
    raw: RawFile,
    load_id: int,
    *,
    temporary: Path,
    stop: threading.Event,
    progress: Callable[[int, int | None], None] | None = None,
) -> Staged:
    """Load a raw file into a new table of schema ``staging``.

    ``temporary``: the folder where diverted rows are spooled. ``progress`` hears of rows read and rows in all.
    Raises ``BadFile`` when the file is bad, ``Stopped`` when ``stop`` was set, ``Failed`` when counts differ.
    """
    give_large_buffers_back()
    with open_raw(raw.path) as file:
        binding = _bind(connection, dataset, raw.partition, file.schema_arrow)
        table = raw.partition.staging_table(load_id)
        with tempfile.SpooledTemporaryFile(
            SPOOL_BYTES, "w+", encoding="utf-8", newline="", dir=str(temporary)
        ) as spool:
            encoder = _Encoder(dataset, raw.partition, binding, file, _DivertedSpool(spool), stop, progress)
            with encoder:  # it begins while the tables are made
                _create_tables(connection, dataset, raw.partition, load_id, binding)
                passed(Point.STAGING_CREATED, raw.partition)
                copied = _copy(connection, table, binding, encoder)
            _check_counts(raw.partition, encoder, copied, file.promised_rows)
            _copy_diverted(connection, table, spool, sum(encoder.diverted.values()))
    return Staged(
        partition=raw.partition,
        load_id=load_id,
        table=table,
        rows_read=encoder.rows_read,
        rows=copied,
        diverted=dict(encoder.diverted),
        dropped=binding.unknown,
        added=binding.added,
    )


def drop_staged(connection: Connection, table: str) -> None:
    """Drop a staged table and its diverted rows, if they are there.

    Raises the driver's ``LockNotAvailable`` when somebody reads them: the sweep of a later run drops them then.
    """
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
        for name in (table, diverted_table(table)):
            cursor.execute(sql.SQL(QUERIES["drop_staging_table"]).format(table=sql.Identifier("staging", name)))


def _bind(connection: Connection, dataset: Dataset, partition: Partition, schema: pyarrow.Schema) -> Binding:
    binding = bind(dataset, partition.month, schema)
    if not binding.unknown or dataset.unknown_columns is not Drift.EVOLVE:
        return binding
    return evolve(binding, partition.month, schema, read_table(connection, dataset.name))


def _create_tables(
    connection: Connection, dataset: Dataset, partition: Partition, load_id: int, binding: Binding
) -> None:
    """Commit the empty tables before the COPY: a server killed within both would leave files that nobody cleans."""
    table = partition.staging_table(load_id)
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(QUERIES["create_staging_table"]).format(
                table=sql.Identifier("staging", table),
                parent=sql.Identifier("trips", dataset.name),
                check=sql.Identifier(f"{partition.table}_month"),
                month=sql.Literal(partition.month.first_day),
                load_id=sql.Literal(load_id),
            )
        )
        give_staged(cursor, partition, table, binding)
        cursor.execute(
            sql.SQL(QUERIES["create_diverted_staging_table"]).format(
                table=sql.Identifier("staging", diverted_table(table)),
                parent=sql.Identifier("diverted", dataset.name),
                month=sql.Literal(partition.month.first_day),
                load_id=sql.Literal(load_id),
            )
        )


def _copy(connection: Connection, table: str, binding: Binding, encoder: _Encoder) -> int:
    statement = sql.SQL(QUERIES["copy_binary"]).format(
        table=sql.Identifier("staging", table),
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in binding.present),
    )
    with connection.cursor() as cursor:
        try:
            cursor.copy_expert(statement, encoder)  # type: ignore[arg-type]  # the stubs ask for readline(), COPY does not
        except psycopg2.Error as error:
            if encoder.error is not None:
                raise encoder.error from None
            if isinstance(error, _OUR_OWN):
                raise Failed(
                    f"PostgreSQL cannot read the rows as they were encoded: {str(error).splitlines()[0]}.",
                    remedy="Nothing was published. Run this again; if it stays, report it with the raw file.",
                    code="broken-copy",
                ) from None
            if isinstance(error, psycopg2.DataError):
                raise _bad_value(error) from None
            raise
        return cursor.rowcount


def _encode(encoder: ArrowToPostgresBinaryEncoder, rows: pyarrow.RecordBatch) -> bytes:
    try:
        encoded: bytes = encoder.write_batch(rows)
    except ValueError as error:  # a time that is out of PostgreSQL's range
        raise _bad_value(error) from None
    return encoded


def _bad_value(error: Exception) -> BadFile:
    return BadFile(
        f"The file holds a value that PostgreSQL cannot store: {str(error).splitlines()[0]}.",
        remedy="Ask the publisher for a right file.",
        code="bad-value",
    )


def _check_counts(partition: Partition, encoder: _Encoder, copied: int, promised: int | None) -> None:
    diverted = sum(encoder.diverted.values())
    due = encoder.rows_read if promised is None else promised  # a text promises nothing
    if not (encoder.rows_read == due == copied + diverted and copied == encoder.rows_encoded):
        raise Failed(
            f"{partition} does not reconcile: the file promises {due} rows, {encoder.rows_read} were read, "
            f"{diverted} diverted, {encoder.rows_encoded} encoded and {copied} copied.",
            remedy="Nothing was published. Run this again; if it stays, report it with the raw file.",
            code="does-not-reconcile",
        )


def _copy_diverted(connection: Connection, table: str, spool: IO[str], expected: int) -> None:
    if not expected:
        return
    spool.seek(0)
    statement = sql.SQL(QUERIES["copy_diverted"]).format(table=sql.Identifier("staging", diverted_table(table)))
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, spool)  # type: ignore[arg-type]  # any text file will do
        if cursor.rowcount != expected:
            raise Failed(
                f"{expected} diverted rows were spooled and {cursor.rowcount} copied.",
                remedy="Nothing was published. Run this again.",
                code="does-not-reconcile",
            )


class _DivertedSpool:
    """Writes diverted rows as CSV lines; they are copied when the main COPY is over, on the same connection."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file)

    def add(self, rows: tuple[DivertedRow, ...]) -> None:
        for row in rows:
            body = json.dumps(row.row, allow_nan=False, ensure_ascii=False)
            self._writer.writerow((row.code, row.column, row.number, body))


class _Broken(Exception):
    """Ends a COPY; what broke is the encoder's ``error``."""


class _Encoder:
    """The file that COPY reads from: encodes batches in a thread, ``CHUNKS_AHEAD`` chunks ahead at most.

    Used as a context manager; when it is left, the thread has ended. ``error`` is what ended it, if anything.
    """

    def __init__(
        self,
        dataset: Dataset,
        partition: Partition,
        binding: Binding,
        file: RawTable,
        spool: _DivertedSpool,
        stop: threading.Event,
        progress: Callable[[int, int | None], None] | None,
    ) -> None:
        self.rows_read = 0
        self.rows_encoded = 0
        self.diverted: Counter[str] = Counter()
        self.error: BaseException | None = None
        self._chunks_read = 0
        self._dataset = dataset
        self._partition = partition
        self._binding = binding
        self._file = file
        self._spool = spool
        self._stop = stop
        self._progress = progress
        self._abandoned = threading.Event()
        self._chunks: queue.Queue[bytes | None] = queue.Queue(CHUNKS_AHEAD)
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)

    def __enter__(self) -> _Encoder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()  # it may wait for room in the queue
        self._thread.join()

    def read(self, _size: int = -1) -> bytes:
        """Return the next chunk, whatever its size; nothing at the end, as COPY expects."""
        if self._chunks_read > 1:  # the first one is the header
            passed(Point.COPYING, self._partition)
        chunk = self._chunks.get()
        self._chunks_read += 1
        if chunk is not None:
            return chunk
        if self.error is not None:
            raise _Broken  # without its text, which psycopg2 would send to the server, and that to its log
        return b""

    def _run(self) -> None:
        try:
            for chunk in self._encoded():
                if chunk and not self._put(chunk):  # an empty chunk would mean the end of the file to COPY
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by read(), in the thread that copies
            self.error = error
        self._put(None)

    def _put(self, chunk: bytes | None) -> bool:
        while not self._abandoned.is_set():
            try:
                self._chunks.put(chunk, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _encoded(self) -> Iterator[bytes]:
        from pgpq import ArrowToPostgresBinaryEncoder

        names = [column.name for column in self._binding.present]
        encoder = ArrowToPostgresBinaryEncoder(canonical_schema(self._binding.present))
        yield encoder.write_header()
        total = self._file.promised_rows
        for batch in read_batches(self._file, tuple(self._binding.fields.values())):
            if self._stop.is_set():
                raise Stopped("The load was stopped.", remedy="Run the same command again to go on.")
            outcome = transform(
                self._dataset.row_rules, normalise(self._binding, batch), names, first_row=self.rows_read + 1
            )
            self._spool.add(outcome.diverted)
            self.diverted.update(row.code for row in outcome.diverted)
            self.rows_read += batch.num_rows
            self.rows_encoded += outcome.kept.num_rows
            yield _encode(encoder, outcome.kept)
            if self._progress is not None:
                self._progress(self.rows_read, total)
        yield encoder.finish()
