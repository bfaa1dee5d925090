"""Whose turn it is at the gate: a month is judged once those before it are done, because they are its measure.

Months of a backfill are fetched and staged side by side. The gate takes one at a time anyway; in order, what it says
does not depend on which of them was quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tidemark.months import Month


class Turns:
    """The months of one backfill, the oldest first."""

    def __init__(self, months: Iterable[Month]) -> None:
        self._done = {month: asyncio.Event() for month in months}

    def is_over(self, month: Month) -> None:
        """Say that a month is done, however it ended."""
        self._done[month].set()

    async def wait(self, month: Month) -> None:
        for earlier, done in self._done.items():
            if earlier < month:
                await done.wait()


_TURNS: ContextVar[Turns | None] = ContextVar("turns", default=None)


@contextmanager
def in_turn(turns: Turns | None) -> Iterator[None]:
    """Let the months that are loaded within the block keep these turns; none: each is judged when it is ready."""
    token = _TURNS.set(turns)
    try:
        yield
    finally:
        _TURNS.reset(token)


async def my_turn(month: Month) -> None:
    turns = _TURNS.get()
    if turns is not None:
        await turns.wait(month)
