"""A Prefect server for loaders that are killed, and commands of theirs that begin at once."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg2 import sql

from deployments import prefect_server
from tests.conftest import TEMPLATE
from tests.faults.loaders import Ended, Loaders, warm_loaders
from tests.faults.scene import File, Scene, make_scene
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.settings import Secret

OLD = File(month=Month(2023, 1), price=1.0, rows=300, diverted=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A database where ``OLD`` is published, to be cloned; the command that did it; and the source that it used."""

    database: str
    source: Path
    ended: Ended


@pytest.fixture(scope="session")
def loaders(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaders]:
    """Commands on a Prefect server of their own, as a killed one holds its slots of the limits for a minute."""
    home = tmp_path_factory.mktemp("warm")
    with _prefect_server(shared_home / "killed") as api_url, warm_loaders(home, api_url) as loaders:
        yield loaders


@pytest.fixture
def scene(loaders: Loaders, database_url: Secret, tmp_path: Path) -> Scene:
    """A scene where nothing was loaded yet."""
    return make_scene(loaders, tmp_path, database_url)


@pytest.fixture(scope="session")
def published(loaders: Loaders, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Published:
    name, folder = f"test_{uuid.uuid4().hex[:12]}", tmp_path_factory.mktemp("published")
    scene = make_scene(loaders, folder, _create(server_url, name, TEMPLATE))
    scene.write(OLD)
    ended = scene.backfill(OLD.month)
    assert ended.status == 0, ended.stderr
    return Published(database=name, source=scene.source, ended=ended)


@pytest.fixture
def reloading(loaders: Loaders, server_url: str, published: Published, tmp_path: Path) -> Iterator[Scene]:
    """A scene where ``OLD`` is published."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield make_scene(loaders, tmp_path, _create(server_url, name, published.database), source=published.source)
    _execute(server_url, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _create(server_url: str, name: str, template: str) -> Secret:
    made = sql.SQL("create database {} template {}")
    _execute(server_url, made.format(sql.Identifier(name), sql.Identifier(template)))
    return Secret(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")))


def _execute(server_url: str, statement: sql.Composable) -> None:
    with closing(connect(Secret(server_url))) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def _prefect_server(home: Path) -> Iterator[str]:
    """Give the address of a server that all workers share; the last one of them stops it."""
    home.mkdir(exist_ok=True)
    with (home / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield prefect_server.ensure_server(home, api_url=None)
        finally:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                prefect_server.stop_server(home)
