"""One PostgreSQL and one Prefect server for all tests of a run, and a fresh database for each test that wants one."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg2 import sql

from deployments import prefect_server
from tests.depot import Depot, make_depot
from tests.invariants import check_invariants
from tidemark.embedded import ensure_server, remove_server
from tidemark.postgres import Connection, connect
from tidemark.schema import ensure_schema
from tidemark.settings import Secret

TEMPLATE = "tests_template"
SERVER_HOME = pytest.StashKey[Path]()


# The process that runs the workers makes the home; the first test that needs a server starts it.


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[SERVER_HOME] = Path(tempfile.mkdtemp(prefix="tidemark-tests-"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["server_home"] = str(node.config.stash[SERVER_HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(SERVER_HOME, None)
    if home is not None:
        prefect_server.stop_server(home)
        remove_server(home)
        shutil.rmtree(home)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules first that take minutes, and last those of milliseconds, so that no worker is alone at the end.

    A worker takes whole modules, in this order; among equals it stays random.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("long"):
        return 0
    return {"flows": 1, "faults": 1, "unit": 3}.get(item.path.parent.name, 2)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the one who runs the tests gets in, and nothing is written outside of the test's own folder."""
    for name in os.environ:
        if name.startswith(("TIDEMARK_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TIDEMARK_HOME", str(tmp_path))


@pytest.fixture(scope="session")
def shared_home(request: pytest.FixtureRequest) -> Path:
    """The folder that all workers of the run share, and its servers."""
    workerinput = getattr(request.config, "workerinput", None)
    return Path(workerinput["server_home"]) if workerinput else request.config.stash[SERVER_HOME]


@pytest.fixture(scope="session")
def prefect_url(shared_home: Path) -> str:
    """The API of the run's Prefect server, which takes 10 s and more to start; workers come here at the same time."""
    return prefect_server.ensure_server(shared_home, api_url=None)


@pytest.fixture(scope="session")
def server_url(shared_home: Path) -> str:
    """The server's own database, with a template beside it; workers come here at the same time."""
    url = ensure_server(shared_home)
    connection = connect(Secret(url))
    try:
        _ensure_template(connection, url)
    finally:
        connection.close()
    return url


@pytest.fixture
def database_url(server_url: str) -> Iterator[Secret]:
    """A fresh database with a migrated ledger."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = connect(Secret(server_url))
    try:
        with server.cursor() as cursor:
            statement = sql.SQL("create database {} template {}")
            cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
            yield Secret(_with_database(server_url, name))
            cursor.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    finally:
        server.close()


@pytest.fixture(scope="session")
def new_database(server_url: str) -> Callable[[], Secret]:
    """Makes databases without anything in them, which stay until the end of the run."""

    def make() -> Secret:
        name = f"test_{uuid.uuid4().hex[:12]}"
        server = connect(Secret(server_url))
        try:
            with server.cursor() as cursor:
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        finally:
            server.close()
        return Secret(_with_database(server_url, name))

    return make


@pytest.fixture
def connection(database_url: Secret) -> Iterator[Connection]:
    """A connection to the fresh database, in autocommit mode."""
    opened = connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def depot(database_url: Secret, tmp_path: Path) -> Iterator[Depot]:
    """A place to load months of rides in; whatever was done there, the invariants hold when the test is over."""
    made = make_depot(tmp_path, database_url)
    yield made
    made.close()
    check_invariants(database_url, made.dataset.name)


def _ensure_template(connection: Connection, url: str) -> None:
    new = f"{TEMPLATE}_new"
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(1)")
        cursor.execute("select from pg_database where datname = %s", (TEMPLATE,))
        if cursor.rowcount:
            return
        cursor.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(new)))
        cursor.execute(sql.SQL("create database {}").format(sql.Identifier(new)))
        template_url = Secret(_with_database(url, new))
        template = connect(template_url)
        try:
            ensure_schema(template, template_url)
        finally:
            template.close()
        cursor.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(new), sql.Identifier(TEMPLATE)))


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
