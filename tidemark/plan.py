"""Plans: a range of months and what the ledger knows of them, to what a backfill would do and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tidemark.datasets.base import Dataset
from tidemark.errors import UsageError
from tidemark.facts import OTHER_ADDRESS, Facts, State, Versions
from tidemark.history import Acceptance
from tidemark.ledger import Outcome
from tidemark.months import Month, months_between
from tidemark.partition import Partition

UNCHANGED = "nothing has changed since, as far as the ledger knows (--mode rejected takes it anyway)"
STANDS = "that stands until it is released or the source has other bytes (--mode rejected takes it anyway)"


class Mode(StrEnum):
    """Which months a backfill takes.

    ``due``: missing, failed, interrupted and unavailable ones, and rejected ones of which something has changed; of one
    that a person rejected, only its bytes.
    ``failed``, ``rejected``: only those, changed or not. ``stale``: published ones of which something has changed.
    ``all``: every month, published ones too.
    """

    DUE = "due"
    FAILED = "failed"
    REJECTED = "rejected"
    STALE = "stale"
    ALL = "all"


class Action(StrEnum):
    LOAD = "load"
    RELOAD = "reload"
    SKIP = "skip"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a backfill would do with one month, and why."""

    facts: Facts
    action: Action
    reason: str

    @property
    def partition(self) -> Partition:
        return self.facts.partition

    @property
    def current_load(self) -> int | None:
        return self.facts.current.load_id if self.facts.current else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A step for each month of a range, oldest first."""

    dataset: str
    mode: Mode
    steps: tuple[Step, ...]

    @property
    def taken(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action is not Action.SKIP)

    @property
    def actions(self) -> Counter[Action]:
        return Counter(step.action for step in self.steps)


def range_of(dataset: Dataset, first: Month, last: Month) -> tuple[Month, ...]:
    """Return the months of a range of a dataset.

    Raises ``UsageError`` when it is the wrong way round or begins before the dataset's first month.
    """
    months = months_between(first, last)
    if first < dataset.first_month:
        raise UsageError(
            f"{dataset.name} begins in {dataset.first_month}; {first} is before that.",
            remedy=f"Begin the range at {dataset.first_month} or later.",
            code="before-first-month",
        )
    return months


def make_plan(dataset: Dataset, facts: Iterable[Facts], mode: Mode, versions: Versions, today: date) -> Plan:
    steps = tuple(decide(each, mode, versions, today) for each in facts)
    return Plan(dataset=dataset.name, mode=mode, steps=steps)


def decide(facts: Facts, mode: Mode, versions: Versions, today: date) -> Step:
    """Decide what a backfill of this mode does with one month."""
    if facts.current is None and facts.partition.month.next.first_day > today:
        return Step(facts=facts, action=Action.SKIP, reason="the month is not over yet")
    wanted, reason = _judge(facts, mode, versions)
    if not wanted:
        action = Action.SKIP
    else:
        action = Action.LOAD if facts.current is None else Action.RELOAD
        if facts.running:
            reason += "; another loader holds it now and is waited for"
    return Step(facts=facts, action=action, reason=reason)


def _judge(facts: Facts, mode: Mode, versions: Versions) -> tuple[bool, str]:
    if mode is Mode.ALL:
        told = _describe(facts) if facts.rejected_by_person else f"it is {facts.state}"
        return True, f"every month is taken; {told}"
    if mode is Mode.FAILED:
        return facts.went_wrong, _describe(facts)
    if mode is Mode.REJECTED:
        return facts.was_rejected, _describe(facts)
    if mode is Mode.STALE:
        changed = facts.changed_since(facts.current, versions) if facts.current else ""
        return bool(changed), changed or _describe(facts)
    return _judge_due(facts, versions)


def _judge_due(facts: Facts, versions: Versions) -> tuple[bool, str]:
    if facts.went_wrong:
        return True, _describe(facts)
    if facts.rejected_by_person is not None and facts.deciding is not None:
        changed = facts.bytes_changed_since(facts.deciding)
        return bool(changed), f"{_describe(facts)}; {f'but {changed}' if changed else STANDS}"
    if facts.was_rejected and facts.deciding is not None:
        changed = facts.changed_since(facts.deciding, versions)
        what = f"{'its reload' if facts.current else 'it'} was rejected, but"
        if changed:
            return True, f"{what} {changed}"
        if facts.accepted_since is not None:
            return True, f"{what} {describe_acceptance(facts.accepted_since)}"
        return False, f"{_describe(facts)}; {UNCHANGED}"
    return facts.state is not State.PUBLISHED, f"{_describe(facts)}{_since_published(facts, versions)}"


def _since_published(facts: Facts, versions: Versions) -> str:
    """Say what has changed since a month was published, and the mode that takes it for that."""
    changed = facts.changed_since(facts.current, versions) if facts.current else ""
    if changed:
        return f"; {changed} since (--mode stale takes it)"
    if facts.moved:
        return f"; {OTHER_ADDRESS} since, with as far as it says the same bytes (--mode all takes it)"
    return ""


def describe_acceptance(known: Acceptance) -> str:
    until = f" to {known.last}" if known.last else ""
    return f"{known.by} accepted {known.code} from {known.first}{until}"


def _describe(facts: Facts) -> str:
    last = facts.deciding
    if last is None:
        return "it was never tried"
    day = last.at.date().isoformat()
    if last.outcome is Outcome.UNAVAILABLE and facts.current is None:
        return f"the source did not have it on {day}"
    if last.outcome in (Outcome.FAILED, Outcome.INTERRUPTED, Outcome.REJECTED):
        what = "its reload" if facts.current else "it"
        return f"{what} {_PAST[last.outcome]} on {day}: {(last.reason or '').rstrip('.')}"
    published = facts.current or last
    return f"it was published on {published.at.date().isoformat()} with {published.rows_published or 0:,} rows"


_PAST = {Outcome.FAILED: "failed", Outcome.INTERRUPTED: "was interrupted", Outcome.REJECTED: "was rejected"}
