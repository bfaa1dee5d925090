"""``tidemark release``, ``reject`` and ``accept``: a person's word, as people and programs give it."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest

from tests.commands.conftest import (
    FAILED,
    MISSING,
    PUBLISHED,
    REJECTED,
    RELOAD_REJECTED,
    Tidemark,
)
from tests.depot import ask
from tests.invariants import check_data
from tidemark.postgres import connect
from tidemark.settings import Secret

WORD = ("--by", "Ana Ruiz", "--reason", "It is as it was.")
LOGIN = pwd.getpwuid(os.getuid()).pw_name
Run = Callable[..., int]


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    found = said(capsys)["error"]
    assert isinstance(found, dict)
    assert found["message"]
    assert found["remedy"]
    return found


def test_a_released_month_is_told_as_warned_everywhere(on_filled: Tidemark, filled_url: Secret) -> None:
    ran = on_filled("release", "rides", str(REJECTED), *WORD, "--json")
    assert (ran.status, ran.json["outcome"], ran.json["month"]) == (0, "published", str(REJECTED))
    assert ran.json["codes"] == ["RIDES-AT-IN-MONTH", "RIDES-AT-STRAYS"]
    (partition,) = on_filled("status", "rides", str(REJECTED), str(REJECTED), "--json").json["partitions"]
    assert (partition["state"], partition["verdict"], partition["rows_published"]) == ("published", "warned", 100)
    assert partition["decision"]["by"] == "Ana Ruiz"
    assert [finding["code"] for finding in partition["findings"]] == ["RIDES-AT-IN-MONTH", "RIDES-AT-STRAYS"]
    assert "Ana Ruiz" in partition["findings"][0]["reason"]
    shown = on_filled("status", "rides", str(REJECTED), str(REJECTED)).out
    assert "▲ 1 of them warned" in shown
    assert "released by Ana Ruiz: It is as it was." in shown
    told = on_filled("explain", "rides", str(REJECTED)).out
    assert "release of load" in told
    assert "by Ana Ruiz on 20" in told
    assert "(RIDES-AT-IN-MONTH, RIDES-AT-STRAYS)" in told
    check_data(filled_url, "rides")


def test_people_read_one_line(in_process: Run, capsys: pytest.CaptureFixture[str], filled_url: Secret) -> None:
    assert in_process("release", "rides", str(RELOAD_REJECTED), *WORD) == 0
    told = capsys.readouterr().out
    assert f"rides {RELOAD_REJECTED}  published: 100 rows reloaded, 0 diverted." in told
    assert "published as warned, on the word of Ana Ruiz, over RIDES-AT-IN-MONTH, RIDES-AT-STRAYS" in told
    assert f'to take it back: tidemark reject rides {RELOAD_REJECTED} --reason "…"' in told
    check_data(filled_url, "rides")


def test_a_published_month_is_taken_back_by_whoever_is_logged_in(
    in_process: Run, capsys: pytest.CaptureFixture[str], filled_url: Secret
) -> None:
    assert in_process("reject", "rides", str(PUBLISHED), "--reason", "Found wrong.", "--json") == 0
    found = said(capsys)
    assert (found["outcome"], found["reason"]) == ("rejected", f"{LOGIN} rejected the month: Found wrong.")
    assert in_process("status", "rides", str(PUBLISHED), "--json") == 3
    (partition,) = said(capsys)["partitions"]
    assert (partition["state"], partition["verdict"], partition["rows_published"]) == ("rejected", "rejected", 0)
    assert (partition["decision"]["kind"], partition["decision"]["by"]) == ("reject", LOGIN)
    assert partition["findings"][0]["code"] == "RIDES-REJECTED"
    assert in_process("plan", "rides", str(PUBLISHED), "--json") == 0
    (partition,) = said(capsys)["partitions"]
    assert partition["action"] == "skip"
    check_data(filled_url, "rides")
    assert in_process("release", "rides", str(PUBLISHED), *WORD) == 0
    assert in_process("status", "rides", str(PUBLISHED), "--json") == 0
    check_data(filled_url, "rides")


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("release", "rides", str(MISSING), *WORD), 2, "not-rejected"),
        (("release", "rides", str(FAILED), *WORD), 2, "not-rejected"),
        (("release", "rides", str(PUBLISHED), *WORD), 2, "not-rejected"),
        (("release", "nothing", str(REJECTED), *WORD), 2, "unknown-dataset"),
        (("release", "rides", "2023-13", *WORD), 2, "bad-month"),
        (("release", "rides", str(REJECTED), "--by", " ", "--reason", "x"), 2, "bad-by"),
        (("release", "rides", str(REJECTED), "--by", "Ana\n", "--reason", "a\nb"), 2, "bad-reason"),
        (("release", "rides", str(REJECTED), "--reason", "x"), 2, "usage"),
        (("release", "rides", str(REJECTED), "--by", "Ana"), 2, "usage"),
        (("reject", "rides", str(REJECTED), "--reason", "x"), 2, "not-published"),
        (("reject", "rides", str(MISSING), "--reason", "x"), 2, "not-published"),
        (("reject", "rides", str(PUBLISHED), "--reason", ""), 2, "bad-reason"),
        (("accept", "rides", "RIDES-NOTHING", "--from", "2023-01", "--reason", "x"), 2, "unknown-check"),
        (("accept", "nothing", "RIDES-ROWS", "--from", "2023-01", "--reason", "x"), 2, "unknown-dataset"),
        (("accept", "rides", "RIDES-ROWS", "--from", "soon", "--reason", "x"), 2, "bad-month"),
        (("accept", "rides", "RIDES-ROWS", "--from", "2023-02", "--to", "2023-01", "--reason", "x"), 2, "bad-range"),
        (("accept", "rides", "RIDES-ROWS", "--from", "2023-02", "--reason", " "), 2, "bad-reason"),
        (("accept", "rides", "RIDES-ROWS", "--reason", "x"), 2, "usage"),
        (("accept", "rides", "RIDES-ROWS", "--withdraw", "--to", "2023-02", "--reason", "x"), 2, "usage"),
        (("accept", "rides", "RIDES-ROWS", "--withdraw", "--reason", "x"), 2, "not-accepted"),
        (("accept", "rides", "RIDES-ROWS", "--withdraw", "--from", "", "--reason", "x"), 2, "bad-month"),
        (("accept", "rides", "RIDES-COLUMNS", "--from", "2023-03", "--reason", "x"), 2, "not-acceptable"),
        (("accept", "rides", "lossy-type", "--from", "2023-03", "--reason", "x"), 2, "not-acceptable"),
        (
            ("accept", "rides", "RIDES-ROWS", "--from", str(REJECTED), "--to", str(REJECTED), "--reason", "x"),
            2,
            "not-acceptable",
        ),
    ],
)
def test_what_does_not_apply_is_refused_in_one_sentence_and_changes_nothing(
    in_process: Run,
    capsys: pytest.CaptureFixture[str],
    filled_url: Secret,
    arguments: tuple[str, ...],
    status: int,
    code: str,
) -> None:
    connection = connect(filled_url)
    counts = "select (select count(*) from tidemark.attempt), (select count(*) from tidemark.acceptance)"
    try:
        before = ask(connection, counts)
        assert in_process(*arguments, "--json") == status
        assert error_of(capsys)["code"] == code
        assert ask(connection, counts) == before
    finally:
        connection.close()


def test_a_month_that_another_loader_holds_is_not_decided(
    in_process: Run, capsys: pytest.CaptureFixture[str], filled_url: Secret
) -> None:
    connection = connect(filled_url)
    try:
        ask(
            connection,
            "select pg_advisory_lock(number, %s) from tidemark.dataset where name = 'rides'",
            REJECTED.yyyymm,
        )
        assert in_process("release", "rides", str(REJECTED), *WORD, "--json") == 1
    finally:
        connection.close()
    assert error_of(capsys)["code"] == "at-work"


def test_an_acceptance_makes_rejected_months_due_and_says_how(
    in_process: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    accept = ("accept", "rides", "RIDES-AT-IN-MONTH", "--from", "2023-03", "--to", "2023-04", "--reason", "It is so.")
    assert in_process(*accept) == 0
    told = capsys.readouterr().out
    assert f"RIDES-AT-IN-MONTH from 2023-03 to 2023-04: accepted by {LOGIN}" in told
    assert "2023-03 stays rejected by RIDES-AT-STRAYS, which no acceptance explains: ask the publisher" in told
    assert 'release: tidemark release rides 2023-03 --by NAME --reason "…"' in told
    assert "due again" not in told
    assert "Nothing was rejected by it" not in told
    assert in_process("plan", "rides", str(REJECTED), "--json") == 0
    (partition,) = said(capsys)["partitions"]
    assert partition["action"] == "load"
    assert partition["reason"].endswith(f"{LOGIN} accepted RIDES-AT-IN-MONTH from 2023-03 to 2023-04")
    assert in_process(*accept, "--json") == 0
    found = said(capsys)
    assert (found["new"], found["has_rejected"], found["due"]) == (False, True, ["2023-03"])
    assert found["still_rejected_by"] == {"2023-03": ["RIDES-AT-STRAYS"]}


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ((), "from 2023-03 on it will only warn, for good: give --to to end it"),
        (("--to", "2199-12"), "from 2023-03 on to 2199-12 it will only warn"),
    ],
)
def test_an_acceptance_of_what_has_rejected_nothing_says_what_it_does_to_later_months(
    in_process: Run, capsys: pytest.CaptureFixture[str], until: tuple[str, ...], said: str
) -> None:
    accept = ("accept", "rides", "RIDES-PRICE-PRESENT", "--from", "2023-03", *until, "--reason", "It is so.")
    assert in_process(*accept) == 0
    assert f"Nothing was rejected by it so far; {said}" in capsys.readouterr().out
    assert in_process(*accept, "--json") == 0
    assert said_of(capsys, "has_rejected") is False


def said_of(capsys: pytest.CaptureFixture[str], key: str) -> object:
    return said(capsys)[key]


def test_explain_shows_the_rows_that_failed(in_process: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process("explain", "rides", str(REJECTED), "--json") == 0
    attempts = said(capsys)["attempts"]
    assert isinstance(attempts, list)
    evidence, _ = attempts[0]["evidence"]
    assert (evidence["code"], len(evidence["rows"])) == ("RIDES-AT-IN-MONTH", 50)
    assert in_process("explain", "rides", str(REJECTED), "--rows") == 0
    lines = capsys.readouterr().out.splitlines()
    (head,) = (n for n, line in enumerate(lines) if " of load " in line and line.startswith("RIDES-AT-"))
    assert lines[head].startswith("RIDES-AT-IN-MONTH, RIDES-AT-STRAYS of load")  # the same rows, once
    assert lines[head].endswith(": 50 of 100 failing rows")
    assert lines[head + 1].split()[:2] == ["at", "price"]
    assert lines[head + 1].startswith("at ")
    assert str(evidence["rows"][0]["at"]) in lines[head + 2]
    assert in_process("explain", "rides", str(PUBLISHED), "--rows") == 0
    assert "There are no rows to show." in capsys.readouterr().out
