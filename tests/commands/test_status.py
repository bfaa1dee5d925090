"""``tidemark status``: what programs read, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.commands.conftest import (
    FAILED,
    INTERRUPTED,
    MISSING,
    PUBLISHED,
    REJECTED,
    RELOAD_FAILED,
    RELOAD_REJECTED,
    STALE,
    UNAVAILABLE,
    YEAR_SO_FAR,
    Ran,
    Tidemark,
)
from tests.depot import RIDES
from tidemark.ledger import begin_attempt, dataset_number
from tidemark.months import Month
from tidemark.postgres import connect, try_lock
from tidemark.settings import Secret

RFC3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PARTITION_KEYS = {
    "dataset", "month", "state", "flags", "rows_read", "rows_published", "rows_diverted", "diverted", "sha256",
    "verdict", "findings", "decision", "last_attempt",
}  # fmt: skip
FINDING_KEYS = {
    "code",
    "severity",
    "passed",
    "errored",
    "column",
    "expected",
    "observed",
    "reason",
    "gravity",
    "message",
}


def partition(ran: Ran, month: Month) -> Any:
    (found,) = (p for p in ran.json["partitions"] if p["month"] == str(month))
    return found


def test_the_json_has_every_key_of_every_month(on_filled: Tidemark) -> None:
    ran = on_filled("status", *YEAR_SO_FAR, "--json")
    assert (ran.status, ran.err) == (1, "")
    assert ran.json.keys() == {"version", "partitions", "summary"}
    assert ran.json["version"] == 1
    assert ran.json["summary"] == {"published": 4, "rejected": 1, "failed": 2, "unavailable": 1, "missing": 1}
    assert [p["month"] for p in ran.json["partitions"]] == [f"2023-{number:02d}" for number in range(1, 10)]
    for each in ran.json["partitions"]:
        assert each.keys() == PARTITION_KEYS
        assert each["dataset"] == "rides"
        if each["last_attempt"] is not None:
            assert each["last_attempt"].keys() == {"outcome", "code", "reason", "remedy", "at", "verdict", "findings"}
            assert RFC3339_UTC.fullmatch(each["last_attempt"]["at"])


def test_a_published_month_has_its_counts(on_filled: Tidemark) -> None:
    month = partition(on_filled("status", *YEAR_SO_FAR, "--json"), PUBLISHED)
    counts = {name: month[name] for name in ("rows_read", "rows_published", "rows_diverted", "diverted")}
    assert counts == {
        "rows_read": 100, "rows_published": 97, "rows_diverted": 3, "diverted": {"RIDES-NO-SEATS": 3},
    }  # fmt: skip
    assert (month["state"], month["flags"], month["verdict"], month["findings"]) == ("published", [], "accepted", [])
    assert re.fullmatch(r"[0-9a-f]{64}", month["sha256"])


@pytest.mark.parametrize("month", [FAILED, UNAVAILABLE, INTERRUPTED, MISSING], ids=str)
def test_what_was_never_read_is_null(on_filled: Tidemark, month: Month) -> None:
    found = partition(on_filled("status", "rides", str(month), "--json"), month)
    names = ("rows_read", "rows_published", "rows_diverted", "sha256", "verdict")
    assert [found[name] for name in names] == [None] * 5
    assert (found["diverted"], found["findings"], found["flags"]) == ({}, [], ["overdue"])


@pytest.mark.parametrize(
    ("month", "state", "flags", "outcome", "code"),
    [
        (PUBLISHED, "published", [], "published", "published"),
        (RELOAD_REJECTED, "published", ["stale"], "rejected", "RIDES-AT-IN-MONTH"),
        (REJECTED, "rejected", ["overdue"], "rejected", "RIDES-AT-IN-MONTH"),
        (FAILED, "failed", ["overdue"], "failed", "source-unreachable"),
        (UNAVAILABLE, "unavailable", ["overdue"], "unavailable", "not-at-source"),
        (INTERRUPTED, "failed", ["overdue"], "interrupted", "interrupted"),
        (STALE, "published", ["stale"], "published", "published"),
        (RELOAD_FAILED, "published", [], "failed", "source-unreachable"),
    ],
    ids=str,
)
def test_state_and_last_attempt_are_two_facts(
    on_filled: Tidemark, month: Month, state: str, flags: list[str], outcome: str, code: str
) -> None:
    found = partition(on_filled("status", "rides", str(month), "--json"), month)
    last = found["last_attempt"]
    assert (found["state"], found["flags"], last["outcome"], last["code"]) == (state, flags, outcome, code)
    assert last["reason"]


def test_a_month_never_tried_has_no_last_attempt(on_filled: Tidemark) -> None:
    found = partition(on_filled("status", "rides", str(MISSING), "--json"), MISSING)
    assert (found["state"], found["last_attempt"]) == ("missing", None)


def test_what_stopped_a_rejected_month_is_told(on_filled: Tidemark) -> None:
    finding, *_ = partition(on_filled("status", "rides", str(REJECTED), "--json"), REJECTED)["findings"]
    assert finding.keys() == FINDING_KEYS
    assert (finding["code"], finding["severity"], finding["passed"]) == ("RIDES-AT-IN-MONTH", "reject", False)
    assert (finding["errored"], finding["column"]) == (False, "at")


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        (PUBLISHED, PUBLISHED, 0),
        (RELOAD_REJECTED, RELOAD_REJECTED, 3),
        (PUBLISHED, REJECTED, 3),
        (REJECTED, FAILED, 1),  # 1 wins over 3
        (UNAVAILABLE, UNAVAILABLE, 0),
        (INTERRUPTED, INTERRUPTED, 1),
        (MISSING, STALE, 0),
        (STALE, RELOAD_FAILED, 1),
    ],
    ids=str,
)
def test_the_exit_status_is_of_the_range(
    in_process: Callable[..., int], first: Month, last: Month, status: int
) -> None:
    assert in_process("status", "rides", str(first), str(last)) == status


def test_a_month_that_is_loaded_now_is_running(on_filled: Tidemark, filled_url: Secret) -> None:
    loader = connect(filled_url)
    try:
        assert try_lock(loader, dataset_number(loader, "rides"), MISSING)
        begin_attempt(loader, RIDES.partition(MISSING), run_id=None, contract_version="c", suite_version="s")
        ran = on_filled("status", "rides", str(MISSING), "--json")
        found = partition(ran, MISSING)
        assert (ran.status, found["state"], found["last_attempt"]) == (0, "missing", None)
        assert found["flags"] == ["overdue", "running"]
        assert f"{RIDES.partition(MISSING)}  a loader works on it now" in on_filled("status", "rides").out
    finally:
        loader.close()
    found = partition(on_filled("status", "rides", str(MISSING), "--json"), MISSING)
    assert (found["state"], found["flags"]) == ("failed", ["overdue"])  # it ended without a word


def test_without_a_range_every_month_that_was_tried_or_is_due(on_filled: Tidemark) -> None:
    months = [p["month"] for p in on_filled("status", "rides", "--json").json["partitions"]]
    assert months == sorted(set(months))
    assert months[0] == str(RIDES.first_month)
    assert {f"2023-{number:02d}" for number in range(1, 13)} <= set(months)


def test_without_a_dataset_all_of_them(on_filled: Tidemark) -> None:
    ran = on_filled("status", "--json")
    datasets = [p["dataset"] for p in ran.json["partitions"]]
    assert list(dict.fromkeys(datasets)) == ["yellow", "green", "fhv", "fhvhv", "rides"]
    assert sum(ran.json["summary"].values()) == len(datasets)


def test_people_see_a_grid_and_the_months_that_need_them(on_filled: Tidemark) -> None:
    ran = on_filled("status", *YEAR_SO_FAR)
    assert (ran.status, ran.err) == (1, "")
    header, year, legend = (line.split() for line in ran.out.splitlines()[:3])
    assert header[:3] == ["rides", "Jan", "Feb"]
    assert year == ["2023", "■", "■*", "✗", "!", "·", "!", "○", "■*", "■*"]
    assert " ".join(legend) == (
        "■ 4 published ✗ 1 rejected ! 2 failed · 1 unavailable ○ 1 missing "
        "* published, but its source or its checks have changed, or its reload failed"
    )
    told = {line.split()[2]: line for line in ran.out.splitlines() if " rides 2023-" in line and "tidemark" not in line}
    silent = {str(PUBLISHED)}
    assert told.keys() == {p["month"] for p in on_filled("status", *YEAR_SO_FAR, "--json").json["partitions"]} - silent
    assert "its reload; the published rows stand" in told[str(RELOAD_REJECTED)]
    assert ran.out.splitlines()[-1] == f"Look closer: tidemark explain rides {RELOAD_REJECTED}"


def test_a_database_without_a_ledger_has_nothing_but_missing_months(tidemark: Tidemark, empty_url: Secret) -> None:
    ran = tidemark("status", "green", "2023-01", "2023-03", "--json", TIDEMARK_DATABASE_URL=empty_url.reveal())
    assert ran.status == 0
    assert ran.json["summary"] == {"missing": 3}
