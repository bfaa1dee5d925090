"""What a person can do about a month that the gate rejects: the same on every page and in every message. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidemark.history import LONGER, command_to_accept, may_be_known
from tidemark.partition import Partition
from tidemark.verdict import Finding

NAMED = 4  # codes in a sentence


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
    about_data = [finding.code for finding in blocking if not finding.errored]
    if len(about_data) < len(blocking):
        yield Step(
            when="A check could not run, which says nothing about the data; mend what it says",
            command=f"tidemark backfill {partition} --mode rejected",
            then="then judges the month again",
        )
    if not about_data:
        return
    yield Step(
        when="If its rows are wrong, the source has to publish the month again",
        command=f"tidemark backfill {partition}",
        then="then takes it",
    )
    yield Step(
        when="If this month is right as it is",
        command=f'tidemark release {partition} --by NAME --reason "…"',
        then="publishes this month alone, whatever stops it",
    )
    if len(about_data) == len(blocking):
        yield _acceptance(partition, about_data)


def _acceptance(partition: Partition, codes: list[str]) -> Step:
    first = next(filter(may_be_known, codes), codes[0])
    others = [code for code in codes if code != first]
    when = "If the world has changed, and later months will be so too"
    then = f"lets {first} warn there ({LONGER})"
    if others:
        named = ", ".join(others[:NAMED]) + (f" and {len(others) - NAMED} more" if len(others) > NAMED else "")
        follows = ", but for what only follows from the volume" if may_be_known(first) else ""
        then = f"and the same for {named}: all that stop the month have to be accepted{follows} ({LONGER})"
    return Step(when=when, command=command_to_accept(partition.dataset, first, partition.month), then=then)
