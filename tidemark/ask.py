"""Asking the source what it has, without fetching it, and noting the answers in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from tidemark import ledger
from tidemark.datasets.base import Dataset
from tidemark.errors import Failed, Unreachable
from tidemark.facts import Facts
from tidemark.fetch import Look, Seen, look
from tidemark.ledger import SourceSeen
from tidemark.partition import Partition
from tidemark.postgres import Connection
from tidemark.source import Location, locate

AT_ONCE = 8
TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """A month that the source gave no answer for."""

    partition: Partition
    reason: str


def ask_source(
    connection: Connection,
    dataset: Dataset,
    source: str | None,
    facts: Iterable[Facts],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Unanswered, ...]:
    """Ask the source for each of these months, eight at a time; ``progress`` hears of months answered and in all.

    Returns the months without an answer. Raises ``Unreachable`` when there was no answer at all.
    """
    asked = tuple(facts)
    unanswered: list[Unanswered] = []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask") as pool:
        waiting = {pool.submit(_look, locate(dataset, f.partition.month, source), f.seen): f for f in asked}
        for done, future in enumerate(as_completed(waiting), start=1):
            partition = waiting[future].partition
            try:
                location, seen = future.result()
            except (Failed, Unreachable) as error:
                unanswered.append(Unanswered(partition=partition, reason=error.message))
            else:
                ledger.record_seen(connection, partition, _as_seen(location, seen, waiting[future].seen))
            if progress is not None:
                progress(done, len(asked))
    if asked and len(unanswered) == len(asked):
        raise Unreachable(
            f"The source does not answer: {unanswered[0].reason}",
            remedy="Check its address (TIDEMARK_SOURCE) and the network; tidemark doctor says what is reachable.",
            code="source-unreachable",
        )
    return tuple(unanswered)


def _look(location: Location, seen: SourceSeen | None) -> tuple[Location, Look]:
    before = (
        Seen(url=seen.url, etag=seen.etag, last_modified=seen.last_modified, size=seen.size, sha256=seen.sha256)
        if seen
        else None
    )
    return location, look(location, seen=before, timeout=TIMEOUT_S)


def _as_seen(location: Location, answer: Look, before: SourceSeen | None) -> SourceSeen:
    """Keep the sha256 that was fetched before, unless the source now shows another file."""
    known = before is not None and before.url == location.shown and answer.changed is False
    return SourceSeen(
        url=location.shown,
        available=answer.available,
        etag=answer.etag,
        last_modified=answer.last_modified,
        size=answer.size,
        sha256=before.sha256 if known and before else None,
    )
