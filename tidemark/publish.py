"""Publishing: from an accepted staged table to a month that readers see, in one commit with its ledger row.

A month that has no table is attached; one that has is replaced by DELETE and INSERT, which is what readers that
were already open at REPEATABLE READ see right. Whatever else needs time (indexes, statistics) is done before,
on the staged table, so that the transaction that holds locks is short.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass

import psycopg2
import psycopg2.errors
from psycopg2 import sql

from tidemark import ledger
from tidemark.datasets.base import Dataset
from tidemark.errors import Failed, TidemarkError
from tidemark.evolve import add_new_columns, columns_of, complete_staged
from tidemark.ledger import Outcome
from tidemark.partition import Partition
from tidemark.points import Point, passed
from tidemark.postgres import LOCK_TIMEOUT_MS, Connection, connect, transaction, waiting_briefly, with_lock_retries
from tidemark.queries import QUERIES
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Accepted
from tidemark.warehouse import count_rows

logger = logging.getLogger(__name__)

COMMIT_PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A month whose rows readers see."""

    partition: Partition
    load_id: int
    rows: int
    rows_diverted: int
    reloaded: bool


def prepare(connection: Connection, dataset: Dataset, staged: Staged) -> None:
    """Make a staged table ready to be attached: its indexes, its statistics, no defaults.

    Where a table is attached already, its rows will be replaced, and nothing of this is needed.
    Raises ``Transient`` when another session keeps the table locked.
    """
    with_lock_retries(lambda: _prepare(connection, dataset, staged), f"Preparing {staged.partition}")


def _prepare(connection: Connection, dataset: Dataset, staged: Staged) -> None:
    table = sql.Identifier("staging", staged.table)
    with waiting_briefly(connection), connection.cursor() as cursor:
        if _is_attached(cursor, staged.partition):
            return
        for number, index in enumerate(dataset.indexes, start=1):
            cursor.execute(
                sql.SQL(QUERIES["create_index"]).format(
                    name=sql.Identifier(f"{staged.table}_{number}"),  # short enough, and of this load alone
                    table=table,
                    method=sql.Identifier(index.method),
                    columns=sql.SQL(", ").join(map(sql.Identifier, index.columns)),
                )
            )
        cursor.execute(sql.SQL(QUERIES["finish_staging_table"]).format(table=table))
        cursor.execute(sql.SQL(QUERIES["analyze"]).format(table=table))


def publish(
    connection: Connection, url: Secret, dataset: Dataset, accepted: Accepted, *, expected_load: int | None
) -> Published:
    """Publish a month and note it in the ledger, in one transaction on the connection that holds the month's lock.

    Before it, in a transaction of its own, the dataset's table gets the columns that the month brings.
    ``expected_load``: the load that was published when this one began.
    Raises ``Transient`` when the tables stay locked, ``Failed`` when the connection broke before the commit, another
    loader was there first, rows differ, or a table of that name is in the way.
    """
    commit = _Commit(connection, dataset, accepted, expected_load)
    try:
        add_new_columns(connection, accepted.staged.partition, accepted.staged.table)
        passed(Point.EVOLVED, accepted.staged.partition)
        reloaded = with_lock_retries(commit.run, f"Publishing {accepted.staged.partition}")
    except psycopg2.Error:
        if not connection.closed:
            raise
        commit.settle(url)
        reloaded = commit.reloads
    if reloaded and not connection.closed:
        _analyze_published(connection, accepted.staged.partition)
    return Published(
        partition=accepted.staged.partition,
        load_id=accepted.staged.load_id,
        rows=accepted.rows,
        rows_diverted=accepted.staged.rows_diverted,
        reloaded=reloaded,
    )


