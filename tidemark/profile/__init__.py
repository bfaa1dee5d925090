"""The profile of a month: statistics of exactly the rows that staging loads, from which the gate knows an odd month."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What a month's rows look like; ``rows``: how many there are."""

    rows: int
