"""The arguments that several commands share, and how they read."""

from __future__ import annotations

import click

from tidemark.plan import Mode


def not_blank(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse what a script gives when its variable is not set: it would be taken for everything."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty.")
    return value


dataset = click.argument("dataset", callback=not_blank)
first = click.argument("first", metavar="[FROM]", required=False, callback=not_blank)
last = click.argument("last", metavar="[TO]", required=False, callback=not_blank)
by = click.option("--by", metavar="NAME", help="Whose word it is, for the record; by default the name of your login.")
reason = click.option("--reason", required=True, help="Why, in a sentence; it goes on record.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs on stdout.")
mode = click.option(
    "--mode",
    type=click.Choice(Mode, case_sensitive=False),
    default=Mode.DUE,
    show_default="due",
    help="due: what is missing, failed, interrupted or unavailable, and rejected months of which something changed. "
    "failed, rejected: those only. stale: published months of which something changed. "
    "all: every month, published ones too.",
)
