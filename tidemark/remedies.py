"""What a person can do about a month that the gate rejects: the same on every page and in every message. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tidemark.history import LONGER, Acceptance, command_to_accept, may_be_known
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.verdict import Finding

if TYPE_CHECKING:
    from tidemark.acceptances import Due

NAMED = 4  # codes in a sentence

# what a file does and the world does not: no later month is right because of it
_STALE, _NO_ROWS = "-STALE", "-ROWS"
_OF_THE_FILE = (_STALE, _NO_ROWS, "-DUPLICATES")
_OF_OTHER_MONTHS = ("-STRAYS", "-IN-MONTH")  # some more of them can come with a collapse
_AS_IN = re.compile(r"the same rows as in (\d{4}-\d{2})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing to do: when it is the right one, the command, and what that does or needs."""

    when: str
    command: str
    then: str

    def __str__(self) -> str:
        return f"{self.when}: {self.command} {self.then}"


def steps_after(partition: Partition, blocking: Sequence[Finding]) -> tuple[Step, ...]:
    """Return what can be done about a month that these findings stop, the gravest first.

    ``accept`` is among it only where it can help; where several checks stop the month it says that all of them count.
    """
    return tuple(_steps(partition, blocking))


def _steps(partition: Partition, blocking: Sequence[Finding]) -> Iterator[Step]:
    about_data = [finding for finding in blocking if not finding.errored]
    codes = [finding.code for finding in about_data]
    if len(about_data) < len(blocking):
        yield Step(
            when="A check could not run, which says nothing about the data; mend what it says",
            command=f"tidemark backfill {partition} --mode rejected",
            then="then judges the month again",
        )
    if not about_data:
        return
    yield Step(
        when=_what_is_wrong(partition, about_data), command=f"tidemark backfill {partition}", then="then takes it"
    )
    if not any(code.endswith(_NO_ROWS) for code in codes):
        yield Step(
            when="If this month is right as it is",
            command=command_to_release(partition),
            then="publishes this month alone, whatever stops it",
        )
    if len(about_data) == len(blocking) and not _is_another_file(codes):
        yield _acceptance(partition, codes)


def command_to_release(partition: Partition) -> str:
    return f'tidemark release {partition} --by NAME --reason "…"'


def _what_is_wrong(partition: Partition, about_data: Sequence[Finding]) -> str:
    stale = (_AS_IN.search(finding.observed) for finding in about_data if finding.code.endswith(_STALE))
    for found in filter(None, stale):
        return f"This is {found[1]}'s file: ask the publisher for {partition.month}'s"
    return "If its rows are wrong, the source has to publish the month again"


def _is_another_file(codes: Sequence[str]) -> bool:
    """Whether the checks tell of a wrong file, which no change of the world explains."""
    if any(code.endswith(_OF_THE_FILE) for code in codes):
        return True
    return any(code.endswith(_OF_OTHER_MONTHS) for code in codes) and not any(map(may_be_known, codes))


def _acceptance(partition: Partition, codes: list[str]) -> Step:
    first = next(filter(may_be_known, codes), codes[0])
    others = [code for code in codes if code != first]
    when = "If the world has changed, and later months will be so too"
    then = f"lets {first} warn there ({LONGER})"
    if others:
        follows = ", but for what only follows from the volume" if may_be_known(first) else ""
        then = f"and the same for {_named(others)}: all that stop the month have to be accepted{follows} ({LONGER})"
    return Step(when=when, command=command_to_accept(partition.dataset, first, partition.month), then=then)


# ---- after an acceptance


def after_acceptance(accepted: Acceptance, due: Iterable[Due]) -> tuple[str, ...]:
    """Say what an acceptance changes for the months that its check had rejected; of those alike in one sentence."""
    grouped = groupby(sorted(due, key=lambda each: (each.others, each.unable)), lambda each: (each.others, each.unable))
    return tuple(_after(accepted, [each.month for each in same], others, unable) for (others, unable), same in grouped)


def _after(accepted: Acceptance, months: list[Month], others: tuple[str, ...], unable: tuple[str, ...]) -> str:
    again = f"tidemark backfill {accepted.dataset} {_range(months)}"
    if not others:
        return f"{_counted(months)} due again: {again}"
    told = f"{_counted(months, plural='stay', singular='stays')} rejected by {_named(others)}"
    first = Partition(accepted.dataset, months[0])
    if unable:
        return (
            f"{told}: {_named(unable)} could not run, which no acceptance helps with. tidemark explain {first} says "
            f"what to mend; then {again} --mode rejected"
        )
    if _is_another_file(others):
        return (
            f"{told}, which no acceptance explains: ask the publisher for a right file, or, if the rows are right, "
            f"release: {command_to_release(first)}"
        )
    if may_be_known(accepted.code):
        return f"{told}, unless that only follows from the volume: {again} says; what is left is to be accepted too"
    return f"{told}: accept these too, or release: {command_to_release(first)}"


def _counted(months: list[Month], *, plural: str = "are", singular: str = "is") -> str:
    said = f"{months[0]}" if len(months) == 1 else f"{len(months)} months, {months[0]} to {months[-1]},"
    return f"{said} {singular if len(months) == 1 else plural}"


def _range(months: list[Month]) -> str:
    return f"{months[0]}" if len(months) == 1 else f"{months[0]} {months[-1]}"


def _named(codes: Sequence[str]) -> str:
    return ", ".join(codes[:NAMED]) + (f" and {len(codes) - NAMED} more" if len(codes) > NAMED else "")
