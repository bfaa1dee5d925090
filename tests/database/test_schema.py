"""The ledger's schema: made once, whoever comes first, and never by one who only reads."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import sqlalchemy
from alembic import command
from psycopg2 import sql

from tests.depot import RIDES, ask
from tidemark import ledger
from tidemark.backfill import known_or_due
from tidemark.datasets import green
from tidemark.errors import UsageError
from tidemark.facts import State, read_facts, read_history
from tidemark.history import History
from tidemark.months import Month
from tidemark.postgres import Connection, connect
from tidemark.schema import SCHEMA_VERSION, _alembic, ensure_schema, has_ledger, schema_version, sqlalchemy_url
from tidemark.session import Session
from tidemark.settings import DATABASE_URL, Secret, read_settings

PROJECT = Path(__file__).parents[2]
LEDGER = {
    "dataset", "run", "run_partition", "attempt", "finding", "partition", "source_seen", "schema_version",
    "profile", "evidence", "acceptance", "decision",
}  # fmt: skip
SCHEMAS = {"tidemark", "trips", "staging", "diverted", "quarantine"}


@pytest.fixture
def empty_url(server_url: str) -> Iterator[Secret]:
    """A database with nothing in it."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    server = connect(Secret(server_url))
    try:
        ask(server, sql.SQL("create database {}").format(sql.Identifier(name)))
        yield Secret(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")))
        ask(server, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    finally:
        server.close()


@pytest.fixture
def empty(empty_url: Secret) -> Iterator[Connection]:
    opened = connect(empty_url)
    yield opened
    opened.close()


def schemas(connection: Connection) -> set[str]:
    found = ask(connection, "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> all(%s)",
                ["information_schema", "public"])  # fmt: skip
    return {name for (name,) in found}


def tables(connection: Connection) -> set[str]:
    return {name for (name,) in ask(connection, "select tablename from pg_tables where schemaname = 'tidemark'")}


def state_of(connection: Connection) -> list[tuple[object, ...]]:
    """Everything that is in the ledger's schema, with what it was written by."""
    return ask(
        connection,
        "select c.oid, c.relname, c.relnatts, c.xmin::text from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where nspname = 'tidemark' order by 1",
    )


def session(url: Secret) -> Session:
    return Session(settings=read_settings({DATABASE_URL: url.reveal()}), datasets={})


def test_the_first_writer_makes_it(empty: Connection, empty_url: Secret) -> None:
    assert schema_version(empty) is None
    with session(empty_url).writing() as connection:
        assert schema_version(connection) == SCHEMA_VERSION
    assert tables(empty) == LEDGER
    assert schemas(empty) == SCHEMAS
    assert has_ledger(empty, empty_url)


def test_a_second_upgrade_changes_nothing(empty: Connection, empty_url: Secret) -> None:
    ensure_schema(empty, empty_url)
    before = state_of(empty)
    ensure_schema(empty, empty_url)
    assert state_of(empty) == before


def test_a_ledger_of_the_first_version_is_upgraded_with_all_that_is_in_it(empty: Connection, empty_url: Secret) -> None:
    upgrade_to(empty_url, "0001")
    ask(empty, "insert into tidemark.attempt (dataset, month, contract_version, suite_version, ended_at, outcome, "
               "verdict, rows_read, rows_published, rows_diverted, sha256) "
               "select 'rides', '2023-01-01', 'c', 's', now(), o, v, 9, n, 0, 'abc' "
               "from (values ('rejected', 'rejected', null), ('published', 'accepted', 9), ('failed', null, null)) "
               "as each (o, v, n)")  # fmt: skip
    ask(empty, "insert into tidemark.finding select load_id, 'RIDES-ROWS', 'reject', outcome = 'published', false, "
               "'price', 'a', 'b', 'c' from tidemark.attempt")  # fmt: skip
    ask(empty, "insert into tidemark.partition select dataset, month, load_id from tidemark.attempt "
               "where outcome = 'published'")  # fmt: skip
    with session(empty_url).reading() as connection:
        assert connection is not None
        (facts,) = read_facts(connection, RIDES, (Month(2023, 1),))
        history = read_history(connection, RIDES.partition(Month(2023, 1)))
        assert ledger.read_history(connection, "rides", Month(2023, 2)) == History()
    assert schema_version(empty) == SCHEMA_VERSION
    assert (facts.state, facts.current and facts.current.verdict) == (State.PUBLISHED, "accepted")
    assert [(a.outcome, a.verdict, a.sha256) for a in history] == [
        ("failed", None, "abc"), ("published", "accepted", "abc"), ("rejected", "rejected", "abc"),
    ]  # fmt: skip
    assert [(f.code, f.column, f.gravity) for a in history for f in a.findings] == [("RIDES-ROWS", "price", 0.0)] * 3
    assert all((a.decision, a.added_columns) == (None, ()) for a in history)


def upgrade_to(url: Secret, version: str) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(url), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("tidemark"))
        command.upgrade(_alembic(connection), version)


def test_an_empty_database_is_read_as_an_empty_ledger_and_stays_empty(empty: Connection, empty_url: Secret) -> None:
    assert not has_ledger(empty, empty_url)
    with session(empty_url).reading() as connection:
        assert connection is None
        assert known_or_due(connection, green.DATASET)[0] == green.DATASET.first_month
    assert schemas(empty) == set()


def test_a_ledger_is_read_without_alembic(database_url: Secret) -> None:
    script = (
        "import sys; from tidemark.session import Session; from tidemark.settings import read_settings\n"
        "settings = read_settings({'TIDEMARK_DATABASE_URL': sys.stdin.read()})\n"
        "with Session(settings=settings, datasets={}).reading() as connection:\n"
        "    assert connection is not None\n"
        "assert not {'alembic', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], input=database_url.reveal(), text=True, cwd=PROJECT, check=True)


def test_two_threads_at_once_make_one(empty: Connection, empty_url: Secret) -> None:
    def upgrade(_: int) -> None:
        connection = connect(empty_url)
        try:
            ensure_schema(connection, empty_url)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, range(4)))
    assert tables(empty) == LEDGER
    assert ask(empty, "select version_num from tidemark.schema_version") == [(SCHEMA_VERSION,)]


