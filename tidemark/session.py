"""What every command and flow works with: the settings, the datasets and the warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import find_dataset, load_datasets
from tidemark.errors import Unreachable
from tidemark.postgres import Connection, connect, database_url
from tidemark.schema import ensure_schema, has_ledger
from tidemark.settings import Secret, Settings


@dataclass(frozen=True, kw_only=True)
class Session:
    """The settings with what they lead to; the database is reached when it is first asked for."""

    settings: Settings
    datasets: Mapping[str, Dataset]

    @cached_property
    def url(self) -> Secret:
        """The database's URL; starts the embedded PostgreSQL when none is configured."""
        return database_url(self.settings)

    def dataset(self, name: str) -> Dataset:
        """Return a dataset by its name; raises ``UsageError`` for one that nobody knows."""
        return find_dataset(name, self.datasets)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a connection to read the ledger with; none when this database has no ledger yet."""
        connection = self._connect()
        try:
            yield connection if has_ledger(connection, self.url) else None
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection to a ledger whose schema is up to date."""
        connection = self._connect()
        try:
            ensure_schema(connection, self.url)
            yield connection
        finally:
            connection.close()

    def _connect(self) -> Connection:
        """Connect; the embedded PostgreSQL may have been started anew since, on another port."""
        try:
            return connect(self.url)
        except Unreachable:
            if self.settings.database_url is not None:
                raise
            vars(self).pop("url", None)
            return connect(self.url)


def open_session(settings: Settings) -> Session:
    """Read the datasets; no database is needed, or started, until it is asked for."""
    return Session(settings=settings, datasets=load_datasets(settings.datasets))
