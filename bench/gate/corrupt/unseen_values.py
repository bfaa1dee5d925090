"""Never seen by those who made the gate: amounts, distances, codes and zones that mean something else."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.gate.cases import A, R, W, unseen
from bench.gate.sheet import Flags, Sheet, Values

_HOUR = np.timedelta64(1, "h")
_SECOND = np.timedelta64(1, "s")
_LEAST_HOURS = 1 / 60
_BYTE = 256
_RARE_CODES = (3, 4)
_OTHER_CODE = 5
_LAST_ZONE = 263
_BOROUGHS = 5


def recharged(sheet: Sheet, fare: Values, where: Flags | None = None) -> Sheet:
    """Write other fares, and the totals where there are totals by as much more or less."""
    rise = np.round(fare, 2) - sheet.values("fare")
    sheet = sheet.put("fare", np.round(fare, 2), where)
    if sheet.column("total") in sheet.names:
        sheet = sheet.put("total", np.round(sheet.values("total") + rise, 2), where)
    return sheet


# ---- amounts


def jittered(spread: float, sheet: Sheet) -> Sheet:
    """Multiply each fare by a random number of mean 1, so that nobody can be told by it."""
    return recharged(sheet, sheet.values("fare") * sheet.rng.normal(1, spread, sheet.rows).clip(0, 2))


def mean_of_its_zone(share: float, sheet: Sheet) -> Sheet:
    """Give this share of the trips the mean fare of all that begin where they do."""
    fare = sheet.values("fare")
    _, place, counts = np.unique(sheet.values("origin"), return_inverse=True, return_counts=True)
    means = np.bincount(place, np.nan_to_num(fare)) / counts
    return recharged(sheet, means[place], sheet.some(share))


def as_logarithm(sheet: Sheet) -> Sheet:
    fare = sheet.values("fare")
    return sheet.put("fare", np.round(np.sign(fare) * np.log1p(np.abs(fare)), 4))


def as_z_score(sheet: Sheet) -> Sheet:
    fare = sheet.values("fare")
    return sheet.put("fare", np.round((fare - np.nanmean(fare)) / np.nanstd(fare), 4))


def signs_lost(sheet: Sheet) -> Sheet:
    """Book what was paid back as paid."""
    for role in ("fare", "extra", "tax", "surcharge", "improvement", "tolls", "total"):
        sheet = sheet.put(role, np.abs(sheet.values(role)))
    return sheet


def tips_as_rate(factor: float, sheet: Sheet) -> Sheet:
    """Give for each tip how much of the fare it is."""
    fare, tip = sheet.values("fare"), sheet.values("tip")
    rate = np.divide(tip, fare, out=np.zeros_like(tip), where=fare > 0)
    return sheet.put("tip", np.round(rate * factor, 2))


def zeros_as_empty(role: str, sheet: Sheet) -> Sheet:
    return sheet.nulled(role, sheet.values(role) == 0)


def without_tips(where: Flags, sheet: Sheet) -> Sheet:
    return sheet.put("total", np.round(sheet.values("total") - sheet.values("tip"), 2), where)


def total_without_tips_of_one(sheet: Sheet) -> Sheet:
    return without_tips(sheet.from_source(1), sheet)


def total_without_tips(sheet: Sheet) -> Sheet:
    return without_tips(np.ones(sheet.rows, dtype=bool), sheet)


def per_passenger(sheet: Sheet) -> Sheet:
    heads = np.maximum(np.nan_to_num(sheet.values("passengers"), nan=1), 1)
    return recharged(sheet, sheet.values("fare") / heads)


def pay_with_tips(sheet: Sheet) -> Sheet:
    return sheet.put("pay", np.round(sheet.values("pay") + sheet.values("tip"), 2))


def cash_masked(sheet: Sheet) -> Sheet:
    """Withhold what was paid in cash."""
    cash = sheet.values("code") == 2
    return sheet.put("fare", 0.0, cash).put("total", 0.0, cash)


# ---- distances and lengths


def overflowing(parts: int, sheet: Sheet) -> Sheet:
    """Keep distances as whole parts of a mile in one byte with a sign: beyond 127 it begins again at -128."""
    whole = np.round(np.nan_to_num(sheet.values("distance")) * parts).astype(np.int64)
    half = _BYTE // 2
    return sheet.put("distance", ((whole + half) % _BYTE - half) / parts)


def drifting(by: float, sheet: Sheet) -> Sheet:
    """Let the meters gain day by day: nothing on the first of the month, ``by`` of each distance on its last."""
    last = (sheet.month.next.first_day - sheet.month.first_day).days - 1
    gain = 1 + by * sheet.days().clip(0, last) / last
    return sheet.put("distance", np.round(sheet.values("distance") * gain, 2))


def as_odometer(sheet: Sheet) -> Sheet:
    """Give what the car's own counter says at the end of a trip."""
    return sheet.put("distance", np.round(sheet.rng.uniform(5_000, 90_000, sheet.rows) + sheet.values("distance"), 1))


