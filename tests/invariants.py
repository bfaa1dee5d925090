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
      and not exists (
          select from tidemark.decision d join tidemark.attempt r using (load_id)
          where d.kind = 'reject' and r.outcome = 'rejected' and r.month = a.month and r.load_id > a.load_id
            and r.dataset = a.dataset
      )
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
      and (coalesce(verdict, 'none') not in ('accepted', 'warned')
           or not exists (select from tidemark.finding f where f.load_id = a.load_id))
"""
WITHOUT_END = "select load_id, month from tidemark.attempt where dataset = %(dataset)s and outcome is null"
LEFT_IN_STAGING = "select tablename from pg_tables where schemaname = 'staging' and tablename ~ %(tables)s"
NAMELESS_QUARANTINE = """
    select tablename from pg_tables t
    where schemaname = 'quarantine' and tablename ~ %(tables)s
      and not exists (
          select from tidemark.attempt a
          where a.quarantine_table = 'quarantine.' || regexp_replace(t.tablename, '_diverted$', '')
      )
"""
BLOCKED = """
    select a.load_id, f.code
    from tidemark.attempt a join tidemark.finding f using (load_id)
    where a.dataset = %(dataset)s and a.outcome = 'published'
      and (f.errored or not f.passed and f.severity = 'reject')
"""
OTHER_VERDICT = """
    select a.load_id, a.verdict
    from tidemark.attempt a
    where a.dataset = %(dataset)s and a.verdict is distinct from case
        when a.verdict is null then null
        when exists (select from tidemark.finding f where f.load_id = a.load_id
                     and (f.errored or not f.passed and f.severity = 'reject')) then 'rejected'
        when exists (select from tidemark.finding f where f.load_id = a.load_id and not f.passed) then 'warned'
        else 'accepted'
    end
"""
UNFOUNDED = """
    select d.load_id, d.kind, a.outcome, a.verdict, j.outcome
    from tidemark.decision d
         join tidemark.attempt a using (load_id)
         join tidemark.attempt j on j.load_id = d.judged_load
    where a.dataset = %(dataset)s
      and ((a.dataset, a.month) <> (j.dataset, j.month) or a.sha256 is distinct from j.sha256 or d.load_id <= j.load_id
           or j.outcome <> case d.kind when 'release' then 'rejected' else 'published' end
           or a.outcome = 'published' and (d.kind, a.verdict) <> ('release', 'warned')
           or a.outcome = 'rejected' and (d.kind, a.verdict) <> ('reject', 'rejected'))
"""
QUARANTINED = """
    select a.load_id, a.quarantine_table, a.rows_read - a.rows_diverted, a.rows_diverted
    from tidemark.attempt a
         join pg_tables t on t.schemaname = 'quarantine' and 'quarantine.' || t.tablename = a.quarantine_table
    where a.dataset = %(dataset)s
      and not exists (select from tidemark.attempt n
                      where n.quarantine_table = a.quarantine_table and n.load_id > a.load_id)
"""
QUARANTINED_ROWS = "select load_id, count(*) from {} group by load_id"
# of what readers see and the ledger says: at any moment
NOTHING_EVER = {
    "months whose current load is not a published load of theirs": NOT_BY_THIS_MONTH,
    "published loads that are newer than their month's current one": NOT_THE_NEWEST,
    "published loads whose rows do not reconcile": UNRECONCILED,
    "published loads that no gate accepted": WITHOUT_VERDICT,
    "quarantined tables that no attempt names": NAMELESS_QUARANTINE,
    "published loads with a finding that blocks": BLOCKED,
    "verdicts that do not follow from their findings": OTHER_VERDICT,
    "decisions that are not about a load of their month, or took another effect": UNFOUNDED,
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
            _assert_quarantined(cursor, parameters)
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


def _assert_quarantined(cursor: Cursor, parameters: dict[str, str]) -> None:
    """The rows that lie in the quarantine are those that the ledger says were rejected, the diverted ones too."""
    for load_id, table, rows, diverted in _rows(cursor, QUARANTINED, parameters):
        schema, name = str(table).split(".")
        for kept, count in ((name, rows), (f"{name}_diverted", diverted)):
            there = _rows(cursor, sql.SQL(QUARANTINED_ROWS).format(sql.Identifier(schema, kept)), parameters)
            assert there == ({(load_id, count)} if count else set()), f"{schema}.{kept} does not hold what was rejected"


def _rows(cursor: Cursor, query: str | sql.Composable, parameters: dict[str, str]) -> set[tuple[Any, ...]]:
    cursor.execute(query, parameters)
    return set(cursor.fetchall())
