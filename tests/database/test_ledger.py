"""What is written about runs and attempts."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg2
import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, write_rides
from tests.waiting import eventually, waits_for_a_lock
from tidemark import ledger
from tidemark.facts import read_evidence, read_facts, read_history
from tidemark.ledger import Ending, Outcome, SourceSeen
from tidemark.months import Month, months_between
from tidemark.plan import Action, Mode, Plan, Step
from tidemark.postgres import Connection, connect
from tidemark.profile import Profile, profile_month
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Evidence, Finding, Rejected, Severity

RIDES_IN_FEBRUARY = RIDES.partition(FEBRUARY)
FAILED = Ending(outcome=Outcome.FAILED, code="timeout", reason="It took too long.", remedy="Run it again.")


def begin(connection: Connection, month: Month = FEBRUARY, run_id: int | None = None) -> int:
    return ledger.begin_attempt(
        connection, RIDES.partition(month), run_id=run_id, contract_version="c", suite_version="s"
    )


def finding(code: str, *, passed: bool = True, gravity: float = 0.0) -> Finding:
    return Finding(
        code=code,
        severity=Severity.WARN,
        passed=passed,
        column="price",
        expected="a",
        observed="b",
        reason="c",
        gravity=gravity,
    )


def test_a_dataset_keeps_its_number(connection: Connection, database_url: Secret) -> None:
    rides = ledger.dataset_number(connection, "rides")
    other = ledger.dataset_number(connection, "other")
    assert rides != other
    again = connect(database_url)
    try:
        assert ledger.dataset_number(again, "rides") == rides
    finally:
        again.close()


def test_a_new_dataset_gets_one_number_from_many_at_once(database_url: Secret) -> None:
    start = threading.Barrier(4)

    def number(_: int) -> list[int]:
        connection = connect(database_url)
        try:
            start.wait(20)
            return [ledger.dataset_number(connection, f"dataset_{n}") for n in range(20)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(number, range(4))
    assert len(set(first)) == 20
    assert others == [first] * 3


def test_who_comes_second_waits_for_the_number_that_the_first_gives(
    connection: Connection, database_url: Secret
) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        closing(connect(database_url)) as first,
        closing(connect(database_url)) as watcher,
    ):
        first.autocommit = False
        number = ledger.dataset_number(first, "rides")  # not committed yet
        second = pool.submit(ledger.dataset_number, connection, "rides")
        eventually(lambda: second.done() or waits_for_a_lock(watcher, connection), "the second waits")
        assert not second.done()
        first.commit()
        assert second.result(20) == number


def test_a_plan_is_frozen_as_it_was_made(connection: Connection) -> None:
    facts = read_facts(connection, RIDES, (JANUARY, FEBRUARY))
    steps = (
        Step(facts=facts[0], action=Action.SKIP, reason="it is there"),
        Step(facts=facts[1], action=Action.LOAD, reason="it was never tried"),
    )
    run_id = ledger.open_run(connection, Plan(dataset="rides", mode=Mode.DUE, steps=steps))
    plan = ledger.frozen_plan(connection, run_id, "rides")
    assert [(str(month), p.mode, p.action, p.reason, p.current_load) for month, p in plan.items()] == [
        ("2023-01", "due", "skip", "it is there", None),
        ("2023-02", "due", "load", "it was never tried", None),
    ]
    assert ledger.planned_partition(connection, run_id, RIDES_IN_FEBRUARY) == plan[FEBRUARY]
    assert ledger.planned_partition(connection, run_id, RIDES.partition(MARCH)) is None
    assert ledger.frozen_plan(connection, run_id, "other") == {}
    ledger.end_run(connection, run_id, 3)
    assert ask(connection, "select exit_status, ended_at >= began_at from tidemark.run") == [(3, True)]


def test_a_new_attempt_ends_those_that_never_ended(connection: Connection) -> None:
    killed, elsewhere = begin(connection), begin(connection, JANUARY)
    second = begin(connection)
    outcomes = dict(ask(connection, "select load_id, outcome from tidemark.attempt"))
    assert outcomes == {killed: "interrupted", elsewhere: None, second: None}


def test_an_attempt_that_ended_keeps_its_outcome(connection: Connection) -> None:
    load_id = begin(connection)
    ledger.end_attempt(connection, load_id, FAILED)
    ledger.end_attempt(connection, load_id, Ending(outcome=Outcome.UNCHANGED, code="x", reason="y"))
    (attempt,) = read_history(connection, RIDES_IN_FEBRUARY)
    assert (attempt.outcome, attempt.code, attempt.reason, attempt.remedy) == (
        Outcome.FAILED,
        "timeout",
        "It took too long.",
        "Run it again.",
    )
    assert attempt.ended_at is not None
    assert attempt.at == attempt.ended_at >= attempt.began_at


def test_what_the_source_showed_is_kept_once_a_month(connection: Connection) -> None:
    for etag, sha256 in (("one", "a" * 64), ("two", None)):
        seen = SourceSeen(url="u", available=True, etag=etag, last_modified="m", size=5, sha256=sha256)
        ledger.record_seen(connection, RIDES_IN_FEBRUARY, seen)
    (facts,) = read_facts(connection, RIDES, (FEBRUARY,))
    assert facts.seen is not None
    assert (facts.seen.etag, facts.seen.sha256, facts.seen.size) == ("two", None, 5)
    assert facts.seen.at is not None


def rejected(*findings: Finding, evidence: tuple[Evidence, ...] = (), profile: Profile | None = None) -> Rejected:
    staged = Staged(partition=RIDES_IN_FEBRUARY, load_id=1, table="t", rows_read=9, rows=9, diverted={}, dropped=())
    return Rejected(staged=staged, rows=9, suite_version="s2", findings=findings, evidence=evidence, profile=profile)


def test_the_verdict_comes_with_every_finding_the_gravest_first(connection: Connection) -> None:
    load_id = begin(connection)
    grave, graver = finding("A", passed=False, gravity=1.5), finding("B", passed=False, gravity=7.25)
    ledger.record_verdict(connection, load_id, rejected(finding("C"), grave, graver))
    (attempt,) = read_history(connection, RIDES_IN_FEBRUARY)
    assert (attempt.verdict, attempt.suite_version) == ("rejected", "s2")
    assert attempt.findings == (graver, grave, finding("C"))


def test_a_verdict_that_is_noted_again_is_not_doubled(connection: Connection) -> None:
    load_id = begin(connection)
    verdict = rejected(finding("A"), evidence=(Evidence(code="A", rows=({"n": 1},)),))
    for _ in range(2):
        ledger.record_verdict(connection, load_id, verdict)
    assert ask(connection, "select count(*) from tidemark.finding") == [(1,)]
    assert ask(connection, "select count(*) from tidemark.evidence") == [(1,)]


def test_verdict_and_findings_are_kept_together_or_not_at_all(connection: Connection) -> None:
    load_id = begin(connection)
    faulty = replace(finding("A"), observed=None)  # type: ignore[arg-type]  # as a faulty check might
    with pytest.raises(psycopg2.errors.NotNullViolation):
        ledger.record_verdict(connection, load_id, rejected(faulty))
    assert ask(connection, "select verdict from tidemark.attempt where load_id = %s", load_id) == [(None,)]
    assert ask(connection, "select count(*) from tidemark.finding") == [(0,)]


def test_evidence_keeps_its_order_its_first_fifty_rows_and_values_that_json_has_no_word_for(
    connection: Connection,
) -> None:
    load_id = begin(connection)
    odd: dict[str, object] = {
        "at": datetime(2023, 2, 1),  # noqa: DTZ001 - as the table has it
        "much": float("inf"),
        "none": None,
        "text": "a\0b",
        "long": "x" * 5000,
    }
    numbers: list[dict[str, object]] = [{"n": n} for n in range(60)]
    rows = (odd, *numbers)
    ledger.record_verdict(connection, load_id, rejected(finding("A"), evidence=(Evidence(code="A", rows=rows),)))
    kept = read_evidence(connection, (load_id,))[load_id]
    (shown,) = kept
    assert (shown.code, len(shown.rows)) == ("A", 50)
    assert shown.rows[0] == {
        "at": "2023-02-01 00:00:00", "much": "inf", "none": None, "text": "a\\0b", "long": "x" * ledger.LONGEST_VALUE,
    }  # fmt: skip
    assert [row["n"] for row in shown.rows[1:]] == list(range(49))


def test_the_ledger_itself_refuses_rows_that_do_not_reconcile(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 100)
    depot.load(FEBRUARY)
    with pytest.raises(psycopg2.errors.CheckViolation, match="attempt_reconciles"):
        ask(connection, "update tidemark.attempt set rows_published = 99")


# ---- history


def publish_with_profile(connection: Connection, month: Month, statistics: str, codes: str | None = None) -> int:
    """A published month of the ledger alone; with ``codes``, of a person's release."""
    load_id = begin(connection, month)
    ledger.end_published(connection, RIDES.partition(month), load_id, 0, "0 rows loaded")
    ask(connection, "insert into tidemark.profile values (%s, %s)", load_id, statistics)
    if codes is not None:
        ask(connection, "insert into tidemark.decision values (%s, 'release', %s, %s, 'Ana', 'So it is.')",
            load_id, load_id, codes)  # fmt: skip
    return load_id


