"""``tidemark plan``: what a backfill would do, and what the source is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest

from demo.feed import Feed, Request
from tests.commands.conftest import NOWHERE, PUBLISHED, REJECTED, RELOAD_FAILED, YEAR_SO_FAR, Tidemark
from tests.commands.test_status import PARTITION_KEYS
from tests.depot import RIDES, ask, write_rides
from tidemark import ledger
from tidemark.datasets.yellow import DATASET as YELLOW
from tidemark.ledger import Ending, Outcome
from tidemark.months import Month, months_between
from tidemark.postgres import connect
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Finding, Rejected, Severity


def actions(plan: Any) -> dict[str, str]:
    return {p["month"]: p["action"] for p in plan["partitions"]}


def test_the_json_has_an_action_and_a_reason_for_each_month(on_filled: Tidemark) -> None:
    ran = on_filled("plan", *YEAR_SO_FAR, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json.keys() == {"version", "partitions", "summary"}
    assert ran.json["version"] == 1
    assert sum(ran.json["summary"].values()) == 9
    for each in ran.json["partitions"]:
        assert each.keys() == PARTITION_KEYS | {"action", "reason"}
        assert each["reason"]


def test_a_rejected_month_is_left_as_far_as_the_ledger_knows(on_filled: Tidemark) -> None:
    told = on_filled("plan", "rides", str(REJECTED)).out
    assert "nothing has changed since, as far as the ledger knows" in told
    assert "--check-source asks the source, as a backfill does" in told
    assert "--check-source" not in on_filled("plan", "rides", str(PUBLISHED)).out
    assert "--check-source" not in on_filled("plan", "rides", str(REJECTED), "--check-source").out


@pytest.mark.parametrize(
    ("mode", "taken"),
    [
        ("due", {"2023-04": "load", "2023-05": "load", "2023-06": "load", "2023-07": "load", "2023-09": "reload"}),
        ("failed", {"2023-04": "load", "2023-06": "load", "2023-09": "reload"}),
        ("rejected", {"2023-02": "reload", "2023-03": "load"}),
        ("stale", {"2023-02": "reload", "2023-08": "reload"}),
        ("all", {f"2023-0{n}": "reload" if n in (1, 2, 8, 9) else "load" for n in range(1, 10)}),
    ],
)
def test_every_mode_takes_what_its_name_says(on_filled: Tidemark, mode: str, taken: dict[str, str]) -> None:
    ran = on_filled("plan", *YEAR_SO_FAR, "--mode", mode, "--json")
    assert {month: action for month, action in actions(ran.json).items() if action != "skip"} == taken
    people = on_filled("plan", *YEAR_SO_FAR, "--mode", mode)
    option = "" if mode == "due" else f" --mode {mode}"
    last = f"{len(taken)} of 9 months to load: tidemark backfill rides 2023-01 2023-09{option}"
    assert (people.status, people.err, people.out.splitlines()[-1]) == (0, "", last)


def test_where_nothing_is_due_it_says_so(on_filled: Tidemark) -> None:
    assert on_filled("plan", "rides", str(PUBLISHED)).out.splitlines()[-1] == "Nothing to do."


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [((), "2020-01", None), (("2023-03",), "2023-03", "2023-03"), (("2023-03", "2023-05"), "2023-03", "2023-05")],
)
def test_a_range_is_everything_or_one_month_or_from_to(
    on_filled: Tidemark, given: tuple[str, ...], first: str, last: str | None
) -> None:
    months = list(actions(on_filled("plan", "rides", *given, "--json").json))
    assert months[0] == first
    assert last is None or months[-1] == last
    assert months == [str(month) for month in months_between(Month.parse(months[0]), Month.parse(months[-1]))]


# what it costs


def statements_of_a_plan(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    """Every statement that one plan sends to the database."""
    from commands.main import run

    sent: list[str] = []

    class Counting(psycopg2.extensions.connection):
        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            base = kwargs.pop("cursor_factory", None) or psycopg2.extensions.cursor

            def execute(cursor: Any, query: Any, values: Any = None) -> Any:
                sent.append(str(query))
                return base.execute(cursor, query, values)

            counted = type("Counted", (base,), {"execute": execute})
            return super().cursor(*args, cursor_factory=counted, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg2, "connect", partial(psycopg2.connect, connection_factory=Counting))
        assert run(["plan", *arguments, "--json"]) == 0
    return sent


def test_its_statements_do_not_grow_with_the_months(
    monkeypatch: pytest.MonkeyPatch, database_url: Secret, capsys: pytest.CaptureFixture[str]
) -> None:
    months = months_between(Month(2009, 1), Month(2025, 8))
    assert len(months) == 200
    connection = connect(database_url)
    try:
        for month in months:
            reject(connection, month)
    finally:
        connection.close()
    monkeypatch.setenv("TIDEMARK_DATABASE_URL", database_url.reveal())
    few = statements_of_a_plan(monkeypatch, "yellow", "2009-01", "2009-03")
    many = statements_of_a_plan(monkeypatch, "yellow", "2009-01", "2025-08")
    assert capsys.readouterr().out.count('"YELLOW-ROWS"') == 3 * 203  # the finding of month and attempt, and its code
    assert few == many
    assert len(few) > 0


def reject(connection: psycopg2.extensions.connection, month: Month) -> None:
    load_id = ledger.begin_attempt(
        connection, YELLOW.partition(month), run_id=None, contract_version="c", suite_version="s"
    )
    finding = Finding(
        code="YELLOW-ROWS",
        severity=Severity.REJECT,
        passed=False,
        expected="at least 1 row",
        observed="0",
        reason="No.",
    )
    staged = Staged(
        partition=YELLOW.partition(month), load_id=load_id, table="t", rows_read=0, rows=0, diverted={}, dropped=()
    )
    ledger.record_verdict(connection, load_id, Rejected(staged=staged, rows=0, suite_version="s", findings=(finding,)))
    ending = Ending(outcome=Outcome.REJECTED, code="YELLOW-ROWS", reason="There are no rows.")
    ledger.end_attempt(connection, load_id, ending)


# what the source is asked


@pytest.fixture
def asked() -> list[Request]:
    return []


@pytest.fixture
def feed(tmp_path: Path, asked: list[Request]) -> Iterator[Feed]:
    folder = tmp_path / "feed"
    folder.mkdir()
    for month in months_between(PUBLISHED, RELOAD_FAILED)[:-1]:
        write_rides(folder / RIDES.file_name(month), month, 10)
    with Feed(folder, on_request=asked.append) as feed:
        yield feed


def test_the_source_is_asked_once_for_each_month_and_nothing_is_fetched(
    on_filled: Tidemark, filled_url: Secret, feed: Feed, asked: list[Request]
) -> None:
    ran = on_filled("plan", *YEAR_SO_FAR, "--check-source", "--json", TIDEMARK_SOURCE=feed.url)
    assert ran.status == 0
    assert ran.json["version"] == 1  # all of stdout is JSON
    assert ran.err.splitlines() == ["asking the source: 9 of 9"]
    assert sorted((request.method, request.path, request.sent) for request in asked) == [
        ("HEAD", f"/{RIDES.file_name(month)}", 0) for month in months_between(PUBLISHED, RELOAD_FAILED)
    ]
    connection = connect(filled_url)
    try:
        seen = ask(connection, "select month, url, available, sha256 from tidemark.source_seen order by month")
    finally:
        connection.close()
    months = months_between(PUBLISHED, RELOAD_FAILED)
    assert seen == [
        (month.first_day, f"{feed.url}/{RIDES.file_name(month)}", month != RELOAD_FAILED, None) for month in months
    ]


def test_a_month_that_changed_at_the_source_becomes_stale(on_filled: Tidemark, tmp_path: Path) -> None:
    """The months were loaded from files; the same files, and one that has changed."""
    source = Path(on_filled("explain", "rides", "2023-01", "--json").json["attempts"][0]["source_url"]).parent
    environment = {"TIDEMARK_SOURCE": str(source)}
    before = on_filled("plan", "rides", "2023-01", "--check-source", "--mode", "stale", "--json", **environment)
    assert (actions(before.json), before.json["partitions"][0]["flags"]) == ({"2023-01": "skip"}, [])
    published = source / RIDES.file_name(PUBLISHED)
    content, modified = published.read_bytes(), published.stat().st_mtime_ns
    try:
        write_rides(published, PUBLISHED, 101)
        after = on_filled("plan", "rides", "2023-01", "--check-source", "--mode", "stale", "--json", **environment)
    finally:
        published.write_bytes(content)
        os.utime(published, ns=(modified, modified))
    assert (actions(after.json), after.json["partitions"][0]["flags"]) == ({"2023-01": "reload"}, ["stale"])
    assert after.json["partitions"][0]["reason"] == "the source has other bytes"
    again = on_filled("plan", "rides", "2023-01", "--mode", "stale", "--json")
    assert actions(again.json) == {"2023-01": "reload"}  # it is in the ledger


def test_a_month_that_is_not_over_is_not_asked_for(on_filled: Tidemark, feed: Feed, asked: list[Request]) -> None:
    ran = on_filled("plan", "rides", "2099-01", "2099-03", "--check-source", "--json", TIDEMARK_SOURCE=feed.url)
    assert actions(ran.json) == {"2099-01": "skip", "2099-02": "skip", "2099-03": "skip"}
    assert asked == []


def test_a_source_that_nobody_reaches_ends_it(on_filled: Tidemark) -> None:
    ran = on_filled("plan", *YEAR_SO_FAR, "--check-source", "--json", TIDEMARK_SOURCE=NOWHERE)
    assert (ran.status, ran.json.keys(), ran.json["error"].keys()) == (
        1, {"version", "error"}, {"code", "message", "remedy"},
    )  # fmt: skip
    assert ran.json["error"]["code"] == "source-unreachable"
    assert "TIDEMARK_SOURCE" in ran.json["error"]["remedy"]


def test_a_source_that_cannot_be_is_refused_before_anything_is_written(tidemark: Tidemark, empty_url: Secret) -> None:
    tidemark.environment["TIDEMARK_DATABASE_URL"] = empty_url.reveal()
    ran = tidemark("plan", "green", "2023-01", "--check-source", "--json", TIDEMARK_SOURCE="no/such/folder")
    assert (ran.status, ran.json["error"]["code"]) == (2, "bad-source")
    connection = connect(empty_url)
    try:
        assert ask(connection, "select to_regnamespace('tidemark')") == [(None,)]
    finally:
        connection.close()


def test_without_a_ledger_it_plans_all_the_same(tidemark: Tidemark, empty_url: Secret) -> None:
    ran = tidemark("plan", "green", "2023-01", "2023-02", "--json", TIDEMARK_DATABASE_URL=empty_url.reveal())
    assert (ran.status, actions(ran.json)) == (0, {"2023-01": "load", "2023-02": "load"})


def test_modes_read_in_any_case(in_process: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process("plan", *YEAR_SO_FAR, "--mode", "FAILED") == 0
    assert "3 of 9 months to load" in capsys.readouterr().out
