"""What a month is compared with: the profiles of the months before it, and what people have decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tidemark.months import Month

if TYPE_CHECKING:
    from tidemark.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class PastMonth:
    """A published month and its profile.

    ``rejected_codes``: the checks whose findings would have rejected it, had nobody accepted or released them; it is no
    baseline for them outside of a known change. ``released_codes``: those of them that a person let pass for this month
    alone; it is no baseline for them anywhere.
    """

    month: Month
    load_id: int
    profile: Profile
    rejected_codes: frozenset[str] = frozenset()
    released_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """A known change, on record: from ``first`` to ``last`` (none: for good) a check warns where it would reject.

    ``rows``: of the last load of these months that the check had rejected when the change was accepted, which tells a
    rise of the volume from a fall; none: nothing was rejected yet.
    """

    dataset: str
    code: str
    first: Month
    last: Month | None
    by: str
    reason: str
    at: datetime
    rows: int | None = None

    def covers(self, month: Month) -> bool:
        return self.first <= month and (self.last is None or month <= self.last)


class DecisionKind(StrEnum):
    """``release``: a rejected month is published all the same. ``reject``: a published month goes to the quarantine."""

    RELEASE = "release"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A person's word on one month, carried out by an attempt of its own.

    ``judged_load``: the load whose rows it is about. ``codes``: the checks that had rejected them.
    """

    kind: DecisionKind
    judged_load: int
    codes: tuple[str, ...]
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The published months of a dataset before one month, the oldest first, and the acceptances of the dataset."""

    months: tuple[PastMonth, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()

    def acceptance_of(self, code: str, month: Month) -> Acceptance | None:
        """Return the change that a month belongs to: where one began within another, the later one."""
        covering = (a for a in self.acceptances if a.code == code and a.covers(month))
        return max(covering, key=lambda change: change.first, default=None)

    def months_of_change(self, code: str, month: Month) -> tuple[PastMonth, ...]:
        """Return the months of the accepted change that a month belongs to; none while they are fewer than ``ENOUGH``.

        What a person released one by one is not what was accepted.
        """
        change = self.acceptance_of(code, month)
        if change is None:
            return ()
        same = tuple(
            past
            for past in self.months
            if code not in past.released_codes and self.acceptance_of(code, past.month) == change
        )
        return same if len(same) >= ENOUGH else ()

    def usual_months(self, code: str) -> tuple[PastMonth, ...]:
        """Return the months outside of every change of a check, and without those that it would have rejected."""
        return tuple(
            past
            for past in self.months
            if code not in past.rejected_codes and self.acceptance_of(code, past.month) is None
        )

    def baseline_of(self, code: str, month: Month) -> tuple[PastMonth, ...]:
        """Return the months that a check compares this month with: those of its change, or the usual ones."""
        return self.months_of_change(code, month) or self.usual_months(code)


ENOUGH = 3  # months, from which on others are compared with them


def command_to_accept(dataset: str, code: str, month: Month) -> str:
    """Return the command that puts a change of one month on record as known, for people to complete."""
    return f'tidemark accept {dataset} {code} --from {month} --to {month} --reason "…"'


LONGER = "a later --to if it lasts"


def may_be_known(code: str) -> bool:
    """Whether a failed check tells of something that happens in the world, such as a collapse of traffic."""
    return code.endswith("-VOLUME")