def as_speed(sheet: Sheet) -> Sheet:
    hours = (sheet.values("end") - sheet.values("event")) / _HOUR
    return sheet.put("distance", np.round(sheet.values("distance") / np.maximum(hours, _LEAST_HOURS), 1))


def since_request(sheet: Sheet) -> Sheet:
    """Count the time of a trip from when it was asked for."""
    return sheet.put("seconds", (sheet.values("end") - sheet.values("request")) / _SECOND)


# ---- codes, counts and zones


def off_by_one(by: int, sheet: Sheet) -> Sheet:
    return sheet.put("passengers", sheet.values("passengers") + by)


def rare_codes_pooled(sheet: Sheet) -> Sheet:
    return sheet.put("code", _OTHER_CODE, np.isin(sheet.values("code"), _RARE_CODES))


def all_but_cards_pooled(sheet: Sheet) -> Sheet:
    return sheet.put("code", _OTHER_CODE, sheet.values("code") != 1)


def as_position(sheet: Sheet) -> Sheet:
    """Give for each code its place in the list of codes, counted from 0 and in the order in which they come."""
    return sheet.put("code", sheet.array("code").combine_chunks().dictionary_encode().indices)


def zones_jittered(share: float, sheet: Sheet) -> Sheet:
    """Move both zones of this share of the trips by one to three numbers."""
    where = sheet.some(share)
    for role in ("origin", "destination"):
        off = sheet.rng.choice((-3, -2, -1, 1, 2, 3), sheet.rows)
        sheet = sheet.put(role, (sheet.values(role) + off).clip(1, _LAST_ZONE), where)
    return sheet


def as_borough(sheet: Sheet) -> Sheet:
    """Give for each zone one of five boroughs: which one hardly matters."""
    for role in ("origin", "destination"):
        sheet = sheet.put(role, sheet.values(role) % _BOROUGHS + 1)
    return sheet


