"""The coverage grid: a cell a month, and a line for each month that somebody should know of."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from commands.coverage import CELLS, NAMES, WARNED, print_coverage, print_odd_months
from tests.attempts import RIDES, TODAY, VERSIONS, attempt, facts_after
from tidemark.facts import Facts, State
from tidemark.history import Decision, DecisionKind
from tidemark.ledger import Outcome
from tidemark.months import Month
from tidemark.report import RunReport, report_facts
from tidemark.verdict import Finding, Severity

DECISION = Decision(
    kind=DecisionKind.RELEASE,
    judged_load=1,
    codes=(),
    by="Ana",
    reason="It is so.",
    at=datetime(2023, 4, 2, tzinfo=UTC),
)
O = Outcome  # noqa: E741 - in tables of histories


def report_of(*facts: Facts) -> RunReport:
    return RunReport(partitions=report_facts(RIDES, facts, VERSIONS, TODAY))


def after(*histories: Sequence[Outcome]) -> RunReport:
    """A month after each of these histories, from January 2023 on."""
    return report_of(*(facts_after(*h, month=Month(2023, n)) for n, h in enumerate(histories, start=1)))


def grid(report: RunReport) -> list[str]:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    print_coverage(console, report)
    return printed(console)


def odd(report: RunReport) -> list[str]:
    console = Console(file=io.StringIO(), width=500, color_system=None)
    print_odd_months(console, report)
    return [line for line in printed(console) if line]


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def cells(line: str) -> list[str]:
    return line.split()[1:]


# ---- the grid


def test_every_state_has_a_sign_of_its_own() -> None:
    assert set(CELLS) == set(State)
    assert len({symbol for symbol, _ in (*CELLS.values(), WARNED)}) == len(State) + 1


@pytest.mark.parametrize(
    ("histories", "marked"), [([[O.PUBLISHED], [O.PUBLISHED, O.FAILED]], True), ([[O.PUBLISHED], [O.FAILED]], False)]
)
def test_the_legend_tells_of_a_mark_that_is_in_the_grid(histories: list[list[Outcome]], *, marked: bool) -> None:
    *table, legend = grid(after(*histories))
    assert any("■*" in line for line in table) is marked
    assert ("* published, but its source or its checks have changed, or its reload failed" in legend) is marked


def test_a_line_a_year_and_a_cell_a_month() -> None:
    lines = grid(report_of(facts_after(month=Month(2022, 12)), facts_after(O.PUBLISHED, month=Month(2023, 1))))
    assert lines[0].split() == ["rides", *NAMES]
    assert [line.split() for line in lines[1:3]] == [["2022", "○"], ["2023", "■"]]
    assert lines[1].index("○") == lines[0].index("Dec") + 1
    assert lines[2].index("■") == lines[0].index("Jan") + 1
    assert lines[3].split() == ["■", "1", "published", "○", "1", "missing"]


@pytest.mark.parametrize(
    ("history", "cell"),
    [
        ((O.PUBLISHED,), "■"),
        ((O.REJECTED,), "✗"),
        ((O.FAILED,), "!"),
        ((O.INTERRUPTED,), "!"),
        ((O.UNAVAILABLE,), "·"),
        ((O.PUBLISHED, O.FAILED), "■*"),
        ((O.PUBLISHED, O.INTERRUPTED), "■*"),
        ((O.PUBLISHED, O.REJECTED), "■*"),
        ((O.PUBLISHED, O.UNAVAILABLE), "■"),
        ((O.PUBLISHED, O.FAILED, O.UNCHANGED), "■"),
    ],
    ids=str,
)
def test_a_cell_shows_the_state_and_a_star_where_a_reload_went_wrong(history: Sequence[Outcome], cell: str) -> None:
    assert cells(grid(after(history))[1]) == [cell]


def test_a_missing_month_is_a_circle_and_a_dataset_that_was_never_tried_one_line() -> None:
    assert cells(grid(after([O.PUBLISHED], []))[1]) == ["■", "○"]
    assert grid(after([], []))[0] == "rides  never tried: 2023-01 to 2023-02"
    assert odd(after([], [])) == []


def test_a_stale_month_has_a_star_and_a_running_one_its_own_sign() -> None:
    assert cells(grid(report_of(facts_after(O.PUBLISHED, sha256="other")))[1]) == ["■*"]
    assert cells(grid(report_of(facts_after(O.PUBLISHED, running=True, sha256="other")))[1]) == ["▶"]


def test_no_months_are_told_as_such() -> None:
    assert grid(RunReport(partitions=())) == ["no months"]


# ---- the months that need somebody


@pytest.mark.parametrize("histories", [[], [[O.PUBLISHED]], [[O.PUBLISHED, O.UNAVAILABLE]]], ids=str)
def test_months_as_wanted_need_no_line(histories: list[list[Outcome]]) -> None:
    assert odd(after(*histories)) == []


def test_overdue_months_that_were_never_tried_are_told_together_where_they_follow_each_other() -> None:
    assert odd(after([], [], [O.PUBLISHED], [])) == [
        "○ rides 2023-01 to 2023-02  overdue: it was never tried",
        "○ rides 2023-04  overdue: it was never tried",
    ]


def test_a_month_that_failed_or_was_rejected_has_a_line_and_the_first_a_command() -> None:
    assert odd(after([O.PUBLISHED], [O.REJECTED], [O.FAILED], [O.PUBLISHED, O.REJECTED])) == [
        "✗ rides 2023-02  rejected: The source sent a web page.",
        "! rides 2023-03  failed: The source took too long.",
        "■ rides 2023-04  rejected (its reload; the published rows stand): The source sent a web page.",
        "Look closer: tidemark explain rides 2023-02",
    ]


def test_months_in_a_row_with_the_same_trouble_share_a_line() -> None:
    assert odd(after([O.UNAVAILABLE], [O.UNAVAILABLE], [O.PUBLISHED], [O.UNAVAILABLE])) == [
        "· rides 2023-01 to 2023-02  overdue: the source does not have it yet",
        "· rides 2023-04  overdue: the source does not have it yet",
    ]


def test_a_stale_month_says_how_it_is_loaded_anew() -> None:
    (line,) = odd(report_of(facts_after(O.PUBLISHED, sha256="other")))
    assert "--mode stale" in line


def test_a_running_month_says_so_whatever_went_before() -> None:
    (line, _command) = odd(report_of(facts_after(O.FAILED, running=True)))
    assert line.endswith("a loader works on it now")


@pytest.mark.parametrize("reason", ["found [red]3[/red] rows", "[/]", "[bold"])
def test_a_reason_is_shown_as_it_is_and_not_as_markup(reason: str) -> None:
    last = attempt(O.REJECTED, reason=reason)
    facts = Facts(partition=RIDES.partition(Month(2023, 2)), last=last, deciding=last)
    assert odd(report_of(facts))[0] == f"✗ rides 2023-02  rejected: {reason}"


def test_the_name_of_the_month_is_not_said_twice() -> None:
    last = attempt(O.FAILED, reason="rides 2023-02: HTTP 503.")
    facts = Facts(partition=RIDES.partition(Month(2023, 2)), last=last, deciding=last)
    assert odd(report_of(facts))[0] == "! rides 2023-02  failed: HTTP 503."


# ---- warned months


def warned(**changes: Any) -> Facts:
    failed = Finding(
        code="RIDES-PRICE-RANGE",
        severity=Severity.WARN,
        passed=False,
        expected="1 to 9",
        observed="0.2 % beyond",
        reason="So it is.",
    )
    last = attempt(O.PUBLISHED, verdict="warned", findings=(failed, replace(failed, code="OTHER")), **changes)
    return Facts(partition=RIDES.partition(Month(2023, 2)), current=last, last=last, deciding=last)


def test_a_warned_month_has_its_own_sign_is_counted_and_says_why() -> None:
    report = report_of(facts_after(O.PUBLISHED, month=Month(2023, 1)), warned())
    lines = grid(report)
    assert cells(lines[1]) == ["■", "▲"]
    assert lines[2].strip() == "■ 2 published   ▲ 1 of them warned"
    assert odd(report) == ["▲ rides 2023-02  warned: RIDES-PRICE-RANGE: expected 1 to 9, found 0.2 % beyond (+1 more)"]


def test_a_released_month_says_whose_word_it_is() -> None:
    assert odd(report_of(warned(decision=DECISION))) == ["▲ rides 2023-02  warned: released by Ana: It is so."]


def test_a_decision_that_broke_off_asks_for_the_same_command_again() -> None:
    rejected = attempt(O.REJECTED)
    broken_off = attempt(O.INTERRUPTED, load_id=2, decision=DECISION)
    facts = Facts(partition=RIDES.partition(Month(2023, 2)), last=broken_off, deciding=rejected)
    line, _command = odd(report_of(facts))
    assert line == "✗ rides 2023-02  release by Ana: interrupted; run the same command again"
