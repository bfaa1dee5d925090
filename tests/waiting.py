"""Waiting for what a thread, a process or a server does: until a deadline, and with a word for what never came."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from tests.depot import ask
from tidemark.postgres import Connection

PATIENCE_S = 60.0


def eventually(condition: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Wait until something is the case; ``what`` names it."""
    deadline = monotonic() + patience_s
    while not condition():
        assert monotonic() < deadline, f"it never came to this: {what}"
        sleep(0.01)


def waits_for_a_lock(watcher: Connection, waiter: Connection) -> bool:
    """Whether a connection waits for a lock; also asked within a transaction, which would see one moment only."""
    ask(watcher, "select pg_stat_clear_snapshot()")
    query = "select pid from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
    return bool(ask(watcher, query, waiter.info.backend_pid))
