"""The report: what programs read of it, key by key, and the exit status of a range as it now stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.attempts import FEBRUARY, RIDES, TODAY, VERSIONS, attempt, facts_after
from tidemark.facts import Facts, Flag, State
from tidemark.history import Decision, DecisionKind
from tidemark.ledger import Outcome
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.plan import Mode, make_plan
from tidemark.report import (
    PartitionReport,
    RunReport,
    attempt_json,
    backfill_json,
    explain_json,
    finding_json,
    message_of,
    partition_json,
    report_facts,
    report_plan,
    report_run,
    rfc3339,
    silent_source_message,
    to_json,
)
from tidemark.verdict import Evidence, Finding, Severity

O = Outcome  # noqa: E741 - in tables of histories
PARTITION_KEYS = {
    "dataset", "month", "state", "flags", "rows_read", "rows_published", "rows_diverted", "diverted", "sha256",
    "verdict", "findings", "decision", "last_attempt",
}  # fmt: skip
MONTH = RIDES.partition(FEBRUARY)
FINDING = Finding(
    code="volume", severity=Severity.REJECT, passed=False, expected="1,000 rows", observed="3", reason="Too few."
)


def reports(*histories: Sequence[Outcome], today: date = TODAY) -> tuple[PartitionReport, ...]:
    """A month after each of these histories, from January 2023 on."""
    facts = [facts_after(*history, month=Month(2023, n)) for n, history in enumerate(histories, start=1)]
    return report_facts(RIDES, facts, VERSIONS, today)


def run_of(*histories: Sequence[Outcome], today: date = TODAY, lost: tuple[Partition, ...] = ()) -> RunReport:
    facts = [facts_after(*history, month=Month(2023, n)) for n, history in enumerate(histories, start=1)]
    return report_run(RIDES, facts, VERSIONS, today, 7, lost)


def json_after(*history: Outcome) -> dict[str, object]:
    (report,) = reports(history)
    return partition_json(report)


# ---- the exit status


@pytest.mark.parametrize(
    ("histories", "status"),
    [
        ([], 0),
        ([[O.PUBLISHED]], 0),
        ([[O.PUBLISHED], []], 0),
        ([[O.PUBLISHED], [O.UNAVAILABLE]], 0),
        ([[O.PUBLISHED, O.UNCHANGED]], 0),
        ([[O.PUBLISHED, O.UNAVAILABLE]], 0),
        ([[O.PUBLISHED], [O.FAILED]], 1),
        ([[O.PUBLISHED], [O.INTERRUPTED]], 1),
        ([[O.PUBLISHED, O.FAILED]], 1),
        ([[O.PUBLISHED, O.INTERRUPTED]], 1),
        ([[O.PUBLISHED], [O.REJECTED]], 3),
        ([[O.REJECTED, O.UNCHANGED]], 3),
        ([[O.PUBLISHED, O.REJECTED]], 3),
        ([[O.REJECTED], [O.FAILED]], 1),
        ([[O.FAILED], [O.REJECTED]], 1),
        ([[O.REJECTED], [O.UNAVAILABLE], []], 3),
        ([[O.PUBLISHED, O.FAILED, O.UNCHANGED]], 0),
        ([[O.PUBLISHED, O.REJECTED, O.UNCHANGED]], 0),
    ],
    ids=str,
)
def test_failed_ends_with_1_and_wins_over_rejected_which_ends_with_3(
    histories: list[list[Outcome]], status: int
) -> None:
    assert RunReport(partitions=reports(*histories)).exit_status == status
    assert run_of(*histories).exit_status == status


def test_a_month_that_left_no_attempt_ends_with_1() -> None:
    report = run_of([O.PUBLISHED], [O.REJECTED], lost=(Partition("rides", FEBRUARY),))
    assert report.exit_status == 1


@pytest.mark.parametrize(
    ("histories", "today", "is_silent"),
    [
        ([[O.UNAVAILABLE], [O.UNAVAILABLE]], date(2023, 6, 1), True),
        ([[O.UNAVAILABLE], [O.UNAVAILABLE]], date(2023, 3, 1), True),  # January is past its day, February is not
        ([[O.UNAVAILABLE]], date(2023, 2, 11), False),  # the last day on which it is expected
        ([[O.UNAVAILABLE]], date(2023, 2, 12), True),
        ([[O.UNAVAILABLE], []], date(2023, 6, 1), True),  # one was not taken at all
        ([[], []], date(2023, 6, 1), False),  # nobody asked
        ([], date(2023, 6, 1), False),
        ([[O.UNAVAILABLE], [O.PUBLISHED]], date(2023, 6, 1), False),
        ([[O.UNAVAILABLE], [O.REJECTED]], date(2023, 6, 1), False),
        ([[O.UNAVAILABLE], [O.FAILED]], date(2023, 6, 1), False),
        ([[O.PUBLISHED, O.UNAVAILABLE]], date(2023, 6, 1), False),
    ],
    ids=str,
)
def test_a_source_without_any_month_of_the_range_ends_with_1_when_some_are_past_due(
    histories: list[list[Outcome]], today: date, *, is_silent: bool
) -> None:
    report = run_of(*histories, today=today)
    assert report.silent_source is is_silent
    if is_silent:
        assert report.exit_status == 1


def test_a_silent_source_is_told_with_the_setting_to_look_at() -> None:
    assert "rides" in silent_source_message(RIDES)
    assert "TIDEMARK_SOURCE" in silent_source_message(RIDES)


def test_a_reload_that_went_wrong_counts_as_published_and_is_listed_as_failed() -> None:
    report = run_of([O.PUBLISHED, O.FAILED], [O.PUBLISHED, O.REJECTED], [O.PUBLISHED])
    assert report.summary == {State.PUBLISHED: 3}
    assert [str(p.partition) for p in report.failed] == ["rides 2023-01"]
    assert [str(p.partition) for p in report.rejected] == ["rides 2023-02"]


# ---- JSON, key by key


@pytest.mark.parametrize("history", [(), *((outcome,) for outcome in Outcome if outcome is not O.UNCHANGED)], ids=str)
def test_a_partition_has_its_keys_in_every_state(history: tuple[Outcome, ...]) -> None:
    found = json_after(*history)
    assert set(found) == PARTITION_KEYS
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_published_month_to_the_letter() -> None:
    assert json_after(O.PUBLISHED) == {
        "dataset": "rides",
        "month": "2023-01",
        "state": "published",
        "flags": [],
        "rows_read": 2000,
        "rows_published": 1990,
        "rows_diverted": 10,
        "diverted": {"no-price": 10},
        "sha256": "sha-1",
        "verdict": None,
        "findings": [],
        "decision": None,
        "last_attempt": {
            "outcome": "published",
            "code": "published",
            "reason": "1,990 rows loaded.",
            "remedy": None,
            "at": "2023-04-01T10:01:00Z",
            "verdict": None,
            "findings": [],
        },
    }


def test_a_month_that_was_never_tried_to_the_letter() -> None:
    assert json_after() == {
        "dataset": "rides",
        "month": "2023-01",
        "state": "missing",
        "flags": ["overdue"],
        "rows_read": None,
        "rows_published": None,
        "rows_diverted": None,
        "diverted": {},
        "sha256": None,
        "verdict": None,
        "findings": [],
        "decision": None,
        "last_attempt": None,
    }


def test_a_rejected_reload_shows_the_published_rows_and_the_rejected_attempt() -> None:
    found = json_after(O.PUBLISHED, O.REJECTED)
    assert (found["state"], found["rows_published"], found["sha256"]) == ("published", 1990, "sha-1")
    last = found["last_attempt"]
    assert isinstance(last, dict)
    assert (last["outcome"], last["code"]) == ("rejected", "html")


@pytest.mark.parametrize(
    ("history", "counts"),
    [
        ((O.REJECTED,), (2000, 0, 10)),  # it was read, and nothing of it was published
        ((O.PUBLISHED,), (2000, 1990, 10)),
        ((), (None, None, None)),
    ],
)
def test_counts_are_integers_and_null_when_nothing_was_read(
    history: tuple[Outcome, ...], counts: tuple[int | None, ...]
) -> None:
    found = json_after(*history)
    assert (found["rows_read"], found["rows_published"], found["rows_diverted"]) == counts


def test_an_attempt_that_never_read_a_row_has_no_count_of_published_ones() -> None:
    assert json_after(O.FAILED)["rows_published"] is None
    assert attempt_json(attempt(None))["rows_published"] is None
    assert attempt_json(attempt(O.REJECTED))["rows_published"] == 0


def test_the_last_attempt_is_the_last_also_when_it_changed_nothing() -> None:
    last = json_after(O.REJECTED, O.UNCHANGED)["last_attempt"]
    assert isinstance(last, dict)
    assert (last["outcome"], last["at"]) == ("unchanged", "2023-04-02T10:01:00Z")


def test_flags_are_a_sorted_list() -> None:
    facts = facts_after(running=True)
    (report,) = report_facts(RIDES, [facts], VERSIONS, TODAY)
    assert report.flags == {Flag.RUNNING, Flag.OVERDUE}
    assert partition_json(report)["flags"] == ["overdue", "running"]


def test_only_findings_that_say_something_are_in_the_partition_and_all_are_in_the_attempt() -> None:
    passed = replace(FINDING, code="columns", passed=True)
    errored = replace(FINDING, code="month", passed=True, errored=True)
    rejected = attempt(O.REJECTED, findings=(passed, errored, FINDING))
    facts = Facts(partition=RIDES.partition(FEBRUARY), last=rejected, deciding=rejected)
    (report,) = report_facts(RIDES, [facts], VERSIONS, TODAY)
    assert partition_json(report)["findings"] == [finding_json(errored), finding_json(FINDING)]
    assert attempt_json(rejected)["findings"] == [finding_json(f) for f in (passed, errored, FINDING)]


def test_a_finding_to_the_letter() -> None:
    assert finding_json(replace(FINDING, column="price")) == {
        "code": "volume",
        "severity": "reject",
        "passed": False,
        "errored": False,
        "column": "price",
        "expected": "1,000 rows",
        "observed": "3",
        "reason": "Too few.",
        "gravity": 0.0,
        "message": "volume: expected 1,000 rows, found 3.",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"passed": True, "code": "RIDES-ROWS"}, "RIDES-ROWS holds: 1,000 rows."),
        ({"errored": True}, "The check volume could not run (3); this says nothing about the data."),
        ({"code": "RIDES-VOLUME"}, "RIDES-VOLUME: expected 1,000 rows, found 3."),
    ],
    ids=["holds", "could not run", "failed"],
)
def test_a_finding_is_one_sentence_for_people(changes: dict[str, Any], message: str) -> None:
    assert message_of(replace(FINDING, **changes)) == message


def test_a_persons_decision_and_the_last_attempts_findings_are_told() -> None:
    decision = Decision(
        kind=DecisionKind.RELEASE,
        judged_load=1,
        codes=("volume",),
        by="Ana",
        reason="It is so.",
        at=datetime(2023, 4, 2, tzinfo=UTC),
    )
    released = attempt(
        O.PUBLISHED,
        load_id=2,
        verdict="warned",
        decision=decision,
        findings=(replace(FINDING, severity=Severity.WARN),),
    )
    worse = attempt(O.REJECTED, load_id=3, verdict="rejected", findings=(FINDING,))
    facts = Facts(partition=MONTH, current=released, last=worse, deciding=worse)
    (report,) = report_facts(RIDES, [facts], VERSIONS, TODAY)
    found: Any = partition_json(report)
    assert (found["verdict"], [f["severity"] for f in found["findings"]]) == ("warned", ["warn"])
    assert found["decision"] == {
        "kind": "release",
        "by": "Ana",
        "reason": "It is so.",
        "at": "2023-04-02T00:00:00Z",
        "judged_load": 1,
        "codes": ["volume"],
    }
    last = found["last_attempt"]
    assert (last["verdict"], [f["severity"] for f in last["findings"]]) == ("rejected", ["reject"])


def test_status_prints_version_partitions_and_summary() -> None:
    found = to_json(RunReport(partitions=reports([O.PUBLISHED], [], [O.PUBLISHED], [O.REJECTED])))
    assert list(found) == ["version", "partitions", "summary"]
    assert found["version"] == 1
    assert found["summary"] == {"published": 2, "rejected": 1, "missing": 1}


def test_a_plan_adds_action_and_reason_to_each_partition_and_nothing_else() -> None:
    plan = make_plan(RIDES, [facts_after(), facts_after(O.PUBLISHED, month=Month(2023, 3))], Mode.DUE, VERSIONS, TODAY)
    found = to_json(report_plan(RIDES, plan, VERSIONS, TODAY))
    assert list(found) == ["version", "partitions", "summary"]
    partitions = found["partitions"]
    assert isinstance(partitions, list)
    assert [set(p) for p in partitions] == [PARTITION_KEYS | {"action", "reason"}] * 2
    assert [(p["action"], p["reason"]) for p in partitions] == [
        ("load", "it was never tried"),
        ("skip", "it was published on 2023-04-01 with 1,990 rows"),
    ]


def test_a_backfill_adds_its_run_and_its_exit_status() -> None:
    found = backfill_json(run_of([O.PUBLISHED], [O.REJECTED]))
    assert list(found) == ["version", "partitions", "summary", "run_id", "exit"]
    assert (found["run_id"], found["exit"]) == (7, 3)


def test_explain_prints_the_partition_and_every_attempt() -> None:
    (report,) = reports([O.PUBLISHED])
    evidence = {1: (Evidence(code="volume", rows=({"price": 3.5},)),)}
    found = explain_json(report, [attempt(None, load_id=2), attempt(O.PUBLISHED)], evidence)
    assert list(found) == ["version", "partition", "attempts"]
    assert found["partition"] == partition_json(report)
    attempts = found["attempts"]
    assert isinstance(attempts, list)
    assert [(a["load_id"], a["outcome"], a["ended_at"]) for a in attempts] == [
        (2, None, None),
        (1, "published", "2023-04-01T10:01:00Z"),
    ]
    assert [a["evidence"] for a in attempts] == [[], [{"code": "volume", "rows": [{"price": 3.5}]}]]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2023, 2, 1, 12, 30, 59, 999999, tzinfo=UTC), "2023-02-01T12:30:59Z"),
        (datetime(2023, 2, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2023-01-31T23:00:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(at: datetime, text: str) -> None:
    assert rfc3339(at) == text
