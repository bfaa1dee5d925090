"""Months: what is one, their order, their ranges, and when one is expected."""

from __future__ import annotations

from datetime import date

import pytest

from tidemark.errors import UsageError
from tidemark.months import Month, expected_by, months_between


@pytest.mark.parametrize("text", ["0001-01", "2009-01", "2023-02", "2023-12", "9000-12"])
def test_a_month_reads_as_it_is_written(text: str) -> None:
    assert str(Month.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023",
        "2023-2",
        "2023-00",
        "2023-13",
        "0000-01",
        "23-02",
        "2023-02-01",
        "2023/02",
        "2023-02\n",
        " 2023-02",
        "-2023-02",
        "２０２３-02",  # digits, but not those of ASCII
        "9999-12",  # no day comes after it
        "x" * 1000,
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Month.parse(text)
    assert caught.value.code == "bad-month"
    assert "2023-02" in caught.value.remedy
    assert len(caught.value.message) < 80


def test_months_are_ordered_in_time() -> None:
    months = [Month(2023, 10), Month(2023, 2), Month(2022, 12)]
    assert sorted(months) == [Month(2022, 12), Month(2023, 2), Month(2023, 10)]


def test_december_is_followed_by_january() -> None:
    assert Month(2022, 12).next == Month(2023, 1)
    assert Month(2023, 1).next == Month(2023, 2)


def test_a_day_is_in_its_month() -> None:
    assert Month.of(date(2024, 2, 29)) == Month(2024, 2)
    assert Month(2024, 2).first_day == date(2024, 2, 1)


def test_the_key_of_the_lock_is_year_and_month() -> None:
    assert Month(2023, 2).yyyymm == 202302
    assert Month(2023, 12).yyyymm == 202312


def test_a_range_has_both_its_ends_and_every_month_between() -> None:
    assert [str(month) for month in months_between(Month(2022, 11), Month(2023, 2))] == [
        "2022-11",
        "2022-12",
        "2023-01",
        "2023-02",
    ]
    assert months_between(Month(2023, 2), Month(2023, 2)) == (Month(2023, 2),)


def test_a_range_the_wrong_way_round_is_refused_and_turned() -> None:
    with pytest.raises(UsageError) as caught:
        months_between(Month(2023, 2), Month(2023, 1))
    assert caught.value.code == "bad-range"
    assert "2023-01 2023-02" in caught.value.remedy


@pytest.mark.parametrize(
    ("month", "lag_days", "day"),
    [
        (Month(2023, 2), 0, date(2023, 3, 1)),
        (Month(2023, 2), 90, date(2023, 5, 30)),
        (Month(2024, 1), 29, date(2024, 3, 1)),
        (Month(2023, 12), 31, date(2024, 2, 1)),
        (Month(9000, 12), 3650, date(9010, 12, 30)),
    ],
)
def test_a_month_is_expected_its_lag_after_its_end(month: Month, lag_days: int, day: date) -> None:
    assert expected_by(month, lag_days) == day
