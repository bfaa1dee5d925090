"""``tidemark down``: stops what other commands started."""

from __future__ import annotations

import click

from commands.output import out


@click.command()
def down() -> int:
    """Stop the Prefect server and the embedded PostgreSQL of this TIDEMARK_HOME; their data stays."""
    from deployments import prefect_server
    from tidemark import embedded
    from tidemark.settings import read_settings

    home = read_settings().home
    for name, stop in (("the Prefect server", prefect_server.stop_server), ("PostgreSQL", embedded.stop_server)):
        out().print(f"{name}: {'stopped' if stop(home) else 'was not running'}")
    return 0
