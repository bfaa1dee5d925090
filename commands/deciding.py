"""What the commands that carry out a person's decision share: the month under its lock, and what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from commands.output import log_lines, out, print_json, shown

if TYPE_CHECKING:
    from tidemark.load import Load, LoadResult


@contextmanager
def deciding(dataset: str, month: str) -> Iterator[Load]:
    """Give an attempt at one month that has not begun; its connection, and with it its lock, is let go at the end."""
    from checks.versions import versions_of
    from tidemark import backfill as plans
    from tidemark import load as stages
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    chosen = plans.make_range(session, dataset, month, month)
    with session.writing():  # an older ledger is upgraded first
        pass
    versions = versions_of(chosen.dataset)
    partition = chosen.dataset.partition(chosen.months[0])
    load = stages.open_load(session.settings, session.url, chosen.dataset, partition, versions, run_id=None)
    try:
        with log_lines():
            yield load
    finally:
        stages.close(load)


def tell(result: LoadResult, *, as_json: bool, codes: Sequence[str] = ()) -> int:
    """Print what became of the month; ``codes``: the checks that the decision overrides."""
    if as_json:
        print_json(
            {
                "version": 1,
                "dataset": result.partition.dataset,
                "month": str(result.partition.month),
                "load_id": result.load_id,
                "outcome": str(result.outcome),
                "reason": result.reason,
                "codes": list(codes),
            }
        )
    else:
        out().print(f"[bold]{result.partition}[/]  {result.outcome}: {shown(result.reason)}")
    return 0
