"""``tidemark down``: stops what other commands started."""

from __future__ import annotations

import click

from commands.output import out


@click.command()
def down() -> int:
    """Stop the Prefect server and the embedded PostgreSQL of this TIDEMARK_HOME; their data stays.

    Refuses while a loader is at work on one of its months.
    """
    from deployments import prefect_server
    from tidemark import embedded
    from tidemark.settings import read_settings

    home = read_settings().home
    _check_that_nobody_loads(embedded.running_url(home))
    for name, stop in (("the Prefect server", prefect_server.stop_server), ("PostgreSQL", embedded.stop_server)):
        out().print(f"{name}: {'stopped' if stop(home) else 'was not running'}")
    return 0


def _check_that_nobody_loads(url: str | None) -> None:
    from tidemark.errors import Failed
    from tidemark.postgres import connect, held_months
    from tidemark.settings import Secret

    if url is None:
        return
    connection = connect(Secret(url))
    try:
        held = held_months(connection)
    finally:
        connection.close()
    if held:
        raise Failed(
            f"A backfill is at work here, on {held} {'month' if held == 1 else 'months'}; nothing was stopped.",
            remedy="End it with Ctrl-C, or wait for its end, then run tidemark down again.",
            code="at-work",
        )
