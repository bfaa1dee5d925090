"""What can be done about a rejected month: only what helps, and the same words everywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.attempts import FEBRUARY, RIDES
from tidemark.acceptances import Due
from tidemark.history import Acceptance
from tidemark.months import Month
from tidemark.remedies import after_acceptance, steps_after
from tidemark.verdict import Finding, Severity

MONTH = RIDES.partition(FEBRUARY)
VOLUME, DAYS, TOTAL = "RIDES-VOLUME", "RIDES-AT-DAYS", "RIDES-PRICE-TOTAL"


MARCH = Month(2023, 3)


def finding(code: str, *, errored: bool = False, observed: str = "b") -> Finding:
    return Finding(
        code=code,
        severity=Severity.REJECT,
        passed=False,
        errored=errored,
        expected="a",
        observed=observed,
        reason="So.",
    )


def told(*findings: Finding) -> str:
    return "\n".join(f"{step}." for step in steps_after(MONTH, findings))


def test_one_check_that_stops_a_month_can_be_accepted_or_released_or_mended() -> None:
    assert told(finding(DAYS)).splitlines() == [
        (
            "If its rows are wrong, the source has to publish the month again: "
            "tidemark backfill rides 2023-02 then takes it."
        ),
        (
            'If this month is right as it is: tidemark release rides 2023-02 --by NAME --reason "…" '
            "publishes this month alone, whatever stops it."
        ),
        (
            "If the world has changed, and later months will be so too: tidemark accept rides RIDES-AT-DAYS "
            '--from 2023-02 --to 2023-02 --reason "…" lets RIDES-AT-DAYS warn there (a later --to if it lasts).'
        ),
    ]


def test_of_several_checks_all_have_to_be_accepted() -> None:
    last = told(finding(DAYS), finding(TOTAL)).splitlines()[-1]
    assert "tidemark accept rides RIDES-AT-DAYS " in last
    assert "and the same for RIDES-PRICE-TOTAL: all that stop the month have to be accepted (a later" in last


def test_a_collapse_is_accepted_first_as_other_checks_may_follow_from_it() -> None:
    last = told(finding(DAYS), finding(VOLUME)).splitlines()[-1]
    assert "tidemark accept rides RIDES-VOLUME " in last
    assert "the same for RIDES-AT-DAYS" in last
    assert "but for what only follows from the volume" in last


def test_of_many_checks_some_are_named_and_the_others_counted() -> None:
    codes = [finding(f"RIDES-{letter}") for letter in "ABCDEFG"]
    assert "for RIDES-B, RIDES-C, RIDES-D, RIDES-E and 2 more: all" in told(*codes)


def test_nothing_is_to_be_accepted_while_a_check_could_not_run() -> None:
    both = told(finding(DAYS), finding("RIDES-PROFILE", errored=True))
    alone = told(finding("RIDES-PROFILE", errored=True))
    assert "tidemark accept" not in both + alone
    assert "tidemark release" in both
    assert "tidemark backfill rides 2023-02 --mode rejected then judges the month again" in both
    assert alone.count("tidemark ") == 1


@pytest.mark.parametrize("code", ["RIDES-STALE", "RIDES-DUPLICATES", "RIDES-AT-STRAYS", "RIDES-AT-IN-MONTH"])
def test_a_wrong_file_is_never_to_be_accepted(code: str) -> None:
    for said in (told(finding(code)), told(finding(DAYS), finding(code))):
        assert "tidemark accept" not in said
        assert "tidemark release rides 2023-02" in said


def test_the_rows_of_another_month_say_whose_file_it_is() -> None:
    stale = finding("RIDES-STALE", observed="the same rows as in 2019-05, whatever their times say")
    first, *_ = told(stale).splitlines()
    assert first == (
        "This is 2019-05's file: ask the publisher for 2023-02's: tidemark backfill rides 2023-02 then takes it."
    )


def test_strays_beside_a_collapse_leave_the_collapse_to_be_accepted() -> None:
    assert "tidemark accept rides RIDES-VOLUME " in told(finding("RIDES-AT-STRAYS"), finding(VOLUME))


def test_a_month_without_rows_is_neither_released_nor_accepted() -> None:
    said = told(finding("RIDES-ROWS"))
    assert "the source has to publish the month again" in said
    assert "tidemark release" not in said
    assert "tidemark accept" not in said


# ---- after an acceptance


def accepted(code: str = DAYS) -> Acceptance:
    at = datetime(2023, 5, 1, tzinfo=UTC)
    return Acceptance(dataset="rides", code=code, first=FEBRUARY, last=MARCH, by="Ana", reason="So.", at=at, rows=9)


def after(*due: Due, code: str = DAYS) -> str:
    return "\n".join(after_acceptance(accepted(code), due))


def test_months_that_nothing_else_stops_are_due_again() -> None:
    assert after(Due(month=MARCH, others=())) == "2023-03 is due again: tidemark backfill rides 2023-03"
    assert after(*(Due(month=month, others=()) for month in (FEBRUARY, MARCH))) == (
        "2 months, 2023-02 to 2023-03, are due again: tidemark backfill rides 2023-02 2023-03"
    )


def test_months_that_other_checks_stop_stay_rejected_until_these_are_accepted() -> None:
    said = after(*(Due(month=month, others=(TOTAL, "RIDES-X")) for month in (FEBRUARY, MARCH)))
    assert said == (
        "2 months, 2023-02 to 2023-03, stay rejected by RIDES-PRICE-TOTAL, RIDES-X: accept these too, or release: "
        'tidemark release rides 2023-02 --by NAME --reason "…"'
    )


def test_a_check_that_could_not_run_is_mended_and_not_accepted() -> None:
    said = after(Due(month=FEBRUARY, others=(TOTAL, "RIDES-HISTORY"), unable=("RIDES-HISTORY",)))
    assert "RIDES-HISTORY could not run, which no acceptance helps with" in said
    assert "tidemark backfill rides 2023-02 --mode rejected" in said
    assert "accept these too" not in said


def test_a_wrong_file_stays_rejected_whatever_is_accepted() -> None:
    said = after(Due(month=FEBRUARY, others=("RIDES-STALE",)))
    assert "which no acceptance explains: ask the publisher" in said
    assert "accept these too" not in said


def test_what_may_follow_from_the_volume_is_judged_again_first() -> None:
    said = after(Due(month=FEBRUARY, others=(TOTAL,)), code=VOLUME)
    assert "unless that only follows from the volume: tidemark backfill rides 2023-02 says" in said


def test_months_are_told_together_only_where_the_same_stops_them() -> None:
    said = after(Due(month=FEBRUARY, others=(TOTAL,)), Due(month=MARCH, others=()))
    assert [line.split()[0] for line in said.splitlines()] == ["2023-03", "2023-02"]


def test_a_step_reads_as_a_sentence() -> None:
    step = replace(steps_after(MONTH, [finding(DAYS)])[0], when="Now", command="tidemark status", then="tells")
    assert str(step) == "Now: tidemark status tells"
