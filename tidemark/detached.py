"""Servers that outlive the command that started them: at most one in a folder.

A server inherits an open, locked file from whoever starts it, and so holds the lock for as long as any of its
processes lives. Whether it runs is thus known without process ids, which go stale and are given to other programs,
and nothing starts beside what a killed server left behind.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STARTING = "starting.lock"
_RUNNING = "running.lock"
_MODE = 0o600


@contextmanager
def starting_or_stopping(folder: Path) -> Iterator[None]:
    """Hold the folder against other commands that want to start or stop its server; wait for them."""
    descriptor = os.open(folder / _STARTING, os.O_RDWR | os.O_CREAT, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_running(folder: Path) -> bool:
    """Say whether any process of the folder's server lives."""
    try:
        descriptor = os.open(folder / _RUNNING, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def claim(folder: Path) -> Iterator[int | None]:
    """Give the file descriptor that the server must inherit, or None where a process of one lives."""
    descriptor = os.open(folder / _RUNNING, os.O_RDWR | os.O_CREAT, _MODE)
    try:
        claimed: int | None = None
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claimed = descriptor
        yield claimed
    finally:
        os.close(descriptor)


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now; another program may take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Say whether something on 127.0.0.1 accepts connections at this port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False
