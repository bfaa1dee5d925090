"""Running a flow in this process, so that Ctrl-C and SIGTERM end it cleanly.

The event loop runs in a thread of its own: there Prefect installs no signal handlers, and the main thread stays
free to hear the signals and to cancel the flow.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Generic, TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The flow was cancelled by a signal; ``status`` is what the process should end with."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def run_flow(work: Callable[[], Coroutine[object, object, T]], on_signal: Callable[[], None]) -> T:
    """Run a flow to its end and return its result; called from the main thread.

    The first SIGINT or SIGTERM cancels it and calls ``on_signal``, a second one ends the process at once.
    Raises ``Interrupted`` after a signal.
    """
    running = _Running(work, on_signal)
    before = {number: signal.signal(number, running.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return running.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Running(Generic[T]):
    def __init__(self, work: Callable[[], Coroutine[object, object, T]], on_signal: Callable[[], None]) -> None:
        self._work = work
        self._on_signal = on_signal
        self._received: int | None = None
        self._cancel: Callable[[], object] | None = None
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)

    def wait(self) -> T:
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(0.2)  # in pieces, so that signals are handled meanwhile
        if self._received is not None:
            raise Interrupted(self._received)
        if self._error is not None:
            raise self._error
        return self._result[0]

    def handle(self, number: int, _frame: FrameType | None) -> None:
        if self._received is not None:
            os._exit(128 + number)
        self._received = number
        self._on_signal()
        if self._cancel is not None:
            self._cancel()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self._error = error

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(self._work())
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self._received is not None:
            task.cancel()
        self._result.append(await task)
