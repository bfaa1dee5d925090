"""The life of one attempt: judged again under its lock, taken through the stages, ended on record."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg2
import pytest

from demo.feed import Feed
from tests.depot import FEBRUARY, JANUARY, MARCH, RIDES, Depot, ask, rides_of
from tests.waiting import eventually
from tidemark import errors
from tidemark import load as stages
from tidemark.facts import Flag, State
from tidemark.ledger import Ending, Outcome
from tidemark.load import ending_of
from tidemark.months import Month
from tidemark.plan import Mode
from tidemark.postgres import Connection, connect, try_lock
from tidemark.read import BATCH_ROWS
from tidemark.settings import Secret, Settings, read_settings

FAILED = Ending(outcome=Outcome.FAILED, code="timeout", reason="It took too long.", remedy="Run it again.")


def touch(depot: Depot, month: Month) -> None:
    """Publish the same bytes again, as a source does that stamps its files anew."""
    path = depot.source / RIDES.file_name(month)
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 3600))


def spoil(depot: Depot, month: Month) -> None:
    """Put a file at the source that the gate rejects: the rows of another month."""
    depot.write(JANUARY, 50)
    (depot.source / RIDES.file_name(JANUARY)).rename(depot.source / RIDES.file_name(month))


# ---- judged again


def test_without_a_plan_a_month_is_loaded_when_it_is_due(depot: Depot) -> None:
    depot.write(FEBRUARY)
    depot.plan(FEBRUARY)  # makes the tables
    load = depot.open(FEBRUARY, None)
    assert load.mode is Mode.DUE
    assert depot.conclude(load, depot.judged(load)).outcome is Outcome.PUBLISHED
    stages.close(load)
    again = depot.open(FEBRUARY, None)
    ending = stages.begin(again)
    assert ending is not None
    assert (ending.outcome, ending.code) == (Outcome.UNCHANGED, "nothing-to-do")
    stages.end(again, ending)
    assert [a.outcome for a in depot.history(FEBRUARY)] == [Outcome.UNCHANGED, Outcome.PUBLISHED]


def test_a_month_that_is_not_over_is_not_loaded(depot: Depot) -> None:
    this = Month.of(datetime.now(UTC).date())
    load = depot.open(this, None)
    ending = stages.begin(load)
    assert ending is not None
    assert "not over" in ending.reason
    stages.end(load, ending)


@pytest.mark.parametrize("mode", [Mode.DUE, Mode.ALL])
def test_what_another_loader_published_meanwhile_is_not_loaded_again(
    depot: Depot, connection: Connection, mode: Mode
) -> None:
    depot.write(FEBRUARY)
    planned = depot.plan(FEBRUARY, mode)
    winner = depot.load(FEBRUARY)
    result = depot.load(FEBRUARY, run_id=planned)
    assert (result.outcome, result.code) == (Outcome.UNCHANGED, "loaded-meanwhile")
    assert f"load {winner.load_id}" in result.reason
    assert ask(connection, "select distinct load_id from trips.rides") == [(winner.load_id,)]


def test_an_attempt_that_was_killed_is_ended_by_the_next(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    killed = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    depot.accepted(killed)
    ask(connection, "select pg_terminate_backend(%s, 10000)", killed.connection.info.backend_pid)
    assert depot.facts(FEBRUARY).state is State.FAILED
    assert depot.load(FEBRUARY, Mode.DUE).outcome is Outcome.PUBLISHED
    assert [a.outcome for a in depot.history(FEBRUARY)] == [Outcome.PUBLISHED, Outcome.INTERRUPTED]


# ---- the same bytes


def test_the_same_bytes_with_a_new_stamp_are_not_published_again(depot: Depot) -> None:
    depot.write(FEBRUARY)
    first = depot.load(FEBRUARY)
    touch(depot, FEBRUARY)
    with depot.session.writing() as connection:
        from tidemark.ask import ask_source

        ask_source(connection, RIDES, str(depot.source), [depot.facts(FEBRUARY)])
    today = datetime.now(UTC).date()
    assert Flag.STALE in depot.facts(FEBRUARY).flags(RIDES, depot.versions, today)
    result = depot.load(FEBRUARY, Mode.STALE)
    assert (result.outcome, result.code) == (Outcome.UNCHANGED, "same-bytes")
    assert f"load {first.load_id}" in result.reason
    assert depot.facts(FEBRUARY).flags(RIDES, depot.versions, today) == frozenset()


def test_the_same_bytes_are_published_again_for_who_asks_for_all(depot: Depot) -> None:
    depot.write(FEBRUARY)
    first, second = depot.load(FEBRUARY), depot.load(FEBRUARY, Mode.ALL)
    assert second.outcome is Outcome.PUBLISHED
    assert "reloaded" in second.reason
    assert first.load_id != second.load_id


def test_a_rejected_month_is_left_alone_until_something_changes(depot: Depot) -> None:
    spoil(depot, FEBRUARY)
    assert depot.load(FEBRUARY, Mode.DUE).outcome is Outcome.REJECTED
    assert depot.load(FEBRUARY, Mode.DUE).code == "nothing-to-do"
    touch(depot, FEBRUARY)
    result = depot.load(FEBRUARY, Mode.DUE)
    assert (result.outcome, result.code) == (Outcome.UNCHANGED, "same-bytes")
    assert depot.facts(FEBRUARY).state is State.REJECTED
    assert depot.load(FEBRUARY, Mode.REJECTED).outcome is Outcome.REJECTED  # it was asked for, so it is audited again
    depot.write(FEBRUARY)
    assert depot.load(FEBRUARY, Mode.DUE).outcome is Outcome.PUBLISHED


def test_a_rejected_reload_leaves_what_is_published(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    spoil(depot, FEBRUARY)
    assert depot.load(FEBRUARY).outcome is Outcome.REJECTED
    assert rides_of(connection, FEBRUARY) == {(1.0, 100)}
    facts = depot.facts(FEBRUARY)
    assert facts.last is not None
    assert (facts.state, facts.last.outcome) == (State.PUBLISHED, Outcome.REJECTED)


# ---- what the source does not have, and what is bad


def test_a_month_that_the_source_does_not_have_is_noted_as_absent(depot: Depot) -> None:
    result = depot.load(FEBRUARY)
    assert result.outcome is Outcome.UNAVAILABLE
    facts = depot.facts(FEBRUARY)
    assert facts.state is State.UNAVAILABLE
    assert facts.seen is not None
    assert (facts.seen.available, facts.seen.sha256) == (False, None)


def test_a_month_that_vanished_from_the_source_stays_published(depot: Depot, connection: Connection) -> None:
    path = depot.write(FEBRUARY)
    depot.load(FEBRUARY)
    path.unlink()
    assert depot.load(FEBRUARY).outcome is Outcome.UNAVAILABLE
    assert depot.facts(FEBRUARY).state is State.PUBLISHED
    assert rides_of(connection, FEBRUARY) == {(1.0, 100)}


@pytest.mark.parametrize(("content", "code"), [(b"", "empty-file"), (b"<html>", "html"), (b"PAR1 PAR", "no-footer")])
def test_a_bad_file_is_rejected_before_the_gate(depot: Depot, content: bytes, code: str) -> None:
    (depot.source / RIDES.file_name(FEBRUARY)).write_bytes(content)
    result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.REJECTED, code)
    (attempt,) = depot.history(FEBRUARY)
    assert (attempt.verdict, attempt.rows_read, attempt.quarantine_table) == (None, None, None)
    assert attempt.file_bytes == len(content)


def test_a_feed_is_loaded_with_its_etag(depot: Depot) -> None:
    depot.write(FEBRUARY)
    with Feed(depot.source) as feed:
        depot.settings = _with_source(depot, feed.url)
        assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
        current = depot.facts(FEBRUARY).current
        assert current is not None
        assert current.source_url == f"{feed.url}/{RIDES.file_name(FEBRUARY)}"
        assert current.etag


def _with_source(depot: Depot, source: str) -> Settings:
    return read_settings({"TIDEMARK_HOME": str(depot.settings.home), "TIDEMARK_SOURCE": source})


# ---- a stage that is tried again, or told to stop


def test_staging_again_replaces_what_the_first_try_left(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 100)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    raw = stages.fetch_raw(load)
    assert stages.stage_raw(load, raw).rows == stages.stage_raw(load, raw).rows == 100
    assert ask(connection, f"select count(*) from staging.rides_2023_02_{load.load_id}") == [(100,)]
    stages.end(load, FAILED)


def test_staging_says_how_many_rows_each_rule_left(depot: Depot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tidemark.load")
    depot.write(FEBRUARY, 1000, seatless=(1, 2, 3), wind=[1.5] * 1000, rain=[[1]] * 1000)
    depot.load(FEBRUARY)
    assert "rides 2023-02: RIDES-NO-SEATS: 1,000 rows before, 997 after" in caplog.messages
    assert "rides 2023-02: columns that nobody knows come with it: wind" in caplog.messages
    assert "rides 2023-02: columns that nobody knows were dropped: rain" in caplog.messages


def test_an_interrupt_ends_a_copy_and_keeps_nothing(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY, 20 * BATCH_ROWS)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    raw = stages.fetch_raw(load)
    copying = "select count(*) from pg_stat_progress_copy where datname = current_database() and tuples_processed > 0"
    with ThreadPoolExecutor(1) as pool:
        staging = pool.submit(stages.stage_raw, load, raw)
        eventually(lambda: staging.done() or ask(connection, copying) != [(0,)], "the COPY has taken rows")
        assert not staging.done()
        stages.interrupt(load)
        with pytest.raises((errors.Stopped, psycopg2.errors.QueryCanceled)):
            staging.result(10)
    result = stages.end(load, stages.interrupted())
    assert (result.outcome, result.code) == (Outcome.INTERRUPTED, "stopped")
    assert depot.facts(FEBRUARY).state is State.FAILED
    stages.close(load)
    depot.write(FEBRUARY)  # so many rows in so few days are no month that the gate lets through
    assert depot.load(FEBRUARY, Mode.DUE).outcome is Outcome.PUBLISHED


# ---- the end


def test_closing_lets_the_lock_go(depot: Depot, connection: Connection) -> None:
    load = depot.open(FEBRUARY, None)
    assert not try_lock(connection, load.number, FEBRUARY)
    stages.close(load)
    assert try_lock(connection, load.number, FEBRUARY)


def test_an_end_before_the_beginning_is_no_attempt(depot: Depot) -> None:
    load = depot.open(FEBRUARY, None)
    result = stages.end(load, FAILED)
    assert (result.load_id, result.outcome) == (None, Outcome.FAILED)
    assert depot.history(FEBRUARY) == ()


@pytest.mark.parametrize("noticed", [True, False])
def test_an_end_over_a_dead_connection_is_put_on_record_over_another(
    depot: Depot, connection: Connection, noticed: bool
) -> None:
    depot.write(FEBRUARY)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    depot.accepted(load)
    ask(connection, "select pg_terminate_backend(%s, 10000)", load.connection.info.backend_pid)
    if noticed:
        with pytest.raises(psycopg2.OperationalError):
            ask(load.connection, "select 1")
    result = stages.end(load, FAILED)
    assert (result.load_id, result.code, result.remedy) == (load.load_id, "timeout", "Run it again.")
    (attempt,) = depot.history(FEBRUARY)
    assert (attempt.outcome, attempt.code) == (Outcome.FAILED, "timeout")
    assert ask(connection, "select tablename from pg_tables where schemaname = 'staging'") == []


def test_an_end_without_a_database_is_told_and_shows_as_interrupted(
    depot: Depot, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    ask(connection, "select pg_terminate_backend(%s, 10000)", load.connection.info.backend_pid)
    load.url = Secret("postgresql://me:pass-phrase@127.0.0.1:1/gone")
    result = stages.end(load, FAILED)
    assert result.outcome is Outcome.FAILED
    assert "rides 2023-02: its end (failed) could not be put on record" in caplog.text
    assert "pass-phrase" not in caplog.text
    (attempt,) = depot.history(FEBRUARY)
    assert attempt.outcome is Outcome.INTERRUPTED
    load.url = depot.url
    stages.end(load, FAILED)  # for the invariants: no attempt stays without an end


def test_an_end_does_not_undo_what_was_published(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    depot.conclude(load, depot.accepted(load))
    stages.end(load, FAILED)
    assert depot.facts(FEBRUARY).state is State.PUBLISHED
    assert rides_of(connection, FEBRUARY) == {(1.0, 100)}


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (errors.BadFile("m", code="html"), Outcome.REJECTED, "html"),
        (errors.NotAtSource("m"), Outcome.UNAVAILABLE, "not-at-source"),
        (errors.Stopped("m"), Outcome.INTERRUPTED, "stopped"),
        (errors.Transient("m", code="locked"), Outcome.FAILED, "locked"),
        (errors.Failed("m", code="superseded"), Outcome.FAILED, "superseded"),
        (errors.Unreachable("m"), Outcome.FAILED, "unreachable"),
        (errors.UsageError("m", code="column-type"), Outcome.FAILED, "column-type"),
        (OSError(errno.ENOSPC, "full", "/tmp/x"), Outcome.FAILED, "disk-full"),  # noqa: S108 - only a name
        (OSError(errno.EDQUOT, "full"), Outcome.FAILED, "disk-full"),
        (OSError(errno.EIO, "broken"), Outcome.FAILED, "internal"),
        (ZeroDivisionError("secret-detail"), Outcome.FAILED, "internal"),
    ],
)
def test_each_error_ends_an_attempt_in_its_way(error: Exception, outcome: Outcome, code: str) -> None:
    ending = ending_of(error)
    assert (ending.outcome, ending.code) == (outcome, code)
    assert ending.reason
    assert "secret-detail" not in ending.reason


def test_two_loaders_of_one_month_go_one_after_the_other(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    planned = depot.plan(FEBRUARY, Mode.DUE)
    first = depot.open(FEBRUARY, planned)
    second = stages.open_load(depot.settings, depot.url, RIDES, RIDES.partition(FEBRUARY), depot.versions, planned)
    depot.opened.append(second)
    verdict = depot.judged(first)
    assert not stages.take_lock(second)
    depot.conclude(first, verdict)
    stages.close(first)
    assert stages.take_lock(second)
    ending = stages.begin(second)
    assert ending is not None
    assert (ending.outcome, ending.code) == (Outcome.UNCHANGED, "loaded-meanwhile")
    stages.end(second, ending)
    assert rides_of(connection, FEBRUARY) == {(1.0, 100)}


def test_months_go_side_by_side(depot: Depot, connection: Connection) -> None:
    months = (JANUARY, FEBRUARY, MARCH)
    runs = {}
    for month in months:
        depot.write(month, 100, seatless=(month.number,))
        runs[month] = depot.plan(month)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda month: depot.load(month, run_id=runs[month]), months))
    assert [(r.partition.month, r.outcome) for r in results] == [(m, Outcome.PUBLISHED) for m in months]
    assert ask(connection, "select month::text, count(*) from trips.rides group by 1 order by 1") == [
        (f"2023-0{n}-01", 99) for n in (1, 2, 3)
    ]


def test_a_connection_that_is_lost_while_the_file_comes_is_told_as_such(depot: Depot, connection: Connection) -> None:
    depot.write(FEBRUARY)
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    ask(connection, "select pg_terminate_backend(%s, 10000)", load.connection.info.backend_pid)
    result = depot.ended(load, lambda: depot.conclude(load, depot.audited(load, stages.fetch_raw(load))))
    assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost")
    (attempt,) = depot.history(FEBRUARY)
    assert attempt.code == "connection-lost"
    other = connect(depot.url)
    assert try_lock(other, load.number, FEBRUARY)
    other.close()


def test_what_a_killed_load_left_goes_when_the_next_one_holds_the_month(depot: Depot, connection: Connection) -> None:
    """A sweep passes over it while the server still works for the killed loader, which so holds the month's lock."""
    depot.write(FEBRUARY, 10)
    killed = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(killed) is None
    stages.stage_raw(killed, stages.fetch_raw(killed))
    run_id = depot.plan(FEBRUARY)  # its sweep comes too early
    assert ask(connection, "select count(*) from pg_tables where schemaname = 'staging'") == [(2,)]
    killed.connection.close()
    assert depot.load(FEBRUARY, run_id=run_id).outcome is Outcome.PUBLISHED
    assert ask(connection, "select count(*) from pg_tables where schemaname = 'staging'") == [(0,)]
