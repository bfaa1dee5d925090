"""Columns that files bring: in the staged table from the start, in the dataset's table once the month is accepted.

No value of a published row changes by it, and no reader waits: the dataset's table is changed in a short transaction
of its own, which gives up its place in the queue after ``LOCK_TIMEOUT_MS`` and tries again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg2.extensions
from psycopg2 import sql

from tidemark.contract import Binding
from tidemark.datasets.base import Column
from tidemark.drift import Table
from tidemark.errors import Failed, Transient
from tidemark.partition import Partition
from tidemark.postgres import LOCK_TIMEOUT_MS, SCHEMA_LOCK, Connection, transaction, with_lock_retries
from tidemark.queries import QUERIES

Cursor = psycopg2.extensions.cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumn:
    """A column as the catalog has it; ``type`` as PostgreSQL writes it."""

    name: str
    type: str
    comment: str


def read_table(connection: Connection, dataset: str) -> Table:
    """Return what a file's unknown columns must fit in with: the columns of ``trips.<dataset>``, SQL's own words."""
    with connection.cursor() as cursor:
        columns = columns_of(cursor, f"trips.{dataset}")
        cursor.execute(QUERIES["reserved_words"])
        words = frozenset(word for (word,) in cursor.fetchall())
    return Table(columns={column.name: column.type for column in columns.values()}, reserved=words)


def columns_of(cursor: Cursor, table: str) -> Mapping[str, TableColumn]:
    """Return the columns of a table by name, in their order; none when there is no such table."""
    cursor.execute(QUERIES["described_columns"], {"table": table})
    return {name: TableColumn(name=name, type=kind, comment=comment) for name, kind, comment in cursor.fetchall()}


def definition(column: Column | TableColumn) -> sql.Composable:
    return sql.SQL(" ").join([sql.Identifier(column.name), sql.SQL(column.type)])


def comment_of(column: Column) -> str:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return f"{column.comment.rstrip('.')}.{unit} Published as {', '.join(column.names)}."


def give_staged(cursor: Cursor, partition: Partition, table: str, binding: Binding) -> None:
    """Give a staged table, which is made like the dataset's, the new columns; in the transaction that makes it.

    Raises ``Transient`` when another month has brought a column meanwhile with another type: its bytes would not fit.
    """
    if not binding.evolved:
        return
    there = columns_of(cursor, f"staging.{table}")
    new = [
        TableColumn(name=column.name, type=column.type.value, comment=comment_of(column))
        for column in binding.evolved
        if column.name not in there
    ]
    _add(cursor, ("staging", table), new)
    for column in binding.evolved:
        if column.name in there and there[column.name].type != column.type:
            kind = there[column.name].type
            raise Transient(
                f"Another month brought the column {column.name} of {partition} meanwhile, as {kind}.",
                remedy="Run the same command again.",
                code="column-type",
            )


def add_new_columns(connection: Connection, partition: Partition, table: str) -> None:
    """Give the dataset's table the columns that it lacks of a staged one; the month is accepted.

    One at a time: over 240 months one takes some 30 ms, in which readers wait, and ten at once took half a second.
    Raises ``Transient`` when the table stays locked, ``Failed`` when it has one of them with another type.
    """
    while _lacking(connection, partition, table):
        with_lock_retries(lambda: _add_one(connection, partition, table), f"Adding a column for {partition}")


def complete_staged(cursor: Cursor, partition: Partition, schema: str, table: str) -> None:
    """Give a staged table the columns that other months have brought since; in the transaction that attaches it.

    From here on no column is added to the dataset's table until the transaction ends.
    """
    cursor.execute(sql.SQL(QUERIES["keep_columns"]).format(table=sql.Identifier("trips", partition.dataset)))
    there = columns_of(cursor, f"{schema}.{table}")
    parent = columns_of(cursor, f"trips.{partition.dataset}")
    _add(cursor, (schema, table), [column for name, column in parent.items() if name not in there])


def _add_one(connection: Connection, partition: Partition, table: str) -> None:
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(QUERIES["schema_lock"], {"key": SCHEMA_LOCK})
        cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
        _add(cursor, ("trips", partition.dataset), _lacking(connection, partition, table)[:1])


def _lacking(connection: Connection, partition: Partition, table: str) -> list[TableColumn]:
    with connection.cursor() as cursor:
        staged = columns_of(cursor, f"staging.{table}")
        parent = columns_of(cursor, f"trips.{partition.dataset}")
    for name, column in staged.items():
        if name in parent and parent[name].type != column.type:
            raise Failed(
                f"{partition} was staged with {name} as {column.type}, and trips.{partition.dataset} has it as "
                f"{parent[name].type} meanwhile; nothing was published.",
                remedy="Run the same command again.",
                code="column-type",
            )
    return [column for name, column in staged.items() if name not in parent]


def _add(cursor: Cursor, table: tuple[str, str], columns: Iterable[TableColumn]) -> None:
    for column in columns:
        cursor.execute(sql.SQL(QUERIES["add_column"]).format(table=sql.Identifier(*table), column=definition(column)))
        cursor.execute(
            sql.SQL(QUERIES["comment_on_column"]).format(
                column=sql.Identifier(*table, column.name), comment=sql.Literal(column.comment)
            )
        )
