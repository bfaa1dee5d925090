"""Copying a month's file from a folder: as one version of it, or not at all."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from os import fstat, stat_result
from pathlib import Path

from tidemark.errors import Failed, NotAtSource, Transient
from tidemark.fileversion import FileVersion
from tidemark.guard import Guard, Progress
from tidemark.lake import Incoming
from tidemark.settings import SOURCE

_PIECE = 1 << 20


def copy_file(path: Path, incoming: Incoming, guard: Guard, report: Progress, held: FileVersion | None) -> FileVersion:
    """Copy a file, unless it is the version ``held``, which is then returned itself.

    Raises ``NotAtSource``, ``Failed``, ``Stopped`` and ``Transient`` (``source-changed`` when somebody writes to it).
    """
    before = _status(guard.subject, path)
    version = _version(before)
    if held is not None and held.etag == version.etag:
        return held
    guard.check_size(before.st_size)
    opened = _copy_bytes(path, before.st_size, incoming, guard, report)
    same = _identity(before) == _identity(opened) == _identity(_status(guard.subject, path))
    if not same or incoming.size != before.st_size:
        raise Transient(
            f"{guard.subject}: {path} changed while it was copied.",
            remedy="Run this again when the file is complete.",
            code="source-changed",
        )
    return version


def look_at_file(path: Path) -> FileVersion:
    """Say which version of a file is there; raises ``NotAtSource``, ``Failed`` and ``Transient``."""
    return _version(_status(str(path), path))


def _copy_bytes(path: Path, size: int, incoming: Incoming, guard: Guard, report: Progress) -> stat_result:
    """Copy until the end, or until there is more than ``size``; return the status of the file that was open."""
    with _explained(guard.subject, path):
        file = path.open("rb", buffering=0)
    with file:
        opened = fstat(file.fileno())
        while incoming.size <= size:
            guard.check()
            with _explained(guard.subject, path):
                piece = file.read(_PIECE)
            if not piece:
                break
            incoming.write(piece)
            report(incoming.size, size)
    return opened


def _status(subject: str, path: Path) -> stat_result:
    with _explained(subject, path):
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe, for one, would hold up whoever opens it
        raise Failed(
            f"{subject}: {path} is not a file.", remedy=f"Put the file there, or mend {SOURCE}.", code="source-refused"
        )
    return status


def _identity(status: stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _version(status: stat_result) -> FileVersion:
    modified = datetime.fromtimestamp(status.st_mtime, tz=UTC)
    return FileVersion(
        etag=f'"{status.st_size}-{status.st_mtime_ns}"',
        last_modified=format_datetime(modified, usegmt=True),
        size=status.st_size,
    )


@contextmanager
def _explained(subject: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise NotAtSource(
            f"{subject}: there is no file {path}.",
            remedy=f"Run this again once it is published; if it should be there, check {SOURCE}.",
        ) from None
    except PermissionError:
        raise Failed(
            f"{subject}: {path} may not be read.", remedy="Make it readable for this user.", code="source-refused"
        ) from None
    except OSError as error:
        raise Transient(
            f"{subject}: {path} cannot be read ({error.strerror}).",
            remedy=f"Check the disk or the mount that {SOURCE} names.",
            code="source-unreachable",
        ) from None
