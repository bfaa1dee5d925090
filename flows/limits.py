"""How many tasks may use the source and the warehouse at once, over all flows of the server.

Correctness never rests on these limits: they spare the source and the database.
"""

from __future__ import annotations

import logging

from prefect.client.orchestration import PrefectClient, get_client

SOURCE_TAG = "tlc-source"
WAREHOUSE_TAG = "warehouse"
FREED_AFTER_S = 75  # the lease of a task's place is 60 s, and Prefect's server looks every 15 s for those that ended

logger = logging.getLogger("tidemark.flows")


async def ensure_limits(source: int, warehouse: int) -> None:
    """Make the configured Prefect server run at most so many tasks at once with each tag; slots in use stay in use.

    Says so where all of them are in use: a run that comes now waits in silence.
    """
    async with get_client() as client:
        for tag, limit in ((SOURCE_TAG, source), (WAREHOUSE_TAG, warehouse)):
            await client.create_concurrency_limit(tag=tag, concurrency_limit=limit)
            await _tell_if_reached(client, tag)


async def _tell_if_reached(client: PrefectClient, tag: str) -> None:
    found = await client.read_global_concurrency_limit_by_name(f"tag:{tag}")
    if found.active_slots >= found.limit:
        logger.info(
            "waits: the limit of %s is reached, %s of %s places are taken; those of a run that was killed are free "
            "within %s s",
            tag,
            found.active_slots,
            found.limit,
            FREED_AFTER_S,
        )
