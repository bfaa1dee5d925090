"""Verdicts: which findings stop a month, and how they are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.stage import Staged
from tidemark.verdict import Check, Finding, Rejected, Severity

FINDING = Finding(
    code="volume", severity=Severity.REJECT, passed=False, expected="1,000 rows", observed="3 rows", reason="Too few."
)
WARNING = replace(FINDING, code="old-zones", severity=Severity.WARN)
ERRORED = replace(FINDING, code="month", errored=True, observed="the server went away")
STAGED = Staged(
    partition=Partition("rides", Month(2023, 2)),
    load_id=1,
    table="rides_2023_02_1",
    rows_read=3,
    rows=3,
    diverted={},
    dropped=(),
)


def rejected(*findings: Finding) -> Rejected:
    return Rejected(staged=STAGED, rows=3, suite_version="s1", findings=findings)


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize(("passed", "errored"), [(True, False), (False, False), (True, True), (False, True)])
def test_a_finding_blocks_when_it_rejects_and_always_when_its_check_could_not_run(
    severity: Severity, *, passed: bool, errored: bool
) -> None:
    finding = replace(FINDING, severity=severity, passed=passed, errored=errored)
    assert finding.blocks is (errored or (not passed and severity is Severity.REJECT))


def test_a_rejection_speaks_the_code_of_the_first_finding_that_blocks() -> None:
    verdict = rejected(WARNING, replace(FINDING, passed=True, code="columns"), FINDING)
    assert verdict.code == "volume"
    assert verdict.blocking == (FINDING,)
    assert verdict.reason == "volume: expected 1,000 rows, found 3 rows"


def test_what_is_wrong_with_the_data_is_told_before_what_is_wrong_with_a_check() -> None:
    verdict = rejected(ERRORED, FINDING)
    assert verdict.code == "volume"
    assert verdict.reason == "volume: expected 1,000 rows, found 3 rows (+1 more)"


def test_a_check_that_could_not_run_speaks_of_itself_and_not_of_the_data() -> None:
    verdict = rejected(ERRORED, WARNING)
    assert verdict.code == "month"
    assert "could not run (the server went away)" in verdict.reason
    assert "nothing about the data" in verdict.reason


@pytest.mark.parametrize(
    ("since", "until", "month", "applies"),
    [
        (None, None, Month(2000, 1), True),
        (Month(2023, 2), None, Month(2023, 1), False),
        (Month(2023, 2), None, Month(2023, 2), True),
        (None, Month(2023, 2), Month(2023, 2), True),
        (None, Month(2023, 2), Month(2023, 3), False),
        (Month(2023, 1), Month(2023, 3), Month(2023, 2), True),
    ],
)
def test_a_check_speaks_of_the_months_of_its_era_both_ends_included(
    since: Month | None, until: Month | None, month: Month, *, applies: bool
) -> None:
    check = Check(code="c", expectation="e", arguments=(), since=since, until=until, reason="r")
    assert check.applies_to(month) is applies
