"""Hearing of the points that a load of this process passes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidemark.points import Point, logger


@contextmanager
def at_points(hear: Callable[[Point], None]) -> Iterator[None]:
    """Call ``hear`` in the loader's thread whenever it comes to a point, and let it go on afterwards."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            hear(record.point)  # type: ignore[attr-defined]  # tidemark.points puts it there

    listener, before = Listener(), logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before)
