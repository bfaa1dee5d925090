"""Columns that were moved against each other: what a shifted CSV does, and a wrong order of columns."""

from __future__ import annotations

from bench.gate.cases import R, kind
from bench.gate.sheet import Sheet


def shifted_columns(sheet: Sheet) -> Sheet:
    """Give each of the numbers from the distance on the values of its neighbour, as one field too many does."""
    roles = ("distance", "fare", "tip")
    values = [sheet.values(role) for role in roles]
    for role, shifted in zip(roles, [values[-1], *values[:-1]], strict=True):
        sheet = sheet.put(role, shifted)
    return sheet


def zone_and_passengers(sheet: Sheet) -> Sheet:
    zones, passengers = sheet.values("origin"), sheet.values("passengers")
    return sheet.put("origin", passengers).put("passengers", zones)


CASES = (
    *kind("shifted columns", {"": (R, shifted_columns)}, guilty=("distance", "fare", "tip")),
    *kind("two columns swapped", {"zone and passengers": (R, zone_and_passengers)}, guilty=("origin", "passengers")),
)
