"""A worker that loads months under Prefect and tells when each of them passed which point."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from bench import ours
from bench.answering import answer
from tidemark import points


class _Trail(logging.Handler):
    """Notes the points as they are passed, with the seconds since the beginning."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.passed: list[tuple[float, str, str]] = []
        self._began = time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        point: points.Point = record.__dict__["point"]
        self.passed.append((time.perf_counter() - self._began, record.getMessage().partition(":")[0], point.name))


def under_prefect(dataset: str, first: str, last: str, window: int) -> Mapping[str, Any]:
    """Load months as ``bench.ours`` does; replies also with ``passed``: seconds, partition and point."""
    trail = _Trail()
    points.logger.addHandler(trail)
    points.logger.setLevel(logging.DEBUG)
    points.logger.propagate = False  # else each point would go to Prefect too
    try:
        reply = ours.under_prefect(dataset, first, last, window)
    finally:
        points.logger.removeHandler(trail)
        points.logger.setLevel(logging.NOTSET)
    return {**reply, "passed": trail.passed}


if __name__ == "__main__":
    answer({"under_prefect": under_prefect}, ())
