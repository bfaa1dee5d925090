"""``tidemark release``: publishes what the gate rejected, on a named person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.deciding import deciding, tell
from commands.output import out, shown

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
    overridden: list[str] = []

    def let_through(staged: Staged, rejected: Attempt) -> Accepted:
        overridden.extend(finding.code for finding in rejected.findings if finding.blocks or finding.softened)
        return _let_through(staged, rejected, word)

    with deciding(dataset, month) as load:
        result = release_month(load, word, let_through)
    tell(result, as_json=as_json, codes=overridden)
    if not as_json:
        out().print(f"  published as warned, on the word of {shown(by)}, over {shown(', '.join(overridden))}")
        out().print(f'  to take it back: [bold]tidemark reject {result.partition} --reason "…"[/]')
    return 0


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
