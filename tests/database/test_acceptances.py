"""Known changes on record: who may put them there, and which months they make due again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, opened
from tests.invariants import check_data
from tidemark import ledger
from tidemark import load as stages
from tidemark.acceptances import Change, accept, due_again
from tidemark.errors import UsageError
from tidemark.facts import read_facts
from tidemark.history import Acceptance
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.months import Month
from tidemark.plan import Action, Mode, decide
from tidemark.postgres import Connection
from tidemark.settings import Secret
from tidemark.word import Word

WORD = Word(by="Ana", reason="The city was closed.")
CODES = ("RIDES-VOLUME", "RIDES-AT-IN-MONTH", "RIDES-PRICE-RANGE")
IN_MONTH = "RIDES-AT-IN-MONTH"
APRIL = Month(2023, 4)
TODAY = date(2023, 6, 1)


def put(
    connection: Connection, first: Month, last: Month | None = None, code: str = IN_MONTH
) -> tuple[Acceptance, bool]:
    return accept(connection, RIDES, Change(code=code, first=first, last=last), WORD, CODES)


def test_a_change_goes_on_record_with_who_when_and_why(connection: Connection) -> None:
    accepted, new = put(connection, FEBRUARY, MARCH)
    assert new
    assert (accepted.dataset, accepted.code, accepted.first, accepted.last) == ("rides", IN_MONTH, FEBRUARY, MARCH)
    assert (accepted.by, accepted.reason) == ("Ana", "The city was closed.")
    assert ledger.read_acceptances(connection, "rides") == (accepted,)
    assert ledger.read_history(connection, "rides", MARCH).acceptances == (accepted,)
    assert ledger.read_acceptances(connection, "other") == ()


def test_the_same_change_again_stays_as_it_is(connection: Connection) -> None:
    first, _ = put(connection, FEBRUARY)
    assert put(connection, FEBRUARY) == (first, False)
    assert ledger.read_acceptances(connection, "rides") == (first,)


@pytest.mark.parametrize(
    ("first", "last"), [(JANUARY, FEBRUARY), (MARCH, APRIL), (FEBRUARY, None), (JANUARY, None), (MARCH, MARCH)]
)
def test_a_change_that_overlaps_another_of_its_check_is_refused(
    connection: Connection, first: Month, last: Month | None
) -> None:
    put(connection, FEBRUARY, MARCH)
    with pytest.raises(UsageError, match="Ana accepted RIDES-AT-IN-MONTH on") as raised:
        put(connection, first, last)
    assert raised.value.code == "accepted-already"
    assert len(ledger.read_acceptances(connection, "rides")) == 1


def test_changes_beside_it_and_of_other_checks_are_taken(connection: Connection) -> None:
    put(connection, FEBRUARY, MARCH)
    put(connection, JANUARY, JANUARY)
    put(connection, APRIL)
    put(connection, FEBRUARY, MARCH, "RIDES-VOLUME")
    assert len(ledger.read_acceptances(connection, "rides")) == 4


def test_what_is_no_check_is_refused_with_the_nearest_ones(connection: Connection) -> None:
    with pytest.raises(UsageError) as raised:
        put(connection, FEBRUARY, code="rides-volumes")
    assert raised.value.code == "unknown-check"
    assert raised.value.remedy.startswith("Did you mean RIDES-VOLUME")
    assert "tidemark checks rides" in raised.value.remedy


@pytest.mark.parametrize(
    ("first", "last", "code"), [(Month(2019, 12), None, "before-first-month"), (MARCH, FEBRUARY, "bad-range")]
)
def test_months_that_are_no_range_of_the_dataset_are_refused(
    connection: Connection, first: Month, last: Month | None, code: str
) -> None:
    with pytest.raises(UsageError) as raised:
        put(connection, first, last)
    assert raised.value.code == code


def test_two_at_once_leave_one_on_record(database_url: Secret) -> None:
    start = threading.Barrier(2)

    def work(last: Month | None) -> str:
        with opened(database_url) as connection:
            start.wait(20)
            try:
                put(connection, FEBRUARY, last)
            except UsageError as error:
                return error.code
            return "taken"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, (None, MARCH))) == ["accepted-already", "taken"]


# ---- what it makes due


@pytest.fixture
def rejected(depot: Depot) -> Depot:
    """January to March have rows of December alone."""
    import pyarrow

    for month in (JANUARY, FEBRUARY, MARCH):
        at = pyarrow.array([date(2022, 12, 1)] * 100, pyarrow.date32()).cast(pyarrow.timestamp("us"))
        depot.write(month, at=at)
        assert depot.load(month).outcome is Outcome.REJECTED
    return depot


def due(depot: Depot, connection: Connection) -> list[tuple[Action, str]]:
    facts = read_facts(connection, depot.dataset, (JANUARY, FEBRUARY, MARCH))
    steps = [decide(each, Mode.DUE, depot.versions, TODAY) for each in facts]
    return [(step.action, step.reason) for step in steps]


def test_the_rejected_months_of_its_time_are_due_again_and_publish_as_warned(
    rejected: Depot, connection: Connection
) -> None:
    assert {action for action, _ in due(rejected, connection)} == {Action.SKIP}
    accepted, _ = put(connection, FEBRUARY, FEBRUARY)
    assert due_again(connection, rejected.dataset, accepted) == (FEBRUARY,)
    actions = due(rejected, connection)
    assert [action for action, _ in actions] == [Action.SKIP, Action.LOAD, Action.SKIP]
    assert actions[1][1] == "it was rejected, but Ana accepted RIDES-AT-IN-MONTH from 2023-02 to 2023-02"
    assert load_by(rejected, FEBRUARY).outcome is Outcome.PUBLISHED
    current = rejected.facts(FEBRUARY).current
    assert current is not None
    assert current.verdict == "warned"
    assert {action for action, _ in due(rejected, connection)} == {Action.SKIP}
    check_data(rejected.url, "rides")


def test_a_month_that_is_rejected_again_all_the_same_is_tried_only_once(
    rejected: Depot, connection: Connection
) -> None:
    put(connection, JANUARY)
    assert {action for action, _ in due(rejected, connection)} == {Action.LOAD}
    rejected.load(JANUARY, Mode.DUE)  # by a gate that knows of no acceptance
    assert [action for action, _ in due(rejected, connection)] == [Action.SKIP, Action.LOAD, Action.LOAD]


def test_what_was_on_record_before_makes_nothing_due(depot: Depot, connection: Connection) -> None:
    import pyarrow

    put(connection, FEBRUARY)
    at = pyarrow.array([date(2022, 12, 1)] * 100, pyarrow.date32()).cast(pyarrow.timestamp("us"))
    depot.write(FEBRUARY, at=at)
    depot.load(FEBRUARY)
    assert depot.facts(FEBRUARY).accepted_since is None


def test_another_check_of_the_dataset_makes_nothing_due(rejected: Depot, connection: Connection) -> None:
    put(connection, JANUARY, code="RIDES-VOLUME")
    assert {action for action, _ in due(rejected, connection)} == {Action.SKIP}


def load_by(depot: Depot, month: Month) -> LoadResult:
    """Load a month that is due as the flow does: the gate hears of what people have accepted."""
    from checks.gate import audit

    load = depot.open(month, depot.plan(month, Mode.DUE))
    try:
        assert stages.begin(load) is None
        raw = stages.fetch_raw(load)
        assert stages.same_as_before(load, raw) is None
        verdict = audit(depot.url, depot.dataset, stages.stage_raw(load, raw), history=stages.read_history(load))
        stages.record_verdict(load, verdict)
        return stages.conclude(load, verdict)
    finally:
        stages.close(load)
