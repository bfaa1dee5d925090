"""Onlookers who read a month all the time while its loader is killed, and note when they see what nobody may see."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ

from tests.faults.scene import NOTHING, Sight, look
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.settings import Secret

BETWEEN_LOOKS_S = 0.02
LOOKS_OF_A_TRANSACTION = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A month as it was, and as it may become."""

    old: Sight
    new: Sight

    def was_planned_before(self, sight: Sight) -> bool:
        """Whether a statement was planned before a first load's commit, and took its snapshot after it.

        PostgreSQL looks for partitions when it plans: it sees no rows yet, and what was committed beside them.
        """
        return self.old == NOTHING and sight != NOTHING and sight == self.new - rows_of(self.new)


@dataclass(kw_only=True)
class Onlookers:
    """Three of them: READ COMMITTED; REPEATABLE READ since before the load; REPEATABLE READ again and again.

    ``violations`` is what they saw against invariant I1, ``looks`` how often they looked.
    """

    url: Secret
    changes: Mapping[Month, Change]
    violations: list[str] = field(default_factory=list)
    looks: int = 0
    _latest: dict[Month, Sight] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def open(self, level: int) -> Connection:
        connection = psycopg2.connect(self.url.reveal(), application_name="onlooker")
        connection.set_session(isolation_level=level, readonly=True)
        return connection

    def look(self, connection: Connection) -> dict[Month, Sight]:
        self.looks += 1
        return look(connection, tuple(self.changes))

    def watch(self, before: Connection) -> None:
        """Look until it is over, and once more then; ``before`` is in a transaction that has looked already."""
        committed, repeatable = self.open(ISOLATION_LEVEL_READ_COMMITTED), self.open(ISOLATION_LEVEL_REPEATABLE_READ)
        try:
            over = False
            while not over:
                over = self._over.is_set()
                first = self.look(repeatable)
                for _ in range(LOOKS_OF_A_TRANSACTION):
                    self.judge_committed(self.look(committed))
                    committed.rollback()
                    if self._over.wait(BETWEEN_LOOKS_S):
                        break
                self.judge_repeated("REPEATABLE READ", first, self.look(repeatable), may_appear=True)
                repeatable.rollback()
                self.judge_repeated("REPEATABLE READ since before", self._old(), self.look(before), may_appear=False)
        except Exception as error:  # noqa: BLE001 - of a thread: told with what the others saw
            self.violations.append(f"an onlooker was refused: {error}")
        finally:
            committed.close()
            repeatable.close()

    def judge_committed(self, seen: Mapping[Month, Sight]) -> None:
        """A statement at READ COMMITTED sees the old month, or from some moment on the new one."""
        for month, change in self.changes.items():
            sight = seen[month]
            if sight not in (change.old, change.new) and not change.was_planned_before(sight):
                self._note("READ COMMITTED", month, sight, f"neither {told(change.old)} nor {told(change.new)}")
            elif sight != change.new and self._latest.get(month) == change.new:
                self._note("READ COMMITTED", month, sight, "after the new one")
            self._latest[month] = sight

    def judge_repeated(
        self, who: str, first: Mapping[Month, Sight], again: Mapping[Month, Sight], *, may_appear: bool
    ) -> None:
        """A transaction at REPEATABLE READ sees always the same, but an absent month may appear, with all its rows.

        Only its rows: what the transaction that attached them wrote beside them is not there for it.
        """
        for month, change in self.changes.items():
            planned_before = may_appear and change.was_planned_before(first[month])
            appeared = may_appear and first[month] == NOTHING and again[month] == rows_of(change.new)
            appeared |= planned_before and again[month] == change.new
            if first[month] not in (change.old, change.new) and not planned_before:
                self._note(who, month, first[month], f"neither {told(change.old)} nor {told(change.new)}")
            if again[month] != first[month] and not appeared:
                self._note(who, month, again[month], f"after {told(first[month])}")

    def end(self) -> None:
        self._over.set()

    def _old(self) -> dict[Month, Sight]:
        return {month: change.old for month, change in self.changes.items()}

    def _note(self, who: str, month: Month, sight: Sight, instead_of: str) -> None:
        self.violations.append(f"{month}: {who} saw {told(sight)}, {instead_of}")


@contextmanager
def onlookers(url: Secret, changes: Mapping[Month, Change]) -> Iterator[Onlookers]:
    """Let onlookers read these months meanwhile."""
    made = Onlookers(url=url, changes=changes)
    before = made.open(ISOLATION_LEVEL_REPEATABLE_READ)
    try:
        made.look(before)  # which takes its snapshot
        thread = threading.Thread(target=made.watch, args=(before,), name="onlookers")
        thread.start()
        try:
            yield made
        finally:
            made.end()
            thread.join()
    finally:
        before.close()


def rows_of(sight: Sight) -> Sight:
    return frozenset(count for count in sight if count[0] == "rows")


def told(sight: Sight) -> str:
    return " and ".join(f"{count:,} {kind} of {price:g}" for kind, price, count in sorted(sight)) or "nothing"
