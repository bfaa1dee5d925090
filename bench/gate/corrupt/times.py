"""Times of another month, of another zone, and the wrong way round."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.gate.cases import A, R, W, kind
from bench.gate.sheet import Flags, Sheet

TIMES = ("event", "end", "request_datetime", "on_scene_datetime")


def moved(sheet: Sheet, by: np.timedelta64, where: Flags) -> Sheet:
    """Move every time of the chosen rows."""
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
