"""Known changes on record: who may put them there, and which months they make due again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from tests.database.test_decisions import release_month
from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, opened
from tests.invariants import check_data
from tidemark import ledger
from tidemark import load as stages
from tidemark.acceptances import Change, Due, accept, due_again, published_under, read_withdrawn, withdraw
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
CODES = ("RIDES-VOLUME", "RIDES-PRICE-PRESENT", "RIDES-PRICE-RANGE")
PRICED = "RIDES-PRICE-PRESENT"
APRIL = Month(2023, 4)
TODAY = date(2023, 6, 1)


def put(connection: Connection, first: Month, last: Month | None = None, code: str = PRICED) -> tuple[Acceptance, bool]:
    return accept(connection, RIDES, Change(code=code, first=first, last=last), WORD, CODES)


def test_a_change_goes_on_record_with_who_when_and_why(connection: Connection) -> None:
    accepted, new = put(connection, FEBRUARY, MARCH)
    assert new
    assert (accepted.dataset, accepted.code, accepted.first, accepted.last) == ("rides", PRICED, FEBRUARY, MARCH)
    assert (accepted.by, accepted.reason) == ("Ana", "The city was closed.")
    assert ledger.read_acceptances(connection, "rides") == (accepted,)
    assert ledger.read_history(connection, "rides", MARCH).acceptances == (accepted,)
    assert ledger.read_acceptances(connection, "other") == ()


def test_the_same_change_again_stays_as_it_is(connection: Connection) -> None:
    first, _ = put(connection, FEBRUARY)
    assert put(connection, FEBRUARY) == (first, False)
    assert ledger.read_acceptances(connection, "rides") == (first,)


@pytest.mark.parametrize(
    ("first", "last"), [(JANUARY, FEBRUARY), (FEBRUARY, FEBRUARY), (FEBRUARY, APRIL), (FEBRUARY, None), (JANUARY, None)]
)
def test_a_change_that_covers_the_beginning_of_another_of_its_check_is_refused(
    connection: Connection, first: Month, last: Month | None
) -> None:
    put(connection, FEBRUARY, MARCH)
    with pytest.raises(UsageError, match="Ana accepted RIDES-PRICE-PRESENT on") as raised:
        put(connection, first, last)
    assert raised.value.code == "accepted-already"
    assert len(ledger.read_acceptances(connection, "rides")) == 1


def test_changes_beside_it_and_of_other_checks_are_taken(connection: Connection) -> None:
    put(connection, FEBRUARY, MARCH)
    put(connection, JANUARY, JANUARY)
    put(connection, APRIL)
    put(connection, FEBRUARY, MARCH, "RIDES-VOLUME")
    assert len(ledger.read_acceptances(connection, "rides")) == 4


@pytest.mark.parametrize("last", [MARCH, APRIL, None])
def test_a_change_within_a_change_is_taken_and_its_months_are_its_own(
    connection: Connection, last: Month | None
) -> None:
    outer, _ = put(connection, FEBRUARY)
    inner, new = put(connection, MARCH, last)
    history = ledger.read_history(connection, "rides", APRIL)
    assert new
    assert [history.acceptance_of(PRICED, month) for month in (JANUARY, FEBRUARY, MARCH)] == [None, outer, inner]


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


def test_the_checks_that_begin_like_what_was_typed_are_named_first(connection: Connection) -> None:
    codes = ("RIDES-FEE-PRESENT", "RIDES-PRICES", "RIDES-PRICE-RANGE")
    with pytest.raises(UsageError) as raised:
        accept(connection, RIDES, Change(code="rides-price", first=FEBRUARY, last=None), WORD, codes)
    assert raised.value.remedy.startswith("Did you mean RIDES-PRICE-RANGE or RIDES-PRICES?")


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


# ---- withdrawn on the record


def test_what_is_withdrawn_is_judged_by_no_more_and_stays_on_record(connection: Connection) -> None:
    accepted, _ = put(connection, FEBRUARY, MARCH)
    other, _ = put(connection, FEBRUARY, MARCH, "RIDES-VOLUME")
    assert withdraw(connection, RIDES, PRICED, None, Word(by="Bo", reason="It was no strike.")) == accepted
    assert ledger.read_acceptances(connection, "rides") == (other,)
    assert ledger.read_history(connection, "rides", APRIL).acceptances == (other,)
    assert ask(
        connection,
        "select accepted_by, withdrawn_by, withdrawn_reason, withdrawn_at > accepted_at from tidemark.acceptance "
        "where code = %s",
        PRICED,
    ) == [("Ana", "Bo", "It was no strike.", True)]


def test_what_is_withdrawn_can_be_accepted_again(connection: Connection) -> None:
    put(connection, FEBRUARY)
    withdraw(connection, RIDES, PRICED, FEBRUARY, WORD)
    again, new = put(connection, FEBRUARY)
    assert new
    assert ledger.read_acceptances(connection, "rides") == (again,)
    assert ask(connection, "select count(*) from tidemark.acceptance") == [(2,)]


def test_of_several_changes_of_a_check_the_first_month_says_which(connection: Connection) -> None:
    outer, _ = put(connection, FEBRUARY)
    inner, _ = put(connection, MARCH, MARCH)
    with pytest.raises(UsageError, match="2 acceptances") as raised:
        withdraw(connection, RIDES, PRICED, None, WORD)
    assert raised.value.code == "which-acceptance"
    assert "--from 2023-02, --from 2023-03" in raised.value.remedy
    assert withdraw(connection, RIDES, PRICED, MARCH, WORD) == inner
    assert ledger.read_acceptances(connection, "rides") == (outer,)


@pytest.mark.parametrize(("code", "first"), [(PRICED, MARCH), ("RIDES-VOLUME", None)])
def test_what_does_not_stand_is_not_withdrawn(connection: Connection, code: str, first: Month | None) -> None:
    put(connection, FEBRUARY)
    with pytest.raises(UsageError) as raised:
        withdraw(connection, RIDES, code, first, WORD)
    assert raised.value.code == "not-accepted"
    assert len(ledger.read_acceptances(connection, "rides")) == 1


# ---- what it makes due


def no_price(rows: int) -> Any:
    import pyarrow

    return pyarrow.array([None] * rows, pyarrow.float64())


@pytest.fixture
def rejected(depot: Depot) -> Depot:
    """January to March have no prices."""
    for month in (JANUARY, FEBRUARY, MARCH):
        depot.write(month, price=no_price(100))
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
    assert due_again(connection, rejected.dataset, accepted) == (Due(month=FEBRUARY, others=()),)
    actions = due(rejected, connection)
    assert [action for action, _ in actions] == [Action.SKIP, Action.LOAD, Action.SKIP]
    assert actions[1][1] == "it was rejected, but Ana accepted RIDES-PRICE-PRESENT from 2023-02 to 2023-02"
    assert load_by(rejected, FEBRUARY).outcome is Outcome.PUBLISHED
    current = rejected.facts(FEBRUARY).current
    assert current is not None
    assert current.verdict == "warned"
    assert {action for action, _ in due(rejected, connection)} == {Action.SKIP}
    check_data(rejected.url, "rides")


def test_a_change_keeps_how_many_rows_the_last_load_had_that_the_check_rejected(
    rejected: Depot, connection: Connection
) -> None:
    rejected.write(MARCH, 60, price=no_price(60))
    assert rejected.load(MARCH).outcome is Outcome.REJECTED
    assert [put(connection, first, last)[0].rows for first, last in ((MARCH, None), (FEBRUARY, FEBRUARY))] == [60, 100]
    assert put(connection, FEBRUARY, code="RIDES-VOLUME")[0].rows is None


def test_what_was_accepted_or_released_is_on_record_as_no_measure_for_its_check(
    rejected: Depot, connection: Connection
) -> None:
    put(connection, FEBRUARY, FEBRUARY)
    accepted, released = load_by(rejected, FEBRUARY), release_month(rejected, MARCH)
    for result in (accepted, released):
        ask(connection, "insert into tidemark.profile values (%s, '{}') on conflict (load_id) do "
                        "update set statistics = '{}'", result.load_id)  # fmt: skip
    rows = ledger._all(connection, "published_profiles", dataset="rides", month=APRIL.first_day, most=36)
    assert [(row["load_id"], row["rejected_codes"], row["released_codes"]) for row in rows] == [
        (released.load_id, [PRICED], [PRICED]),
        (accepted.load_id, [PRICED], []),
    ]
    for month in (FEBRUARY, MARCH):
        current = rejected.facts(month).current
        assert current is not None
        assert [finding.code for finding in current.findings if finding.softened] == [PRICED]


def test_a_month_that_is_rejected_again_all_the_same_is_tried_only_once(
    rejected: Depot, connection: Connection
) -> None:
    put(connection, JANUARY)
    assert {action for action, _ in due(rejected, connection)} == {Action.LOAD}
    rejected.load(JANUARY, Mode.DUE)  # by a gate that knows of no acceptance
    assert [action for action, _ in due(rejected, connection)] == [Action.SKIP, Action.LOAD, Action.LOAD]


def test_what_was_on_record_before_makes_nothing_due(depot: Depot, connection: Connection) -> None:
    put(connection, FEBRUARY)
    depot.write(FEBRUARY, price=no_price(100))
    depot.load(FEBRUARY)
    assert depot.facts(FEBRUARY).accepted_since is None


def test_another_check_of_the_dataset_makes_nothing_due(rejected: Depot, connection: Connection) -> None:
    put(connection, JANUARY, code="RIDES-VOLUME")
    assert {action for action, _ in due(rejected, connection)} == {Action.SKIP}


def test_a_withdrawn_change_makes_no_month_due_and_leaves_what_it_published(
    rejected: Depot, connection: Connection
) -> None:
    put(connection, JANUARY, FEBRUARY)
    published = load_by(rejected, FEBRUARY)
    assert [action for action, _ in due(rejected, connection)] == [Action.LOAD, Action.SKIP, Action.SKIP]
    taken_back = withdraw(connection, RIDES, PRICED, None, WORD)
    assert published_under(connection, rejected.dataset, taken_back) == (FEBRUARY,)
    assert [each.acceptance for each in read_withdrawn(connection, "rides")] == [taken_back]
    assert {action for action, _ in due(rejected, connection)} == {Action.SKIP}
    current = rejected.facts(FEBRUARY).current
    assert current is not None
    assert (current.load_id, current.verdict) == (published.load_id, "warned")
    assert load_by(rejected, JANUARY, Mode.REJECTED).outcome is Outcome.REJECTED
    check_data(rejected.url, "rides")


@pytest.mark.parametrize(
    ("first", "last", "code"), [(JANUARY, JANUARY, "RIDES-VOLUME"), (JANUARY, MARCH, "RIDES-PRICE-RANGE")]
)
def test_months_that_a_check_has_not_rejected_are_refused_with_what_did(
    rejected: Depot, connection: Connection, first: Month, last: Month, code: str
) -> None:
    with pytest.raises(UsageError, match=f"2023-01 was rejected for {PRICED}") as raised:
        put(connection, first, last, code)
    assert raised.value.code == "not-acceptable"
    assert "tidemark explain rides 2023-01" in raised.value.remedy
    assert ledger.read_acceptances(connection, "rides") == ()


def test_published_months_need_no_acceptance(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY)
    depot.load(JANUARY)
    with pytest.raises(UsageError, match="they are published") as raised:
        put(connection, JANUARY, JANUARY)
    assert raised.value.code == "not-acceptable"


def test_a_check_that_only_warned_in_published_months_has_rejected_none_of_them(
    depot: Depot, connection: Connection
) -> None:
    depot.write(JANUARY)
    result = depot.load(JANUARY)
    warned = "update tidemark.finding set passed = false, severity = 'warn' where load_id = %s and code = %s"
    ask(connection, warned, result.load_id, PRICED)
    ask(connection, "update tidemark.attempt set verdict = 'warned' where load_id = %s", result.load_id)
    with pytest.raises(UsageError, match="they are published"):
        put(connection, JANUARY, JANUARY)


@pytest.mark.parametrize("last", [None, APRIL])
def test_months_that_are_still_to_come_are_accepted_before(
    rejected: Depot, connection: Connection, last: Month | None
) -> None:
    assert put(connection, MARCH, last, "RIDES-VOLUME")[1]


def test_the_checks_that_nobody_has_accepted_are_told_with_the_month(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY, price=no_price(100), at=of_another_month(100))
    depot.load(JANUARY)
    accepted, _ = put(connection, JANUARY, JANUARY)
    (told,) = due_again(connection, depot.dataset, accepted)
    assert "RIDES-AT-IN-MONTH" in told.others
    assert PRICED not in told.others


def of_another_month(rows: int) -> Any:
    from datetime import datetime

    import pyarrow

    return pyarrow.array([datetime(2022, 1, 5)] * rows, pyarrow.timestamp("us"))  # noqa: DTZ001 - as published


def load_by(depot: Depot, month: Month, mode: Mode = Mode.DUE) -> LoadResult:
    """Load a month as the flow does: the gate hears of what people have accepted."""
    from checks.gate import audit

    load = depot.open(month, depot.plan(month, mode))
    try:
        assert stages.begin(load) is None
        raw = stages.fetch_raw(load)
        assert stages.same_as_before(load, raw) is None
        staged, history = stages.stage_raw(load, raw), stages.read_history(load)
        verdict = audit(depot.url, depot.dataset, staged, raw=raw.path, history=history)
        stages.record_verdict(load, verdict)
        return stages.conclude(load, verdict)
    finally:
        stages.close(load)
