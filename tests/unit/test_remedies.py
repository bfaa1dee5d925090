"""What can be done about a rejected month: only what helps, and the same words everywhere."""

from __future__ import annotations

from dataclasses import replace

from tests.attempts import FEBRUARY, RIDES
from tidemark.remedies import steps_after
from tidemark.verdict import Finding, Severity

MONTH = RIDES.partition(FEBRUARY)
VOLUME, DAYS, TOTAL = "RIDES-VOLUME", "RIDES-AT-DAYS", "RIDES-PRICE-TOTAL"


def finding(code: str, *, errored: bool = False) -> Finding:
    return Finding(
        code=code, severity=Severity.REJECT, passed=False, errored=errored, expected="a", observed="b", reason="So."
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


def test_a_step_reads_as_a_sentence() -> None:
    step = replace(steps_after(MONTH, [finding(DAYS)])[0], when="Now", command="tidemark status", then="tells")
    assert str(step) == "Now: tidemark status tells"
