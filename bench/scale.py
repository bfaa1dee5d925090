"""How large a benchmark is: the real one, and the small one that compares ratios."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Sizes of what is loaded, and how often.

    ``to_sql_part``: one in so many rows is given to ``to_sql``, and its seconds are multiplied. ``repeats``: of every
    measurement but those that say otherwise.
    """

    rows: int
    repeats: int
    to_sql_part: int
    memory_repeats: int
    tenfold_rows: int
    tiny_rows: int = 2_000
    tiny_months: int = 24
    tiny_window: int = 4
    ledger_months: int = 250
    noop_months: int = 200


FULL = Scale(rows=1_369_769, repeats=7, to_sql_part=10, memory_repeats=3, tenfold_rows=13_697_690)
SMALL = Scale(rows=200_000, repeats=3, to_sql_part=40, memory_repeats=1, tenfold_rows=2_000_000)
