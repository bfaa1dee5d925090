"""The lasting tables of a dataset: ``trips.<dataset>``, ``diverted.<dataset>``, and the sweep of what loads left."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql

from tidemark.datasets.base import Column, Dataset
from tidemark.errors import UsageError
from tidemark.evolve import comment_of, definition
from tidemark.ledger import dataset_number
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.postgres import (
    LOCK_TIMEOUT_MS,
    SCHEMA_LOCK,
    Connection,
    transaction,
    try_lock,
    unlock,
    with_lock_retries,
)
from tidemark.queries import QUERIES
from tidemark.stage import diverted_table, drop_staged
from tidemark.zones import ensure_zones

logger = logging.getLogger(__name__)

_STAGING_TABLE = re.compile(r".+_\d{4}_\d{2}_(\d+)")


def ensure_tables(connection: Connection, dataset: Dataset) -> None:
    """Make the tables of a dataset, and the columns that it has got since.

    Raises ``UsageError`` when a column is there with another type, ``Transient`` when the table stays locked.
    """
    ensure_zones(connection, dataset)
    if _missing_columns(connection, dataset) == ():
        return
    with_lock_retries(lambda: _change_tables(connection, dataset), f"The table trips.{dataset.name}")


def sweep(connection: Connection, *, quarantine_days: int) -> None:
    """Drop the staged tables that killed loads left, and quarantined ones whose time is over.

    A table goes only when the lock of its month is free, and is held while it goes. No other schema is touched.
    """
    for partition, table in _staged(connection):
        with _holding(connection, partition) as held:
            if held:
                _drop_staged(connection, table)
    for partition in _old_quarantine(connection, quarantine_days):
        with _holding(connection, partition) as held:
            if held and partition in _old_quarantine(connection, quarantine_days):  # it may have a new one by now
                with _left_for_later(f"quarantine.{partition.table}"):
                    _drop_quarantined(connection, partition)


def drop_left_staged(connection: Connection, partition: Partition) -> None:
    """Drop what earlier loads of a month left in staging; the caller holds the month's lock, and has staged nothing."""
    for owner, table in _staged(connection):
        if owner == partition:
            _drop_staged(connection, table)


def _staged(connection: Connection) -> Iterator[tuple[Partition, str]]:
    """Yield the tables in staging that loads have made, with their months; not the diverted rows beside them."""
    tables = {str(table) for table in _column(connection, "staging_tables")}
    loads = [int(match[1]) for match in map(_STAGING_TABLE.fullmatch, tables) if match]
    for load_id, dataset, month in _rows(connection, "attempts_by_id", loads=loads):
        partition = Partition(dataset, Month.of(month))
        if partition.staging_table(load_id) in tables:
            yield partition, partition.staging_table(load_id)


def _drop_staged(connection: Connection, table: str) -> None:
    with _left_for_later(f"staging.{table}"):
        drop_staged(connection, table)


@contextmanager
def _left_for_later(table: str) -> Iterator[None]:
    """Go on when a table cannot be dropped: somebody reads it, or made a view on it. The next sweep tries again."""
    try:
        yield
    except psycopg2.Error as error:
        logger.warning("%s is left for a later sweep: %s", table, type(error).__name__)


@contextmanager
def _holding(connection: Connection, partition: Partition) -> Iterator[bool]:
    """Hold the lock of a month meanwhile, if no loader has it; says whether it is held."""
    number = dataset_number(connection, partition.dataset)
    held = try_lock(connection, number, partition.month)
    try:
        yield held
    finally:
        if held:
            unlock(connection, number, partition.month)


def count_rows(connection: Connection, schema: str, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(QUERIES["count_rows"]).format(table=sql.Identifier(schema, table)))
        return int(cursor.fetchone()[0])  # type: ignore[index]  # count(*) always returns one row


def _change_tables(connection: Connection, dataset: Dataset) -> None:
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(QUERIES["schema_lock"], {"key": SCHEMA_LOCK})
        cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
        missing = _missing_columns(connection, dataset)
        if missing is None:
            _create_tables(connection, dataset)
            return
        parent = sql.Identifier("trips", dataset.name)
        for column in missing:
            cursor.execute(sql.SQL(QUERIES["add_column"]).format(table=parent, column=definition(column)))
            _comment(connection, dataset, column)


def _create_tables(connection: Connection, dataset: Dataset) -> None:
    parent, diverted = sql.Identifier("trips", dataset.name), sql.Identifier("diverted", dataset.name)
    columns = sql.SQL(",\n    ").join(definition(column) for column in dataset.columns)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(QUERIES["create_parent_table"]).format(table=parent, columns=columns))
        cursor.execute(sql.SQL(QUERIES["create_diverted_table"]).format(table=diverted))
        cursor.execute(sql.SQL(QUERIES["index_diverted_table"]).format(table=diverted))
        for table, comment in (
            (parent, f"{dataset.title}. Source: {dataset.home}. One partition a month, loaded by Tidemark."),
            (diverted, f"Rows of {dataset.title} that row rules took out, with the rule's code."),
        ):
            cursor.execute(sql.SQL(QUERIES["comment_on_table"]).format(table=table, comment=sql.Literal(comment)))
    for column in dataset.columns:
        _comment(connection, dataset, column)
    _comment_text(connection, dataset.name, "month", "First day of the month whose file brought the row.")
    _comment_text(connection, dataset.name, "load_id", "The load that brought the row: tidemark.attempt.load_id.")


def _comment(connection: Connection, dataset: Dataset, column: Column) -> None:
    _comment_text(connection, dataset.name, column.name, comment_of(column))


def _comment_text(connection: Connection, table: str, column: str, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(QUERIES["comment_on_column"]).format(
                column=sql.Identifier("trips", table, column), comment=sql.Literal(text)
            )
        )


def _missing_columns(connection: Connection, dataset: Dataset) -> tuple[Column, ...] | None:
    """Return the columns that the table lacks; none when there is no table."""
    table = f"trips.{dataset.name}"
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["table_exists"], {"name": dataset.name})
        if cursor.fetchone() == (False,):
            return None
        cursor.execute(QUERIES["table_columns"], {"table": table})
        there = dict(cursor.fetchall())
    for column in dataset.columns:
        if there.get(column.name, column.type) != column.type:
            raise UsageError(
                f"{table}.{column.name} is {there[column.name]}, and its dataset says {column.type}.",
                remedy="Set the type in the dataset's module back, or give the table that type too: "
                f'alter table {table} alter column "{column.name}" type {column.type}.',
                code="column-type",
            )
    return tuple(column for column in dataset.columns if column.name not in there)


def _old_quarantine(connection: Connection, days: int) -> list[Partition]:
    return [Partition(dataset, Month.of(month)) for dataset, month in _rows(connection, "old_quarantine", days=days)]


def _drop_quarantined(connection: Connection, partition: Partition) -> None:
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
        for name in (partition.table, diverted_table(partition.table)):
            table = sql.Identifier("quarantine", name)
            cursor.execute(sql.SQL(QUERIES["drop_staging_table"]).format(table=table))


def _column(connection: Connection, query: str) -> list[object]:
    return [row[0] for row in _rows(connection, query)]


def _rows(connection: Connection, query: str, **parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[query], parameters)
        return cursor.fetchall()
