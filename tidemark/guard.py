"""What bounds a fetch: its time, its size, its rate, and the order to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from tidemark.errors import Failed, Stopped, Transient
from tidemark.settings import FETCH_BYTES, FETCH_SECONDS

Progress = Callable[[int, int | None], None]  # bytes so far, and in all when that is known


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of one fetch: ``seconds`` and ``bytes`` in all; a source that sends nothing for ``stall_seconds``, or
    less than ``min_bytes_per_second`` for ``window_seconds`` on end, is given up."""

    seconds: float
    bytes: int
    stall_seconds: float = 30
    min_bytes_per_second: int = 1024
    window_seconds: float = 60


class Guard:
    """Says when it is time to give up one fetch; ``subject`` is what its messages name."""

    def __init__(self, subject: str, limits: Limits, stop: threading.Event) -> None:
        self.subject = subject
        self.limits = limits
        self._stop = stop
        self._deadline = monotonic() + limits.seconds
        self.begin_window()

    def begin_window(self) -> None:
        """Measure the rate from here on."""
        self._window_began = monotonic()
        self._received = 0

    def count(self, received: int) -> None:
        self._received += received

    def pause(self, seconds: float) -> None:
        self._stop.wait(min(seconds, max(0.0, self._deadline - monotonic())))
        self.check()

    def check(self) -> None:
        """Raise ``Stopped`` when told to stop, ``Transient`` (``too-slow``) when the time is over."""
        if self._stop.is_set():
            raise Stopped(f"{self.subject}: the fetch was told to stop.", remedy="Run the same command again.")
        if monotonic() >= self._deadline:
            raise Transient(
                f"{self.subject}: the fetch took longer than {self.limits.seconds:g} s.",
                remedy=f"Run this again, or raise {FETCH_SECONDS}.",
                code="too-slow",
            )

    def check_size(self, size: int) -> None:
        """Raise ``Failed`` (``too-large``) when a file has, or will have, more bytes than it may."""
        if size > self.limits.bytes:
            raise Failed(
                f"{self.subject}: the file is larger than the {self.limits.bytes} bytes that it may have.",
                remedy=f"If that is as it should be, raise {FETCH_BYTES}.",
                code="too-large",
            )

    def check_rate(self) -> None:
        """Raise ``Transient`` (``too-slow``) when the window that ends now brought too few bytes."""
        seconds = monotonic() - self._window_began
        if seconds < self.limits.window_seconds:
            return
        if self._received < self.limits.min_bytes_per_second * seconds:
            raise Transient(
                f"{self.subject}: the source sent less than {self.limits.min_bytes_per_second} bytes a second.",
                remedy="Run this again when the source or the network is well.",
                code="too-slow",
            )
        self.begin_window()
