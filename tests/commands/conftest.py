"""The command from the outside: as a process of its own, on a ledger that holds every kind of month."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, named like one

from tests.conftest import TEMPLATE
from tests.depot import RIDES, Depot, make_depot, write_rides
from tidemark import ledger
from tidemark import load as stages
from tidemark.errors import TidemarkError
from tidemark.ledger import SourceSeen
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.settings import Secret

PROJECT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:1"  # a port where nothing listens

PUBLISHED = Month(2023, 1)  # 100 rows, 3 of them diverted
RELOAD_REJECTED = Month(2023, 2)
REJECTED = Month(2023, 3)
FAILED = Month(2023, 4)
UNAVAILABLE = Month(2023, 5)
INTERRUPTED = Month(2023, 6)
MISSING = Month(2023, 7)
STALE = Month(2023, 8)
RELOAD_FAILED = Month(2023, 9)
YEAR_SO_FAR = ("rides", str(PUBLISHED), str(RELOAD_FAILED))


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(kw_only=True)
class Tidemark:
    """The command as a process in a folder of its own, with nothing of our environment but what is set here."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def __call__(self, *arguments: str, **environment: str) -> Ran:
        """Run a command to its end."""
        return self.run("-m", "commands.main", *arguments, **environment)

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Run Python to its end, as the command would run; its stdin gives nothing."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Ran(status=done.returncode, out=done.stdout, err=done.stderr)

    def shell(self, script: str, **environment: str) -> Ran:
        """Run a script in which ``tidemark`` is the command."""
        function = f'set -o pipefail; tidemark() {{ "{sys.executable}" -m commands.main "$@"; }}; '
        done = subprocess.run(
            ["bash", "-c", function + script],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Ran(status=done.returncode, out=done.stdout, err=done.stderr)

    def start(
        self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, stderr: int | IO[str] = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start a command that is ended from outside, at the latest with the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "commands.main", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
        self.started.append(process)
        return process


@pytest.fixture
def tidemark(tmp_path: Path) -> Iterator[Tidemark]:
    """The command with a home below ``tmp_path``, a source that is an empty folder, and no database."""
    folder, source = tmp_path / "here", tmp_path / "nothing"
    folder.mkdir()
    source.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(PROJECT),
        "TIDEMARK_HOME": str(folder / "home"),
        "TIDEMARK_SOURCE": str(source),
    }
    command = Tidemark(folder=folder, environment=environment)
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


@pytest.fixture
def on_filled(tidemark: Tidemark, filled_url: Secret, datasets: Path) -> Tidemark:
    """The command on a ledger that holds every kind of month of the dataset ``rides``."""
    tidemark.environment |= {"TIDEMARK_DATABASE_URL": filled_url.reveal(), "TIDEMARK_DATASETS": str(datasets)}
    return tidemark


@pytest.fixture
def in_process(on_filled: Tidemark, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command on the filled ledger in this process, for many cases; ``capsys`` has what it prints."""
    for name, value in on_filled.environment.items():
        if name.startswith("TIDEMARK_"):
            monkeypatch.setenv(name, value)
    return run_here


def run_here(*arguments: str, debug: bool = False) -> int:
    from commands.main import run

    return run(list(arguments), debug=debug)


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    """A folder with datasets of the user's own: the rides."""
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "rides.py").write_text("from tests.depot import RIDES as DATASET\n")
    return folder


@pytest.fixture
def empty_url(server_url: str) -> Iterator[Secret]:
    """A fresh database without a ledger."""
    with _database(server_url, "template0") as url:
        yield url


@pytest.fixture
def filled_url(server_url: str, filled: str) -> Iterator[Secret]:
    """A fresh database with months of every kind."""
    with _database(server_url, filled) as url:
        yield url


@pytest.fixture(scope="session")
def filled(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with months of every kind, to be cloned; the first worker that comes fills it."""
    name, new = "commands_filled", "commands_filled_new"
    with _server(server_url) as cursor:
        cursor.execute("select pg_advisory_lock(2)")
        cursor.execute("select from pg_database where datname = %s", (name,))
        if not cursor.rowcount:
            cursor.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(new)))
            _create(cursor, new, TEMPLATE)
            depot = make_depot(tmp_path_factory.mktemp("depot"), _url(server_url, new))
            try:
                _fill(depot)
            finally:
                depot.close()
            cursor.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(new), sql.Identifier(name)))
    return name


@contextmanager
def _database(server_url: str, template: str) -> Iterator[Secret]:
    """Give a database made of a template; it is dropped at the end."""
    name = f"commands_{uuid.uuid4().hex[:12]}"
    with _server(server_url) as cursor:
        _create(cursor, name, template)
        yield _url(server_url, name)
        cursor.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def _server(server_url: str) -> Iterator[Cursor]:
    server = connect(Secret(server_url))
    try:
        with server.cursor() as cursor:
            yield cursor
    finally:
        server.close()


def _create(cursor: Cursor, name: str, template: str) -> None:
    made = sql.SQL("create database {} template {}")
    cursor.execute(made.format(sql.Identifier(name), sql.Identifier(template)))


def _url(server_url: str, name: str) -> Secret:
    return Secret(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")))


def _fill(depot: Depot) -> None:
    for month in (PUBLISHED, RELOAD_REJECTED, STALE, RELOAD_FAILED):
        depot.write(month, 100, seatless=(1, 2, 3))
        depot.load(month)
    for month in (RELOAD_REJECTED, REJECTED):
        _write_rows_of_another_month(depot, month)
        depot.load(month)
    for month in (FAILED, RELOAD_FAILED):
        _try(replace(depot, settings=replace(depot.settings, source=NOWHERE)), month)
    _try(depot, UNAVAILABLE)
    unfinished = depot.open(INTERRUPTED, depot.plan(INTERRUPTED))
    assert stages.begin(unfinished) is None
    show_other_bytes(depot, STALE)


def _write_rows_of_another_month(depot: Depot, month: Month) -> None:
    write_rides(depot.source / RIDES.file_name(month), Month(month.year - 1, month.number), 100)


def _try(depot: Depot, month: Month) -> None:
    """Load a month that cannot be fetched."""
    load = depot.open(month, depot.plan(month))
    assert stages.begin(load) is None
    with pytest.raises(TidemarkError) as raised:
        stages.fetch_raw(load)
    stages.end(load, stages.ending_of(raised.value))


def show_other_bytes(depot: Depot, month: Month) -> None:
    """Note in the ledger that the source shows another file of a month than the one that is published."""
    path = str(depot.source / RIDES.file_name(month))
    seen = SourceSeen(url=path, available=True, etag=None, last_modified=None, size=1, sha256=None)
    connection = connect(depot.url)
    try:
        ledger.record_seen(connection, RIDES.partition(month), seen)
    finally:
        connection.close()
