"""Connections, transactions and locks, and what their errors say."""

from __future__ import annotations

import socket

import psycopg2
import pytest

from tests.depot import FEBRUARY, JANUARY, ask
from tidemark import postgres
from tidemark.errors import Failed, Transient, Unreachable, UsageError
from tidemark.postgres import Connection, connect, explain, transaction, try_lock, unlock, with_lock_retries
from tidemark.settings import Secret


def test_a_connection_counts_in_utc_and_says_who_it_is(connection: Connection) -> None:
    assert connection.autocommit
    assert ask(connection, "show timezone") == [("UTC",)]
    assert ask(connection, "show client_encoding") == [("UTF8",)]
    assert ask(connection, "show application_name") == [("tidemark",)]


def test_no_server_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable) as raised:
        connect(Secret(f"postgresql://me:pass-phrase@127.0.0.1:{port}/db"))
    assert raised.value.code == "database-unreachable"
    assert "pass-phrase" not in str(raised.value)


def test_a_wrong_password_is_told_without_it(database_url: Secret) -> None:
    _, _, place = database_url.reveal().rpartition("@")
    with pytest.raises(Unreachable, match="password authentication failed") as raised:
        connect(Secret(f"postgresql://tidemark:pass-phrase@{place}"))
    assert "pass-phrase" not in str(raised.value)


def test_an_url_that_makes_no_sense_is_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        connect(Secret("postgresql://me:pass-phrase@127.0.0.1/db?nonsense=1"))
    assert "pass-phrase" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_old_server_is_refused(database_url: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "MINIMUM_VERSION", 990000)
    with pytest.raises(UsageError, match="needs 14") as raised:
        connect(database_url)
    assert raised.value.code == "old-postgresql"


def test_a_server_that_does_not_know_our_settings_is_too_old() -> None:
    said = 'connection to server failed: FATAL:  unrecognized configuration parameter "idle_session_timeout"'
    told = postgres._refused(psycopg2.OperationalError(said))
    assert (type(told), told.code) == (UsageError, "old-postgresql")


def test_a_transaction_is_kept_or_undone_as_a_whole(connection: Connection) -> None:
    ask(connection, "create table public.kept (n int)")
    with transaction(connection):
        ask(connection, "insert into public.kept values (1)")
    with pytest.raises(psycopg2.errors.DivisionByZero), transaction(connection):
        ask(connection, "insert into public.kept values (2); select 1 / 0")
    assert ask(connection, "select n from public.kept") == [(1,)]
    assert connection.autocommit


def test_a_broken_transaction_tells_what_broke_it(connection: Connection, database_url: Secret) -> None:
    other = connect(database_url)
    with pytest.raises(psycopg2.OperationalError), transaction(other):
        ask(other, "select pg_terminate_backend(pg_backend_pid())")
    assert other.closed


def test_a_months_lock_is_its_own(connection: Connection, database_url: Secret) -> None:
    other = connect(database_url)
    try:
        assert try_lock(connection, 1, FEBRUARY)
        assert not try_lock(other, 1, FEBRUARY)
        assert try_lock(other, 1, JANUARY)
        assert try_lock(other, 2, FEBRUARY)
        unlock(connection, 1, FEBRUARY)
        assert try_lock(other, 1, FEBRUARY)
    finally:
        other.close()


def test_work_that_needs_a_lock_is_tried_until_it_gets_it(connection: Connection) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            ask(connection, "do $$ begin raise lock_not_available; end $$")
        return "done"

    assert with_lock_retries(work, "It") == "done"
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("condition", "kind", "code"),
    [
        ("deadlock_detected", Transient, "database-busy"),
        ("serialization_failure", Transient, "database-busy"),
        ("lock_not_available", Transient, "database-busy"),
        ("too_many_connections", Transient, "database-busy"),
        ("disk_full", Failed, "database-full"),
        ("insufficient_privilege", Failed, "database"),
        ("undefined_table", Failed, "database"),
    ],
)
def test_an_error_of_the_server_says_what_helps(
    connection: Connection, condition: str, kind: type[Failed], code: str
) -> None:
    with pytest.raises(psycopg2.Error) as raised:
        ask(connection, f"do $$ begin raise {condition} using message = 'so it is'; end $$")
    error = explain(raised.value, "rides 2023-02")
    assert (type(error), error.code) == (kind, code)
    assert "so it is" in error.message
    assert error.remedy


def test_a_lost_connection_is_told_as_such(connection: Connection, database_url: Secret) -> None:
    other = connect(database_url)
    ask(connection, "select pg_terminate_backend(%s, 10000)", other.info.backend_pid)
    for _ in range(2):  # when it shows, and afterwards
        with pytest.raises(psycopg2.Error) as raised:
            ask(other, "select 1")
        assert explain(raised.value, "rides 2023-02").code == "connection-lost"
