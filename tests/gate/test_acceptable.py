"""What no acceptance can help with is refused, with what would."""

from __future__ import annotations

import pytest

from checks.acceptable import check_acceptable
from tidemark.acceptances import Change
from tidemark.datasets import green
from tidemark.errors import UsageError
from tidemark.months import Month

MARCH = Month(2023, 3)


def refused(code: str, first: Month = MARCH, last: Month | None = MARCH) -> UsageError:
    with pytest.raises(UsageError) as raised:
        check_acceptable(green.DATASET, Change(code=code, first=first, last=last))
    assert raised.value.code == "not-acceptable"
    return raised.value


@pytest.mark.parametrize("code", ["missing-column", "lossy-type", "html", "truncated"])
def test_what_is_refused_before_the_gate_is_for_the_publisher_or_the_module(code: str) -> None:
    error = refused(code)
    assert error.message == f"{code} is no check of the gate: such a file is refused before its rows can be judged."
    assert "publisher" in error.remedy
    assert "tidemark explain green MONTH" in error.remedy


@pytest.mark.parametrize("code", ["GREEN-PROFILE", "GREEN-SUITE", "GREEN-STAGED-ROWS"])
def test_what_the_gate_says_of_itself_is_mended_and_judged_again(code: str) -> None:
    assert "--mode rejected" in refused(code).remedy


def test_a_persons_rejection_is_released_not_accepted() -> None:
    assert "tidemark release green MONTH" in refused("GREEN-REJECTED").remedy


def test_rows_without_their_columns_are_never_accepted() -> None:
    assert "module of green" in refused("GREEN-COLUMNS").remedy


def test_a_check_that_only_warns_needs_no_acceptance() -> None:
    assert "GREEN-COLUMNS-NEW only warns" in refused("GREEN-COLUMNS-NEW").message


@pytest.mark.parametrize("last", [MARCH, None])
def test_months_that_a_check_does_not_speak_of_are_refused(last: Month | None) -> None:
    assert "until 2016-06" in refused("GREEN-PICKUP-LONGITUDE-RANGE", last=last).message


@pytest.mark.parametrize("code", ["GREEN-VOLUME", "GREEN-PICKUP-IN-MONTH", "GREEN-PICKUP-DATETIME-DAYS"])
def test_what_rejects_for_its_rows_is_taken(code: str) -> None:
    check_acceptable(green.DATASET, Change(code=code, first=MARCH, last=None))


@pytest.mark.parametrize("code", ["GREEN-NOTHING", "green-volume"])
def test_whether_there_is_such_a_check_is_asked_elsewhere(code: str) -> None:
    check_acceptable(green.DATASET, Change(code=code, first=MARCH, last=None))
