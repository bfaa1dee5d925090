"""Known changes: what people accept, so that later months are judged by it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extras import RealDictCursor

from tidemark import ledger
from tidemark.datasets.base import Dataset
from tidemark.errors import UsageError
from tidemark.facts import Facts, attempted_months, read_facts
from tidemark.history import Acceptance
from tidemark.months import Month, months_between
from tidemark.postgres import Connection, transaction
from tidemark.queries import QUERIES
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
    months are no range of the dataset, each of them has been judged and the check rejected none (``not-acceptable``),
    or another acceptance of the check covers some of them (``accepted-already``); only one that began before may, as a
    change can begin within another.
    """
    _check_code(dataset.name, change.code, codes)
    _check_range(dataset, change)
    _check_helps(connection, dataset, change)
    with transaction(connection):
        ledger.lock_acceptances(connection)
        for known in ledger.read_acceptances(connection, dataset.name):
            if (known.code, known.first, known.last) == (change.code, change.first, change.last):
                return known, False
            if known.code == change.code and _overlap(known, change):
                raise _accepted_already(known)
        return ledger.accept(connection, dataset.name, change.code, change.first, change.last, word), True


def withdraw(connection: Connection, dataset: Dataset, code: str, first: Month | None, word: Word) -> Acceptance:
    """Withdraw a known change on the record: no later judgement heeds it; what it has published stays.

    ``first``: the change's first month; needed where several changes of the check stand.
    Raises ``UsageError`` when none stands (``not-accepted``), or several do (``which-acceptance``).
    """
    with transaction(connection):
        ledger.lock_acceptances(connection)
        known = _standing(ledger.read_acceptances(connection, dataset.name), dataset.name, code, first)
        ledger.withdraw(connection, known, word)
        return known


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """A known change that stands no more: whose word took it back, why and when."""

    acceptance: Acceptance
    by: str
    reason: str
    at: datetime


def read_withdrawn(connection: Connection, dataset: str) -> tuple[Withdrawn, ...]:
    """Return the known changes of a dataset that somebody has withdrawn, by code and first month."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(QUERIES["withdrawn_acceptances"], {"dataset": dataset})
        return tuple(map(_withdrawn, cursor.fetchall()))


def _withdrawn(row: Mapping[str, Any]) -> Withdrawn:
    return Withdrawn(
        acceptance=ledger.acceptance_of(row),
        by=row["withdrawn_by"],
        reason=row["withdrawn_reason"],
        at=row["withdrawn_at"],
    )


def published_under(connection: Connection, dataset: Dataset, acceptance: Acceptance) -> tuple[Month, ...]:
    """Return the months that are published and that the check would have rejected, but for an acceptance."""
    return tuple(
        facts.partition.month
        for facts in _covered(connection, dataset, acceptance)
        if facts.current is not None
        and facts.current.decision is None
        and any(each.code == acceptance.code and each.softened for each in facts.current.findings)
    )


def _covered(connection: Connection, dataset: Dataset, acceptance: Acceptance) -> tuple[Facts, ...]:
    """Return the facts of the months that were tried and that an acceptance covers."""
    months = [month for month in attempted_months(connection, dataset.name) if acceptance.covers(month)]
    return read_facts(connection, dataset, months_between(min(months), max(months))) if months else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A rejected month that an acceptance makes due; ``others``: checks that had rejected it too and still would.

    ``unable``: those of them that could not run, which nobody can accept.
    """

    month: Month
    others: tuple[str, ...]
    unable: tuple[str, ...] = ()


def due_again(connection: Connection, dataset: Dataset, acceptance: Acceptance) -> tuple[Due, ...]:
    """Return the rejected months that an acceptance makes due."""
    return tuple(_due(each) for each in _covered(connection, dataset, acceptance) if each.accepted_since == acceptance)


