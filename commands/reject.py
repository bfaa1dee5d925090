"""``tidemark reject``: takes a published month out of readers' sight, on a person's word."""

from __future__ import annotations

import click

from commands import options
from commands.deciding import deciding, tell
from commands.login import login_name


@click.command()
@options.dataset
@click.argument("month", callback=options.not_blank)
@options.by
@options.reason
@options.as_json
def reject(dataset: str, month: str, by: str | None, reason: str, as_json: bool) -> int:
    """Take a published MONTH (YYYY-MM) back: its rows go to the quarantine, and readers see none of it.

    A later backfill leaves it so until the source, the contract or the suite changes; release publishes it again.
    """
    from tidemark.decisions import reject as reject_month
    from tidemark.word import give_word

    word = give_word(login_name() if by is None else by, reason)
    with deciding(dataset, month) as load:
        result = reject_month(load, word)
    return tell(result, as_json=as_json)
