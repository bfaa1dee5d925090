"""What is written about runs and attempts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask
from tidemark import ledger
from tidemark.facts import read_facts, read_history
from tidemark.ledger import Ending, Outcome, SourceSeen
from tidemark.months import Month
from tidemark.plan import Action, Mode, Plan, Step
from tidemark.postgres import Connection, connect
from tidemark.settings import Secret
from tidemark.verdict import Finding, Severity

RIDES_IN_FEBRUARY = RIDES.partition(FEBRUARY)
FAILED = Ending(outcome=Outcome.FAILED, code="timeout", reason="It took too long.", remedy="Run it again.")


def begin(connection: Connection, month: Month = FEBRUARY, run_id: int | None = None) -> int:
    return ledger.begin_attempt(
        connection, RIDES.partition(month), run_id=run_id, contract_version="c", suite_version="s"
    )


def finding(code: str, *, passed: bool = True) -> Finding:
    return Finding(
        code=code, severity=Severity.WARN, passed=passed, column="price", expected="a", observed="b", reason="c"
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
        waiting = "select pid from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
        while not ask(watcher, waiting, connection.info.backend_pid):
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


def test_the_verdict_comes_with_every_finding(connection: Connection) -> None:
    load_id = begin(connection)
    ledger.record_verdict(connection, load_id, "rejected", "s2", [finding("A"), finding("B", passed=False)])
    (attempt,) = read_history(connection, RIDES_IN_FEBRUARY)
    assert (attempt.verdict, attempt.suite_version) == ("rejected", "s2")
    assert set(attempt.findings) == {finding("A"), finding("B", passed=False)}


def test_a_verdict_that_is_noted_again_is_not_doubled(connection: Connection) -> None:
    load_id = begin(connection)
    for _ in range(2):
        ledger.record_verdict(connection, load_id, "accepted", "s", [finding("A")])
    assert ask(connection, "select count(*) from tidemark.finding") == [(1,)]


def test_verdict_and_findings_are_kept_together_or_not_at_all(connection: Connection) -> None:
    load_id = begin(connection)
    with pytest.raises(psycopg2.errors.NotNullViolation):
        ledger.record_verdict(connection, load_id, "accepted", "s", [replace(finding("A"), observed=None)])  # type: ignore[arg-type]  # as a faulty check might
    assert ask(connection, "select verdict from tidemark.attempt where load_id = %s", load_id) == [(None,)]
    assert ask(connection, "select count(*) from tidemark.finding") == [(0,)]


def test_the_ledger_itself_refuses_rows_that_do_not_reconcile(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 100)
    depot.load(FEBRUARY)
    with pytest.raises(psycopg2.errors.CheckViolation, match="attempt_reconciles"):
        ask(connection, "update tidemark.attempt set rows_published = 99")
