"""Rows that are missing or there twice; times of another month, of another zone, and the wrong way round."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.gate.cases import A, R, W, kind
from bench.gate.sheet import Flags, Sheet

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


TIMES = ("event", "end", "request_datetime", "on_scene_datetime")


def moved(sheet: Sheet, by: np.timedelta64 | NDArray[np.timedelta64], where: Flags) -> Sheet:
    """Move every time of the chosen rows, by as much or each by its own."""
    for role in TIMES:
        if sheet.column(role) in sheet.names:
            sheet = sheet.put(role, sheet.values(role) + by, where)
    return sheet


def out_of_month(share: float, sheet: Sheet) -> Sheet:
    return moved(sheet, np.timedelta64(-70, "D"), sheet.some(share))


def shifted_zone(sheet: Sheet) -> Sheet:
    return moved(sheet, np.timedelta64(5, "h"), np.ones(sheet.rows, dtype=bool))


def shifted_zone_of_one(sheet: Sheet) -> Sheet:
    return moved(sheet, np.timedelta64(5, "h"), sheet.from_source(1))


def swapped(share: float, sheet: Sheet) -> Sheet:
    begin, end, where = sheet.values("event"), sheet.values("end"), sheet.some(share)
    return sheet.put("event", end, where).put("end", begin, where)


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
    *kind(
        "times out of the month",
        {
            "0.01 %": (A, partial(out_of_month, 0.0001)),
            "0.5 %": (W, partial(out_of_month, 0.005)),
            "5 %": (R, partial(out_of_month, 0.05)),
        },
        guilty=("event",),
    ),
    *kind(
        "zone shifted by 5 h",
        {"second source": (R, shifted_zone_of_one), "all": (R, shifted_zone)},
        guilty=("event", "end"),
    ),
    *kind(
        "pickup and dropoff swapped",
        {"1 %": (W, partial(swapped, 0.01)), "10 %": (R, partial(swapped, 0.1)), "all": (R, partial(swapped, 1.0))},
        guilty=("event", "end"),
    ),
)
