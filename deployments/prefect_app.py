"""The program of our own Prefect server: Prefect's, with transactions that wait for SQLite instead of failing.

Prefect begins most transactions as readers. One that writes later, after another has written, fails at once; the
server answers 503, and its client sleeps 2, 4, 8 s: a backfill of small months spent most of its time so. A
transaction that begins as a writer waits its turn, which takes milliseconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from prefect.server.api.server import create_app
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.settings import get_current_settings
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class WaitingSqlite(AioSqliteConfiguration):
    """Prefect's SQLite, where every transaction begins as a writer."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncIterator[AsyncSessionTransaction]:
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def main() -> None:
    settings = get_current_settings().server
    database = f"sqlite+aiosqlite:///{get_current_settings().home / 'prefect.db'}"
    with temporary_database_config(WaitingSqlite(connection_url=database)):
        uvicorn.run(
            create_app(final=True),
            host=settings.api.host,
            port=settings.api.port,
            timeout_keep_alive=settings.api.keepalive_timeout,
            log_level=settings.logging_level.lower(),
        )


if __name__ == "__main__":
    main()
