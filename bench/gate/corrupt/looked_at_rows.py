"""Beyond the list, and looked at while the gate was made: rows and times that stop, are cut, copied or made up."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from bench.gate.cases import A, R, W, looked_at
from bench.gate.corrupt.rows import moved
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
    old = sheet.with_table(as_now(sheet, sheet.earlier(months)))
    weeks = round((np.median(sheet.days()) - np.median(old.days())) / 7)  # whole ones: Mondays stay Mondays
    return moved(old, np.timedelta64(weeks * 7, "D"), np.ones(old.rows, dtype=bool))


def as_now(sheet: Sheet, table: pa.Table) -> pa.Table:
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


_TWELVE_HOURS = 12


def day_and_month_swapped(sheet: Sheet) -> Sheet:
    """Read 2024-03-05 as the third of May, where that is a date."""
    days, year = sheet.days(), sheet.month.year
    swappable = (days >= 0) & (days < 12)
    month = np.where(swappable, days, 0).astype("timedelta64[M]")
    date = (np.datetime64(f"{year}-01", "M") + month).astype("datetime64[D]") + np.timedelta64(
        sheet.month.number - 1, "D"
    )
    for role in ("event", "end"):
        clock = sheet.values(role) - sheet.values("event").astype("datetime64[D]")
        sheet = sheet.put(role, date + clock, swappable)
    return sheet


def midnight(sheet: Sheet) -> Sheet:
    return sheet.put("event", sheet.values("event").astype("datetime64[D]").astype("datetime64[us]"))


def half_a_day_clock(sheet: Sheet) -> Sheet:
    """Write hours from 13 on as 1 to 11, as a clock of twelve hours without am and pm does."""
    afternoon = sheet.hours() > _TWELVE_HOURS
    return moved(sheet, np.timedelta64(-_TWELVE_HOURS, "h"), afternoon)


def end_is_begin(share: float, sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("event"), sheet.some(share))


def ends_with_the_day(sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("end").astype("datetime64[D]") + np.timedelta64(86399, "s"), sheet.some(0.3))


def other_zone_for_a_week(sheet: Sheet) -> Sheet:
    week = (sheet.days() >= 7) & (sheet.days() < 14)
    return moved(sheet, np.timedelta64(5, "h"), week)


CASES = (
    *looked_at(
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
    *looked_at(
        "sorted and cut at a cap",
        {"5 % lost": (R, partial(cut_at_a_cap, 0.95)), "40 % lost": (R, partial(cut_at_a_cap, 0.6))},
        why="The last days are missing: like any days that are missing.",
    ),
    *looked_at(
        "an hour twice when clocks go back", {"": ((A, W), hour_doubled)}, why="That hour really happens twice."
    ),
    *looked_at(
        "days copied over others",
        {"1 day": (W, partial(day_copied_over, 1)), "7 days": (R, partial(day_copied_over, 7))},
        why="Rows that were made up from others; a day of them is small, a week is not.",
    ),
    *looked_at(
        "an old month dated anew",
        {"last month": (R, partial(stale, 1)), "last year's": (R, partial(stale, 12))},
        why="None of the rows is this month's.",
    ),
    *looked_at("last year's file", {"": (R, last_years_file)}, why="None of its rows is of the month."),
    *looked_at(
        "second source's rows again as the first's",
        {"": (R, second_source_copied)},
        guilty=("source", "twin"),
        needs=("source",),
        why="Every fifth trip is counted twice.",
    ),
    *looked_at(
        "the same hour of each day lost",
        {"18:00": (R, evening_hour_lost)},
        guilty=("event",),
        why="The busiest hour of every day is missing.",
    ),
    *looked_at(
        "rows of a test vendor",
        {"1 %": (W, partial(invented_source, 0.01)), "20 %": (R, partial(invented_source, 0.2))},
        guilty=("source", "fare", "distance", "total", "tip", "origin", "destination"),
        needs=("source",),
        why="They are nobody's trips; one in a hundred hardly moves a sum, one in six does.",
    ),
    *looked_at(
        "half of the zones lost",
        {"": (R, half_of_the_zones_lost)},
        guilty=("origin",),
        why="Half of the city does not stop taking taxis.",
    ),
    *looked_at(
        "day and month swapped",
        {"": (R, day_and_month_swapped)},
        guilty=("event", "end"),
        why="A third of the rows is of other months.",
    ),
    *looked_at("every time at midnight", {"": (R, midnight)}, guilty=("event", "end"), why="The time of day is lost."),
    *looked_at(
        "a clock of twelve hours",
        {"": (R, half_a_day_clock)},
        guilty=("event", "end"),
        why="Afternoons have become nights.",
    ),
    *looked_at(
        "dropoff is pickup",
        {"3 %": (W, partial(end_is_begin, 0.03)), "all": (R, partial(end_is_begin, 1.0))},
        guilty=("end", "event"),
        why="Trips take time.",
    ),
    *looked_at(
        "dropoff at the end of its day",
        {"30 %": (R, ends_with_the_day)},
        guilty=("end", "event"),
        why="A third of the trips last for most of a day.",
    ),
    *looked_at(
        "zone shifted by 5 h for a week",
        {"": (R, other_zone_for_a_week)},
        guilty=("event", "end"),
        why="A quarter of the month has the wrong time of day.",
    ),
)
