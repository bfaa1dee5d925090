"""The band that the months before set for a number of this month."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from checks.history.limits import MANY, NEEDED
from checks.history.signals import months_apart
from tidemark.history import PastMonth
from tidemark.months import Month

SIGMA = 1.4826  # standard deviations to a median absolute deviation, where values are distributed normally
SURE = 3.0  # standard errors of sampling that are put down to chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """From ``low`` to ``high`` is what months did before; ``slack`` is how far beyond a month may be all the same."""

    low: float
    high: float
    slack: float

    def above(self, value: float) -> float:
        return max(value - self.high, 0.0)

    def below(self, value: float) -> float:
        return max(self.low - value, 0.0)


def band(values: Sequence[float], *, past: Sequence[PastMonth], month: Month, error: float = 0.0) -> Band:
    """Return the range of the values of past months, without those that are far from most; the last one is always in
    it, as a change that was published is there to stay, and so is the one of a year ago, as seasons come again.

    ``error``: the standard error of sampling. The slack grows with how the months differ, with how few they are,
    and with how long ago the last one was.
    """
    middle = median(values)
    spread = SIGMA * median(abs(value - middle) for value in values)
    near = [value for value in values if abs(value - middle) <= 6 * spread + 3 * error]
    near += [values[-1], *(values[place] for place in a_year_ago(past, month))]
    return Band(low=min(near), high=max(near), slack=spread * widening(past, month) + SURE * error)


def a_year_ago(past: Sequence[PastMonth], month: Month) -> list[int]:
    """Return the place of the same month of the year before; none where it is not known."""
    season = (month.year - 1, month.number)
    return [place for place, entry in enumerate(past) if (entry.month.year, entry.month.number) == season]


def widening(past: Sequence[PastMonth], month: Month) -> float:
    """Return by how much the difference between months counts: 0.5 with two years of months up to the last one.

    Three months know hardly how months differ: then it is 4. After a gap the differences have added up, as those of
    a random walk do.
    """
    few = 0.5 * MANY / min(max(len(past), NEEDED), MANY)
    gap = max(months_apart(past[-1].month, month), 1) if past else 1
    return few * math.sqrt(gap)


def gap_of(past: Sequence[PastMonth], month: Month) -> float:
    """Return how much further from the last month a shape may be after a gap: 1 without one, 2.5 after a year."""
    return 1 + 0.45 * (math.sqrt(max(months_apart(past[-1].month, month), 1)) - 1) * 1.35 if past else 1.0


def share_error(share: float, rows: int) -> float:
    """Return the standard error of a share that was seen in so many rows; never nothing, as one row is one row."""
    return math.sqrt(max(share * (1 - share), 1 / max(rows, 1)) / max(rows, 1))
