"""The Prefect server: the one that the user names, else our own below the home.

Nothing here imports prefect, which takes seconds: the server is another process, and its health one request.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tidemark import detached
from tidemark.errors import Unreachable, UsageError
from tidemark.settings import masked

_APP = Path(__file__).with_name("prefect_app.py")
_START_SECONDS = 120
_STOP_SECONDS = 15
_KILL_SECONDS = 10
_PORT_CHOICES = 5

# the shell becomes the server, so that the file names the server's process however soon its starter is killed
_NOTE_AND_BECOME = 'echo "$$ $1" > "$0" && shift && exec "$@"'

_QUIET: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
}

_SERVER: Mapping[str, str] = {
    **_QUIET,
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # in memory, a restart of the server would leave the slots of its time held for good
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # what a task waits, at most, before it asks again for a slot that was taken
    "PREFECT_SERVER_TASKS_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": "0.5",
    # fewer, larger transactions: SQLite has one writer
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "3",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "1000",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "10",
}

_CLIENT: Mapping[str, str] = {
    **_QUIET,
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # everything goes to the API; on the console a command shows lines of its own
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tidemark",
    "PREFECT_LOGGING_ROOT_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_CLIENT_MAX_RETRIES": "3",  # each waits twice as long; a server that is away is told after 14 s a call
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def client_environment(home: Path, api_url: str) -> dict[str, str]:
    """Return what a process that runs flows must have in its environment before it imports prefect.

    Makes the folder that prefect wants. Raises ``UsageError`` when the home cannot be written.
    """
    where = {"PREFECT_API_URL": api_url, "PREFECT_HOME": str(_made_folder(home))}
    return {**_CLIENT, **_past_proxies(api_url), **where}


def ui_url(api_url: str) -> str:
    """Return the address of the pages that people look at."""
    return api_url.rstrip("/").removesuffix("/api")


def running_url(home: Path) -> str | None:
    """Return the API address of a home's own server, or None where none answers."""
    folder = _folder(home)
    noted = _noted(folder) if detached.is_running(folder) else None
    if noted is None:
        return None
    url = _api_url(noted[1])
    return url if _is_up(url) else None


def ensure_server(home: Path, *, api_url: str | None, on_wait: Callable[[float], None] | None = None) -> str:
    """Return the API address of a server that answers: the user's if ``api_url`` is given, else our own.

    Our own is started where it does not run, which takes 10 s and more; ``on_wait`` is told the seconds so far.
    Raises ``Unreachable`` when the server does not answer, ``UsageError`` when the home cannot be written.
    """
    if api_url is not None:
        return _check(api_url)
    folder = _made_folder(home)
    url = running_url(home)
    if url is not None:
        return url
    with detached.starting_or_stopping(folder):
        return _join_or_start(folder, on_wait or (lambda _: None))


def stop_server(home: Path) -> bool:
    """Stop a home's own server and wait until it is gone; say whether one was running.

    Raises ``Unreachable`` when it does not stop.
    """
    folder = _folder(home)
    if not detached.is_running(folder):
        return False
    with detached.starting_or_stopping(folder):
        for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
            if _signal_and_wait(folder, number, seconds):
                return True
    raise Unreachable(
        f"The Prefect server in {folder} does not stop; its log is {folder / 'server.log'}.",
        remedy="Run tidemark doctor.",
    )


def _folder(home: Path) -> Path:
    return home.absolute() / "prefect"


def _made_folder(home: Path) -> Path:
    folder = _folder(home)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "server.log").touch(mode=0o600)
    except OSError as error:
        raise UsageError(
            f"The Prefect server cannot use {error.filename or folder}: {error.strerror}.",
            remedy="Point TIDEMARK_HOME to a folder that you may write, or give a server in PREFECT_API_URL.",
            code="bad-home",
        ) from error
    return folder


def _api_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/api"


def _noted(folder: Path) -> tuple[int, int] | None:
    """Return the process id and port of the server; they mean something only while it runs."""
    try:
        pid, port = (folder / "server.pid").read_text(encoding="ascii").split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid), int(port)


