"""``tidemark release``: publishes what the gate rejected, on a named person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.deciding import deciding, tell

if TYPE_CHECKING:
    from tidemark.facts import Attempt
    from tidemark.stage import Staged
    from tidemark.verdict import Accepted
    from tidemark.word import Word


@click.command()
@options.dataset
@click.argument("month", callback=options.not_blank)
@click.option("--by", required=True, help="Whose word it is: the name that goes on record.")
@options.reason
@options.as_json
def release(dataset: str, month: str, by: str, reason: str, as_json: bool) -> int:
    """Publish a rejected MONTH (YYYY-MM) all the same, from its quarantined rows, on a named person's word.

    Who, when, why and which checks had failed goes on record. The month counts as warned, and is no measure for later
    ones in what it had failed.
    """
    from tidemark.decisions import release as release_month
    from tidemark.word import give_word

    word = give_word(by, reason)
    with deciding(dataset, month) as load:
        result = release_month(load, word, lambda staged, rejected: _let_through(staged, rejected, word))
    return tell(result, as_json=as_json)


def _let_through(staged: Staged, rejected: Attempt, word: Word) -> Accepted:
    from checks.gate import release as let_through

    return let_through(
        staged,
        rejected.findings,
        suite_version=rejected.suite_version,
        profile=None,  # the rejected load's own goes along
        by=word.by,
        reason=word.reason,
    )
