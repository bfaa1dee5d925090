"""A person's word on a month: released from the quarantine, or taken back into it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ

from checks import gate
from tests.cutting_proxy import Cut, cutting_proxy
from tests.depot import FEBRUARY, MARCH, RIDES, Depot, ask, opened, rides_of
from tests.invariants import check_data
from tidemark import ledger
from tidemark import load as stages
from tidemark.alerts import backfill_message
from tidemark.decisions import reject, release
from tidemark.errors import Failed, TidemarkError, UsageError
from tidemark.facts import Attempt, State, read_evidence
from tidemark.history import DecisionKind
from tidemark.ledger import Ending, Outcome
from tidemark.load import Load, LoadResult
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.plan import Action, Mode, decide
from tidemark.points import Point
from tidemark.postgres import Connection
from tidemark.report import report_run
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Accepted, Severity
from tidemark.word import Word

WORD = Word(by="Ana Ruiz", reason="The clocks of that month are known to be wrong.")
ODD_CODES = ["RIDES-AT-IN-MONTH", "RIDES-AT-STRAYS"]
OLD, ODD = {(1.0, 97)}, {(2.0, 195)}
KEPT = "select tablename from pg_tables where schemaname = 'quarantine' order by 1"


@contextmanager
def deciding(depot: Depot, month: Month = FEBRUARY, *, url: Secret | None = None) -> Iterator[Load]:
    load = stages.open_load(
        depot.settings, url or depot.url, depot.dataset, depot.dataset.partition(month), depot.versions, None
    )
    try:
        yield load
    finally:
        stages.close(load)


def let_through(staged: Staged, rejected: Attempt) -> Accepted:
    version, by, reason = rejected.suite_version, WORD.by, WORD.reason
    return gate.release(staged, rejected.findings, suite_version=version, profile=None, by=by, reason=reason)


def release_month(depot: Depot, month: Month = FEBRUARY, *, url: Secret | None = None) -> LoadResult:
    with deciding(depot, month, url=url) as load:
        return release(load, WORD, let_through)


def reject_month(depot: Depot, month: Month = FEBRUARY, *, url: Secret | None = None) -> LoadResult:
    with deciding(depot, month, url=url) as load:
        return reject(load, WORD)


def write_odd(depot: Depot, month: Month = FEBRUARY, rows: int = 200, **shape: Any) -> Path:
    """A month whose rows are all of January; 5 of them are diverted."""
    import pyarrow

    at = pyarrow.array([datetime(2023, 1, 1)] * rows, pyarrow.timestamp("us"))  # noqa: DTZ001 - as the file has it
    notes = [f"ride {n}" for n in range(rows)]  # so that no row repeats another
    return depot.write(month, rows, price=2.0, seatless=range(5), at=at, **{"note": notes, **shape})


def load_good(depot: Depot) -> None:
    depot.write(FEBRUARY, 100, seatless=range(3))
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED


def load_odd(depot: Depot, **shape: Any) -> None:
    write_odd(depot, **shape)
    assert depot.load(FEBRUARY).outcome is Outcome.REJECTED


@pytest.fixture(params=["first", "reload"])
def rejected(request: pytest.FixtureRequest, depot: Depot) -> Depot:
    """February is rejected: nothing of it is published, or an older version."""
    if request.param == "reload":
        load_good(depot)
    load_odd(depot)
    return depot


def before(depot: Depot) -> set[tuple[float, int]]:
    return OLD if depot.facts(FEBRUARY).current else set()


# ---- release


def test_a_released_month_is_published_as_warned_with_who_when_why_and_which_findings(
    rejected: Depot, connection: Connection
) -> None:
    judged = rejected.facts(FEBRUARY).deciding
    assert judged is not None
    result = release_month(rejected)
    assert (result.outcome, result.partition) == (Outcome.PUBLISHED, RIDES.partition(FEBRUARY))
    assert rides_of(connection, FEBRUARY) == ODD
    facts = rejected.facts(FEBRUARY)
    current = facts.current
    assert facts.state is State.PUBLISHED
    assert current is not None
    assert current.decision is not None
    assert (current.load_id, current.verdict, current.sha256) == (result.load_id, "warned", judged.sha256)
    assert (current.rows_read, current.rows_published, current.diverted) == (200, 195, {"RIDES-NO-SEATS": 5})
    assert current.reason is not None
    assert current.reason.endswith("released by Ana Ruiz")
    decision = current.decision
    assert (decision.kind, decision.judged_load) == (DecisionKind.RELEASE, judged.load_id)
    assert (decision.by, decision.reason) == (WORD.by, WORD.reason)
    assert decision.codes == tuple(f.code for f in judged.findings if f.blocks) != ()
    assert current.began_at <= decision.at <= current.at
    failed = [f for f in current.findings if not f.passed]
    assert {f.code for f in failed} == set(decision.codes)
    assert {f.severity for f in failed} == {Severity.WARN}
    assert all("Ana Ruiz" in f.reason for f in failed)


def test_its_rows_have_the_load_id_of_the_release_and_leave_the_quarantine(
    rejected: Depot, connection: Connection
) -> None:
    result = release_month(rejected)
    for table in ("trips.rides", "diverted.rides"):
        assert ask(connection, f"select distinct load_id from {table} where month = %s", FEBRUARY.first_day) == [
            (result.load_id,)
        ]
    assert ask(connection, "select count(*) from diverted.rides where month = %s", FEBRUARY.first_day) == [(5,)]
    assert ask(connection, KEPT) == []


def test_a_released_month_is_left_alone_by_the_next_backfill(rejected: Depot) -> None:
    release_month(rejected)
    facts = rejected.facts(FEBRUARY)
    step = decide(facts, Mode.DUE, rejected.versions, datetime(2023, 6, 1).date())  # noqa: DTZ001 - a day
    assert step.action is Action.SKIP
    assert rejected.load(FEBRUARY, Mode.DUE).outcome is Outcome.UNCHANGED


def test_profile_and_evidence_go_along_and_its_failed_checks_are_no_measure_for_later_months(
    rejected: Depot, connection: Connection
) -> None:
    judged = rejected.facts(FEBRUARY).deciding
    assert judged is not None
    shown = read_evidence(connection, [judged.load_id])[judged.load_id]
    assert [each.code for each in shown] == ODD_CODES
    stored = "select statistics from tidemark.profile where load_id = %s"
    profile = ask(connection, stored, judged.load_id)
    assert profile[0][0]["rows"] == 195
    result = release_month(rejected)
    assert result.load_id is not None
    assert read_evidence(connection, [result.load_id])[result.load_id] == shown
    (row,) = ledger._all(connection, "published_profiles", dataset="rides", month=MARCH.first_day, most=36)
    assert (row["load_id"], row["statistics"]) == (result.load_id, profile[0][0])
    assert row["rejected_codes"] == sorted(ODD_CODES)


def test_a_column_that_nobody_knew_comes_with_the_release(depot: Depot, connection: Connection) -> None:
    import pyarrow

    load_odd(depot, tip=pyarrow.array([3.5] * 200))
    release_month(depot)
    assert ask(connection, "select tip, count(*) from trips.rides group by 1") == [(3.5, 195)]


# ---- refused


def refused(depot: Depot, month: Month = FEBRUARY) -> TidemarkError:
    """Ask for a release that does not apply: nothing is begun, nothing changes."""
    attempts = depot.history(month)
    with opened(depot.url) as reader:
        sight = rides_of(reader, month) if ask(reader, "select to_regclass('trips.rides')") != [(None,)] else set()
        with pytest.raises(TidemarkError) as raised:
            release_month(depot, month)
        assert depot.history(month) == attempts
        assert not sight or rides_of(reader, month) == sight
    assert raised.value.remedy
    return raised.value


def test_what_was_never_tried_is_not_released(depot: Depot) -> None:
    error = refused(depot)
    assert (type(error), error.code) == (UsageError, "not-rejected")
    assert "rides 2023-02 was never rejected: it is missing" in error.message


def test_what_is_published_is_not_released(depot: Depot) -> None:
    load_odd(depot)
    load_good(depot)
    error = refused(depot)
    assert (type(error), error.code) == (UsageError, "not-rejected")
    assert "load 2 published it on" in error.message


def test_a_file_that_was_never_staged_is_not_released(depot: Depot) -> None:
    (depot.source / RIDES.file_name(FEBRUARY)).write_bytes(b"<html>please log in</html>")
    assert depot.load(FEBRUARY).outcome is Outcome.REJECTED
    error = refused(depot)
    assert (type(error), error.code) == (UsageError, "never-staged")


def test_a_month_without_rows_is_not_released(depot: Depot) -> None:
    depot.write(FEBRUARY, 5, seatless=range(5))
    assert depot.load(FEBRUARY).outcome is Outcome.REJECTED
    with pytest.raises(UsageError, match="rides 2023-02 has no rows: there is nothing to release") as raised:
        release_month(depot)
    assert raised.value.code == "no-rows"
    assert depot.facts(FEBRUARY).state is State.REJECTED


def test_a_verdict_by_another_contract_or_suite_is_stale(depot: Depot, connection: Connection) -> None:
    load_odd(depot)
    for column in ("contract_version", "suite_version"):
        ask(connection, f"update tidemark.attempt set {column} = 'x' || {column}")
        error = refused(depot)
        assert (type(error), error.code) == (UsageError, "stale-verdict")
        assert "has changed since load 1" in error.message
        assert "tidemark backfill rides 2023-02" in error.remedy
        ask(connection, f"update tidemark.attempt set {column} = substr({column}, 2)")


def test_a_verdict_on_bytes_that_the_source_has_no_more_is_stale(depot: Depot) -> None:
    load_odd(depot)
    write_odd(depot, rows=50)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    stages.fetch_raw(load)
    stages.end(load, stages.ending_of(Failed("It broke off.", code="internal")))
    stages.close(load)
    assert refused(depot).code == "stale-verdict"


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ("drop table quarantine.rides_2023_02", "quarantine-gone"),
        ("drop table quarantine.rides_2023_02_diverted", "quarantine-gone"),
        ("delete from quarantine.rides_2023_02 where ctid = '(0,1)'", "quarantine-altered"),
        ("insert into quarantine.rides_2023_02 select * from quarantine.rides_2023_02 limit 1", "quarantine-altered"),
        ("update quarantine.rides_2023_02 set load_id = 7 where ctid = '(0,1)'", "quarantine-altered"),
        ("delete from quarantine.rides_2023_02_diverted where row_number = 1", "quarantine-altered"),
        ("update quarantine.rides_2023_02 set price = 99", "quarantine-altered"),
        ("update quarantine.rides_2023_02 set note = null where ctid = '(0,1)'", "quarantine-altered"),
        ("update quarantine.rides_2023_02_diverted set row = '{}' where row_number = 1", "quarantine-altered"),
        ("update tidemark.attempt set quarantine_fingerprint = null", "quarantine-altered"),
    ],
)
def test_rows_that_are_not_those_that_were_judged_are_not_released(
    depot: Depot, connection: Connection, harm: str, code: str
) -> None:
    load_odd(depot)
    ask(connection, harm)
    error = refused(depot)
    assert (type(error), error.code) == (Failed, code)
    assert "tidemark backfill rides 2023-02 --mode rejected" in error.remedy
    depot.dataset = replace(depot.dataset, name="nothing")  # what was harmed on purpose is not checked again


def test_rows_that_only_lie_in_another_order_are_released(depot: Depot, connection: Connection) -> None:
    load_odd(depot)
    ask(connection, "update quarantine.rides_2023_02 set price = price where seats = 2")
    assert release_month(depot).outcome is Outcome.PUBLISHED


def test_while_a_loader_is_at_work_nothing_is_decided(depot: Depot) -> None:
    load_odd(depot)
    holder = depot.open(FEBRUARY, None)
    for decide_month in (release_month, reject_month):
        with pytest.raises(Failed) as raised:
            decide_month(depot)
        assert raised.value.code == "at-work"
    stages.close(holder)
    assert release_month(depot).outcome is Outcome.PUBLISHED


def test_of_two_releases_at_once_one_publishes_and_the_other_says_why_not(depot: Depot) -> None:
    load_odd(depot)
    start = threading.Barrier(2)

    def work(_: int) -> str:
        start.wait(20)
        try:
            return str(release_month(depot).outcome)
        except TidemarkError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        ended = sorted(pool.map(work, range(2)))
    assert ended in (["at-work", "published"], ["not-rejected", "published"])


# ---- reject


def test_a_rejected_month_is_gone_for_readers_and_whole_in_the_quarantine(depot: Depot, connection: Connection) -> None:
    load_good(depot)
    published = depot.facts(FEBRUARY).current
    assert published is not None
    result = reject_month(depot)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "rejected-by-person")
    assert rides_of(connection, FEBRUARY) == set()
    assert ask(connection, "select count(*) from diverted.rides") == [(0,)]
    assert ask(connection, "select load_id, count(*) from quarantine.rides_2023_02 group by 1") == [
        (result.load_id, 97)
    ]
    assert ask(connection, "select count(*) from quarantine.rides_2023_02_diverted") == [(3,)]
    facts = depot.facts(FEBRUARY)
    assert facts.state is State.REJECTED
    assert facts.deciding is not None
    assert facts.deciding.decision is not None
    assert facts.deciding.decision.judged_load == published.load_id
    assert facts.deciding.reason == f"Ana Ruiz rejected the month: {WORD.reason}"
    first = facts.deciding.findings[0]
    assert (first.code, first.passed, first.reason) == ("RIDES-REJECTED", False, WORD.reason)


# ---- a rejection by a person stands


def plain_backfill(depot: Depot) -> Outcome:
    return depot.load(FEBRUARY, Mode.DUE).outcome


def break_off(depot: Depot, ending: Ending, mode: Mode = Mode.REJECTED) -> None:
    """An explicit attempt that begins and comes to nothing, with its file fetched or without."""
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY, mode))
    assert stages.begin(load) is None
    if ending.outcome is Outcome.INTERRUPTED:
        stages.fetch_raw(load)
    stages.end(load, ending)
    stages.close(load)


def stands(depot: Depot) -> bool:
    facts = depot.facts(FEBRUARY)
    return facts.state is State.REJECTED and facts.rejected_by_person is not None


@pytest.mark.parametrize("outcome", [Outcome.INTERRUPTED, Outcome.FAILED, Outcome.UNAVAILABLE])
@pytest.mark.parametrize("times", [1, 2])
def test_an_attempt_that_came_to_nothing_does_not_end_it(depot: Depot, outcome: Outcome, times: int) -> None:
    load_good(depot)
    reject_month(depot)
    for _ in range(times):
        break_off(depot, Ending(outcome=outcome, code="so", reason="So."))
    facts = depot.facts(FEBRUARY)
    assert facts.last is not None
    assert facts.last.outcome is outcome
    assert stands(depot)
    assert plain_backfill(depot) is Outcome.UNCHANGED
    assert stands(depot)


def test_another_contract_or_suite_does_not_end_it(depot: Depot, connection: Connection) -> None:
    load_good(depot)
    reject_month(depot)
    for column in ("contract_version", "suite_version"):
        ask(connection, f"update tidemark.attempt set {column} = 'x' || {column}")
        assert plain_backfill(depot) is Outcome.UNCHANGED
    assert stands(depot)


@pytest.mark.parametrize("column", ["etag", "source_url"])
def test_a_file_that_only_seems_to_be_another_is_fetched_and_left(
    depot: Depot, connection: Connection, column: str
) -> None:
    load_good(depot)
    reject_month(depot)
    ask(connection, "update tidemark.source_seen set sha256 = null, etag = 'e'")
    ask(connection, f"update tidemark.attempt set {column} = 'another'")
    result = depot.load(FEBRUARY, Mode.DUE)
    assert (result.outcome, result.code) == (Outcome.UNCHANGED, "same-bytes")
    assert result.reason == "The source has the same bytes that Ana Ruiz rejected."
    assert stands(depot)


def test_a_reload_that_the_gate_rejects_too_does_not_end_it(depot: Depot, connection: Connection) -> None:
    load_odd(depot)
    release_month(depot)
    reject_month(depot)
    assert depot.load(FEBRUARY, Mode.REJECTED).outcome is Outcome.REJECTED
    ask(connection, "update tidemark.attempt set suite_version = 'another'")
    assert plain_backfill(depot) is Outcome.UNCHANGED
    assert stands(depot)


def test_a_web_page_in_its_place_does_not_end_it(depot: Depot) -> None:
    load_good(depot)
    reject_month(depot)
    path = depot.source / RIDES.file_name(FEBRUARY)
    published = path.read_bytes()
    path.write_bytes(b"<html>please log in</html>")
    assert depot.load(FEBRUARY, Mode.REJECTED).code != "rejected-by-person"
    assert not stands(depot)  # what the source has now is not what was rejected
    path.write_bytes(published)
    assert plain_backfill(depot) is Outcome.UNCHANGED
    assert stands(depot)


@pytest.mark.parametrize("mode", [Mode.DUE, Mode.REJECTED])
def test_other_bytes_end_it(depot: Depot, connection: Connection, mode: Mode) -> None:
    load_good(depot)
    reject_month(depot)
    depot.write(FEBRUARY, 60)
    assert depot.load(FEBRUARY, mode).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == {(1.0, 60)}
    assert depot.facts(FEBRUARY).rejected_by_person is None


def test_other_bytes_that_the_gate_rejects_end_it_too(depot: Depot, connection: Connection) -> None:
    load_good(depot)
    reject_month(depot)
    load_odd(depot)
    facts = depot.facts(FEBRUARY)
    assert (facts.state, facts.rejected_by_person) == (State.REJECTED, None)
    ask(connection, "update tidemark.attempt set suite_version = 'another'")
    step = decide(depot.facts(FEBRUARY), Mode.DUE, depot.versions, datetime(2023, 6, 1).date())  # noqa: DTZ001 - a day
    assert step.action is Action.LOAD


@pytest.mark.parametrize("mode", [Mode.REJECTED, Mode.ALL])
def test_an_explicit_reload_that_passes_the_gate_ends_it_and_tells_whose_word_it_was(depot: Depot, mode: Mode) -> None:
    load_good(depot)
    reject_month(depot)
    step = decide(depot.facts(FEBRUARY), mode, depot.versions, datetime(2023, 6, 1).date())  # noqa: DTZ001 - a day
    assert step.action is Action.LOAD
    assert f"Ana Ruiz rejected the month: {WORD.reason.rstrip('.')}" in step.reason
    assert depot.load(FEBRUARY, mode).outcome is Outcome.PUBLISHED
    assert depot.facts(FEBRUARY).rejected_by_person is None


def test_a_plan_that_leaves_it_alone_tells_whose_word_it_is_and_what_ends_it(depot: Depot) -> None:
    load_good(depot)
    reject_month(depot)
    step = decide(depot.facts(FEBRUARY), Mode.DUE, depot.versions, datetime(2023, 6, 1).date())  # noqa: DTZ001 - a day
    assert step.action is Action.SKIP
    assert "Ana Ruiz rejected the month" in step.reason
    assert "until it is released or the source has other bytes" in step.reason


def test_a_run_whose_attempt_came_to_nothing_failed_and_the_next_that_skips_it_did_not(
    depot: Depot, connection: Connection
) -> None:
    load_good(depot)
    reject_month(depot)
    break_off(depot, Ending(outcome=Outcome.FAILED, code="so", reason="It broke off."))
    facts = depot.facts(FEBRUARY)
    assert facts.last is not None
    assert facts.last.run_id is not None
    reports = [
        report_run(RIDES, [facts], depot.versions, datetime(2023, 6, 1).date(), run_id, ())  # noqa: DTZ001 - a day
        for run_id in (facts.last.run_id, facts.last.run_id + 1)
    ]
    assert [report.exit_status for report in reports] == [1, 3]
    messages = [backfill_message("rides", report) for report in reports]
    assert "1 failed*" in str(messages[0])
    assert "It broke off." in str(messages[0])
    assert messages[1] is None


def test_a_release_brings_it_back_row_for_row(depot: Depot, connection: Connection) -> None:
    load_good(depot)
    rows = "select at, price, seats, note from trips.rides order by 1, 2, 3, 4"
    was = ask(connection, rows)
    diverted = ask(connection, 'select code, row_number, "row"::text from diverted.rides order by 2')
    reject_month(depot)
    release_month(depot)
    assert ask(connection, rows) == was
    assert ask(connection, 'select code, row_number, "row"::text from diverted.rides order by 2') == diverted
    facts = depot.facts(FEBRUARY)
    assert facts.current is not None
    assert facts.current.verdict == "warned"
    assert ask(connection, KEPT) == []


def test_what_had_failed_before_a_release_is_known_after_a_rejection_and_a_second_release(depot: Depot) -> None:
    load_odd(depot)
    release_month(depot)
    reject_month(depot)
    release_month(depot)
    current = depot.facts(FEBRUARY).current
    assert current is not None
    assert current.decision is not None
    assert set(current.decision.codes) == {*ODD_CODES, "RIDES-REJECTED"}


def test_what_is_not_published_is_not_rejected(depot: Depot) -> None:
    load_odd(depot)
    with pytest.raises(UsageError) as raised:
        reject_month(depot)
    assert raised.value.code == "not-published"
    assert "it is rejected" in raised.value.message


@pytest.mark.parametrize("isolation", [ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ])
def test_an_open_reader_sees_the_month_as_it_was_or_as_it_became(
    depot: Depot, connection: Connection, isolation: int
) -> None:
    load_good(depot)
    with opened(depot.url) as reader:
        reader.set_session(isolation_level=isolation, autocommit=False)
        assert rides_of(reader, FEBRUARY) == OLD
        reject_month(depot)
        seen = rides_of(reader, FEBRUARY)
        assert seen == (OLD if isolation == ISOLATION_LEVEL_REPEATABLE_READ else set())
        reader.rollback()
        assert rides_of(reader, FEBRUARY) == set()
        release_month(depot)
        seen = rides_of(reader, FEBRUARY)
        assert seen == (set() if isolation == ISOLATION_LEVEL_REPEATABLE_READ else OLD)


# ---- broken off


class Killed(BaseException):
    """As a SIGKILL: nothing of what would tidy up runs."""


POINTS = (Point.STAGING_CREATED, Point.STAGED, Point.AUDITED, Point.COMMITTING)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
@pytest.mark.parametrize("decision", [release_month, reject_month], ids=["release", "reject"])
def test_a_decision_that_breaks_off_changes_nothing_and_the_same_command_goes_through(
    depot: Depot,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    decision: Callable[[Depot], LoadResult],
    point: Point,
) -> None:
    (load_odd if decision is release_month else load_good)(depot)
    state, sight = depot.facts(FEBRUARY).state, rides_of(connection, FEBRUARY)

    def die(passed: Point, _partition: Partition) -> None:
        if passed is point:
            raise Killed

    with monkeypatch.context() as patch:
        for module in ("decisions", "restage", "load", "publish"):
            patch.setattr(f"tidemark.{module}.passed", die)
        with pytest.raises(Killed):
            decision(depot)
    check_data(depot.url, "rides")
    facts = depot.facts(FEBRUARY)
    assert (facts.state, rides_of(connection, FEBRUARY)) == (state, sight)
    assert facts.last is not None
    assert facts.last.outcome is Outcome.INTERRUPTED
    assert not facts.went_wrong
    decision(depot)
    assert depot.facts(FEBRUARY).state is (State.PUBLISHED if decision is release_month else State.REJECTED)


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name.lower())
@pytest.mark.parametrize(
    ("decision", "of"),
    [(release_month, b"attach partition"), (reject_month, b'set schema "quarantine"')],
    ids=["release", "reject"],
)
def test_a_cut_at_the_commit_is_told_as_the_ledger_has_it(
    depot: Depot, decision: Callable[..., LoadResult], of: bytes, cut: Cut
) -> None:
    (load_odd if decision is release_month else load_good)(depot)
    done = State.PUBLISHED if decision is release_month else State.REJECTED
    state = depot.facts(FEBRUARY).state
    with cutting_proxy(depot.url) as (proxy, through):
        proxy.cut_at_commit(cut, of=of)
        if cut is Cut.BEFORE:
            with pytest.raises(Failed) as raised:
                decision(depot, url=through)
            assert raised.value.code == "connection-lost"
        else:
            decision(depot, url=through)
        assert proxy.cuts == 1
    check_data(depot.url, "rides")
    assert depot.facts(FEBRUARY).state is (state if cut is Cut.BEFORE else done)
    if cut is Cut.BEFORE:
        decision(depot)
    assert depot.facts(FEBRUARY).state is done
