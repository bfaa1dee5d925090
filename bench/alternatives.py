"""Other ways to do what Tidemark does, as a worker: they were tried, and ``bench.trials`` measures them beside ours."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

from pgpq import ArrowToPostgresBinaryEncoder
from psycopg2 import sql

from bench import ours
from bench.answering import Stopwatch, answer
from checks.gate import audit
from tidemark import load as stages
from tidemark import stage as staging
from tidemark.contract import bind, canonical_schema, normalise
from tidemark.fetch import RawFile
from tidemark.load import Load
from tidemark.postgres import connect
from tidemark.publish import prepare
from tidemark.read import open_parquet, read_batches
from tidemark.warehouse import count_rows

AHEAD = 2


class _Encoder(Protocol):
    """What turns batches into what COPY takes."""

    def begin(self) -> bytes: ...
    def batch(self, rows: Any) -> bytes: ...
    def end(self) -> bytes: ...


class _Binary:
    """PostgreSQL's binary format, by pgpq."""

    options = "format binary"

    def __init__(self, schema: Any) -> None:
        self._encoder = ArrowToPostgresBinaryEncoder(schema)
        self.begin, self.batch, self.end = self._encoder.write_header, self._encoder.write_batch, self._encoder.finish


class _Csv:
    """CSV, by pyarrow."""

    options = "format csv"

    def __init__(self, schema: Any) -> None:
        pass

    def begin(self) -> bytes:
        return b""

    def batch(self, rows: Any) -> bytes:
        import pyarrow.csv

        written = io.BytesIO()
        pyarrow.csv.write_csv(rows, written, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
        return written.getvalue()

    def end(self) -> bytes:
        return b""


class _Stream:
    """The file that one COPY reads from."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes] = queue.Queue(AHEAD)

    def put(self, chunk: bytes) -> None:
        if chunk:
            self._chunks.put(chunk)

    def end(self) -> None:
        self._chunks.put(b"")

    def read(self, _size: int = -1) -> bytes:
        return self._chunks.get()


def _copies(load: Load, raw: RawFile, encoders: int, kind: Callable[[Any], _Encoder], *, every_column: bool) -> None:
    """Copy the file's rows into the staging table, by as many streams at once; no row rules, no counts."""
    table = raw.partition.staging_table(load.id)
    with open_parquet(raw.path) as file:
        binding = bind(load.dataset, raw.partition.month, file.schema_arrow)
        columns = binding.columns if every_column else binding.present
        names = [column.name for column in columns]
        statement = sql.SQL("copy {} ({}) from stdin ({})").format(
            sql.Identifier("staging", table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(kind.options),  # type: ignore[attr-defined]  # of both kinds
        )
        streams = [_Stream() for _ in range(encoders)]
        made = [kind(canonical_schema(columns)) for _ in streams]

        def encode() -> None:
            for encoder, stream in zip(made, streams, strict=True):
                stream.put(encoder.begin())
            for number, batch in enumerate(read_batches(file, tuple(binding.fields.values()))):
                place = number % encoders
                streams[place].put(made[place].batch(normalise(binding, batch).select(names)))
            for encoder, stream in zip(made, streams, strict=True):
                stream.put(encoder.end())
                stream.end()

        def copy(stream: _Stream) -> None:
            connection = connect(load.url)
            try:
                with connection.cursor() as cursor:
                    cursor.copy_expert(statement, stream)  # type: ignore[arg-type]  # it only reads
            finally:
                connection.close()

        with ThreadPoolExecutor(encoders + 1) as threads:
            for done in [threads.submit(encode), *(threads.submit(copy, stream) for stream in streams)]:
                done.result()


def stage_ours(month: str) -> Mapping[str, Any]:
    """Stage a month as Tidemark does."""
    with _fetched(month) as (load, raw):
        with Stopwatch() as watch:
            stages.stage_raw(load, raw)
        return _staged(load, raw, watch)


def _stage(month: str, encoders: int, kind: Callable[[Any], _Encoder], **how: bool) -> Mapping[str, Any]:
    with _fetched(month) as (load, raw):
        with Stopwatch() as watch:
            with open_parquet(raw.path) as file:
                binding = bind(load.dataset, raw.partition.month, file.schema_arrow)
            staging._create_tables(load.connection, load.dataset, raw.partition, load.id, binding)
            if how.pop("unlogged", False):
                _execute(load, "alter table {} set unlogged", raw)
                _copies(load, raw, encoders, kind, every_column=False)
                _execute(load, "alter table {} set logged", raw)
            else:
                _copies(load, raw, encoders, kind, every_column=how.pop("every_column", False))
        return _staged(load, raw, watch)


def audit_then_index(month: str) -> Mapping[str, Any]:
    """Audit a staged month, then make its index and statistics, as Tidemark does."""
    with _fetched(month) as (load, raw):
        staged = stages.stage_raw(load, raw)
        with Stopwatch() as watch:
            audit(load.url, load.dataset, staged, raw=raw.path)
            prepare(load.connection, load.dataset, staged)
        return _staged(load, raw, watch)


def audit_beside_index(month: str) -> Mapping[str, Any]:
    """Make the index and the statistics while the month is audited."""
    with _fetched(month) as (load, raw):
        staged = stages.stage_raw(load, raw)
        with Stopwatch() as watch:
            making = threading.Thread(target=prepare, args=(load.connection, load.dataset, staged))
            making.start()
            audit(load.url, load.dataset, staged, raw=raw.path)
            making.join()
        return _staged(load, raw, watch)


@contextmanager
def _fetched(month: str) -> Iterator[tuple[Load, RawFile]]:
    load = ours.open_month("yellow", month)
    try:
        stages.begin(load)
        yield load, stages.fetch_raw(load)
        stages.end(load, stages.interrupted())
    finally:
        stages.close(load)


def _staged(load: Load, raw: RawFile, watch: Stopwatch) -> Mapping[str, Any]:
    return {
        "seconds": watch.seconds,
        "rows": count_rows(load.connection, "staging", raw.partition.staging_table(load.id)),
    }


def _execute(load: Load, statement: str, raw: RawFile) -> None:
    with load.connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier("staging", raw.partition.staging_table(load.id))))


if __name__ == "__main__":
    answer(
        {
            "ours": stage_ours,
            "one stream": lambda month: _stage(month, 1, _Binary),
            "two streams": lambda month: _stage(month, 2, _Binary),
            "every column": lambda month: _stage(month, 1, _Binary, every_column=True),
            "unlogged": lambda month: _stage(month, 1, _Binary, unlogged=True),
            "csv": lambda month: _stage(month, 1, _Csv),
            "audit, then index": audit_then_index,
            "audit beside index": audit_beside_index,
        },
        (),
    )