def _due(facts: Facts) -> Due:
    """Return a month with the checks that reject it and that nobody has accepted for it."""
    month = facts.partition.month
    accepted = {known.code for known in facts.acceptances if known.covers(month)}
    findings = facts.deciding.findings if facts.deciding else ()
    others = [each for each in findings if each.blocks and (each.errored or each.code not in accepted)]
    return Due(
        month=month,
        others=tuple(each.code for each in others),
        unable=tuple(each.code for each in others if each.errored),
    )


def _check_code(dataset: str, code: str, codes: Collection[str]) -> None:
    if code in codes:
        return
    near = _nearest(code.upper(), codes)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(
        f"{dataset} has no check {code[:80]!r}.",
        remedy=f"{meant}All of them: tidemark checks {dataset}.",
        code="unknown-check",
    )


def _nearest(code: str, codes: Collection[str]) -> list[str]:
    """Return the codes that begin like it or, when there is none, those that are written much like it."""
    return sorted(each for each in codes if each.startswith(code))[:NAMED] or difflib.get_close_matches(
        code, codes, NAMED, cutoff=0.4
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


def _check_helps(connection: Connection, dataset: Dataset, change: Change) -> None:
    """Refuse months that have all been judged and that this check has not rejected: nothing of them would change."""
    if change.last is None:
        return
    facts = read_facts(connection, dataset, months_between(change.first, change.last))
    judged = all(each.current or each.was_rejected for each in facts)
    if not judged or any(_rejected(each, change.code) for each in facts):
        return
    months = f"{change.first}" if len(facts) == 1 else f"{change.first} to {change.last}"
    rejected = next((each for each in facts if each.was_rejected), None)
    if rejected is None:
        told, remedy = "they are published", f"Nothing needs to be accepted: tidemark status {dataset.name}."
    else:
        why = rejected.deciding.code if rejected.deciding else ""
        told = f"{rejected.partition.month} was rejected for {why}"
        remedy = f"What helps there: tidemark explain {rejected.partition}."
    raise UsageError(
        f"{change.code} has rejected no month of {dataset.name} {months}: {told}.",
        remedy=f"Nothing was changed. {remedy}",
        code="not-acceptable",
    )


def _rejected(facts: Facts, code: str) -> bool:
    """Whether a check has rejected a month, or would have, had nobody accepted or released it."""
    attempts = filter(None, (facts.current, facts.deciding))
    found = (each for attempt in attempts for each in attempt.findings if each.code == code and not each.errored)
    return any(each.blocks or each.softened for each in found)


def _standing(known: tuple[Acceptance, ...], dataset: str, code: str, first: Month | None) -> Acceptance:
    of_check = [each for each in known if each.code == code]
    found = [each for each in of_check if first in (None, each.first)]
    if len(found) == 1:
        return found[0]
    begins = ", ".join(f"--from {each.first}" for each in of_check)
    if found:
        raise UsageError(
            f"{len(found)} acceptances of {code} stand for {dataset}.",
            remedy=f"Nothing was changed. Say which: {begins}.",
            code="which-acceptance",
        )
    since = f" from {first}" if first else ""
    instead = f"Those of this check: {begins}." if of_check else f"Those that stand: tidemark checks {dataset}."
    raise UsageError(
        f"No acceptance of {code[:80]}{since} stands for {dataset}.",
        remedy=f"Nothing was changed. {instead}",
        code="not-accepted",
    )


def _overlap(known: Acceptance, change: Change) -> bool:
    """Whether a change would cover the months of a known one from its beginning on."""
    return change.first <= known.first and (change.last is None or known.first <= change.last)


def _accepted_already(known: Acceptance) -> UsageError:
    until = f"to {known.last}" if known.last else "on, for good"
    return UsageError(
        f"{known.by} accepted {known.code} on {known.at:%Y-%m-%d} from {known.first} {until}: {known.reason}",
        remedy=f"Nothing was changed. Choose months before it, or, for another change within it, begin at "
        f"{known.first.next} or later; or take that one back: "
        f'tidemark accept {known.dataset} {known.code} --withdraw --from {known.first} --reason "…".',
        code="accepted-already",
    )
