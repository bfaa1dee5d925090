"""``tidemark explain``: the whole history of one month."""

from __future__ import annotations

import re

import pytest

from tests.commands.conftest import INTERRUPTED, MISSING, PUBLISHED, REJECTED, RELOAD_REJECTED, UNAVAILABLE, Tidemark
from tests.commands.test_status import FINDING_KEYS, PARTITION_KEYS, RFC3339_UTC
from tidemark.months import Month
from tidemark.settings import Secret

ATTEMPT_KEYS = {
    "load_id", "run_id", "outcome", "code", "reason", "remedy", "began_at", "ended_at", "source_url", "sha256",
    "file_bytes", "etag", "last_modified", "raw_path", "rows_read", "rows_published", "rows_diverted", "diverted",
    "dropped_columns", "contract_version", "suite_version", "verdict", "quarantine_table", "findings",
    "added_columns", "decision", "evidence", "evidence_page",
}  # fmt: skip


def test_the_json_has_the_month_and_its_attempts_newest_first(on_filled: Tidemark) -> None:
    ran = on_filled("explain", "rides", str(RELOAD_REJECTED), "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json.keys() == {"version", "partition", "attempts"}
    assert ran.json["version"] == 1
    assert ran.json["partition"].keys() == PARTITION_KEYS
    assert [attempt["outcome"] for attempt in ran.json["attempts"]] == ["rejected", "published"]
    for attempt in ran.json["attempts"]:
        assert attempt.keys() == ATTEMPT_KEYS
        assert RFC3339_UTC.fullmatch(attempt["began_at"])
        assert RFC3339_UTC.fullmatch(attempt["ended_at"])
        assert attempt["began_at"] <= attempt["ended_at"]
        assert all(finding.keys() == FINDING_KEYS for finding in attempt["findings"])
    newer, older = ran.json["attempts"]
    assert newer["load_id"] > older["load_id"]
    assert (newer["quarantine_table"], older["quarantine_table"]) == ("quarantine.rides_2023_02", None)


def test_an_attempt_tells_its_file_its_rows_and_every_check(on_filled: Tidemark) -> None:
    (attempt,) = on_filled("explain", "rides", str(PUBLISHED), "--json").json["attempts"]
    assert [attempt[name] for name in ("rows_read", "rows_published", "rows_diverted")] == [100, 97, 3]
    assert (attempt["diverted"], attempt["dropped_columns"], attempt["verdict"]) == (
        {"RIDES-NO-SEATS": 3}, [], "accepted",
    )  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{64}", attempt["sha256"])
    assert attempt["sha256"] in attempt["raw_path"]
    assert attempt["file_bytes"] > 0
    assert {finding["code"] for finding in attempt["findings"]} > {"RIDES-COLUMNS", "RIDES-ROWS"}
    assert all(finding["passed"] for finding in attempt["findings"])  # those that passed are told here too


def test_what_broke_off_has_no_end(on_filled: Tidemark) -> None:
    (attempt,) = on_filled("explain", "rides", str(INTERRUPTED), "--json").json["attempts"]
    assert (attempt["outcome"], attempt["code"], attempt["ended_at"]) == ("interrupted", "interrupted", None)
    assert attempt["remedy"]
    unknown = ("source_url", "sha256", "file_bytes", "raw_path", "rows_read", "rows_published", "rows_diverted")
    assert [attempt[name] for name in unknown] == [None] * len(unknown)


def test_a_month_never_tried_has_no_attempts(on_filled: Tidemark) -> None:
    ran = on_filled("explain", "rides", str(MISSING), "--json")
    assert (ran.status, ran.json["attempts"], ran.json["partition"]["state"]) == (0, [], "missing")
    assert f"tidemark backfill rides {MISSING}" in on_filled("explain", "rides", str(MISSING)).out


@pytest.mark.parametrize(
    ("month", "said"),
    [
        (PUBLISHED, ["97 rows in trips.rides_2023_01, 3 diverted", "100 read, 97 published, 3 diverted, 3 by RIDES-"]),
        (
            RELOAD_REJECTED,
            [
                "published (stale)",
                "quarantine.rides_2023_02",
                "✗ RIDES-AT-IN-MONTH",
                "checks passed (--checks shows them)",
            ],
        ),
        (REJECTED, ["rejected (overdue)", "The gate rejected the month"]),
        (UNAVAILABLE, ["unavailable (overdue)", "not-at-source"]),
    ],
    ids=str,
)
def test_people_read_the_same(on_filled: Tidemark, month: Month, said: list[str]) -> None:
    ran = on_filled("explain", "rides", str(month))
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"rides {month}  ")
    assert [words for words in said if words not in ran.out] == []


def test_a_month_that_is_not_over_is_told_when_it_is_due_and_not_to_be_loaded(on_filled: Tidemark) -> None:
    told = on_filled("explain", "rides", "2199-01").out
    assert "It is not over yet: its file is expected by 2199-0" in told
    assert "tidemark backfill" not in told


def test_another_month_s_rows_are_for_the_publisher_or_released_and_never_to_be_accepted(on_filled: Tidemark) -> None:
    told = on_filled("explain", "rides", str(REJECTED)).out
    assert "the source has to publish the month again: tidemark backfill rides 2023-03" in told
    assert "publishes this month alone" in told
    assert "tidemark accept" not in told


def test_the_remedy_of_a_load_that_a_later_one_made_void_is_not_told_again(
    on_filled: Tidemark, filled_url: Secret
) -> None:
    told = on_filled("explain", "rides", str(REJECTED)).out
    assert told.count("publishes this month alone") == 1
    on_filled("release", "rides", str(REJECTED), "--by", "Ana", "--reason", "It is so.")
    later = on_filled("explain", "rides", str(REJECTED)).out
    assert "publishes this month alone" not in later
    assert later.count("load ") >= 2


def test_what_passed_is_counted_and_shown_when_asked_for(on_filled: Tidemark) -> None:
    attempt = on_filled("explain", "rides", str(PUBLISHED), "--json").json["attempts"][0]
    short, long = (on_filled("explain", "rides", str(PUBLISHED), *more).out for more in ((), ("--checks",)))
    assert f"✓ {len(attempt['findings'])} checks passed (--checks shows them)" in short
    assert "RIDES-ROWS" not in short
    assert "✓ RIDES-ROWS" in long
    assert "--checks shows" not in long
    for told in (short, long):
        assert "nothing to compare: 0 months before it, and 3 are needed" in told
    (history,) = (each for each in attempt["findings"] if each["code"] == "RIDES-HISTORY")
    assert history["observed"].startswith("nothing to compare: 0 months before it")
