"""A PostgreSQL of a test's own, which may be killed, and loads that stand still at a point of their way."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from psycopg2 import sql

from tests.depot import ask, opened
from tests.waiting import eventually
from tidemark import detached, embedded, points
from tidemark.partition import Partition
from tidemark.points import Point
from tidemark.postgres import Connection
from tidemark.schema import ensure_schema
from tidemark.settings import Secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server in a home of its own; when it is started again it is found where it was."""

    home: Path
    url: Secret

    @property
    def data(self) -> Path:
        return embedded.data_folder(self.home)

    @property
    def postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def start(self) -> None:
        place = embedded._place(self.home)
        port = urlsplit(self.url.reveal()).port or 0
        with detached.claim(place.folder) as claimed:
            assert claimed is not None, "it runs"
            (self.data / "postmaster.pid").unlink(missing_ok=True)  # it may be of the one that was killed
            assert embedded._launch(place, embedded._usable_binaries(place), port, claimed), "its port was taken"

    def kill_everything(self) -> None:
        """As a machine that loses its power."""
        first = self.postmaster
        os.kill(first, signal.SIGSTOP)  # it must not tell the others
        for pid in (*_children(first), first):
            os.kill(pid, signal.SIGKILL)
        self.wait_until_gone()

    def kill_postmaster(self) -> None:
        os.kill(self.postmaster, signal.SIGKILL)
        self.wait_until_gone()

    def stop_at_once(self) -> None:
        """As ``pg_ctl stop -m immediate``."""
        os.kill(self.postmaster, signal.SIGQUIT)
        self.wait_until_gone()

    def kill_one_backend(self, pid: int) -> None:
        """Then the server throws all others out, recovers and goes on by itself."""
        postmaster = self.postmaster
        before = set(_children(postmaster))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not before & set(_children(postmaster)), "the server has thrown all others out")

    def wait_until_ready(self) -> None:
        eventually(lambda: embedded.running_url(self.home), "the server answers")

    def wait_until_gone(self) -> None:
        eventually(lambda: not detached.is_running(self.data.parent), "every process of the server is gone")

    def new_database(self, name: str, *, template: str | None = None, folder: Path | None = None) -> Secret:
        """Make a database with a ledger; ``folder``: where all of it lies, in a tablespace of its name."""
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        with opened(self.url) as connection:
            if template is not None:
                statement += sql.SQL(" template {}").format(sql.Identifier(template))
            if folder is not None:
                made = sql.SQL("create tablespace {} location {}")
                ask(connection, made.format(sql.Identifier(name), sql.Literal(str(folder))))
                statement += sql.SQL(" tablespace {}").format(sql.Identifier(name))
            ask(connection, statement)
        url = Secret(urlunsplit(urlsplit(self.url.reveal())._replace(path=f"/{name}")))
        with opened(url) as connection:
            ensure_schema(connection, url)
        return url

    def drop_database(self, name: str) -> None:
        """Drop a database and its tablespace, if it has one."""
        with opened(self.url) as connection:
            ask(connection, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            ask(connection, sql.SQL("drop tablespace if exists {}").format(sql.Identifier(name)))

    def own(self, folder: Path) -> None:
        """Give a folder to the user that the server runs as."""
        user = embedded._place(self.home).user
        if user is not None:
            subprocess.run(["chown", f"{user}:{user}", str(folder)], check=True)


@contextmanager
def server_in(home: Path) -> Iterator[Server]:
    """Start a server, and remove it whatever has become of it."""
    try:
        yield Server(home=home, url=Secret(embedded.ensure_server(home)))
    finally:
        embedded.remove_server(home)


def orphans(connection: Connection) -> set[str]:
    """Return the files in a database's folder that belong to none of its tables and indexes."""
    query = """
        with files as (select f, split_part(split_part(f, '_', 1), '.', 1) as node
                       from pg_ls_dir('base/' || (select oid from pg_database where datname = current_database())) f)
        select f from files
        where node ~ '^\\d+$' and not exists (select from pg_class where pg_relation_filenode(oid)::text = node)
    """
    return {str(file) for (file,) in ask(connection, query)}


def _children(parent: int) -> list[int]:
    task = Path(f"/proc/{parent}/task/{parent}/children")
    if task.exists():
        return [int(pid) for pid in task.read_text().split()]
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid, of in map(str.split, listed.splitlines()) if int(of) == parent]


class _Trail(logging.Handler):
    """Tells of each point that a load passes, in the thread of that load."""

    def __init__(self, told: Callable[[str, Point], None]) -> None:
        super().__init__(logging.DEBUG)
        self._told = told

    def createLock(self) -> None:  # noqa: N802 - a name of logging
        self.lock = None  # a load that is held must not hold the others

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and isinstance(record.args[0], Partition):
            self._told(record.args[0].dataset, Point(str(record.args[1])))


@contextmanager
def on_the_way(told: Callable[[str, Point], None]) -> Iterator[None]:
    """Call ``told`` with the dataset and the point, whenever a load of this process passes one."""
    trail, before = _Trail(told), points.logger.level
    points.logger.setLevel(logging.DEBUG)
    points.logger.addHandler(trail)
    try:
        yield
    finally:
        points.logger.removeHandler(trail)
        points.logger.setLevel(before)


@contextmanager
def once_at(point: Point, work: Callable[[], object]) -> Iterator[None]:
    """Do something when the first load comes to a point; it goes on afterwards."""
    done = threading.Event()

    def told(_dataset: str, passed: Point) -> None:
        if passed is point and not done.is_set():
            done.set()
            work()

    with on_the_way(told):
        yield
    assert done.is_set(), f"no load came to this: {point}"
