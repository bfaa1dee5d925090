"""The points that a load passes on its way, by name: its trail in the log at level DEBUG.

They are the moments at which a killed loader leaves something else behind; the fault tests kill at each of them.
"""

from __future__ import annotations

import logging
from enum import StrEnum

from tidemark.partition import Partition


class Point(StrEnum):
    """A moment of a load, named for what is the case then; in the order of a load."""

    FETCHING = "the first bytes are in a temporary file"
    FETCHED = "the file is whole, and not in its place in the lake"
    STORED = "the file is in the lake, and the ledger does not know it"
    STAGING_CREATED = "the empty staging tables are committed"
    COPYING = "the COPY has taken rows"
    STAGED = "the staged rows are committed, and the ledger does not know them"
    AUDITED = "the verdict is on record"
    INDEXED = "the staged table is ready to be published"
    EVOLVED = "the dataset's table has every column of the month, committed"
    PUBLISHING = "the transaction that publishes has begun"
    REPLACING = "that transaction has deleted the month's old rows"
    COMMITTING = "that transaction has done all but its COMMIT"
    PUBLISHED = "the commit is done, and nobody was told"


logger = logging.getLogger(__name__)


def passed(point: Point, partition: Partition) -> None:
    """Say that a load has come to a point."""
    logger.debug("%s: %s", partition, point, extra={"point": point})