def _past_proxies(api_url: str) -> dict[str, str]:
    """Return the variables that keep clients from asking a proxy for a server on this machine."""
    host = urlsplit(api_url).hostname
    if host not in ("127.0.0.1", "localhost"):
        return {}
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    hosts = f"{given},{host}" if given else host
    return {"no_proxy": hosts, "NO_PROXY": hosts}


def _is_up(api_url: str) -> bool:
    _, healthy = _health(api_url)
    return healthy


def _health(api_url: str) -> tuple[int | None, bool]:
    """Return the HTTP status of a server's health, None where nothing answers, and whether it is well.

    What Prefect says is ``true``, as JSON.
    """
    parts = urlsplit(api_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/health")
        answer = connection.getresponse()
        return answer.status, (answer.status, answer.read(100).strip()) == (http.HTTPStatus.OK, b"true")
    except (OSError, http.client.HTTPException):
        return None, False
    finally:
        connection.close()


def _check(api_url: str) -> str:
    status, healthy = _health(api_url)
    # who may use it is asked when it is used: Prefect Cloud wants a key for its health too
    if healthy or status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return api_url
    if status == http.HTTPStatus.OK:
        what = "answers, but not as a Prefect server does: its API ends in /api"
    else:
        what = "does not answer" if status is None else f"answers {status} when asked for its health"
    raise Unreachable(
        f"The Prefect server at {masked(api_url)} {what}.",
        remedy="Start it or correct PREFECT_API_URL; unset it to use a server of Tidemark's own.",
    )


def _join_or_start(folder: Path, on_wait: Callable[[float], None]) -> str:
    """Start the server, or wait for one that another command began to start."""
    for _ in range(_PORT_CHOICES):
        with detached.claim(folder) as claimed:
            if claimed is not None:
                _launch(folder, detached.free_port(), claimed)
        url = _wait_until_healthy(folder, on_wait)
        if url is not None:
            return url
        if "address already in use" not in _said(folder):
            break
    raise Unreachable(
        f"The Prefect server did not start: {_last_words(_said(folder))}; its log is {folder / 'server.log'}.",
        remedy="Run tidemark doctor; after mending the cause, run the command again.",
    )


def _launch(folder: Path, port: int, claimed: int) -> None:
    (folder / "server.pid").unlink(missing_ok=True)
    program = (sys.executable, "-P", str(_APP))  # -P: names of our modules must not hide those of others
    with (folder / "server.log").open("wb") as log:
        subprocess.Popen(  # noqa: S603 - our own program and arguments
            ["/bin/sh", "-c", _NOTE_AND_BECOME, str(folder / "server.pid"), str(port), *program],
            cwd=folder,  # prefect also reads settings from files in the current folder
            env=_server_environment(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(claimed,),
        )


def _server_environment(folder: Path, port: int) -> dict[str, str]:
    """Return the environment with our settings of Prefect instead of any others, and without secrets of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TIDEMARK_"))}
    where = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
    }
    return {**kept, **_SERVER, **where}


def _wait_until_healthy(folder: Path, on_wait: Callable[[float], None]) -> str | None:
    """Return the server's address once it answers; None when its process ended instead.

    Raises ``Unreachable`` when it lives and does not answer in time.
    """
    began = time.monotonic()
    while detached.is_running(folder):
        noted = _noted(folder)
        if noted is not None and _is_up(_api_url(noted[1])):
            return _api_url(noted[1])
        waited = time.monotonic() - began
        if waited > _START_SECONDS:
            raise Unreachable(
                f"The Prefect server did not answer within {_START_SECONDS} s; its log is {folder / 'server.log'}.",
                remedy="Run tidemark down, then try again.",
            )
        on_wait(waited)
        time.sleep(0.1)
    return None


def _signal_and_wait(folder: Path, number: signal.Signals, seconds: float) -> bool:
    """Send a signal to the server's process group; say whether it ended within the seconds."""
    noted = _noted(folder)
    if noted is not None and detached.is_running(folder):
        with suppress(ProcessLookupError):
            os.killpg(noted[0], number)
    deadline = time.monotonic() + seconds
    while detached.is_running(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _said(folder: Path) -> str:
    return (folder / "server.log").read_text(encoding="utf-8", errors="replace")


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it said nothing"
