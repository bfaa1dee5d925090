"""Rows that are missing, and rows that are there twice."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.gate.cases import A, R, W, kind
from bench.gate.sheet import Sheet

_FIRST_LOST = 9  # the day of the month, from 0: a middle one, of no holiday


def hours_lost(hours: int, sheet: Sheet) -> Sheet:
    """Lose the rows of so many hours in a row; the first is 12:00 of the tenth day, or 0:00 if it is a day or more."""
    since = sheet.values("event").astype("datetime64[h]") - np.datetime64(sheet.month.first_day, "h")
    first = _FIRST_LOST * 24 + (12 if hours < 24 else 0)
    gone = (since.astype(np.int64) >= first) & (since.astype(np.int64) < first + hours)
    return sheet.kept(~gone)


def lost(share: float, sheet: Sheet) -> Sheet:
    return sheet.kept(~sheet.some(share))


def doubled(share: float, sheet: Sheet) -> Sheet:
    """Have this share of the rows twice, the second time at once after the first."""
    positions = np.arange(sheet.rows)
    return sheet.taken(np.sort(np.concatenate([positions, positions[sheet.some(share)]])))


CASES = (
    *kind(
        "days missing",
        {
            "6 hours": (W, partial(hours_lost, 6)),
            "1 day": (R, partial(hours_lost, 24)),
            "3 days": (R, partial(hours_lost, 72)),
            "10 days": (R, partial(hours_lost, 240)),
        },
    ),
    *kind(
        "random rows lost",
        {
            "10 %": (W, partial(lost, 0.1)),
            "30 %": (W, partial(lost, 0.3)),
            "50 %": (R, partial(lost, 0.5)),
            "90 %": (R, partial(lost, 0.9)),
        },
    ),
    *kind(
        "exact duplicates",
        {
            "0.1 %": (A, partial(doubled, 0.001)),
            "1 %": (W, partial(doubled, 0.01)),
            "5 %": (R, partial(doubled, 0.05)),
            "all": (R, partial(doubled, 1.0)),
        },
    ),
)
