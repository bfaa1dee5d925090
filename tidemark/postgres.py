"""Connections, transactions and advisory locks of PostgreSQL."""

from __future__ import annotations

import errno
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2
import psycopg2.errors
import psycopg2.extensions

from tidemark.errors import Failed, TidemarkError, Transient, Unreachable, UsageError
from tidemark.months import Month
from tidemark.queries import QUERIES
from tidemark.settings import DATABASE_URL, Secret, Settings

MINIMUM_VERSION = 140000
TRANSACTION_TIMEOUT_VERSION = 170000
LOCK_TIMEOUT_MS = 200
# after this long without a sign of life both ends give a connection up: a server that thinks that its client is still
# there holds the month's lock. Not shorter: to the kernel a COPY that waits for a slow disk looks the same
SILENCE_S = 120
# limits that a role may have: they would end a COPY in the middle, or the connection while a file is fetched
_SESSION: Mapping[str, str] = {
    "timezone": "UTC",
    "statement_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "10min",
    "default_transaction_isolation": r"read\ committed",
}
LOCK_PATIENCE_S = 60.0
SCHEMA_LOCK = 0x7469_6465  # "tide": one key for changes of schemas and parent tables

BUSY = (
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.TooManyConnections,
)

_NO_CONNECTION_LEFT = ("too many clients", "too many connections", "connection slots are reserved")
_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

Connection = psycopg2.extensions.connection
T = TypeVar("T")


def database_url(settings: Settings) -> Secret:
    """Return the warehouse's URL; starts the embedded PostgreSQL when none is configured."""
    if settings.database_url is not None:
        return settings.database_url
    from tidemark.embedded import ensure_server

    return Secret(ensure_server(settings.home))


def connect(url: Secret) -> Connection:
    """Open a connection in autocommit mode, with UTC as its time zone.

    Raises ``UsageError`` for a malformed URL or a PostgreSQL older than 14, ``Unreachable`` when the database
    does not answer or refuses.
    """
    try:
        opened: Connection = psycopg2.connect(url.reveal(), **connection_arguments(url))
    except psycopg2.OperationalError as error:
        raise _refused(error) from None
    except psycopg2.ProgrammingError:  # its text holds the URL, password included
        raise _malformed() from None
    opened.autocommit = True
    if opened.server_version < MINIMUM_VERSION:
        version = opened.server_version // 10000
        opened.close()
        raise UsageError(
            f"The database is PostgreSQL {version}; Tidemark needs 14 or newer.",
            remedy=f"Point {DATABASE_URL} to a newer server.",
            code="old-postgresql",
        )
    if opened.server_version >= TRANSACTION_TIMEOUT_VERSION:
        with opened.cursor() as cursor:
            cursor.execute(QUERIES["no_transaction_timeout"])
    return opened


def connection_arguments(url: Secret) -> dict[str, Any]:
    """Return what libpq gets beside a URL, for every connection to the warehouse, whoever opens it.

    Raises the driver's ``ProgrammingError`` for a malformed URL, with the URL in its text.
    """
    session = dict(_SESSION) | {
        "lock_timeout": f"{LOCK_PATIENCE_S * 1000:.0f}",  # of what readers do not wait behind; else it is shorter
        "tcp_keepalives_idle": f"{SILENCE_S // 4}",
        "tcp_keepalives_interval": f"{SILENCE_S // 4}",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": f"{SILENCE_S * 1000}",
    }
    asked_for = psycopg2.extensions.parse_dsn(url.reveal()).get("options", "")
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    return {
        "connect_timeout": 10,
        "application_name": "tidemark",
        "options": f"{asked_for} {options}".strip(),
        "client_encoding": "UTF8",
        "keepalives_idle": SILENCE_S // 4,
        "keepalives_interval": SILENCE_S // 4,
        "keepalives_count": 3,
        "tcp_user_timeout": SILENCE_S * 1000,
    }


