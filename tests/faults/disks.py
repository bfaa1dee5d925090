"""Small disks that fill up, and files that may not grow."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidemark.embedded import SERVER_USER

_PIECE = 1 << 12

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A mounted file system of a few megabytes."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, *, leaving: int = 0) -> None:
        """Fill it up, but for so many bytes."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"." * _PIECE)
            except OSError:
                file.truncate(max(0, file.tell() - leaving))

    def free(self) -> None:
        self._ballast.unlink()

    def files(self) -> set[str]:
        return {path.name for path in self.folder.rglob("*") if path.is_file()} - {self._ballast.name}


@contextmanager
def small_disk(folder: Path, **options: str | int) -> Iterator[Disk]:
    """Mount a disk in a new folder; ``options`` are those of tmpfs. It is unmounted whatever happens."""
    folder.mkdir(parents=True)
    given = ",".join(f"{name}={value}" for name, value in options.items())
    subprocess.run(["mount", "-t", "tmpfs", "-o", given, "tmpfs", str(folder)], check=True)
    try:
        yield Disk(folder=folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # lazy: a file may still be open
        folder.rmdir()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let this process write no file beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def limit_files(backend: int, size: int) -> None:
    """Let a server process write no file beyond so many bytes, for as long as it lives."""
    if shutil.which("prlimit") is None:
        pytest.skip("there is no program prlimit here, which limits the files of a server process")
    # as the server's own user: not every root may do it to others
    own = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(["prlimit", f"--pid={backend}", f"--fsize={size}:"], check=True, **own)  # type: ignore[call-overload]  # whose arguments they are
