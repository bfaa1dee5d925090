"""Nulls, scales, units, signs, noise, codes, and columns that were moved against each other."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.gate.cases import A, Case, R, W, kind
from bench.gate.sheet import Sheet

KM_PER_MILE = 1.609344
_SIGMAS = (2, 5)


def nulled(role: str, share: float, sheet: Sheet) -> Sheet:
    """Empty this share of all rows, chosen among those that have a value; all of them when there are fewer."""
    full = np.flatnonzero(sheet.array(role).combine_chunks().is_valid().to_numpy(zero_copy_only=False))
    where = np.zeros(sheet.rows, dtype=bool)
    where[sheet.rng.permutation(full)[: round(share * sheet.rows)]] = True
    return sheet.nulled(role, where)


def scaled(role: str, factor: float, share: float, sheet: Sheet) -> Sheet:
    return sheet.put(role, sheet.values(role) * factor, sheet.some(share))


def negated(share: float, sheet: Sheet) -> Sheet:
    """Take back this share of the fares, and the totals with them where there are totals."""
    where = sheet.some(share)
    sheet = sheet.put("fare", -np.abs(sheet.values("fare")), where)
    if sheet.column("total") in sheet.names:
        sheet = sheet.put("total", -np.abs(sheet.values("total")), where)
    return sheet


def exchanged(one: str, other: str, share: float, sheet: Sheet) -> Sheet:
    first, second, where = sheet.values(one), sheet.values(other), sheet.some(share)
    return sheet.put(one, second, where).put(other, first, where)


def noised(share: float, sheet: Sheet) -> Sheet:
    """Add 2 to 5 standard deviations, up or down, to this share of the fares."""
    fare, where = sheet.values("fare"), sheet.some(share)
    spread = np.nanstd(np.clip(fare, *np.nanquantile(fare, (0.001, 0.999))))
    sigmas = sheet.rng.uniform(*_SIGMAS, sheet.rows) * sheet.rng.choice((-1, 1), sheet.rows)
    return sheet.put("fare", np.round(fare + sigmas * spread, 2), where)


def one_absurd(sheet: Sheet) -> Sheet:
    return sheet.put("distance", 189_483.84, sheet.some(1 / sheet.rows))


def mismatched(share: float, sheet: Sheet) -> Sheet:
    """Let this share of the totals differ from their parts by one to five dollars."""
    off = np.round(sheet.rng.uniform(1, 5, sheet.rows), 2)
    return sheet.put("total", np.round(sheet.values("total") + off, 2), sheet.some(share))


def _scales() -> tuple[Case, ...]:
    cases: tuple[Case, ...] = ()
    for factor in (10, 100, 1000):
        for role in ("fare", "distance"):
            cases += kind(
                f"{role} × {factor}",
                {
                    "1 %": (W, partial(scaled, role, factor, 0.01)),
                    "10 %": (R, partial(scaled, role, factor, 0.1)),
                    "all": (R, partial(scaled, role, factor, 1.0)),
                },
                guilty=(role,),
            )
    return cases


_NEW = {"vendor_id": 9, "payment_type": 42, "hvfhs_license_num": "HV0009", "dispatching_base_num": "B77777"}


def new_code(role: str, share: float, sheet: Sheet) -> Sheet:
    return sheet.put(role, _NEW[sheet.column(role)], sheet.some(share))


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
    *kind(
        "nulls in a required column",
        {
            "0.1 %": (W, partial(nulled, "required", 0.001)),
            "1 %": (R, partial(nulled, "required", 0.01)),
            "10 %": (R, partial(nulled, "required", 0.1)),
            "all": (R, partial(nulled, "required", 1.0)),
        },
        guilty=("required",),
    ),
    *kind(
        "nulls in an optional column",
        {
            "+1 point": (A, partial(nulled, "optional", 0.01)),
            "+10 points": (W, partial(nulled, "optional", 0.1)),
            "+50 points": (R, partial(nulled, "optional", 0.5)),
        },
        guilty=("optional",),
    ),
    *_scales(),
    *kind(
        "kilometres for miles",
        {
            "10 %": (W, partial(scaled, "distance", KM_PER_MILE, 0.1)),
            "all": (R, partial(scaled, "distance", KM_PER_MILE, 1.0)),
        },
        guilty=("distance",),
    ),
    *kind(
        "sign flipped",
        {"+1 point": (W, partial(negated, 0.01)), "+10 points": (R, partial(negated, 0.1))},
        guilty=("fare", "total"),
        needs=("fare",),
    ),
    *kind(
        "fare and distance swapped",
        {
            "10 %": (W, partial(exchanged, "fare", "distance", 0.1)),
            "50 %": (R, partial(exchanged, "fare", "distance", 0.5)),
            "all": (R, partial(exchanged, "fare", "distance", 1.0)),
        },
        guilty=("fare", "distance"),
    ),
    *kind(
        "noise of 2 to 5 sigma",
        {"1 %": (W, partial(noised, 0.01)), "10 %": (R, partial(noised, 0.1))},
        guilty=("fare",),
    ),
    *kind("one absurd row", {"": (A, one_absurd)}, needs=("distance",)),
    *kind(
        "total is not the sum",
        {"+10 points": (W, partial(mismatched, 0.1)), "+50 points": (R, partial(mismatched, 0.5))},
        guilty=("total",),
    ),
    *kind(
        "new code of a source",
        {
            "0.1 %": (W, partial(new_code, "source", 0.001)),
            "10 %": (W, partial(new_code, "source", 0.1)),
            "half recoded": (R, partial(new_code, "source", 0.5)),
        },
        guilty=("source",),
    ),
    *kind(
        "new code of payment",
        {
            "0.1 %": (W, partial(new_code, "code", 0.001)),
            "10 %": (W, partial(new_code, "code", 0.1)),
            "half recoded": (R, partial(new_code, "code", 0.5)),
        },
        guilty=("code",),
    ),
    *kind("shifted columns", {"": (R, shifted_columns)}, guilty=("distance", "fare", "tip")),
    *kind("two columns swapped", {"zone and passengers": (R, zone_and_passengers)}, guilty=("origin", "passengers")),
)