class _Commit:
    """The one commit, and the answer to what became of it when the connection broke meanwhile."""

    def __init__(self, connection: Connection, dataset: Dataset, accepted: Accepted, expected_load: int | None) -> None:
        self._connection = connection
        self._dataset = dataset
        self._accepted = accepted
        self._expected_load = expected_load
        self._running: tuple[int, str] | None = None  # the server's process and the transaction's id
        self.reloads = False

    def run(self) -> bool:
        """Publish; returns whether the month was there before."""
        staged, partition = self._accepted.staged, self._accepted.staged.partition
        with transaction(self._connection), self._connection.cursor() as cursor:
            cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
            cursor.execute(QUERIES["transaction_id"])
            self._running = cursor.fetchone()
            passed(Point.PUBLISHING, partition)
            self._check_first()
            self.reloads = _is_attached(cursor, partition)
            self._replace_diverted(cursor)
            if self.reloads:
                self._replace(cursor)
            else:
                self._attach(cursor)
            how = "reloaded" if self.reloads else "loaded"
            ledger.end_published(
                self._connection, partition, staged.load_id, self._accepted.rows, f"{self._accepted.rows:,} rows {how}"
            )
            passed(Point.COMMITTING, partition)
        passed(Point.PUBLISHED, partition)
        return self.reloads

    def settle(self, url: Secret) -> None:
        """Find out what became of the transaction whose connection broke.

        Raises ``Failed`` when it was rolled back, and when the server does not tell in a minute.
        """
        partition = self._accepted.staged.partition
        committed = self._committed(url) if self._running else False
        if committed:
            return
        if committed is not None:
            raise Failed(  # not to be tried again at once: the month's lock went with the connection
                f"The database's connection broke while {partition} was being published; nothing was published.",
                remedy="Run the same command again.",
                code="connection-lost",
            )
        raise Failed(
            f"The database's connection broke while {partition} was being committed, and it does not say how it ended.",
            remedy=f"See tidemark explain {partition} once the database answers: the ledger is right either way.",
            code="commit-unknown",
        )

    def _committed(self, url: Secret) -> bool | None:
        """Ask the ledger once the server works on the transaction no more; none when it does not tell in a minute.

        The ledger, as a server that crashed gives the id of a transaction that left no trace to another one.
        """
        deadline = time.monotonic() + COMMIT_PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(TidemarkError, psycopg2.Error):  # the server is on its way back
                asking = connect(url)
                try:
                    if not self._is_running(asking):
                        ending = ledger.ending_on_record(asking, self._accepted.staged.load_id)
                        return ending is not None and ending.outcome is Outcome.PUBLISHED
                finally:
                    asking.close()
            time.sleep(0.5)
        return None

    def _is_running(self, asking: Connection) -> bool:
        pid, transaction_id = self._running or (None, None)
        with asking.cursor() as cursor:
            cursor.execute(QUERIES["transaction_runs"], {"pid": pid, "xid": transaction_id})
            return bool(cursor.fetchone()[0])  # type: ignore[index]  # exists() always returns one row

    def _check_first(self) -> None:
        partition = self._accepted.staged.partition
        current = ledger.current_load(self._connection, partition)
        if current != self._expected_load:
            raise Failed(
                f"{partition} was published by load {current} while this one worked; nothing was changed.",
                remedy=f"See tidemark explain {partition}.",
                code="superseded",
            )

    def _attach(self, cursor: psycopg2.extensions.cursor) -> None:
        partition = self._accepted.staged.partition
        try:
            move_staged(cursor, self._accepted.staged.table, "trips", partition.table)
        except psycopg2.errors.DuplicateTable:
            raise Failed(
                f"The table trips.{partition.table} is in the way: it is there, but not attached.",
                remedy=f"Drop or rename it if you detached it, then run the backfill of {partition} again.",
                code="table-in-the-way",
            ) from None
        # its rename keeps writers out, and nobody reads it yet: there is time to count
        self._check_rows("audited", self._accepted.rows, count_rows(self._connection, "trips", partition.table))
        complete_staged(cursor, partition, "trips", partition.table)
        cursor.execute(
            sql.SQL(QUERIES["attach_partition"]).format(
                parent=sql.Identifier("trips", self._dataset.name),
                table=sql.Identifier("trips", partition.table),
                month=sql.Literal(partition.month.first_day),
            )
        )

    def _replace(self, cursor: psycopg2.extensions.cursor) -> None:
        staged = self._accepted.staged
        table = sql.Identifier("trips", staged.partition.table)
        names = columns_of(cursor, f"staging.{staged.table}")
        cursor.execute(sql.SQL(QUERIES["delete_month"]).format(table=table))
        passed(Point.REPLACING, staged.partition)
        cursor.execute(
            sql.SQL(QUERIES["insert_month"]).format(
                table=table,
                columns=sql.SQL(", ").join(map(sql.Identifier, names)),
                staged=sql.Identifier("staging", staged.table),
            )
        )
        self._check_rows("audited", self._accepted.rows, cursor.rowcount)
        _drop(cursor, staged.table)

    def _check_rows(self, what: str, expected: int, rows: int) -> None:
        if rows != expected:
            raise Failed(
                f"{self._accepted.staged.partition} does not reconcile: {expected} rows were {what}, "
                f"{rows} would be published.",
                remedy="Nothing was changed. Run the same command again.",
                code="does-not-reconcile",
            )

    def _replace_diverted(self, cursor: psycopg2.extensions.cursor) -> None:
        staged = self._accepted.staged
        table = sql.Identifier("diverted", self._dataset.name)
        month = sql.Literal(staged.partition.month.first_day)
        cursor.execute(sql.SQL(QUERIES["delete_diverted"]).format(table=table, month=month))
        cursor.execute(
            sql.SQL(QUERIES["insert_diverted"]).format(
                table=table, staged=sql.Identifier("staging", staged.diverted_table)
            )
        )
        self._check_rows("diverted", staged.rows_diverted, cursor.rowcount)
        _drop(cursor, staged.diverted_table)


def _is_attached(cursor: psycopg2.extensions.cursor, partition: Partition) -> bool:
    tables = {"parent": f"trips.{partition.dataset}", "table": f"trips.{partition.table}"}
    cursor.execute(QUERIES["is_attached"], tables)
    return bool(cursor.fetchone()[0])  # type: ignore[index]  # exists() always returns one row


def move_staged(cursor: psycopg2.extensions.cursor, table: str, schema: str, name: str) -> None:
    """Move a staged table out of schema ``staging`` and give it its lasting name; within a transaction."""
    cursor.execute(
        sql.SQL(QUERIES["rename_table"]).format(table=sql.Identifier("staging", table), name=sql.Identifier(name))
    )
    cursor.execute(
        sql.SQL(QUERIES["move_to_schema"]).format(table=sql.Identifier("staging", name), schema=sql.Identifier(schema))
    )
    cursor.execute(sql.SQL(QUERIES["autovacuum_again"]).format(table=sql.Identifier(schema, name)))


def _drop(cursor: psycopg2.extensions.cursor, table: str) -> None:
    cursor.execute(sql.SQL(QUERIES["drop_staging_table"]).format(table=sql.Identifier("staging", table)))


def _analyze_published(connection: Connection, partition: Partition) -> None:
    """Renew the statistics of a reloaded month; it is published, so nothing here may make it fail any more."""
    try:
        with transaction(connection), connection.cursor() as cursor:
            cursor.execute(QUERIES["short_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
            cursor.execute(sql.SQL(QUERIES["analyze"]).format(table=sql.Identifier("trips", partition.table)))
    except psycopg2.Error as error:
        logger.warning("%s: its statistics are left to autovacuum: %s", partition, type(error).__name__)