CASES = (
    *unseen(
        "fares jittered",
        {"by 2 %": ((A, W), partial(jittered, 0.02)), "by 40 %": (R, partial(jittered, 0.4))},
        guilty=("fare", "total"),
        needs=("fare",),
        why="Sums stay; with 2 % each fare nearly does, with 40 % none says what a trip cost.",
    ),
    *unseen(
        "fares are their zone's mean",
        {"10 %": (W, partial(mean_of_its_zone, 0.1)), "all": (R, partial(mean_of_its_zone, 1.0))},
        guilty=("fare", "total"),
        needs=("fare",),
        why="Sums stay, but a mean is no fare: long trips cost what short ones do.",
    ),
    *unseen(
        "fares prepared for a model",
        {"logarithms": (R, as_logarithm), "z-scores": (R, as_z_score)},
        guilty=("fare",),
        why="They are no dollars any more.",
    ),
    *unseen(
        "signs lost",
        {"": (W, signs_lost)},
        guilty=("fare", "total"),
        needs=("fare", "total"),
        why="What was paid back was paid twice: less than 1 % of the money.",
    ),
    *unseen(
        "tips as a rate",
        {"as a fraction": (R, partial(tips_as_rate, 1)), "as a percentage": (R, partial(tips_as_rate, 100))},
        guilty=("tip", "total"),
        needs=("tip",),
        why="They are no dollars any more.",
    ),
    *unseen(
        "zeros written as empty",
        {"tips": (R, partial(zeros_as_empty, "tip"))},
        guilty=("tip",),
        why="A third or most of the trips have no tip known, and the mean one is dearer by half or five times as dear.",
    ),
    *unseen(
        "totals without the tips",
        {"second source": (W, total_without_tips_of_one), "all": (R, total_without_tips)},
        guilty=("total", "tip"),
        why="A total that is no total: a tenth of the money is not in it.",
    ),
    *unseen(
        "fares for each passenger",
        {"": (R, per_passenger)},
        guilty=("fare", "total"),
        needs=("fare", "passengers"),
        why="A fourth of the trips cost half or less of what they did.",
    ),
    *unseen(
        "driver's pay with the tips in it",
        {"": (W, pay_with_tips)},
        guilty=("pay",),
        why="Pay seems 5 % higher, and tips count twice where both are summed.",
    ),
    *unseen(
        "amounts of cash withheld",
        {"": (R, cash_masked)},
        guilty=("fare", "total", "code"),
        why="A fifth of all trips seems to be free.",
    ),
    *unseen(
        "distances overflow a byte",
        {"tenths of a mile": (W, partial(overflowing, 10)), "hundredths": (R, partial(overflowing, 100))},
        guilty=("distance",),
        why="What is longer than 12.7 or 1.27 miles begins again below 0: one trip of a hundred, or most of them.",
    ),
    *unseen(
        "meters that gain",
        {"20 % by the last day": (W, partial(drifting, 0.2)), "100 %": (R, partial(drifting, 1.0))},
        guilty=("distance",),
        why="All miles of the month are 10 % or half too many.",
    ),
    *unseen("odometer for distance", {"": (R, as_odometer)}, guilty=("distance",), why="It says how old a car is."),
    *unseen(
        "speed for distance",
        {"": (R, as_speed)},
        guilty=("distance",),
        why="Miles an hour are no miles.",
    ),
    *unseen(
        "time of a trip counted from its request",
        {"": (R, since_request)},
        guilty=("seconds",),
        needs=("seconds", "request"),
        why="Waiting is in it: each trip takes a third or so longer than between its pickup and its dropoff.",
    ),
    *unseen(
        "passengers off by one",
        {"the driver counted": (R, partial(off_by_one, 1)), "counted from 0": (R, partial(off_by_one, -1))},
        guilty=("passengers",),
        why="Most trips have twice the passengers, or none.",
    ),
    *unseen(
        "payments pooled",
        {"the rare ones": (W, rare_codes_pooled), "all but cards": (R, all_but_cards_pooled)},
        guilty=("code",),
        why="What was parted is unknown: one row of a hundred, or all cash.",
    ),
    *unseen(
        "payments by their place in a list",
        {"": (R, as_position)},
        guilty=("code",),
        why="Each code means what another one meant.",
    ),
    *unseen(
        "zones jittered",
        {"10 %": (W, partial(zones_jittered, 0.1)), "all": (R, partial(zones_jittered, 1.0))},
        guilty=("origin", "destination"),
        why="Numbers that are close are not places that are close: the trips begin and end anywhere.",
    ),
    *unseen(
        "boroughs for zones",
        {"": (R, as_borough)},
        guilty=("origin", "destination"),
        why="Five zones are left of 265, and they are not those.",
    ),
)
