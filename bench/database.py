"""What measurements ask of the database: to forget, to count, and to show what really is there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from psycopg2 import sql

from bench.errors import Broken
from bench.stand import Stand
from tidemark.postgres import Connection

LASTING = (("tidemark", "dataset"), ("tidemark", "schema_version"))


def ask(connection: Connection, query: str | sql.Composable, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []


def settle(stand: Stand) -> None:
    """Write out what is left of the measurement before, so that the next one does not pay for it."""
    ask(stand.connection, "checkpoint")


def forget(stand: Stand) -> None:
    """Make every month as if it had never been loaded: its rows, its files in the lake, what the ledger knows."""
    for schema, table in _tables(stand, ("trips", "staging", "quarantine")):
        ask(stand.connection, sql.SQL("drop table {}").format(sql.Identifier(schema, table)))
    kept = [name for name in _tables(stand, ("tidemark", "diverted")) if name not in LASTING]
    if kept:  # there is no ledger before the first load
        emptied = sql.SQL(", ").join(sql.Identifier(*name) for name in kept)
        ask(stand.connection, sql.SQL("truncate {}").format(emptied))
    shutil.rmtree(stand.lake, ignore_errors=True)


def _tables(stand: Stand, schemas: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the schema and name of every table that holds rows itself: partitions, not their parents."""
    return ask(
        stand.connection,
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname = any(%s)",
        list(schemas),
    )


def count(stand: Stand, schema: str, table: str) -> int:
    (row,) = ask(stand.connection, sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table)))
    return int(row[0])


def expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Broken(f"{what}: {found} instead of {expected}; nothing was measured.")


def expect_published(stand: Stand, months: Sequence[date], rows: int, path: Path | None = None) -> None:
    """Make sure that the table holds these months and no others, whole, by the loads that the ledger names.

    ``rows``: that each month's file has. ``path``: the file that the one month is to come from.
    """
    held = ask(stand.connection, "select month, load_id, count(*) from trips.yellow group by 1, 2 order by 1")
    noted = ask(
        stand.connection,
        "select p.month, p.current_load, a.rows_published from tidemark.partition p "
        "join tidemark.attempt a on a.load_id = p.current_load order by 1",
    )
    expect("the table and the ledger differ", held, noted)
    expect("months that are published", [month for month, _, _ in noted], list(months))
    read = ask(
        stand.connection,
        "select distinct a.rows_read, a.rows_published + a.rows_diverted from tidemark.partition p "
        "join tidemark.attempt a on a.load_id = p.current_load",
    )
    expect("rows of the months", read, [(rows, rows)])
    if path is not None:
        sources = ask(
            stand.connection,
            "select a.sha256 from tidemark.partition p join tidemark.attempt a on a.load_id = p.current_load",
        )
        with path.open("rb") as file:
            expect("the file that was loaded", sources, [(hashlib.file_digest(file, "sha256").hexdigest(),)])
