"""What must hold in a warehouse after any fault, asked from outside with SQL of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, named like one

from tidemark.settings import Secret

LEDGER_PUBLISHED = """
    select p.month, p.current_load, a.rows_published
    from tidemark.partition p join tidemark.attempt a on a.load_id = p.current_load
    where p.dataset = %(dataset)s and a.rows_published > 0
"""
TABLE_PUBLISHED = "select month, load_id, count(*) from {} group by month, load_id"

LEDGER_DIVERTED = """
    select p.month, p.current_load, d.code, d.rows::bigint
    from tidemark.partition p join tidemark.attempt a on a.load_id = p.current_load,
         jsonb_each_text(a.diverted) as d (code, rows)
    where p.dataset = %(dataset)s
"""
TABLE_DIVERTED = "select month, load_id, code, count(*) from {} group by month, load_id, code"

NOT_BY_THIS_MONTH = """
    select p.month, p.current_load
    from tidemark.partition p join tidemark.attempt a on a.load_id = p.current_load
    where p.dataset = %(dataset)s
      and (a.outcome, a.dataset, a.month) is distinct from ('published', p.dataset, p.month)
"""
NOT_THE_NEWEST = """
    select a.load_id
    from tidemark.attempt a left join tidemark.partition p using (dataset, month)
    where a.dataset = %(dataset)s and a.outcome = 'published' and a.load_id > coalesce(p.current_load, 0)
"""
UNRECONCILED = """
    select load_id, rows_read, rows_published, rows_diverted, diverted::text
    from tidemark.attempt
    where dataset = %(dataset)s and outcome = 'published'
      and (rows_read is distinct from rows_published + rows_diverted
           or rows_diverted is distinct from
               (select coalesce(sum(value::bigint), 0) from jsonb_each_text(diverted)))
"""
WITHOUT_VERDICT = """
    select load_id from tidemark.attempt a
    where dataset = %(dataset)s and outcome = 'published'
      and (verdict is distinct from 'accepted'
           or not exists (select from tidemark.finding f where f.load_id = a.load_id))
"""
WITHOUT_END = "select load_id, month from tidemark.attempt where dataset = %(dataset)s and outcome is null"
LEFT_IN_STAGING = "select tablename from pg_tables where schemaname = 'staging' and tablename ~ %(tables)s"
NAMELESS_QUARANTINE = """
    select tablename from pg_tables t
    where schemaname = 'quarantine' and tablename ~ %(tables)s
      and not exists (select from tidemark.attempt a where a.quarantine_table = 'quarantine.' || t.tablename)
"""
# of what readers see and the ledger says: at any moment
NOTHING_EVER = {
    "months whose current load is not a published load of theirs": NOT_BY_THIS_MONTH,
    "published loads that are newer than their month's current one": NOT_THE_NEWEST,
    "published loads whose rows do not reconcile": UNRECONCILED,
    "published loads that no gate accepted": WITHOUT_VERDICT,
    "quarantined tables that no attempt names": NAMELESS_QUARANTINE,
}
# of what a killed loader leaves: when the same command has ended since
NOTHING_LEFT = {
    "attempts without an end": WITHOUT_END,
    "tables in staging": LEFT_IN_STAGING,
}


def check_data(url: Secret, dataset: str) -> None:
    """Assert that ledger and tables of a dataset agree row for row, whatever happened and whoever is at work."""
    _check(url, dataset, NOTHING_EVER)


def check_invariants(url: Secret, dataset: str) -> None:
    """Assert that ledger and tables of a dataset agree row for row, and that nothing was left behind.

    No load of the dataset may run meanwhile.
    """
    _check(url, dataset, NOTHING_EVER | NOTHING_LEFT)


def _check(url: Secret, dataset: str, nothing_of: Mapping[str, str]) -> None:
    parameters = {"dataset": dataset, "tables": rf"^{dataset}_\d{{4}}_\d\d(_|$)"}
    connection = psycopg2.connect(url.reveal())
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            for what, query in nothing_of.items():
                found = _rows(cursor, query, parameters)
                assert not found, f"{dataset}: there are {what}: {sorted(found, key=str)}"
            _assert_same(cursor, "published", LEDGER_PUBLISHED, "trips", TABLE_PUBLISHED, parameters)
            _assert_same(cursor, "diverted", LEDGER_DIVERTED, "diverted", TABLE_DIVERTED, parameters)
    finally:
        connection.close()


def _assert_same(cursor: Cursor, what: str, ledger: str, schema: str, table: str, parameters: dict[str, str]) -> None:
    said = _rows(cursor, ledger, parameters)
    name = f"{schema}.{parameters['dataset']}"
    cursor.execute("select to_regclass(%s) is not null", (name,))
    there = set()
    if cursor.fetchone() == (True,):
        there = _rows(cursor, sql.SQL(table).format(sql.Identifier(schema, parameters["dataset"])), parameters)
    assert there == said, f"{name} does not hold what the ledger says is {what}"


def _rows(cursor: Cursor, query: str | sql.Composable, parameters: dict[str, str]) -> set[tuple[Any, ...]]:
    cursor.execute(query, parameters)
    return set(cursor.fetchall())
