"""Months: what a monthly dataset is partitioned by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from tidemark.errors import UsageError

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
MOST_MONTHS = 2400  # two centuries: a typing error in a year is no backfill of millennia
_LAST_YEAR = 9000  # a date ends with the year 9999, and a month is expected some time after its end


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month, ordered in time."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read a month such as ``2023-02``.

        Raises ``UsageError`` when the text is anything else.
        """
        match = _MONTH.fullmatch(text)
        if match is None or not 1 <= int(match[2]) <= 12 or not 1 <= int(match[1]) <= _LAST_YEAR:
            raise UsageError(
                f"{text[:40]!r} is not a month.",
                remedy=f"Write a month as YYYY-MM, from 0001-01 to {_LAST_YEAR}-12, for example 2023-02.",
                code="bad-month",
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def next(self) -> Month:
        return Month(self.year + 1, 1) if self.number == 12 else Month(self.year, self.number + 1)

    @property
    def yyyymm(self) -> int:
        """The month as one integer, e.g. 202302: the second key of its advisory lock."""
        return self.year * 100 + self.number

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def months_between(first: Month, last: Month) -> tuple[Month, ...]:
    """Return every month from ``first`` to ``last``, both included, oldest first.

    Raises ``UsageError`` when ``first`` is after ``last``, or more than ``MOST_MONTHS`` are between them.
    """
    if first > last:
        raise UsageError(
            f"The range is the wrong way round: {first} is after {last}.",
            remedy=f"Write the older month first: {last} {first}.",
            code="bad-range",
        )
    if (last.year - first.year) * 12 + last.number - first.number >= MOST_MONTHS:
        raise UsageError(
            f"The range from {first} to {last} has more than {MOST_MONTHS:,} months.",
            remedy="Write a shorter range.",
            code="bad-range",
        )
    months = [first]
    while months[-1] < last:
        months.append(months[-1].next)
    return tuple(months)


def expected_by(month: Month, lag_days: int) -> date:
    """Return the day by which a month should be out: its end plus the dataset's publication lag in days."""
    return month.next.first_day + timedelta(days=lag_days)
