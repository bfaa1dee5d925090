"""Facts: the state of a month, the flags beside it, and whether anything has changed since an attempt."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.attempts import FEBRUARY, RIDES, TODAY, URL, VERSIONS, attempt, facts_after, seen_file
from tidemark.facts import Facts, Flag, State, Versions
from tidemark.ledger import Outcome
from tidemark.months import Month, expected_by

O = Outcome  # noqa: E741 - in tables of histories


# ---- the state


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ((), State.MISSING),
        ((O.PUBLISHED,), State.PUBLISHED),
        ((O.REJECTED,), State.REJECTED),
        ((O.FAILED,), State.FAILED),
        ((O.INTERRUPTED,), State.FAILED),
        ((O.UNAVAILABLE,), State.UNAVAILABLE),
        ((O.FAILED, O.UNAVAILABLE), State.UNAVAILABLE),
        ((O.UNAVAILABLE, O.FAILED), State.FAILED),
        ((O.REJECTED, O.UNCHANGED), State.REJECTED),
        ((O.REJECTED, O.PUBLISHED), State.PUBLISHED),
        *(((O.PUBLISHED, reload), State.PUBLISHED) for reload in Outcome),
    ],
)
def test_a_month_is_published_whenever_the_table_holds_its_rows(history: tuple[Outcome, ...], state: State) -> None:
    assert facts_after(*history).state is state


def test_a_first_attempt_that_runs_leaves_the_month_missing_with_a_flag() -> None:
    facts = facts_after(running=True)
    assert facts.state is State.MISSING
    assert facts.flags(RIDES, VERSIONS, FEBRUARY.first_day) == {Flag.RUNNING}


@pytest.mark.parametrize(
    ("history", "went_wrong", "was_rejected"),
    [
        ((), False, False),
        ((O.FAILED,), True, False),
        ((O.INTERRUPTED,), True, False),
        ((O.REJECTED,), False, True),
        ((O.UNAVAILABLE,), False, False),
        ((O.PUBLISHED,), False, False),
        ((O.PUBLISHED, O.FAILED), True, False),
        ((O.PUBLISHED, O.INTERRUPTED), True, False),
        ((O.PUBLISHED, O.REJECTED), False, True),
        ((O.PUBLISHED, O.UNAVAILABLE), False, False),
        ((O.PUBLISHED, O.FAILED, O.UNCHANGED), False, False),
        ((O.PUBLISHED, O.REJECTED, O.UNCHANGED), False, False),
        ((O.REJECTED, O.UNCHANGED), False, True),
    ],
)
def test_a_reload_went_wrong_until_another_attempt_says_otherwise(
    history: tuple[Outcome, ...], *, went_wrong: bool, was_rejected: bool
) -> None:
    facts = facts_after(*history)
    assert (facts.went_wrong, facts.was_rejected) == (went_wrong, was_rejected)


def test_the_rows_of_a_published_month_are_those_of_its_current_load_whatever_came_after() -> None:
    reloaded = facts_after(O.PUBLISHED, O.REJECTED)
    assert reloaded.subject is reloaded.current
    rejected = facts_after(O.REJECTED)
    assert rejected.subject is rejected.deciding
    assert facts_after().subject is None


# ---- the flags


DUE = expected_by(FEBRUARY, RIDES.lag_days)


@pytest.mark.parametrize(
    ("history", "today", "is_overdue"),
    [
        ((), DUE, False),
        ((), DUE + timedelta(days=1), True),
        ((O.UNAVAILABLE,), DUE + timedelta(days=1), True),
        ((O.REJECTED,), DUE + timedelta(days=1), True),
        ((O.FAILED,), DUE + timedelta(days=1), True),
        ((O.PUBLISHED,), DUE + timedelta(days=1000), False),
        ((O.PUBLISHED, O.UNAVAILABLE), DUE + timedelta(days=1000), False),
    ],
)
def test_a_month_without_rows_is_overdue_after_its_expected_day(
    history: tuple[Outcome, ...], today: date, *, is_overdue: bool
) -> None:
    assert (Flag.OVERDUE in facts_after(*history).flags(RIDES, VERSIONS, today)) is is_overdue


def test_only_a_published_month_is_stale() -> None:
    other = Versions(contract="c2", suite="s2")
    for history in ((), (O.REJECTED,), (O.FAILED,), (O.UNAVAILABLE,)):
        assert Flag.STALE not in facts_after(*history, sha256="other").flags(RIDES, other, TODAY)
    assert facts_after(O.PUBLISHED).flags(RIDES, VERSIONS, TODAY) == frozenset()
    assert facts_after(O.PUBLISHED).flags(RIDES, other, TODAY) == {Flag.STALE}


def test_a_rejected_reload_leaves_the_published_month_stale() -> None:
    """The source has other bytes than those that readers see."""
    facts = facts_after(O.PUBLISHED, O.REJECTED, sha256="sha-2")
    assert facts.flags(RIDES, VERSIONS, TODAY) == {Flag.STALE}
    assert facts.deciding is not None
    assert facts.changed_since(facts.deciding, VERSIONS) == ""


# ---- what has changed since an attempt


@pytest.mark.parametrize(
    ("seen", "changed"),
    [
        ({"sha256": "sha-1"}, False),
        ({"sha256": "sha-1", "etag": '"other"', "size": 5}, False),  # the bytes themselves are known
        ({"sha256": "other", "etag": '"etag-1"', "size": 1000}, True),
        ({"etag": '"etag-1"', "size": 1000}, False),
        ({"etag": 'W/"etag-1"'}, False),  # a cache on the way compressed it
        ({"etag": '"etag-1"', "last_modified": "yesterday"}, False),
        ({"etag": '"other"', "size": 1000}, True),
        ({"etag": '"etag-1"', "size": 1001}, True),
        ({"size": 1000}, False),
        ({"size": 1001}, True),
        ({}, False),  # it is there, and says nothing about itself
        ({"last_modified": "yesterday"}, False),  # nobody knows of when the attempt's file was
        ({"sha256": "other", "available": False}, False),
        ({"etag": '"other"', "url": "https://mirror.example.org/a"}, False),  # another server's word
        ({"sha256": "other", "url": "https://mirror.example.org/a"}, True),
    ],
    ids=str,
)
def test_the_source_has_changed_only_when_what_it_shows_says_so(seen: dict[str, Any], *, changed: bool) -> None:
    facts = Facts(partition=RIDES.partition(FEBRUARY), seen=seen_file(**seen))
    said = facts.changed_since(attempt(O.PUBLISHED), VERSIONS)
    assert said == ("the source has other bytes" if changed else "")


@pytest.mark.parametrize(("before", "now", "changed"), [("a", "a", False), ("a", "b", True), (None, "b", False)])
def test_without_etags_the_date_tells(before: str | None, now: str, *, changed: bool) -> None:
    facts = Facts(partition=RIDES.partition(FEBRUARY), seen=seen_file(last_modified=now, size=1000))
    said = facts.changed_since(attempt(O.PUBLISHED, etag=None, last_modified=before), VERSIONS)
    assert bool(said) is changed


def test_another_address_is_worth_a_look_where_a_file_was_rejected_and_nowhere_else() -> None:
    for outcome, changed in ((O.REJECTED, True), (O.PUBLISHED, False)):
        facts = facts_after(outcome, url="https://mirror.example.org/rides_2023-02.parquet", etag='"1"')
        assert bool(facts.changed_since(attempt(outcome), VERSIONS)) == changed
    gone = facts_after(O.REJECTED, url="https://mirror.example.org/rides_2023-02.parquet", available=False)
    assert gone.changed_since(attempt(O.REJECTED), VERSIONS) == ""


@pytest.mark.parametrize(("size", "changed"), [(None, False), (1000, False), (1001, True)])
def test_of_a_published_month_at_another_address_the_size_tells(size: int | None, *, changed: bool) -> None:
    facts = facts_after(O.PUBLISHED, url="https://mirror.example.org/rides_2023-02.parquet", etag='"9"', size=size)
    assert facts.moved
    assert bool(facts.changed_since(attempt(O.PUBLISHED, file_bytes=1000), VERSIONS)) is changed


def test_a_month_has_moved_only_where_it_is_published_and_there() -> None:
    mirror = "https://mirror.example.org/rides_2023-02.parquet"
    assert not facts_after(O.PUBLISHED, size=5).moved
    assert not facts_after(O.REJECTED, url=mirror).moved
    assert not facts_after(O.PUBLISHED, url=mirror, available=False).moved


def test_a_month_whose_source_was_never_asked_has_not_changed() -> None:
    facts = Facts(partition=RIDES.partition(FEBRUARY))
    assert facts.changed_since(attempt(O.PUBLISHED), VERSIONS) == ""


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        (VERSIONS, ""),
        (Versions(contract="c2", suite="s1"), "contract"),
        (Versions(contract="c1", suite="s2"), "suite"),
        (Versions(contract="c2", suite="s2"), "contract"),
    ],
)
def test_another_contract_or_suite_is_a_change(versions: Versions, says: str) -> None:
    facts = Facts(partition=RIDES.partition(FEBRUARY), seen=seen_file(sha256="sha-1", url=URL))
    said = facts.changed_since(attempt(O.REJECTED), versions)
    assert says in said
    assert bool(said) is bool(says)


def test_a_month_of_the_future_is_not_overdue() -> None:
    assert facts_after(month=Month(9000, 12)).flags(RIDES, VERSIONS, TODAY) == frozenset()
