"""Staging rows that are in the database already, for a load of their own: quarantined ones, or published ones."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2 import sql

from tidemark.errors import Failed
from tidemark.facts import Attempt
from tidemark.partition import Partition
from tidemark.points import Point, passed
from tidemark.postgres import LOCK_TIMEOUT_MS, Connection, transaction
from tidemark.quarantine import SCHEMA, fingerprint, kept_tables
from tidemark.queries import QUERIES
from tidemark.stage import Staged, diverted_table

Table = tuple[str, str]  # its schema and its name
DIVERTED = ("code", "column_name", "row_number", "row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where the rows of a load lie, and the diverted ones."""

    load: Attempt
    partition: Partition
    rows: Table
    diverted: Table

    @property
    def loaded(self) -> int:
        """How many rows passed the row rules when they were loaded."""
        return (self.load.rows_read or 0) - self.rows_diverted

    @property
    def rows_diverted(self) -> int:
        return self.load.rows_diverted or 0


def quarantined(partition: Partition, load: Attempt) -> Origin:
    rows, diverted = kept_tables(partition)
    return Origin(load=load, partition=partition, rows=(SCHEMA, rows), diverted=(SCHEMA, diverted))


def published(partition: Partition, load: Attempt) -> Origin:
    return Origin(
        load=load, partition=partition, rows=("trips", partition.table), diverted=("diverted", partition.dataset)
    )


def check_origin(connection: Connection, origin: Origin) -> None:
    """Raise ``Failed`` when a quarantined table is gone (``quarantine-gone``), or holds other rows than were put there
    (``quarantine-altered``)."""
    for table, expected, what in (
        (origin.rows, origin.loaded, "rows"),
        (origin.diverted, origin.rows_diverted, "diverted rows"),
    ):
        if not _is_there(connection, table):
            raise _useless(origin, f"{'.'.join(table)} is not there any more", "quarantine-gone")
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(QUERIES["count_load"]).format(
                    table=sql.Identifier(*table), load_id=sql.Literal(origin.load.load_id)
                )
            )
            found = cursor.fetchone()
        if found != (expected, expected):
            of_load, in_all = found or (0, 0)
            told = f"{of_load:,}" if of_load == in_all else f"{of_load:,} of it and {in_all - of_load:,} others"
            problem = f"load {origin.load.load_id} had {expected:,} {what}, and {'.'.join(table)} holds {told}"
            raise _useless(origin, problem, "quarantine-altered")
    with connection.cursor() as cursor:
        if fingerprint(cursor, origin.rows, origin.diverted) != origin.load.quarantine_fingerprint:
            problem = f"they are as many, but a value in {'.'.join(origin.rows)} or beside it was changed since"
            raise _useless(origin, problem, "quarantine-altered")


def stage_again(connection: Connection, origin: Origin, load_id: int) -> Staged:
    """Copy rows that are there into new tables of schema ``staging``; they get the new ``load_id``.

    Raises ``Failed`` (``does-not-reconcile``) when they are not as many as were loaded.
    """
    table = origin.partition.staging_table(load_id)
    _create_tables(connection, origin, table, load_id)
    passed(Point.STAGING_CREATED, origin.partition)
    columns = tuple(name for name in _columns(connection, origin.rows) if name not in ("month", "load_id"))
    rows = _copy(connection, origin, origin.rows, table, columns)
    diverted = _copy(connection, origin, origin.diverted, diverted_table(table), DIVERTED)
    if (rows, diverted) != (origin.loaded, origin.rows_diverted):
        raise Failed(
            f"{origin.partition} does not reconcile: load {origin.load.load_id} had {origin.loaded:,} rows and "
            f"{origin.rows_diverted:,} diverted ones, and {rows:,} and {diverted:,} were found.",
            remedy="Nothing was changed. Run the same command again.",
            code="does-not-reconcile",
        )
    passed(Point.STAGED, origin.partition)
    return Staged(
        partition=origin.partition,
        load_id=load_id,
        table=table,
        rows_read=rows + diverted,
        rows=rows,
        diverted=dict(origin.load.diverted or {}),
        dropped=origin.load.dropped_columns,
    )


def _useless(origin: Origin, problem: str, code: str) -> Failed:
    return Failed(
        f"The quarantined rows of {origin.partition} are not what was judged: {problem}.",
        remedy=f"Nothing was changed. To have them judged again: tidemark backfill {origin.partition} --mode rejected.",
        code=code,
    )


def _is_there(connection: Connection, table: Table) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["table_is_there"], {"schema": table[0], "name": table[1]})
        return bool(cursor.fetchone()[0])  # type: ignore[index]  # exists() always returns one row


def _create_tables(connection: Connection, origin: Origin, table: str, load_id: int) -> None:
    """Commit the empty tables before they are filled: a server killed within both would leave files for ever."""
    month = origin.partition.month.first_day
    with transaction(connection), connection.cursor() as cursor:
        cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
        cursor.execute(
            sql.SQL(QUERIES["create_staging_table"]).format(
                table=sql.Identifier("staging", table),
                parent=sql.Identifier(*origin.rows),
                check=sql.Identifier(f"{origin.partition.table}_month"),
                month=sql.Literal(month),
                load_id=sql.Literal(load_id),
            )
        )
        cursor.execute(
            sql.SQL(QUERIES["create_diverted_staging_table"]).format(
                table=sql.Identifier("staging", diverted_table(table)),
                parent=sql.Identifier("diverted", origin.partition.dataset),
                month=sql.Literal(month),
                load_id=sql.Literal(load_id),
            )
        )


def _columns(connection: Connection, table: Table) -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["table_columns"], {"table": ".".join(table)})
        return tuple(name for name, _ in cursor.fetchall())


def _copy(connection: Connection, origin: Origin, kept: Table, table: str, columns: tuple[str, ...]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(QUERIES["stage_again"]).format(
                table=sql.Identifier("staging", table),
                kept=sql.Identifier(*kept),
                columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
                load_id=sql.Literal(origin.load.load_id),
            )
        )
        return cursor.rowcount
