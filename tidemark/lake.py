"""The raw lake: every file as it was published, stored once under the sha256 of its bytes, never changed."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from tidemark.errors import Failed
from tidemark.partition import Partition
from tidemark.points import Point, passed
from tidemark.settings import LAKE

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class Incoming:
    """A file on its way into the lake; its size and sha256 are those of what was written to it."""

    def __init__(self, partition: Partition, path: Path, file: FileIO) -> None:
        self.path = path
        self._partition = partition
        self._file = file
        self.restart()

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        with _explained(self._partition):
            while left:
                left = left[self._file.write(left) :]
        if self.size == 0:
            passed(Point.FETCHING, self._partition)
        self._hash.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Forget everything that was written."""
        with _explained(self._partition):
            self._file.seek(0)
            self._file.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Lake:
    """The raw store below one folder: ``raw/<dataset>/<YYYY-MM>/<sha256>.<extension>``, read-only files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def incoming(self, partition: Partition, *, stale_seconds: float) -> Iterator[Incoming]:
        """Give a temporary file on the lake's own file system; unless it is stored, it is removed at the end.

        Temporaries that nobody has written to for ``stale_seconds`` were left by a load that was killed: they are
        removed first, whatever their month, as theirs may never be fetched again.
        Raises ``Failed`` (``lake-full``, ``lake-not-writable``, ``lake-unusable``).
        """
        folder = self.root / "incoming"
        with _explained(partition):
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder, time.time() - stale_seconds)
            number, name = tempfile.mkstemp(prefix=f"{partition.dataset}-{partition.month}.", dir=folder)
        path = Path(name)
        try:
            with FileIO(number, "wb") as file:  # unbuffered, so that a full disk shows itself at the write
                yield Incoming(partition, path, file)
        finally:
            path.unlink(missing_ok=True)

    def store(self, temporary: Path, partition: Partition, sha256: str, extension: str) -> Path:
        """Move a temporary of this lake to its place, on the disk for good, and return that place.

        A file that is there already is kept; one that was altered gives way, as these bytes are the right ones.
        Raises ``Failed`` as ``incoming`` does.
        """
        path = self._place(partition, sha256, extension)
        with _explained(partition):
            if path.is_file() and _sha256(path) == sha256:
                temporary.unlink()
                return path
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.chmod(0o444)
            _flush(temporary)
            temporary.replace(path)
            for folder in (path.parent, *path.parent.relative_to(self.root).parents):
                _flush(self.root / folder)
        return path

    def find(self, partition: Partition, sha256: str, extension: str) -> Path | None:
        path = self._place(partition, sha256, extension)
        return path if path.is_file() else None

    def verify(self, path: Path, sha256: str) -> None:
        """Read a stored file once and compare it with the sha256 that it was stored under.

        Raises ``Failed``: ``lake-altered`` when its bytes are not the ones that were stored, ``lake-unusable`` when
        it cannot be read.
        """
        month = f"{path.parent.parent.name} {path.parent.name}"
        try:
            found = _sha256(path)
        except FileNotFoundError:
            raise Failed(
                f"{month}: the raw file {path} is gone.",
                remedy="Run this again: it is then fetched anew.",
                code="lake-unusable",
            ) from None
        except OSError as error:
            raise _unusable(month, error) from None
        if found != sha256:
            raise Failed(
                f"{month}: the raw file {path} was altered after it was stored.",
                remedy="Run this again: it is fetched anew.",
                code="lake-altered",
            )

    def _place(self, partition: Partition, sha256: str, extension: str) -> Path:
        return self.root / partition.lake_key / f"{sha256}.{extension}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sweep(folder: Path, before: float) -> None:
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < before:
                path.unlink()
        except FileNotFoundError:  # its own load, or another sweep, was quicker
            continue


@contextmanager
def _explained(partition: Partition) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unusable(partition.name, error) from None


def _unusable(month: str, error: OSError) -> Failed:
    reason = error.strerror or "unknown reason"
    if error.filename is not None:
        reason = f"{reason}: {error.filename2 or error.filename}"  # of two names the one that was to be written
    if error.errno in _FULL:
        remedy = f"Free space on the disk of the raw lake, or point {LAKE} to a folder with more."
        return Failed(f"{month}: the raw lake has no space left ({reason}).", remedy=remedy, code="lake-full")
    if error.errno in _FORBIDDEN:
        remedy = f"Make the raw lake writable, or point {LAKE} to a folder that is."
        return Failed(f"{month}: the raw lake refuses access ({reason}).", remedy=remedy, code="lake-not-writable")
    return Failed(
        f"{month}: the raw lake cannot be used ({reason}).",
        remedy=f"Check the disk and the folder that {LAKE} names.",
        code="lake-unusable",
    )
