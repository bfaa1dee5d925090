"""Never seen by those who made the gate: rows, times and names that a pipeline or a publisher got wrong."""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.gate.cases import A, R, W, unseen
from bench.gate.corrupt.rows import moved
from bench.gate.corrupt.unseen_values import recharged
from bench.gate.sheet import Flags, Sheet, Values

_ADDED_UP = ("distance", "fare", "tip", "tolls", "total")
_ABOVE_ZONES = 1000
_GARAGE = 7
_GUESSED = np.timedelta64(15, "m")
_HALFWAY = 15  # the day, from 0, of which on something is different


# ---- rows that went, came or were added up


def first_of_each(minutes: int, sheet: Sheet) -> Sheet:
    """Keep one trip to each zone in so many minutes."""
    times = sheet.values("event").astype("datetime64[m]").astype(np.int64) // minutes
    zones = np.nan_to_num(sheet.values("destination")).astype(np.int64)
    _, first = np.unique(times * _ABOVE_ZONES + zones, return_index=True)
    return sheet.taken(np.sort(first))


def cash_lost(share: float, sheet: Sheet) -> Sheet:
    return sheet.kept(~((sheet.values("code") == 2) & sheet.some(share)))


def beside_their_corrections(share: float, sheet: Sheet) -> Sheet:
    """Have this share of the rows twice: as they were, and as they were corrected by a few dollars or minutes."""
    again = sheet.kept(sheet.some(share))
    off = again.rng.uniform(1, 5, again.rows)
    if sheet.column("fare") in sheet.names:
        again = recharged(again, again.values("fare") + off)
    else:
        again = again.put("end", again.values("end") + np.round(off * 60).astype("timedelta64[s]"))
    return sheet.with_table(pa.concat_tables([sheet.table, again.table]))


def with_sums(sheet: Sheet) -> Sheet:
    """Add a row for each hour that has the sums of its rows, as a report has them."""
    hours = sheet.values("event").astype("datetime64[h]")
    _, first, place = np.unique(hours, return_index=True, return_inverse=True)
    sums = sheet.taken(first)
    for role in _ADDED_UP:
        if sheet.column(role) in sheet.names:
            sums = sums.put(role, np.round(np.bincount(place, np.nan_to_num(sheet.values(role))), 2))
    return sheet.with_table(pa.concat_tables([sheet.table, sums.table]))


def thinned(share: float, sheet: Sheet) -> Sheet:
    """Lose this share of the rows from the middle of the month on: somebody switched a sampling on."""
    return sheet.kept((sheet.days() < _HALFWAY) | ~sheet.some(share))


def rare_zones_withheld(share: float, sheet: Sheet) -> Sheet:
    """Withhold the trips to the zones where fewest go, this share of all rows, so that nobody can be told from them."""
    zones = np.nan_to_num(sheet.values("destination"))
    _, place, counts = np.unique(zones, return_inverse=True, return_counts=True)
    quietest = np.argsort(counts, kind="stable")
    rare = quietest[np.cumsum(counts[quietest]) <= share * sheet.rows]
    return sheet.kept(~np.isin(place, rare))


# ---- times


def end_guessed(share: float, sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("event") + _GUESSED, sheet.some(share))


def gone_by(sheet: Sheet) -> NDArray[np.float64]:
    """Return how much of the month has gone by at each row, from 0 to 1."""
    last = (sheet.month.next.first_day - sheet.month.first_day).days - 1
    gone: NDArray[np.float64] = sheet.days().clip(0, last) / last
    return gone


def clock_gains(hours: float, where: Flags, sheet: Sheet) -> Sheet:
    """Let the clock run fast: right on the first of the month, so many hours ahead on its last day."""
    return moved(sheet, np.round(gone_by(sheet) * hours * 3600).astype("timedelta64[s]"), where)


def clock_of_one_gains(hours: float, sheet: Sheet) -> Sheet:
    return clock_gains(hours, sheet.from_source(1), sheet)


def clocks_gain(hours: float, sheet: Sheet) -> Sheet:
    return clock_gains(hours, np.ones(sheet.rows, dtype=bool), sheet)


def jittered_times(minutes: int, sheet: Sheet) -> Sheet:
    """Move each trip, all of its times alike, by up to so many minutes, so that nobody can be told by them."""
    seconds = sheet.rng.integers(-minutes * 60, minutes * 60 + 1, sheet.rows)
    return moved(sheet, seconds.astype("timedelta64[s]"), np.ones(sheet.rows, dtype=bool))


