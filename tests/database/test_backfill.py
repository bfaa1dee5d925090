"""A backfill before and after its months: the plan that is frozen, and the report of how the range stands."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.feed import Feed
from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, write_rides
from tidemark import backfill, ledger
from tidemark.backfill import Range, begin_run, end_run, frozen_run, known_or_due, make_range
from tidemark.errors import UsageError
from tidemark.evidence import page_path
from tidemark.facts import State
from tidemark.ledger import Outcome
from tidemark.months import Month, expected_by
from tidemark.plan import Action, Mode
from tidemark.postgres import Connection
from tidemark.settings import read_settings

MONTHS = (JANUARY, FEBRUARY, MARCH)
CHOSEN = Range(dataset=RIDES, months=MONTHS)


def point_to(depot: Depot, source: str) -> None:
    depot.settings = read_settings({"TIDEMARK_HOME": str(depot.settings.home), "TIDEMARK_SOURCE": source})


def begin(depot: Depot, connection: Connection, mode: Mode = Mode.DUE) -> backfill.Run:
    return begin_run(connection, depot.session, CHOSEN, mode, depot.versions)


def actions(run: backfill.Run) -> list[str]:
    return [step.action.value for step in run.plan.steps]


# ---- the range


def test_a_range_is_read_as_it_was_typed(depot: Depot) -> None:
    assert make_range(depot.session, "rides", "2023-01", "2023-03") == CHOSEN
    assert make_range(depot.session, "rides", "2023-02", None).months == (FEBRUARY,)
    everything = make_range(depot.session, "rides", None, None).months
    assert everything[0] == RIDES.first_month
    assert everything[-1].next == Month.of(datetime.now(UTC).date())
    assert CHOSEN.title == "rides 2023-01 to 2023-03"


@pytest.mark.parametrize(
    ("dataset", "first", "last", "code"),
    [
        ("ride", "2023-01", None, "unknown-dataset"),
        ("rides", "2023-13", None, "bad-month"),
        ("rides", "2023-03", "2023-01", "bad-range"),
        ("rides", "2019-12", "2023-01", "before-first-month"),
    ],
)
def test_a_range_that_is_none_is_refused(depot: Depot, dataset: str, first: str, last: str | None, code: str) -> None:
    with pytest.raises(UsageError) as raised:
        make_range(depot.session, dataset, first, last)
    assert raised.value.code == code


# ---- the beginning


def test_a_month_that_was_rejected_is_taken_from_another_address(
    depot: Depot, connection: Connection, tmp_path: Path
) -> None:
    name = RIDES.file_name(FEBRUARY)
    (depot.source / name).write_text("<html>Please log in.</html>")
    assert depot.load(FEBRUARY).code == "html"
    assert actions(begin(depot, connection))[1] == "skip"
    mended = tmp_path / "mended"
    mended.mkdir()
    write_rides(mended / name, FEBRUARY, 10)
    point_to(depot, str(mended))
    run = begin(depot, connection)
    assert actions(run)[1] == "load"
    assert depot.load(FEBRUARY, run_id=run.run_id).outcome is Outcome.PUBLISHED


def test_the_plan_is_frozen_before_the_first_month_begins(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY)
    current = depot.load(JANUARY).load_id
    run = begin(depot, connection)
    assert actions(run) == ["skip", "load", "load"]
    frozen = ledger.frozen_plan(connection, run.run_id, "rides")
    assert [(m, p.action, p.current_load) for m, p in frozen.items()] == [
        (JANUARY, "skip", current),
        (FEBRUARY, "load", None),
        (MARCH, "load", None),
    ]
    assert [p.reason for p in frozen.values()] == [step.reason for step in run.plan.steps]
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    assert ledger.frozen_plan(connection, run.run_id, "rides") == frozen
    again = frozen_run(connection, CHOSEN, run.run_id)
    assert (again.run_id, again.plan.mode, actions(again)) == (run.run_id, Mode.DUE, actions(run))
    assert [step.reason for step in again.plan.steps] == [step.reason for step in run.plan.steps]


def test_a_frozen_run_has_its_own_months_whatever_is_asked_for(depot: Depot, connection: Connection) -> None:
    run = begin(depot, connection, Mode.ALL)
    again = frozen_run(connection, Range(dataset=RIDES, months=(FEBRUARY,)), run.run_id)
    assert [step.partition.month for step in again.plan.steps] == list(MONTHS)
    assert again.plan.mode is Mode.ALL


@pytest.mark.parametrize("which", ["no such run", "of another dataset"])
def test_a_run_that_is_not_there_is_refused(depot: Depot, connection: Connection, which: str) -> None:
    run = begin(depot, connection)
    other = replace(RIDES, name="other")
    chosen = Range(dataset=other, months=MONTHS) if which == "of another dataset" else CHOSEN
    with pytest.raises(UsageError) as raised:
        frozen_run(connection, chosen, run.run_id if which == "of another dataset" else run.run_id + 1)
    assert raised.value.code == "unknown-run"


def test_a_run_sweeps_what_killed_loads_left(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    killed = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    depot.accepted(killed)
    ask(connection, "select pg_terminate_backend(%s, 10000)", killed.connection.info.backend_pid)
    run = begin(depot, connection)
    assert ask(connection, "select tablename from pg_tables where schemaname = 'staging'") == []
    (step,) = (step for step in run.plan.steps if step.partition.month == FEBRUARY)
    assert step.action is Action.LOAD
    assert "interrupted" in step.reason
    depot.load(FEBRUARY, run_id=run.run_id)


def test_a_run_sweeps_the_evidence_pages_whose_time_is_over(depot: Depot, connection: Connection) -> None:
    partition = RIDES.partition(FEBRUARY)
    old, young = (page_path(depot.settings.home, partition, load_id) for load_id in (1, 2))
    mine = old.with_name("notes.html")
    old.parent.mkdir(parents=True)
    for path, days in ((old, 91), (young, 89), (mine, 91)):
        path.write_text("so")
        os.utime(path, (time.time() - days * 86_400,) * 2)
    begin(depot, connection)
    assert sorted(old.parent.iterdir()) == [young, mine]


def test_an_address_that_cannot_be_used_is_refused_before_anything_begins(depot: Depot, connection: Connection) -> None:
    point_to(depot, "ftp://127.0.0.1/trips")
    with pytest.raises(UsageError) as raised:
        begin(depot, connection)
    assert raised.value.code == "bad-source"
    assert ask(connection, "select count(*) from tidemark.run") == [(0,)]
    assert ask(connection, "select to_regclass('trips.rides')") == [(None,)]


# ---- asked again first


def test_what_the_source_still_does_not_have_is_not_taken_again(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY)
    with Feed(depot.source) as feed:
        point_to(depot, feed.url)
        assert [depot.load(month).outcome for month in (JANUARY, FEBRUARY)] == [
            Outcome.PUBLISHED,
            Outcome.UNAVAILABLE,
        ]
        run = begin(depot, connection)
        assert actions(run) == ["skip", "skip", "load"]
        assert run.plan.steps[1].reason == "the source still does not have it"
        depot.write(FEBRUARY)
        run = begin(depot, connection)
        assert actions(run) == ["skip", "load", "load"]
        assert depot.load(FEBRUARY, run_id=run.run_id).outcome is Outcome.PUBLISHED


def test_a_rejected_month_is_taken_once_the_source_shows_another_file(depot: Depot, connection: Connection) -> None:
    bad = depot.source / RIDES.file_name(FEBRUARY)
    bad.write_bytes(b"<html>busy</html>")
    with Feed(depot.source) as feed:
        point_to(depot, feed.url)
        assert depot.load(FEBRUARY).outcome is Outcome.REJECTED
        assert actions(begin(depot, connection))[1] == "skip"
        depot.write(FEBRUARY)
        run = begin(depot, connection)
        assert actions(run)[1] == "load"
        assert "other bytes" in run.plan.steps[1].reason


def test_other_modes_do_not_ask(depot: Depot, connection: Connection) -> None:
    asked: list[object] = []
    with Feed(depot.source, on_request=asked.append) as feed:
        point_to(depot, feed.url)
        depot.load(FEBRUARY)
        before = len(asked)
        assert actions(begin(depot, connection, Mode.ALL)) == ["load"] * 3
        assert len(asked) == before


def test_a_source_that_does_not_answer_stops_no_plan(
    depot: Depot, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    depot.load(FEBRUARY)
    assert depot.facts(FEBRUARY).state is State.UNAVAILABLE
    with Feed(depot.source) as closed:
        point_to(depot, closed.url)
    run = begin(depot, connection)
    assert actions(run) == ["load"] * 3
    assert "rides 2023-01 to 2023-03: The source does not answer" in caplog.text


def test_a_whole_range_is_asked_for_except_what_is_not_over(depot: Depot, connection: Connection) -> None:
    this = Month.of(backfill.today())
    chosen = Range(dataset=RIDES, months=(FEBRUARY, this))
    asked: list[object] = []
    with Feed(depot.source, on_request=asked.append) as feed:
        point_to(depot, feed.url)
        backfill.ask_for_range(connection, depot.session, chosen)
    assert len(asked) == 1


# ---- the end


def test_a_run_ends_with_how_its_range_stands(depot: Depot, connection: Connection) -> None:
    depot.write(JANUARY)
    depot.write(MARCH, at=[datetime(2020, 1, 1)] * 100)  # noqa: DTZ001 - published without zone
    run = begin(depot, connection)
    outcomes = [depot.load(month, run_id=run.run_id).outcome for month in MONTHS]
    assert outcomes == [Outcome.PUBLISHED, Outcome.UNAVAILABLE, Outcome.REJECTED]
    report = end_run(connection, CHOSEN, depot.versions, run.run_id)
    assert ask(connection, "select exit_status, ended_at is not null from tidemark.run where run_id = %s",
               run.run_id) == [(report.exit_status, True)]  # fmt: skip
    assert report.exit_status == 3
    runs = ask(connection, "select distinct run_id from tidemark.attempt")
    assert runs == [(run.run_id,)]


def test_a_run_that_a_signal_ended_says_so(depot: Depot, connection: Connection) -> None:
    run = begin(depot, connection)
    end_run(connection, CHOSEN, depot.versions, run.run_id, exit_status=130)
    assert ask(connection, "select exit_status from tidemark.run") == [(130,)]


# ---- what there is to tell of


def test_months_that_were_tried_or_are_due_are_known(depot: Depot, connection: Connection) -> None:
    due = [m for m in known_or_due(None, RIDES) if expected_by(m, RIDES.lag_days) < backfill.today()]
    assert due[0] == RIDES.first_month
    assert tuple(due) == known_or_due(None, RIDES) == known_or_due(connection, RIDES)
    late = replace(RIDES, lag_days=365 * 100)
    assert known_or_due(connection, late) == ()
    depot.load(FEBRUARY)
    assert known_or_due(connection, late) == (FEBRUARY,)
