"""The quarantine: where the rows of a rejected month lie, the diverted ones too, out of every reader's way.

There is one of each per partition: a newer one takes the place of an older one.
"""

from __future__ import annotations

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, named like one

from tidemark import ledger
from tidemark.ledger import Ending, Outcome
from tidemark.partition import Partition
from tidemark.points import Point, passed
from tidemark.postgres import LOCK_TIMEOUT_MS, Connection, transaction, with_lock_retries
from tidemark.publish import move_staged
from tidemark.queries import QUERIES
from tidemark.remedies import steps_after
from tidemark.stage import Staged, diverted_table
from tidemark.verdict import Rejected

SCHEMA = "quarantine"


def quarantine(connection: Connection, rejected: Rejected) -> Ending:
    """Move a rejected staged table to schema ``quarantine`` and end its attempt, in one transaction.

    Raises ``Transient`` when another session keeps a table locked.
    """
    staged = rejected.staged
    ending = Ending(
        outcome=Outcome.REJECTED,
        code=rejected.code,
        reason=f"The gate rejected the month: {rejected.reason}.",
        remedy=_remedy(rejected),
        quarantine_table=f"{SCHEMA}.{staged.partition.table}",
    )

    def move() -> None:
        with transaction(connection), connection.cursor() as cursor:
            cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
            keep(cursor, staged)
            ledger.end_attempt(connection, staged.load_id, ending)
            passed(Point.COMMITTING, staged.partition)

    with_lock_retries(move, f"The quarantine of {staged.partition}")
    return ending


def keep(cursor: Cursor, staged: Staged) -> None:
    """Move what was staged to the quarantine, in the place of what was there, and note what it is; in a transaction."""
    kept, kept_diverted = kept_tables(staged.partition)
    found = fingerprint(cursor, ("staging", staged.table), ("staging", staged.diverted_table))
    cursor.execute(QUERIES["record_fingerprint"], {"fingerprint": found, "load_id": staged.load_id})
    drop_kept(cursor, staged.partition)
    move_staged(cursor, staged.table, SCHEMA, kept)
    move_staged(cursor, staged.diverted_table, SCHEMA, kept_diverted)


def fingerprint(cursor: Cursor, rows: tuple[str, str], diverted: tuple[str, str]) -> str:
    """Return what tells the rows of two tables, given by schema and name, from any other rows, in whatever order."""
    tables = {"rows": sql.Identifier(*rows), "diverted": sql.Identifier(*diverted)}
    cursor.execute(sql.SQL(QUERIES["fingerprint"]).format(**tables))
    return str(cursor.fetchone()[0])  # type: ignore[index]  # a select without a table always returns one row


def drop_kept(cursor: Cursor, partition: Partition) -> None:
    """Drop the quarantined rows of a month, if there are any; within a transaction."""
    for name in kept_tables(partition):
        cursor.execute(sql.SQL(QUERIES["drop_staging_table"]).format(table=sql.Identifier(SCHEMA, name)))


def kept_tables(partition: Partition) -> tuple[str, str]:
    """Return the names of the quarantined table of a month and of the one with its diverted rows."""
    return partition.table, diverted_table(partition.table)


def _remedy(rejected: Rejected) -> str:
    partition = rejected.staged.partition
    look = f"See tidemark explain {partition} --rows, and its rows in {SCHEMA}.{partition.table}."
    return " ".join((look, *(f"{step}." for step in steps_after(partition, rejected.blocking))))
