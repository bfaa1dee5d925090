"""How many tasks may use the source and the warehouse at once, over all flows of the server.

Correctness never rests on these limits: they spare the source and the database.
"""

from __future__ import annotations

from prefect.client.orchestration import get_client

SOURCE_TAG = "tlc-source"
WAREHOUSE_TAG = "warehouse"


async def ensure_limits(source: int, warehouse: int) -> None:
    """Make the configured Prefect server run at most so many tasks at once with each tag; slots in use stay in use."""
    async with get_client() as client:
        await client.create_concurrency_limit(tag=SOURCE_TAG, concurrency_limit=source)
        await client.create_concurrency_limit(tag=WAREHOUSE_TAG, concurrency_limit=warehouse)
