"""Known changes: what people accept, so that later months are judged by it."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

from tidemark import ledger
from tidemark.datasets.base import Dataset
from tidemark.errors import UsageError
from tidemark.facts import attempted_months, read_facts
from tidemark.history import Acceptance
from tidemark.months import Month, months_between
from tidemark.postgres import Connection, transaction
from tidemark.word import Word

NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A check and the months in which it warns where it would reject; ``last`` none: for good."""

    code: str
    first: Month
    last: Month | None


def accept(
    connection: Connection, dataset: Dataset, change: Change, word: Word, codes: Collection[str]
) -> tuple[Acceptance, bool]:
    """Put a change on record, and say whether it is new: the same change again stays as it is.

    ``codes``: the checks of the dataset. Raises ``UsageError`` when there is no such check (``unknown-check``), the
    months are no range of the dataset, or another acceptance of the check covers some of them (``accepted-already``);
    only one that began before may, as a change can begin within another.
    """
    _check_code(dataset.name, change.code, codes)
    _check_range(dataset, change)
    with transaction(connection):
        ledger.lock_acceptances(connection)
        for known in ledger.read_acceptances(connection, dataset.name):
            if (known.code, known.first, known.last) == (change.code, change.first, change.last):
                return known, False
            if known.code == change.code and _overlap(known, change):
                raise _accepted_already(known)
        return ledger.accept(connection, dataset.name, change.code, change.first, change.last, word), True


def due_again(connection: Connection, dataset: Dataset, acceptance: Acceptance) -> tuple[Month, ...]:
    """Return the rejected months that an acceptance makes due."""
    tried = attempted_months(connection, dataset.name)
    covered = [month for month in tried if acceptance.covers(month)]
    if not covered:
        return ()
    facts = read_facts(connection, dataset, months_between(min(covered), max(covered)))
    return tuple(f.partition.month for f in facts if f.accepted_since == acceptance)


def _check_code(dataset: str, code: str, codes: Collection[str]) -> None:
    if code in codes:
        return
    near = difflib.get_close_matches(code.upper(), codes, NAMED, cutoff=0.4)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(
        f"{dataset} has no check {code[:80]!r}.",
        remedy=f"{meant}All of them: tidemark checks {dataset}.",
        code="unknown-check",
    )


def _check_range(dataset: Dataset, change: Change) -> None:
    if change.first < dataset.first_month:
        raise UsageError(
            f"{dataset.name} begins in {dataset.first_month}; {change.first} is before that.",
            remedy=f"Begin at {dataset.first_month} or later.",
            code="before-first-month",
        )
    if change.last is not None:
        months_between(change.first, change.last)


def _overlap(known: Acceptance, change: Change) -> bool:
    """Whether a change would cover the months of a known one from its beginning on."""
    return change.first <= known.first and (change.last is None or known.first <= change.last)


def _accepted_already(known: Acceptance) -> UsageError:
    until = f"to {known.last}" if known.last else "on, for good"
    return UsageError(
        f"{known.by} accepted {known.code} on {known.at:%Y-%m-%d} from {known.first} {until}: {known.reason}",
        remedy=f"Nothing was changed. Choose months before it, or, for another change within it, begin at "
        f"{known.first.next} or later.",
        code="accepted-already",
    )
