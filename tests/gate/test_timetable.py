"""Lost days and hours as a table: each day of the month with what was due, the odd ones first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.evidence import gather
from checks.history import history_checks
from checks.timetable import table_of_days, table_of_hours
from tests.gate.test_pages import STAGED
from tests.rides import RIDES
from tidemark.months import Month
from tidemark.profile import Grid, Profile
from tidemark.settings import Secret
from tidemark.verdict import Finding, Severity

FEBRUARY = Month(2023, 2)  # begins on a Wednesday, and has four of each weekday
NOWHERE = Secret("postgresql://127.0.0.1:1/none")


def grid(*, lost: dict[int, range] | None = None, twice: tuple[int, ...] = (), hours: tuple[int, ...] = ()) -> Grid:
    """Ten rows in each hour, but for the hours that a day has lost and those that come twice on every day."""
    lost = lost or {}
    cells = tuple(
        0 if hour in lost.get(day, ()) or hour in hours else 20 if hour in twice else 10
        for day in range(1, 29)
        for hour in range(24)
    )
    return Grid(hours=cells, outside=0, nulls=0, days_of={}, hours_of={}, whole_minutes={}, times={})


def test_a_lost_day_comes_first_and_every_day_is_there() -> None:
    rows = table_of_days(FEBRUARY, grid(lost={9: range(24)}))
    assert rows[0] == {
        "day": "2023-02-09 Thu", "rows": 0, "expected": 240, "hours without rows": "00:00 to 24:00",
    }  # fmt: skip
    assert len({row["day"] for row in rows}) == 28
    assert [row["rows"] for row in rows[1:]] == [240] * 27
    assert {row["hours without rows"] for row in rows[1:]} == {None}


def test_days_with_lost_hours_come_first_with_these_hours() -> None:
    rows = table_of_days(FEBRUARY, grid(lost={3: range(10, 15), 20: range(2, 3)}))
    assert [(row["day"], row["rows"], row["hours without rows"]) for row in rows[:3]] == [
        ("2023-02-03 Fri", 190, "10:00 to 15:00"),
        ("2023-02-20 Mon", 230, "02:00 to 03:00"),
        ("2023-02-01 Wed", 240, None),
    ]


def test_a_day_that_came_twice_is_odd_too() -> None:
    doubled = grid()
    cells = tuple(20 if 24 * 4 <= place < 24 * 5 else count for place, count in enumerate(doubled.hours))
    first = table_of_days(FEBRUARY, replace(doubled, hours=cells))[0]
    assert (first["day"], first["rows"], first["expected"]) == ("2023-02-05 Sun", 480, 300)


@pytest.mark.parametrize(("changed", "rows"), [({"hours": (3,)}, 0), ({"twice": (3,)}, 560)])
def test_an_hour_that_is_odd_on_every_day_is_the_first_hour_of_the_day(
    changed: dict[str, tuple[int, ...]], rows: int
) -> None:
    first, *others = table_of_hours(grid(**changed))  # type: ignore[arg-type]  # hours alone are changed here
    assert first == {"hour": "03:00", "rows": rows, "beside": 280}
    assert len(others) == 23


@pytest.mark.parametrize(
    ("code", "observed", "named"),
    [
        ("RIDES-AT-DAYS", "0 rows on 2023-02-09", "day"),
        ("RIDES-AT-HOURS", "no rows for 24 hours from 2023-02-09 00:00 on", "day"),
        ("RIDES-AT-HOURS", "0 rows", "hour"),
    ],
)
def test_the_profile_shows_it_without_a_database(code: str, observed: str, named: str) -> None:
    finding = Finding(
        code=code, severity=Severity.REJECT, passed=False, column="at", expected="", observed=observed, reason=""
    )
    profile = Profile(rows=27 * 240, nulls={}, grid=grid(lost={9: range(24)}))
    (shown,) = gather(NOWHERE, RIDES, STAGED, history_checks(RIDES), [finding], profile)
    assert shown.code == code
    assert next(iter(shown.rows[0])) == named


def test_a_day_without_rows_is_no_reason_to_show_the_others_of_a_check_that_passed() -> None:
    profile = Profile(rows=1, nulls={}, grid=grid())
    held = Finding(code="RIDES-AT-DAYS", severity=Severity.REJECT, passed=True, expected="", observed="", reason="")
    assert gather(NOWHERE, RIDES, STAGED, history_checks(RIDES), [held], profile) == ()
