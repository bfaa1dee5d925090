"""What the parts of the history checks report: how far something is from what it was, in units of its limits."""

from __future__ import annotations

from dataclasses import dataclass

from checks.history.limits import Limit
from tidemark.datasets.base import Dataset
from tidemark.history import History, PastMonth
from tidemark.months import Month
from tidemark.profile import Profile

Place = tuple[str, str | None]  # the theme and the column of a check


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One comparison. ``warn`` and ``reject``: how many times over each limit the month is; from 1 on it is beyond.

    ``of``: the columns that may be guilty, where there are several. ``swapped``: two of them were swapped in some rows.
    ``guilty``: which of them it is, as far as the other signals tell. ``rise``: there is more than expected.
    ``habit``: other people at other hours move it too, so it follows from a collapse of the volume.
    ``word``: why it only warns, though it was beyond the limit; empty: it does what it says.
    """

    theme: str
    column: str | None
    warn: float
    reject: float
    expected: str
    observed: str
    of: tuple[str, ...] = ()
    swapped: bool = False
    guilty: str | None = None
    rise: bool = False
    habit: bool = False
    word: str = ""

    @property
    def gravity(self) -> float:
        if self.warn < 1 and self.reject < 1:
            return 0.0
        return min(self.reject, 100.0) if self.reject >= 1 else 0.3 + 0.69 * max(self.reject, 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A month that is judged, and what is known of the months before.

    ``usual``: it is compared with the usual months, also where it belongs to an accepted change with months enough.
    """

    dataset: Dataset
    month: Month
    profile: Profile
    history: History
    usual: bool = False

    def past(self, theme: str, column: str | None = None) -> tuple[PastMonth, ...]:
        code = code_of(self.dataset.name, theme, column)
        return self.history.usual_months(code) if self.usual else self.history.baseline_of(code, self.month)

    def column_of(self, name: str) -> str:
        """Return the column that numbers are judged under: of a time between two, that which is not the event's."""
        of = self.profile.numbers[name].of if name in self.profile.numbers else (name,)
        return next((column for column in of if column != self.dataset.event_column), of[0])


def code_of(dataset: str, theme: str, column: str | None = None) -> str:
    """Return a code such as ``GREEN-FARE-AMOUNT-NULLS``."""
    words = (dataset, theme) if column is None else (dataset, column, theme)
    return "-".join(words).replace("_", "-").upper()


def signal(
    theme: str,
    column: str | None,
    distance: float,
    limit: Limit,
    *,
    slack: float = 0.0,
    expected: str,
    observed: str,
    of: tuple[str, ...] = (),
) -> Signal:
    """Weigh a distance against a limit; ``slack`` widens both sides of it: sampling error, and how months differ."""
    return Signal(
        theme=theme,
        column=column,
        warn=distance / (limit.warn + slack),
        reject=distance / (limit.reject + slack),
        expected=expected,
        observed=observed,
        of=of,
    )


def span(past: tuple[PastMonth, ...]) -> str:
    """Say which months were compared with."""
    if len(past) == 1:
        return f"as in {past[0].month}"
    return f"from {past[0].month} to {past[-1].month}"


def months_apart(earlier: Month, later: Month) -> int:
    return (later.year - earlier.year) * 12 + later.number - earlier.number