def _refused(error: psycopg2.OperationalError) -> TidemarkError:
    text = _one_line(error)
    if "connection option" in text:  # what stands there may be a part of the password
        return _malformed()
    if "startup parameter" in text:
        return UsageError(
            f"The database refuses the connection as a transaction pooler does: {text}.",
            remedy=f"Point {DATABASE_URL} straight to the server: the months' locks are locks of a session.",
            code="transaction-pooler",
        )
    if "idle_session_timeout" in text:  # which 14 brought
        return UsageError(
            "The database is older than PostgreSQL 14, which Tidemark needs.",
            remedy=f"Point {DATABASE_URL} to a newer server.",
            code="old-postgresql",
        )
    if any(said in text for said in _NO_CONNECTION_LEFT):
        return Unreachable(
            f"The database takes no more connections: {text.partition('FATAL:')[2].strip()}.",
            remedy="Run this again when others have left, or raise its max_connections or the limit of the user.",
            code="too-many-connections",
        )
    if "the database system is" in text:
        return Unreachable(
            f"The database is not ready: {text.partition('FATAL:')[2].strip()}.",
            remedy="Run this again when the server has started.",
            code="database-not-ready",
        )
    if "FATAL:" in text:
        return Unreachable(
            f"The database refuses the connection: {text.partition('FATAL:')[2].strip()}.",
            remedy=f"Check the user, the password and the database in {DATABASE_URL}.",
            code="database-refused",
        )
    return Unreachable(
        f"The database does not answer: {text}.",
        remedy=f"Check {DATABASE_URL} and that the server runs; tidemark doctor says what is reachable.",
        code="database-unreachable",
    )


def _malformed() -> UsageError:
    return UsageError(
        f"{DATABASE_URL} is not a URL that PostgreSQL understands.",
        remedy="Write it as postgresql://user:password@host:5432/database; in the password write / as %2F, @ as %40.",
        code="bad-setting",
    )


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Run the body in one transaction: commits when it ends, rolls back when it raises."""
    connection.autocommit = False
    try:
        yield
        connection.commit()
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
    finally:
        if not connection.closed:
            connection.autocommit = True


@contextmanager
def waiting_briefly(connection: Connection) -> Iterator[None]:
    """Give statements that are transactions of their own the short ``lock_timeout``, in autocommit mode."""
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["session_lock_timeout"], {"milliseconds": LOCK_TIMEOUT_MS})
        try:
            yield
        finally:
            if not connection.closed:
                cursor.execute(QUERIES["usual_lock_timeout"])


def with_lock_retries(work: Callable[[], T], what: str) -> T:
    """Call ``work`` until it gets its table locks.

    ``work`` sets ``lock_timeout``, so that nobody queues behind it for long.
    Raises ``Transient`` when another session kept the locks for a minute.
    """
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            return work()
        except psycopg2.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                raise Transient(
                    f"{what} could not be done: another session has kept a lock for {LOCK_PATIENCE_S:.0f} s.",
                    remedy="Find it with: select * from pg_stat_activity where state <> 'idle', then run this again.",
                    code="locked",
                ) from None
            time.sleep(random.uniform(0.05, 0.3))  # noqa: S311 - spreads retries, guards nothing


def try_lock(connection: Connection, number: int, month: Month) -> bool:
    """Take the advisory lock of a month for this session, if it is free."""
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["try_lock_month"], {"number": number, "yyyymm": month.yyyymm})
        return bool(cursor.fetchone()[0])  # type: ignore[index]  # the function always returns one row


def held_months(connection: Connection) -> int:
    """Return how many months of this database are locked by loaders."""
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["held_months"])
        return int(cursor.fetchone()[0])  # type: ignore[index]  # count(*) always returns one row


def unlock(connection: Connection, number: int, month: Month) -> None:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["unlock_month"], {"number": number, "yyyymm": month.yyyymm})


def explain(error: psycopg2.Error, what: str) -> TidemarkError:
    """Say what a database error means for the work on ``what``, and whether trying again at once may help."""
    text = _one_line(error)
    if isinstance(error, BUSY):
        return Transient(f"The database was too busy for {what}: {text}.", remedy="Run it again.", code="database-busy")
    if isinstance(error, psycopg2.errors.DiskFull) or any(said in text for said in _FULL):  # a quota has no code
        return Failed(
            f"The disk of the database is full: {text}.",
            remedy="Make room on the database server's disk, then run the same command again.",
            code="database-full",
        )
    if isinstance(error, psycopg2.errors.ConfigurationLimitExceeded):
        return Failed(
            f"The database allows no more temporary files for {what}: {text}.",
            remedy="Raise temp_file_limit for the user, then run the same command again.",
            code="database-full",
        )
    if isinstance(error, psycopg2.errors.ReadOnlySqlTransaction):
        return Failed(
            f"The database only lets itself be read: {text}.",
            remedy=f"Point {DATABASE_URL} to the primary, and to a user without default_transaction_read_only.",
            code="database-read-only",
        )
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return Failed(
            f"The connection to the database broke during {what}: {text}.",
            remedy="Check the server with tidemark doctor, then run the same command again.",
            code="connection-lost",
        )
    return Failed(
        f"The database refused the work on {what}: {text}.",
        remedy=f"Check the rights of the user in {DATABASE_URL}; tidemark doctor says what is reachable.",
        code="database",
    )


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
