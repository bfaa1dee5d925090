"""The ledger's schema: its version, and its upgrade by Alembic under a lock."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tidemark.errors import UsageError
from tidemark.postgres import SCHEMA_LOCK, Connection, connection_arguments
from tidemark.queries import QUERIES
from tidemark.settings import Secret

if TYPE_CHECKING:
    from alembic.config import Config

SCHEMA_VERSION = "0002"
ONE_UPGRADE = threading.Lock()  # Alembic hands its context to a migration by way of a module: one for the process


def schema_version(connection: Connection) -> str | None:
    """Return the version of the ledger's schema; none when the database has no ledger yet."""
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["ledger_exists"])
        if cursor.fetchone() == (None,):
            return None
        cursor.execute(QUERIES["ledger_version"])
        row = cursor.fetchone()
        return row[0] if row else None


def ensure_schema(connection: Connection, url: Secret) -> None:
    """Bring the ledger's schema to the version that this Tidemark knows.

    Raises ``UsageError`` when the ledger is newer.
    """
    if schema_version(connection) != SCHEMA_VERSION:
        _upgrade(url)


def has_ledger(connection: Connection, url: Secret) -> bool:
    """Whether there is a ledger to read; an older one is upgraded first.

    Raises ``UsageError`` when the ledger is newer.
    """
    if schema_version(connection) is None:
        return False
    ensure_schema(connection, url)
    return True


def _upgrade(url: Secret) -> None:
    """Upgrade in one transaction, which holds the lock that keeps a second upgrade waiting."""
    import sqlalchemy
    from alembic import command, util

    engine = sqlalchemy.create_engine(
        sqlalchemy_url(url), poolclass=sqlalchemy.NullPool, connect_args=connection_arguments(url)
    )
    with ONE_UPGRADE, engine.begin() as connection:
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
        connection.execute(sqlalchemy.schema.CreateSchema("tidemark", if_not_exists=True))
        try:
            command.upgrade(_alembic(connection), "head")
        except util.CommandError:
            raise UsageError(
                "The ledger in this database was written by a newer Tidemark.",
                remedy="Install that version, or a newer one, and run this again; nothing was changed.",
                code="newer-ledger",
            ) from None


def _alembic(connection: object) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def sqlalchemy_url(url: Secret) -> str:
    """Return the URL for SQLAlchemy with psycopg2; without the driver's name SQLAlchemy 2.1 takes psycopg 3."""
    return "postgresql+psycopg2://" + url.reveal().partition("://")[2]
