"""How far a long stage is: a line in the log now and then, and none for a stage that is soon over."""

from __future__ import annotations

import logging
from time import monotonic

from tidemark.partition import Partition

EVERY_S = 10.0

logger = logging.getLogger(__name__)


class Progress:
    """Hears of what is done and what there is in all (None: not known), and tells it every ``EVERY_S`` seconds."""

    def __init__(self, partition: Partition, stage: str, unit: str, *, size: int = 1) -> None:
        self._partition = partition
        self._stage = stage
        self._unit = unit
        self._size = size
        self._told = monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        if monotonic() - self._told < EVERY_S:
            return
        self._told = monotonic()
        of = f" of {total // self._size:,}" if total is not None else ""
        logger.info("%s: %s: %s%s %s", self._partition, self._stage, f"{done // self._size:,}", of, self._unit)