@pytest.fixture(scope="module")
def statistics(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The profile of a month of rides, as JSON."""
    path = write_rides(tmp_path_factory.mktemp("profile") / "rides.parquet", FEBRUARY, 50)
    return json.dumps(profile_month(RIDES, FEBRUARY, path).to_json())


def reconciling(connection: Connection) -> None:
    """The ledger refuses counts that do not add up; these months have none."""
    ask(connection, "alter table tidemark.attempt drop constraint attempt_reconciles")


def test_a_month_is_compared_with_at_most_36_published_ones_before_it_the_oldest_first(
    connection: Connection, statistics: str
) -> None:
    reconciling(connection)
    months = months_between(Month(2020, 1), Month(2023, 4))
    loads = {month: publish_with_profile(connection, month, statistics) for month in months}
    past = ledger.read_history(connection, "rides", Month(2023, 3)).months
    assert [each.month for each in past] == list(months_between(Month(2020, 3), Month(2023, 2)))
    assert [each.load_id for each in past] == [loads[each.month] for each in past]
    assert {each.profile.rows for each in past} == {50}
    assert ledger.read_history(connection, "other", Month(2023, 3)).months == ()


def test_a_published_month_without_a_profile_is_no_history(connection: Connection, statistics: str) -> None:
    reconciling(connection)
    publish_with_profile(connection, JANUARY, statistics)
    ask(connection, "delete from tidemark.profile")
    assert ledger.read_history(connection, "rides", FEBRUARY).months == ()


def test_a_released_month_says_in_what_it_is_no_measure(connection: Connection, statistics: str) -> None:
    reconciling(connection)
    publish_with_profile(connection, JANUARY, statistics, codes="{RIDES-A,RIDES-B}")
    (past,) = ledger.read_history(connection, "rides", FEBRUARY).months
    assert past.rejected_codes == {"RIDES-A", "RIDES-B"}


def test_history_costs_the_same_statements_however_long_it_is(
    connection: Connection, statistics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconciling(connection)
    asked: list[str] = []
    ask_ledger = ledger._all

    def counting(connection: Connection, query: str, **parameters: object) -> list[dict[str, Any]]:
        asked.append(query)
        return ask_ledger(connection, query, **parameters)

    monkeypatch.setattr(ledger, "_all", counting)
    for month in months_between(JANUARY, Month(2023, 6)):
        publish_with_profile(connection, month, statistics)
        asked.clear()
        ledger.read_history(connection, "rides", Month(2023, 7))
        assert asked == ["published_profiles", "acceptances"]


def test_a_profile_of_a_version_that_nobody_knows_is_none(connection: Connection) -> None:
    known = Profile(rows=3)
    for month, version in ((JANUARY, known.version), (FEBRUARY, known.version + 1), (Month(2022, 12), 1)):
        load_id = begin(connection, month)
        ledger.end_published(connection, RIDES.partition(month), load_id, 3, "3 rows loaded")
        ledger.record_profile(connection, load_id, replace(known, version=version))
    found = ledger.read_history(connection, "rides", MARCH)
    assert [past.month for past in found.months] == [Month(2022, 12), JANUARY]
    assert not Profile.is_readable({"rows": 3})
