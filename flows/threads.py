"""Running the stages of a load in threads, so that the event loop goes on and a cancellation reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from traceback import format_exception
from typing import TypeVar

import psycopg2

from tidemark.errors import Failed, TidemarkError
from tidemark.load import Load, ending_of, interrupt
from tidemark.postgres import explain
from tidemark.settings import without_secrets

STOP_PATIENCE_S = 30.0
LONGEST_TRACE = 20_000  # an exception's text may hold what others sent

T = TypeVar("T")


class _Trace(Exception):
    """The traceback of an error that nobody expected, as text without secrets."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def stop_if_cancelled() -> None:
    """Go no further once this flow was cancelled: Prefect's engine may have taken the cancellation for its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def in_thread(load: Load, work: Callable[[], T]) -> T:
    """Run one stage of a load in a thread and wait for it.

    When the flow is cancelled, the stage is told to stop and waited for, so that nothing works on the connection
    while the attempt is ended. Errors are raised as Tidemark's own: Prefect keeps what others say in their texts.
    """
    stop_if_cancelled()
    stage = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(stage)
    except asyncio.CancelledError:
        interrupt(load)
        await asyncio.wait({stage}, timeout=STOP_PATIENCE_S)
        raise
    except psycopg2.Error as error:
        raise explain(error, load.partition.name) from error
    except TidemarkError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text stays out of Prefect
        ending = ending_of(error)
        trace = _Trace(without_secrets("".join(format_exception(error)))[-LONGEST_TRACE:])
        raise Failed(ending.reason, remedy=ending.remedy, code=ending.code) from trace
