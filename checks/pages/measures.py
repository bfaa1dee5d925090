"""The numbers of an evidence page's charts, from the month's profile and those of the months before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tidemark.history import History
from tidemark.months import Month
from tidemark.profile import Profile
from tidemark.profile.values import QUANTILES

MONTHS = 24  # of a chart
LAST_MONTHS = 6  # that say what a weekday usually has

Measure = Callable[[Profile], float | None]


def usual_days(month: Month, days: Sequence[int], history: History) -> list[tuple[int, int]]:
    """Return for each day the least and the most rows that its weekday had in the last months; empty without any."""
    seen: dict[int, list[int]] = {}
    for past in history.months[-LAST_MONTHS:]:
        grid = past.profile.grid
        for place, count in enumerate(grid.days if grid else ()):
            seen.setdefault((past.month.first_day.weekday() + place) % 7, []).append(count)
    if len(seen) < 7:
        return []
    weekdays = [(month.first_day.weekday() + place) % 7 for place in range(len(days))]
    return [(min(seen[day]), max(seen[day])) for day in weekdays]


def by_month(month: Month, profile: Profile, history: History, measure: Measure) -> list[tuple[str, float]]:
    """Return a number of each month before and, as the last one, of this month; empty where this one has none."""
    now = measure(profile)
    if now is None:
        return []
    before = [(str(past.month), measure(past.profile)) for past in history.months[-MONTHS:]]
    return [*((name, value) for name, value in before if value is not None), (str(month), now)]


def measure_of(code: str, column: str | None) -> tuple[str, Measure]:
    """Return what a chart of a finding shows, in words, and how it is read from a profile."""
    if code.endswith("-DUPLICATES"):
        return "rows that are there twice", lambda profile: profile.duplicates
    if column is None:
        return "rows of the month", lambda profile: profile.rows
    if code.endswith(("-STRAYS", "-IN-MONTH")):
        return "rows outside of their month", lambda profile: profile.grid.outside if profile.grid else None
    if code.endswith("-TOTAL"):
        return f"rows where {column} is not the sum of its parts, in %", _wrong_totals
    if code.endswith(("-PRESENT", "-NULLS")):
        return f"empty values of {column}, in % of the rows", lambda profile: _nulls(profile, column)
    if code.endswith("-SHARES"):
        return f"zeros and values below 0 of {column}, in % of its numbers", lambda profile: _not_above(profile, column)
    if "-PER-" in code:
        below = code.rsplit("-PER-", 1)[1].replace("-", "_").lower()
        by = "the seconds that it took" if below == "elapsed" else below
        what = f"median of {column} divided by {by}, of the rows where both are above 0"
        return what, lambda profile: _ratio(profile, code, column)
    if code.endswith(("-QUANTILES", "-RANGE")):
        return f"{column}: 95 % of its numbers are at most this", lambda profile: _quantile(profile, column, 0.95)
    return f"median of all numbers of {column}, zeros too", lambda profile: _quantile(profile, column, 0.5)


def _nulls(profile: Profile, column: str) -> float | None:
    if column not in profile.nulls or not profile.rows:
        return None
    return 100 * profile.nulls[column] / profile.rows


def _not_above(profile: Profile, column: str) -> float | None:
    numbers = profile.numbers.get(column)
    return 100 * (numbers.zeros + numbers.negatives) / numbers.numbers if numbers and numbers.numbers else None


def _quantile(profile: Profile, name: str, share: float) -> float | None:
    numbers = profile.numbers.get(name)
    return numbers.quantiles[QUANTILES.index(share)] if numbers and numbers.numbers else None


def _ratio(profile: Profile, code: str, column: str) -> float | None:
    """Return the median of the ratio that a code such as ``GREEN-FARE-AMOUNT-PER-ELAPSED`` names."""
    by_elapsed = code.endswith("-ELAPSED")
    for name in profile.numbers:
        above, divided, below = name.partition(" / ")
        fits = " - " in below if by_elapsed else code.endswith(below.replace("_", "-").upper())
        if divided and above == column and fits:
            return _quantile(profile, name, 0.5)
    return None


def _wrong_totals(profile: Profile) -> float | None:
    return 100 * profile.total.wrong / profile.total.rows if profile.total and profile.total.rows else None
