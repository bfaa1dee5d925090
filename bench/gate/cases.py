"""What a case is: a way to corrupt a month, how much of it, and the verdict that a person would give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import partial

from bench.gate.sheet import ROLES, Sheet


class Said(IntEnum):
    """A verdict, the graver the higher: of a person, of the gate or of what stands beside it."""

    ACCEPT = 0
    WARN = 1
    REJECT = 2

    @property
    def letter(self) -> str:
        return "AWR"[self]


A, W, R = Said.ACCEPT, Said.WARN, Said.REJECT


class Group(StrEnum):
    """How well those who made the gate knew a kind.

    ``LISTED``: it was on the list that they worked from. ``LOOKED_AT``: it was written as a surprise, but what the gate
    said of it was then looked at and the gate was made better. ``UNSEEN``: they never knew of it.
    """

    LISTED = "listed"
    LOOKED_AT = "looked at"
    UNSEEN = "unseen"


Corruption = Callable[[Sheet], Sheet | bytes]  # another table, or the bytes of a file that may be none


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A kind of corruption at one magnitude.

    ``fair``: the verdicts that a person would call right. ``guilty``: the roles of the columns of which one should be
    named first; none where no column is to blame. ``size``: orders the magnitudes of a kind, from the smallest.
    """

    kind: str
    magnitude: str
    size: int
    fair: frozenset[Said]
    make: Corruption
    guilty: tuple[str, ...]
    needs: tuple[str, ...]
    group: Group
    why: str

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.magnitude}" if self.magnitude else self.kind

    @property
    def gravest(self) -> Said:
        """The verdict that it is scored by: benign kinds, where a warning is fair too, by acceptance."""
        return max(self.fair) if min(self.fair) is not A else A

    def fits(self, sheet: Sheet) -> bool:
        """Whether the dataset has the columns that it needs."""
        known = ROLES[sheet.dataset.name]
        return all(role in known and known[role] in sheet.names for role in self.needs)


Steps = Mapping[str, tuple[Said | tuple[Said, ...], Corruption]]


def kind(
    name: str,
    steps: Steps,
    *,
    guilty: tuple[str, ...] = (),
    needs: tuple[str, ...] | None = None,
    group: Group = Group.LISTED,
    why: str = "",
) -> tuple[Case, ...]:
    """Return the cases of one kind, from the smallest magnitude to the largest; it needs the guilty ones by default."""
    return tuple(
        Case(
            kind=name,
            magnitude=magnitude,
            size=size,
            fair=frozenset((said,) if isinstance(said, Said) else said),
            make=make,
            guilty=guilty,
            needs=guilty if needs is None else needs,
            group=group,
            why=why,
        )
        for size, (magnitude, (said, make)) in enumerate(steps.items())
    )


looked_at = partial(kind, group=Group.LOOKED_AT)
unseen = partial(kind, group=Group.UNSEEN)