def test_two_ledgers_are_made_side_by_side_in_one_process(server_url: str) -> None:
    names = [f"empty_{uuid.uuid4().hex[:12]}" for _ in range(4)]
    urls = [Secret(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))) for name in names]
    server = connect(Secret(server_url))

    def make(url: Secret) -> str | None:
        opened = connect(url)
        try:
            ensure_schema(opened, url)
            return schema_version(opened)
        finally:
            opened.close()

    try:
        for name in names:
            ask(server, sql.SQL("create database {}").format(sql.Identifier(name)))
        with ThreadPoolExecutor(len(urls)) as threads:
            assert list(threads.map(make, urls)) == [SCHEMA_VERSION] * len(urls)
    finally:
        for name in names:
            ask(server, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        server.close()


def test_two_processes_at_once_make_one(empty: Connection, empty_url: Secret) -> None:
    script = (
        "import sys; from tidemark.session import Session; from tidemark.settings import read_settings\n"
        "import alembic.command, sqlalchemy\n"
        "url = sys.stdin.readline().strip()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "with Session(settings=read_settings({'TIDEMARK_DATABASE_URL': url}), datasets={}).writing(): pass"
    )
    racer = [sys.executable, "-c", script]
    processes = [
        subprocess.Popen(racer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{empty_url.reveal()}\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # both have all they need: now they race
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in processes] == [0, 0]
    assert tables(empty) == LEDGER


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_newer_ledger_is_refused_and_nothing_is_changed(
    connection: Connection, database_url: Secret, way: str
) -> None:
    ask(connection, "update tidemark.schema_version set version_num = '9999'")
    before = state_of(connection)
    entered = session(database_url).reading() if way == "read" else session(database_url).writing()
    with pytest.raises(UsageError, match="newer Tidemark") as raised, entered:
        pass
    assert raised.value.code == "newer-ledger"
    assert ask(connection, "select version_num from tidemark.schema_version") == [("9999",)]
    assert state_of(connection) == before


def test_an_upgrade_that_breaks_leaves_nothing_behind(empty: Connection, empty_url: Secret) -> None:
    ask(empty, "create schema trips")
    ask(empty, "create schema tidemark")
    ask(empty, "create table tidemark.source_seen (in_the_way int)")
    with pytest.raises(Exception, match="source_seen"):
        ensure_schema(empty, empty_url)
    assert tables(empty) == {"source_seen"}
    assert schemas(empty) == {"trips", "tidemark"}
    ask(empty, "drop table tidemark.source_seen")
    ensure_schema(empty, empty_url)
    assert tables(empty) == LEDGER
