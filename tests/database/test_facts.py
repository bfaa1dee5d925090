"""What the ledger knows of a month: its state and its last attempt, its flags, its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask
from tidemark import ledger
from tidemark.facts import Attempt, Facts, Flag, State, Versions, attempted_months, read_facts, read_history
from tidemark.ledger import Ending, Outcome, SourceSeen
from tidemark.months import Month, expected_by
from tidemark.postgres import Connection, connect, try_lock, unlock
from tidemark.settings import Secret

VERSIONS = Versions(contract="c", suite="s")
DUE = expected_by(FEBRUARY, RIDES.lag_days)


@pytest.fixture
def loader(database_url: Secret) -> Iterator[Connection]:
    """The connection of another loader."""
    opened = connect(database_url)
    yield opened
    opened.close()


def begin(connection: Connection, month: Month = FEBRUARY) -> int:
    return ledger.begin_attempt(
        connection, RIDES.partition(month), run_id=None, contract_version="c", suite_version="s"
    )


def attempt(connection: Connection, outcome: Outcome, month: Month = FEBRUARY) -> int:
    load_id = begin(connection, month)
    ending = Ending(outcome=outcome, code=f"code-{load_id}", reason=f"Reason {load_id}.", remedy="Do it.")
    ledger.end_attempt(connection, load_id, ending)
    return load_id


def publish(connection: Connection, month: Month = FEBRUARY) -> int:
    """Note a published load, without its rows: facts are of the ledger alone."""
    load_id = begin(connection, month)
    query = "update tidemark.attempt set rows_read = 5, rows_diverted = 2, diverted = '{\"A\": 2}' where load_id = %s"
    ask(connection, query, load_id)
    ledger.end_published(connection, RIDES.partition(month), load_id, 3, "3 rows loaded")
    return load_id


def facts(connection: Connection, month: Month = FEBRUARY) -> Facts:
    (found,) = read_facts(connection, RIDES, (month,))
    return found


def id_of(found: Attempt | None) -> int | None:
    return found.load_id if found else None


def ids(found: Facts) -> tuple[int | None, int | None, int | None]:
    return id_of(found.current), id_of(found.last), id_of(found.deciding)


# ---- states


def test_a_month_that_nobody_tried_is_missing(connection: Connection) -> None:
    found = facts(connection)
    assert found == Facts(partition=RIDES.partition(FEBRUARY))
    assert found.state is State.MISSING


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.REJECTED, State.REJECTED),
        (Outcome.FAILED, State.FAILED),
        (Outcome.INTERRUPTED, State.FAILED),
        (Outcome.UNAVAILABLE, State.UNAVAILABLE),
        (Outcome.UNCHANGED, State.MISSING),
    ],
)
def test_an_attempt_that_published_nothing_makes_the_state(
    connection: Connection, outcome: Outcome, state: State
) -> None:
    load_id = attempt(connection, outcome)
    found = facts(connection)
    assert found.state is state
    assert found.last is not None
    assert (found.last.load_id, found.last.outcome) == (load_id, outcome)
    assert (found.last.code, found.last.reason) == (f"code-{load_id}", f"Reason {load_id}.")


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PUBLISHED])
def test_a_published_month_stays_published_whatever_comes_after(connection: Connection, outcome: Outcome) -> None:
    load_id = publish(connection)
    later = attempt(connection, outcome)
    found = facts(connection)
    assert found.state is State.PUBLISHED
    assert ids(found) == (load_id, later, later)


def test_unchanged_leaves_the_state_as_it_was(connection: Connection) -> None:
    rejected = attempt(connection, Outcome.REJECTED)
    unchanged = attempt(connection, Outcome.UNCHANGED)
    found = facts(connection)
    assert found.state is State.REJECTED
    assert ids(found) == (None, unchanged, rejected)


def test_the_published_attempt_tells_its_rows(connection: Connection) -> None:
    publish(connection)
    current = facts(connection).current
    assert current is not None
    assert (current.rows_read, current.rows_published, current.rows_diverted, current.diverted) == (5, 3, 2, {"A": 2})
    assert (current.outcome, current.reason) == (Outcome.PUBLISHED, "3 rows loaded")


def test_months_come_in_their_order_each_with_its_own(connection: Connection) -> None:
    march, january = attempt(connection, Outcome.FAILED, MARCH), publish(connection, JANUARY)
    found = read_facts(connection, RIDES, (JANUARY, FEBRUARY, MARCH))
    assert [str(f.partition.month) for f in found] == ["2023-01", "2023-02", "2023-03"]
    assert [f.state for f in found] == [State.PUBLISHED, State.MISSING, State.FAILED]
    assert [id_of(f.last) for f in found] == [january, None, march]


def test_another_dataset_has_its_own_months(connection: Connection) -> None:
    publish(connection)
    other = replace(RIDES, name="other")
    assert read_facts(connection, other, (FEBRUARY,))[0].state is State.MISSING
    assert attempted_months(connection, "other") == frozenset()


def test_without_a_ledger_every_month_is_missing() -> None:
    found = read_facts(None, RIDES, (JANUARY, FEBRUARY))
    assert [f.state for f in found] == [State.MISSING, State.MISSING]


# ---- running and interrupted


def test_an_attempt_runs_while_another_connection_holds_its_lock(connection: Connection, loader: Connection) -> None:
    number = ledger.dataset_number(loader, "rides")
    assert try_lock(loader, number, FEBRUARY)
    failed = attempt(connection, Outcome.FAILED)
    begin(loader)
    found = facts(connection)
    assert found.running
    assert found.state is State.FAILED
    assert ids(found) == (None, failed, failed)
    assert not facts(connection, MARCH).running
    (running, _) = read_history(connection, RIDES.partition(FEBRUARY))
    assert (running.outcome, running.reason, running.at) == (None, None, running.began_at)


def test_a_first_attempt_that_runs_leaves_the_month_missing(connection: Connection, loader: Connection) -> None:
    assert try_lock(loader, ledger.dataset_number(loader, "rides"), FEBRUARY)
    begin(loader)
    found = facts(connection)
    assert (found.state, found.running) == (State.MISSING, True)
    assert Flag.RUNNING in found.flags(RIDES, VERSIONS, date(2023, 2, 1))


@pytest.mark.parametrize("how", ["unlocked", "disconnected"])
def test_an_attempt_without_an_end_whose_lock_is_free_was_interrupted(
    connection: Connection, loader: Connection, how: str
) -> None:
    number = ledger.dataset_number(loader, "rides")
    assert try_lock(loader, number, FEBRUARY)
    load_id = begin(loader)
    if how == "unlocked":
        unlock(loader, number, FEBRUARY)
    else:
        ask(connection, "select pg_terminate_backend(%s, 10000)", loader.info.backend_pid)
    found = facts(connection)
    assert (found.state, found.running) == (State.FAILED, False)
    assert ids(found) == (None, load_id, load_id)
    assert found.last is not None
    assert (found.last.outcome, found.last.code) == (Outcome.INTERRUPTED, "interrupted")
    assert found.last.remedy
    assert read_history(connection, RIDES.partition(FEBRUARY)) == (found.last,)


def test_an_interrupted_reload_leaves_the_month_published(connection: Connection) -> None:
    current = publish(connection)
    killed = begin(connection)
    found = facts(connection)
    assert found.state is State.PUBLISHED
    assert ids(found) == (current, killed, killed)


@pytest.mark.parametrize("other", ["other month", "other dataset", "other kind of key"])
def test_other_locks_say_nothing(connection: Connection, loader: Connection, other: str) -> None:
    number = ledger.dataset_number(loader, "rides")
    begin(connection)
    if other == "other month":
        assert try_lock(loader, number, MARCH)
    elif other == "other dataset":
        assert try_lock(loader, ledger.dataset_number(loader, "other"), FEBRUARY)
    else:
        ask(loader, "select pg_advisory_lock(%s)", (number << 32) + FEBRUARY.yyyymm)
    assert not facts(connection).running


def test_a_lock_in_another_database_says_nothing(connection: Connection, server_url: str) -> None:
    number = ledger.dataset_number(connection, "rides")
    begin(connection)
    elsewhere = connect(Secret(server_url))
    try:
        assert try_lock(elsewhere, number, FEBRUARY)
        assert not facts(connection).running
    finally:
        elsewhere.close()


def test_who_waits_for_a_lock_does_not_run(connection: Connection, loader: Connection, database_url: Secret) -> None:
    number = ledger.dataset_number(connection, "rides")
    holder = connect(database_url)
    try:
        assert try_lock(holder, number, MARCH)
        begin(connection)
        assert not try_lock(loader, number, MARCH)
        assert not facts(connection).running
    finally:
        holder.close()


# ---- flags


def test_a_month_is_overdue_from_the_day_after_it_was_expected(connection: Connection) -> None:
    attempt(connection, Outcome.UNAVAILABLE)
    found = facts(connection)
    assert Flag.OVERDUE not in found.flags(RIDES, VERSIONS, DUE)
    assert Flag.OVERDUE in found.flags(RIDES, VERSIONS, date.fromordinal(DUE.toordinal() + 1))
    publish(connection)
    assert facts(connection).flags(RIDES, VERSIONS, date(2030, 1, 1)) == frozenset()


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        (VERSIONS, ""),
        (Versions(contract="c2", suite="s"), "contract"),
        (Versions(contract="c", suite="s2"), "suite"),
    ],
)
def test_a_month_is_stale_when_its_rules_have_changed(connection: Connection, versions: Versions, reason: str) -> None:
    publish(connection)
    found = facts(connection)
    assert found.current is not None
    assert reason in found.changed_since(found.current, versions)
    assert (Flag.STALE in found.flags(RIDES, versions, DUE)) == bool(reason)


@pytest.mark.parametrize(
    ("seen", "stale"),
    [
        ({}, False),
        ({"etag": '"b"'}, True),
        ({"etag": None, "size": 8}, True),
        ({"etag": None, "last_modified": "later"}, True),
        ({"etag": None}, False),
        ({"sha256": "a" * 64, "etag": '"b"'}, False),
        ({"sha256": "b" * 64}, True),
        ({"available": False, "etag": None, "size": None, "last_modified": None}, False),
        ({"url": "elsewhere", "etag": '"b"'}, False),
        ({"url": "elsewhere", "sha256": "b" * 64}, True),
    ],
)
def test_a_month_is_stale_when_its_source_has_changed(
    connection: Connection, seen: dict[str, object], stale: bool
) -> None:
    load_id = publish(connection)
    query = (
        "update tidemark.attempt set source_url = 'here', sha256 = repeat('a', 64), etag = '\"a\"', file_bytes = 7, "
        "last_modified = 'once' where load_id = %s"
    )
    ask(connection, query, load_id)
    same = SourceSeen(url="here", available=True, etag='"a"', last_modified="once", size=7, sha256=None)
    ledger.record_seen(connection, RIDES.partition(FEBRUARY), replace(same, **seen))  # type: ignore[arg-type]
    assert (Flag.STALE in facts(connection).flags(RIDES, VERSIONS, DUE)) is stale


# ---- history


def test_history_is_every_attempt_the_newest_first(connection: Connection) -> None:
    tried = [attempt(connection, outcome) for outcome in (Outcome.FAILED, Outcome.REJECTED, Outcome.UNCHANGED)]
    attempt(connection, Outcome.FAILED, MARCH)
    history = read_history(connection, RIDES.partition(FEBRUARY))
    assert [a.load_id for a in history] == tried[::-1]
    assert attempted_months(connection, "rides") == {FEBRUARY, MARCH}


def test_a_real_load_is_told_with_its_file_and_every_check(depot: Depot) -> None:
    path = depot.write(FEBRUARY, 100, seatless=(1, 2), extra=["x"] * 100)
    depot.load(FEBRUARY)
    found = depot.facts(FEBRUARY).current
    assert found is not None
    assert (found.file_bytes, found.source_url) == (path.stat().st_size, str(path))
    assert (found.rows_read, found.rows_published, found.rows_diverted) == (100, 98, 2)
    assert (found.diverted, found.added_columns) == ({"RIDES-NO-SEATS": 2}, ("extra",))
    assert found.verdict == "warned"
    assert [finding.code for finding in found.findings] == ["RIDES-COLUMNS-NEW"]
    assert depot.facts(FEBRUARY).subject == found
    (told,) = depot.history(FEBRUARY)
    assert {finding.code for finding in told.findings} >= {"RIDES-COLUMNS", "RIDES-ROWS", "RIDES-STAGED-ROWS"}
    assert [finding.code for finding in told.findings if not finding.passed] == ["RIDES-COLUMNS-NEW"]
