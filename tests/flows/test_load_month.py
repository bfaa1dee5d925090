"""Months one after the other or at once, held by others, failing: what the flow of one month does to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.generate import write_month
from tests.depot import ask
from tests.flows.conftest import Once
from tests.flows.shell import Ended, PrefectApi, Shell
from tests.flows.webhook import CANARY
from tests.invariants import check_invariants
from tidemark.ledger import dataset_number
from tidemark.months import Month, months_between
from tidemark.postgres import connect, try_lock
from tidemark.schema import ensure_schema
from tidemark.settings import Secret

ATTEMPTS = "select to_char(month, 'YYYY-MM'), outcome, run_id from tidemark.attempt order by load_id"
AWAY = f"http://127.0.0.1:1/services/T0/B0/{CANARY}"


def make_source(folder: Path, months: tuple[Month, ...], *, not_files: tuple[Month, ...] = ()) -> Path:
    """A folder with generated months; where a folder has the name of a file, the month fails and is not tried again."""
    folder.mkdir()
    for month in months:
        if month in not_files:
            (folder / f"green_tripdata_{month}.parquet").mkdir()
        else:
            write_month(folder, "green", month, rows=1000)
    return folder


def attempts(database: str) -> list[tuple[str, str, int]]:
    connection = connect(Secret(database))
    try:
        return ask(connection, ATTEMPTS)
    finally:
        connection.close()


# ---- one after the other


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Four months of which two fail: the newest first until one fails, then all from the oldest."""

    database: str
    stopped: Ended
    stopped_attempts: list[tuple[str, str, int]]
    all: Ended
    all_attempts: list[tuple[str, str, int]]


@pytest.fixture(scope="module")
def pace(once: Once[Pace], make_shell: Callable[[Secret], Shell], new_database: Callable[[], Secret]) -> Pace:
    def play() -> Pace:
        database = new_database()
        shell = make_shell(database)
        months = months_between(Month(2024, 1), Month(2024, 4))
        source = make_source(shell.folder / "source", months, not_files=(Month(2024, 1), Month(2024, 3)))
        shell.settings |= {"TIDEMARK_SOURCE": str(source), "TIDEMARK_SLACK_WEBHOOK": AWAY}
        command = ("backfill", "green", "2024-01", "2024-04", "--window", "1", "--json")
        stopped = shell.run(*command, "--newest-first", "--stop-after", "1")
        stopped_attempts = attempts(database.reveal())
        return Pace(
            database=database.reveal(),
            stopped=stopped,
            stopped_attempts=stopped_attempts,
            all=shell.run(*command),
            all_attempts=attempts(database.reveal())[len(stopped_attempts) :],
        )

    return once("pace", play)


def test_it_begins_with_the_newest_and_stops_after_a_failure(pace: Pace) -> None:
    assert pace.stopped_attempts == [("2024-04", "published", 1), ("2024-03", "failed", 1)]
    assert pace.stopped.status == pace.stopped.json["exit"] == 1
    assert pace.stopped.json["summary"] == {"published": 1, "failed": 1, "missing": 2}


def test_one_failing_month_does_not_stop_the_others(pace: Pace) -> None:
    assert pace.all_attempts == [("2024-01", "failed", 2), ("2024-02", "published", 2), ("2024-03", "failed", 2)]
    assert pace.all.status == pace.all.json["exit"] == 1
    assert pace.all.json["summary"] == {"published": 2, "failed": 2}
    reasons = {partition["month"]: partition["last_attempt"]["code"] for partition in pace.all.json["partitions"]}
    assert reasons == {
        "2024-01": "source-refused",
        "2024-02": "published",
        "2024-03": "source-refused",
        "2024-04": "published",
    }
    check_invariants(Secret(pace.database), "green")


def test_a_slack_that_is_away_changes_no_status_and_shows_no_secret(pace: Pace) -> None:
    for ended in (pace.stopped, pace.all):
        assert ended.status == 1
        assert ended.stderr.count("the message to Slack was not delivered") == 1
        assert CANARY not in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_backfill_with_a_failed_month_is_failed_in_prefect(pace: Pace, prefect: PrefectApi) -> None:
    assert pace.all.status == 1
    stopped, of_all = prefect.runs_named("backfill green 2024-01 to 2024-04, due")
    assert {(run["state_type"], run["state_name"]) for run in (stopped, of_all)} == {("FAILED", "Failed")}
    months = [(run["name"], run["state_name"]) for run in prefect.months_of(of_all)]
    assert months == [("green 2024-01", "Failed"), ("green 2024-02", "Published"), ("green 2024-03", "Failed")]


# ---- at once


@contextmanager
def held(database: Secret, dataset: str, months: tuple[Month, ...]) -> Iterator[None]:
    """Hold the locks of months, as another loader does."""
    connection = connect(database)
    try:
        ensure_schema(connection, database)
        number = dataset_number(connection, dataset)
        assert all(try_lock(connection, number, month) for month in months)
        yield
    finally:
        connection.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class AtOnce:
    """Two backfills of the same months, which both wait for a third loader that lets the months go as they were."""

    database: str
    ended: tuple[Ended, Ended]
    attempts: list[tuple[str, str, int]]


@pytest.fixture(scope="module")
def at_once(once: Once[AtOnce], make_shell: Callable[[Secret], Shell], new_database: Callable[[], Secret]) -> AtOnce:
    months = months_between(Month(2022, 1), Month(2022, 3))

    def play() -> AtOnce:
        database = new_database()
        shell = make_shell(database)
        shell.settings["TIDEMARK_SOURCE"] = str(make_source(shell.folder / "source", months))
        command = ("backfill", "green", "2022-01", "2022-03", "--json")
        waits = [f"green {month}: waits: another loader holds it" for month in months]
        with shell.start(*command) as one, shell.start(*command) as other:
            with held(database, "green", months):
                one.until(*waits)
                other.until(*waits)
                assert attempts(database.reveal()) == []
            return AtOnce(
                database=database.reveal(),
                ended=(one.ended(), other.ended()),
                attempts=attempts(database.reveal()),
            )

    return once("at-once", play)


def test_each_month_is_published_once_and_is_unchanged_for_the_other(at_once: AtOnce) -> None:
    for ended in at_once.ended:
        assert (ended.status, ended.json["summary"]) == (0, {"published": 3}), ended.stderr
    of_month: dict[str, list[tuple[str, int]]] = {}
    for month, outcome, run in at_once.attempts:
        of_month.setdefault(month, []).append((outcome, run))
    assert set(of_month) == {"2022-01", "2022-02", "2022-03"}
    for tried in of_month.values():
        assert [outcome for outcome, _ in tried] == ["published", "unchanged"]
        assert {run for _, run in tried} == {1, 2}
    check_invariants(Secret(at_once.database), "green")


def test_who_waited_in_vain_says_so(at_once: AtOnce) -> None:
    said = "".join(ended.stderr for ended in at_once.ended)
    assert said.count(": waits: another loader holds it\n") == 6
    assert said.count("in the meantime.\n") == said.count(": unchanged: ") == 3
