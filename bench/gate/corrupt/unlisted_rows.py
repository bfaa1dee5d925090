"""Beyond the list that the gate was made by: rows that stop, are cut, copied, made up or of another file."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from bench.gate.cases import A, R, W, kind, unlisted
from bench.gate.corrupt.times import moved
from bench.gate.sheet import Sheet


def feed_stops(rank: int, day: int, sheet: Sheet) -> Sheet:
    return sheet.kept(~(sheet.from_source(rank) & (sheet.days() >= day)))


def cut_at_a_cap(share: float, sheet: Sheet) -> Sheet:
    """Sort the rows by their time and keep as many as fit, as an export with a limit of rows does."""
    order = np.argsort(sheet.values("event"), kind="stable")
    return sheet.taken(order[: round(share * sheet.rows)])


def hour_doubled(sheet: Sheet) -> Sheet:
    """Have the hour from 1:00 of one Sunday night twice, as clocks that are put back have it: both are 1:00 to 2:00."""
    again = sheet.kept((sheet.days() == 4) & (sheet.hours() == 1))
    again = moved(again, np.timedelta64(61, "s"), np.ones(again.rows, dtype=bool))
    return sheet.with_table(pa.concat_tables([sheet.table, again.table]))


def day_copied_over(days: int, sheet: Sheet) -> Sheet:
    """Put copies of the days before, dated as theirs, in the place of so many days."""
    sheet_days = sheet.days()
    hole = (sheet_days >= 14) & (sheet_days < 14 + days)
    source = sheet.kept((sheet_days >= 14 - days) & (sheet_days < 14))
    source = moved(source, np.timedelta64(days, "D"), np.ones(source.rows, dtype=bool))
    return sheet.with_table(pa.concat_tables([sheet.kept(~hole).table, source.table]))


def stale(months: int, sheet: Sheet) -> Sheet:
    """Send the rows of an earlier month again, dated as this month's."""
    old = sheet.with_table(_as_now(sheet, sheet.earlier(months)))
    weeks = round((np.median(sheet.days()) - np.median(old.days())) / 7)  # whole ones: Mondays stay Mondays
    return moved(old, np.timedelta64(weeks * 7, "D"), np.ones(old.rows, dtype=bool))


def _as_now(sheet: Sheet, table: pa.Table) -> pa.Table:
    """Give an earlier month's table the columns and types of this month's."""
    before = Sheet.of(sheet.dataset, sheet.month, table, rng=sheet.rng, earlier=sheet.earlier)
    canonical = {name: column for column, name in sheet.names.items()}
    arrays = []
    for field in sheet.table.schema:
        known = canonical.get(field.name)
        there = known in before.names
        arrays.append(before.array(str(known)).cast(field.type) if there else pa.nulls(len(table), field.type))
    return pa.table(arrays, schema=sheet.table.schema)


def last_years_file(sheet: Sheet) -> Sheet:
    return sheet.with_table(sheet.earlier(12))


def second_source_copied(sheet: Sheet) -> Sheet:
    """Have the second source's rows once more, as if the first had driven them."""
    rows = sheet.kept(sheet.from_source(1))
    first = sheet.values("source")[np.flatnonzero(sheet.from_source(0))[0]]
    return sheet.with_table(pa.concat_tables([sheet.table, rows.put("source", first).table]))


def evening_hour_lost(sheet: Sheet) -> Sheet:
    return sheet.kept(sheet.hours() != 18)


def invented_source(share: float, sheet: Sheet) -> Sheet:
    """Add rows of a vendor that somebody tests with: its numbers are random, its trips lead nowhere."""
    rows = sheet.kept(sheet.some(share))
    rows = rows.put("source", 99 if sheet.dataset.name in ("yellow", "green") else "TEST01")
    for role in ("distance", "fare", "total", "tip"):
        if rows.column(role) in rows.names:
            rows = rows.put(role, np.round(rows.rng.uniform(0, 500, rows.rows), 2))
    rows = rows.put("origin", rows.rng.integers(1, 266, rows.rows))
    rows = rows.put("destination", rows.rng.integers(1, 266, rows.rows))
    return sheet.with_table(pa.concat_tables([sheet.table, rows.table]))


def half_of_the_zones_lost(sheet: Sheet) -> Sheet:
    """Lose every trip from the zones of even numbers."""
    return sheet.kept(~(sheet.values("origin") % 2 == 0))


CASES = (
    *unlisted(
        "a source's feed stops",
        {
            "second, last 3 days": (W, partial(feed_stops, 1, 28)),
            "second, half the month": (R, partial(feed_stops, 1, 15)),
            "second, all month": (R, partial(feed_stops, 1, 0)),
            "first, half the month": (R, partial(feed_stops, 0, 15)),
        },
        guilty=("source", "twin", "event"),
        needs=("source",),
        why="A vendor that falls silent in the middle has not stopped driving.",
    ),
    *unlisted(
        "sorted and cut at a cap",
        {"5 % lost": (R, partial(cut_at_a_cap, 0.95)), "40 % lost": (R, partial(cut_at_a_cap, 0.6))},
        why="The last days are missing: like any days that are missing.",
    ),
    *unlisted("an hour twice when clocks go back", {"": ((A, W), hour_doubled)}, why="That hour really happens twice."),
    *unlisted(
        "days copied over others",
        {"1 day": (W, partial(day_copied_over, 1)), "7 days": (R, partial(day_copied_over, 7))},
        why="Rows that were made up from others; a day of them is small, a week is not.",
    ),
    *kind(
        "an old month dated anew",
        {"last month": (R, partial(stale, 1)), "last year's": (R, partial(stale, 12))},
        why="None of the rows is this month's.",
    ),
    *unlisted("last year's file", {"": (R, last_years_file)}, why="None of its rows is of the month."),
    *unlisted(
        "second source's rows again as the first's",
        {"": (R, second_source_copied)},
        guilty=("source", "twin"),
        needs=("source",),
        why="Every fifth trip is counted twice.",
    ),
    *unlisted(
        "the same hour of each day lost",
        {"18:00": (R, evening_hour_lost)},
        guilty=("event",),
        why="The busiest hour of every day is missing.",
    ),
    *unlisted(
        "rows of a test vendor",
        {"1 %": (W, partial(invented_source, 0.01)), "20 %": (R, partial(invented_source, 0.2))},
        guilty=("source", "fare", "distance", "total", "tip", "origin", "destination"),
        needs=("source",),
        why="They are nobody's trips; one in a hundred hardly moves a sum, one in six does.",
    ),
    *kind(
        "half of the zones lost",
        {"": (R, half_of_the_zones_lost)},
        guilty=("origin",),
        why="Half of the city does not stop taking taxis.",
    ),
)
