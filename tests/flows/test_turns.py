"""The turns of months at the gate: the oldest first, whichever was quicker."""

from __future__ import annotations

import asyncio

from flows.turns import Turns, in_turn, my_turn
from tidemark.months import Month, months_between

MONTHS = months_between(Month(2023, 1), Month(2023, 4))


async def judged_in_order(turns: Turns | None, quick: tuple[Month, ...]) -> list[Month]:
    """Load all months at once, those that are ``quick`` first, and return them as they came to the gate."""
    judged: list[Month] = []

    async def load(month: Month) -> None:
        for _ in range(0 if month in quick else 5):
            await asyncio.sleep(0)
        await my_turn(month)
        judged.append(month)
        await asyncio.sleep(0)
        if turns is not None:
            turns.is_over(month)

    with in_turn(turns):
        async with asyncio.TaskGroup() as group:
            for month in MONTHS:
                group.create_task(load(month))
    return judged


def test_months_come_to_the_gate_in_their_order() -> None:
    judged = asyncio.run(judged_in_order(Turns(MONTHS), quick=MONTHS[2:]))
    assert judged == list(MONTHS)


def test_without_turns_the_quicker_ones_come_first() -> None:
    judged = asyncio.run(judged_in_order(None, quick=MONTHS[2:]))
    assert judged == [*MONTHS[2:], *MONTHS[:2]]


def test_a_month_that_is_over_without_having_been_judged_holds_nobody_up() -> None:
    async def play() -> None:
        turns = Turns(MONTHS[:2])
        turns.is_over(MONTHS[0])
        await asyncio.wait_for(turns.wait(MONTHS[1]), timeout=10)

    asyncio.run(play())
