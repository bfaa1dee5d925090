"""Profiles of months that were published before there were any: what a month after an upgrade is compared with."""

from __future__ import annotations

import logging
import threading

from tidemark import ledger
from tidemark.datasets.base import Dataset
from tidemark.errors import Stopped, TidemarkError
from tidemark.lake import Lake
from tidemark.ledger import Unprofiled
from tidemark.months import Month
from tidemark.postgres import Connection

MOST = 12  # months: one of each season

logger = logging.getLogger(__name__)


def make_profiles(connection: Connection, lake: Lake, dataset: Dataset, month: Month, stop: threading.Event) -> int:
    """Profile the newest ``MOST`` published months before a month that have none, from their raw files; say how many.

    A month whose file is gone, or gives other rows than were published, stays without.
    Raises ``Stopped`` when ``stop`` was set.
    """
    missing = ledger.published_without_profile(connection, dataset.name, month, MOST)
    if not missing:
        return 0
    made = sum(_make_profile(connection, lake, dataset, each, stop) for each in missing)
    logger.info(
        "%s: %s of %s earlier months without a profile have one now, to be compared with",
        dataset.partition(month), made, len(missing),
    )  # fmt: skip
    return made


def _make_profile(
    connection: Connection, lake: Lake, dataset: Dataset, published: Unprofiled, stop: threading.Event
) -> bool:
    from tidemark.profile import profile_month

    name = dataset.partition(published.month)
    try:
        lake.verify(published.raw, published.sha256)
        profile = profile_month(dataset, published.month, published.raw, stop=stop)
    except Stopped:
        raise
    except TidemarkError as error:
        logger.warning("%s: it has no profile: %s", name, error.message)
        return False
    if profile.rows != published.rows:
        told = f"its file gives {profile.rows:,} rows today, and {published.rows:,} are published"
        logger.warning("%s: it has no profile: %s", name, told)
        return False
    ledger.record_profile(connection, published.load_id, profile)
    return True