# ---- sources and zones


def second_source_as_the_first(sheet: Sheet) -> Sheet:
    first = sheet.values("source")[np.flatnonzero(sheet.from_source(0))[0]]
    return sheet.put("source", first, sheet.from_source(1))


def pseudonym(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def pseudonyms(sheet: Sheet) -> Sheet:
    names: Values = sheet.values("source")
    return sheet.put("source", np.array([name and pseudonym(name) for name in names], dtype=object))


def zones_sorted_apart(sheet: Sheet) -> Sheet:
    """Sort the zones, from and to together, and leave the other columns in their order."""
    order = pa.array(np.argsort(sheet.values("destination"), kind="stable"))
    for role in ("origin", "destination"):
        sheet = sheet.with_array(role, sheet.array(role).combine_chunks().take(order))
    return sheet


def from_the_garage(sheet: Sheet) -> Sheet:
    return sheet.put("origin", _GARAGE, sheet.from_source(1))


CASES = (
    *unseen(
        "deduplicated by too few columns",
        {"zone and quarter": (W, partial(first_of_each, 15)), "zone and day": (R, partial(first_of_each, 24 * 60))},
        why="Different trips were taken for one: any second one to a zone in a quarter of an hour or a day.",
    ),
    *unseen(
        "cash trips lost",
        {"half of them": (W, partial(cash_lost, 0.5)), "all": (R, partial(cash_lost, 1.0))},
        guilty=("code",),
        why="One way of paying is half gone, or gone: no share of it can be right.",
    ),
    *unseen(
        "corrected rows beside the old ones",
        {"2 %": (W, partial(beside_their_corrections, 0.02)), "20 %": (R, partial(beside_their_corrections, 0.2))},
        why="The same trip twice, at two prices or lengths: like rows that are there twice.",
    ),
    *unseen(
        "rows of sums among the trips",
        {"one of each hour": (R, with_sums)},
        guilty=_ADDED_UP,
        needs=("fare",),
        why="Who sums gets twice the money and twice the miles.",
    ),
    *unseen(
        "sampled from the 16th on",
        {"a fifth lost": (W, partial(thinned, 0.2)), "two thirds lost": (R, partial(thinned, 0.67))},
        why="The second half of the month has a third of its trips; a fifth less is worth a look.",
    ),
    *unseen(
        "trips to rare zones withheld",
        {"4 % of rows": (W, partial(rare_zones_withheld, 0.04)), "40 %": (R, partial(rare_zones_withheld, 0.4))},
        guilty=("destination",),
        why="Most of the map is empty; with 4 % it is its edges only.",
    ),
    *unseen(
        "dropoffs guessed",
        {"10 %": (W, partial(end_guessed, 0.1)), "all": (R, partial(end_guessed, 1.0))},
        guilty=("end", "event", "seconds"),
        needs=("end",),
        why="Each takes a quarter of an hour: it says nothing of how long a trip took.",
    ),
    *unseen(
        "a clock that gains",
        {"second source, 3 h": (W, partial(clock_of_one_gains, 3)), "all, 10 h": (R, partial(clocks_gain, 10))},
        guilty=("event", "end"),
        why="Late in the month mornings are evenings; an hour or two in a fifth of the rows is worth a look.",
    ),
    *unseen(
        "times jittered",
        {
            "by up to 10 minutes": ((A, W), partial(jittered_times, 10)),
            "by up to 12 h": (R, partial(jittered_times, 720)),
        },
        guilty=("event", "end"),
        why="Minutes are no harm to hours and days; with half a day there are no hours any more.",
    ),
    *unseen(
        "second source booked as the first",
        {"": (R, second_source_as_the_first)},
        guilty=("source", "twin"),
        needs=("source",),
        why="One source has no trip, and another one has those of two.",
    ),
    *unseen(
        "pseudonyms for sources",
        {"": (R, pseudonyms)},
        guilty=("source",),
        needs=("source", "twin"),
        why="No name is one that any list or any month before knows.",
    ),
    *unseen(
        "zones sorted apart from their trips",
        {"": (R, zones_sorted_apart)},
        guilty=("origin", "destination"),
        why="Every zone belongs to another trip: on the first of the month all go to zone 1.",
    ),
    *unseen(
        "a source begins all trips at its garage",
        {"second": (R, from_the_garage)},
        guilty=("origin", "source"),
        needs=("origin", "source", "fare"),
        why="One zone seems to have a fifth of all pickups, and the others lack them.",
    ),
)
