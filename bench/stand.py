"""Where measurements are made: a home with servers of its own, a feed, and workers; nothing of it stays."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit, urlunsplit

from psycopg2 import sql

from bench.errors import Broken
from bench.worker import PROJECT, Worker
from deployments import prefect_server
from tidemark import detached, embedded
from tidemark.postgres import Connection, connect
from tidemark.settings import DATABASE_URL, HOME, SOURCE, Secret

FOLDER = PROJECT / ".bench"
FEED_SECONDS = 30.0
DATABASE = "months"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stand:
    """Everything that a measurement needs. ``embedded_url`` is the database of commands that are given none.

    ``connection`` leads to the database ``url`` that months are loaded into.
    """

    home: Path
    embedded_url: Secret
    url: Secret
    connection: Connection
    feed_url: str
    say: Callable[[str], None]

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def made(self) -> Path:
        """The folder of generated files that are not served yet."""
        return self.home / "made"

    def environment(self, *, embedded_database: bool = False) -> dict[str, str]:
        """Return the environment of a process that is measured: nothing of the one who runs this gets in."""
        ours = {HOME: str(self.home), SOURCE: self.feed_url, "DLT_DATA_DIR": str(self.home / "dlt")}
        if not embedded_database:
            ours[DATABASE_URL] = self.url.reveal()
        return kept_environment() | ours

    def worker(self, module: str, *, own: str | None = None, embedded_database: bool = False) -> Worker:
        """Start a worker; ``own``: the name of its environment below ``.bench``."""
        python = FOLDER / own / "bin" / "python" if own else Path(sys.executable)
        if not python.exists():
            raise Broken(f"There is no environment .bench/{own}: run make bench or make bench-small.")
        environment = self.environment(embedded_database=embedded_database)
        return Worker(python, module, environment, self.home / "workers.log")

    def make(self, name: str, first: str, last: str, rows: int, seed: int = 0) -> list[Path]:
        """Generate months of yellow in a folder of their own, and return their paths."""
        self.say(f"generating yellow {first} to {last}, {rows:,} rows each")
        with self.worker("bench.generate") as worker:
            reply = worker.ask(
                "write", folder=str(self.made / name), dataset="yellow", first=first, last=last, rows=rows, seed=seed
            )
        return [Path(path) for path in reply["paths"]]

    def serve(self, path: Path) -> None:
        """Let the feed have a file in the place of an older one; asked once, it knows the file's ETag."""
        served = self.home / "source" / path.name
        new = served.with_name(f".{path.name}.new")
        if not (served.exists() and served.samefile(path)):  # rename() leaves two names of one file as they are
            os.link(path, new)
            new.replace(served)
        feed = http.client.HTTPConnection(urlsplit(self.feed_url).netloc, timeout=FEED_SECONDS)
        try:
            feed.request("HEAD", f"/{path.name}")
            answer = feed.getresponse()
            if answer.status != 200 or int(answer.headers["Content-Length"]) != path.stat().st_size:
                raise Broken(f"The feed answers {answer.status} for {path.name}.")
        finally:
            feed.close()


def kept_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "PREFECT_"))}


@contextmanager
def open_stand(say: Callable[[str], None]) -> Iterator[Stand]:
    """Start PostgreSQL, a Prefect server and a feed on this machine, for the length of a ``with`` block."""
    with _alone(), _stand(FOLDER / "home", say) as stand:
        yield stand


@contextmanager
def _stand(home: Path, say: Callable[[str], None]) -> Iterator[Stand]:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    _clear(home)  # of a run that was killed
    (home / "source").mkdir(parents=True)
    try:
        say("starting PostgreSQL and a Prefect server")
        with _prefect_starting(home):
            embedded_url = embedded.ensure_server(home)
            url = _make_database(embedded_url)
        with _feed(home / "source") as feed_url:
            connection = connect(url)
            try:
                yield Stand(
                    home=home,
                    embedded_url=Secret(embedded_url),
                    url=url,
                    connection=connection,
                    feed_url=feed_url,
                    say=say,
                )
            finally:
                connection.close()
    finally:
        _ignore_signals()
        _clear(home)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _ignore_signals()  # a second Ctrl-C must not leave a server behind
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep a second run out: it would clear the home of this one, and disturb its figures."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "running.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Broken("Another benchmark runs in this folder: wait for its end.") from None
        yield


def _clear(home: Path) -> None:
    prefect_server.stop_server(home)
    embedded.remove_server(home)
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _prefect_starting(home: Path) -> Iterator[None]:
    """Start the Prefect server, which takes its time, beside what the block does."""
    errors: list[BaseException] = []

    def start() -> None:
        try:
            prefect_server.ensure_server(home, api_url=None)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if errors:
        raise errors[0]


def _make_database(embedded_url: str) -> Secret:
    connection = connect(Secret(embedded_url))
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()
    return Secret(urlunsplit(urlsplit(embedded_url)._replace(path=f"/{DATABASE}")))


@contextmanager
def _feed(folder: Path) -> Iterator[str]:
    """Serve a folder by ``tidemark feed``, in a process of its own."""
    port = detached.free_port()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "commands.main", "feed", str(folder), "--port", str(port)],
        cwd=PROJECT,
        env=kept_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + FEED_SECONDS
        while not detached.accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Broken("The feed did not start.")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
