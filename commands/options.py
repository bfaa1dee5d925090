"""The arguments that several commands share, and how they read."""

from __future__ import annotations

import click

from tidemark.plan import Mode

dataset = click.argument("dataset")
first = click.argument("first", metavar="[FROM]", required=False)
last = click.argument("last", metavar="[TO]", required=False)
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
