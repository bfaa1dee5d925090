"""Beyond the list, and looked at while the gate was made: joins, filters, limits and clocks of a pipeline."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from bench.gate.cases import A, R, W, looked_at
from bench.gate.corrupt.looked_at_rows import as_now
from bench.gate.corrupt.rows import TIMES, moved
from bench.gate.sheet import Sheet

_PAGE = 1000  # rows of one answer of an interface that gives pages
_AHEAD = np.timedelta64(4, "h")  # of New York's summer, what UTC is
_UNTOLD = np.datetime64("1970-01-01", "us")


# ---- joins, pages and samples


def fanned_out(share: float, sheet: Sheet) -> Sheet:
    """Have this share of the rows twice, the second time with another flag, as a join with two valid rows gives it."""
    again = sheet.kept(sheet.some(share))
    texts = again.values("text")
    one, other = pa.array(sheet.values("text")).drop_null().value_counts().field("values").to_pylist()[:2]
    again = again.fill("text", np.where(texts == one, other, one), np.ones(again.rows, dtype=bool))
    return sheet.with_table(pa.concat_tables([sheet.table, again.table]))


def zones_twice(first: int, last: int, sheet: Sheet) -> Sheet:
    """Have every trip to some zones twice, as a table that lists them twice gives it; the busiest zone is the first."""
    zones = sheet.values("destination")
    found, counts = np.unique(zones[~np.isnan(zones)], return_counts=True)
    listed_twice = found[np.argsort(-counts, kind="stable")][first - 1 : last]
    return sheet.taken(np.repeat(np.arange(sheet.rows), 1 + np.isin(zones, listed_twice)))


def pages_overlap(share: float, sheet: Sheet) -> Sheet:
    """Begin each page with the last rows of the page before, in the place of its own first ones."""
    positions = np.arange(sheet.rows)
    again = (positions % _PAGE < share * _PAGE) & (positions >= _PAGE)
    return sheet.taken(positions - again * round(share * _PAGE))


def drawn_with_replacement(sheet: Sheet) -> Sheet:
    return sheet.taken(np.sort(sheet.rng.integers(0, sheet.rows, sheet.rows)))


def one_trip_again(share: float, sheet: Sheet) -> Sheet:
    """Add one trip again and again, a second later each time, as a test of the load does."""
    times = round(share * sheet.rows)
    again = sheet.taken(np.full(times, sheet.rows // 2))
    again = moved(again, np.arange(times) * np.timedelta64(1, "s"), np.ones(times, dtype=bool))
    return sheet.with_table(pa.concat_tables([sheet.table, again.table]))


def two_months(sheet: Sheet) -> Sheet:
    return sheet.with_table(pa.concat_tables([as_now(sheet, sheet.earlier(1)), sheet.table]))


# ---- filters and limits


def longest_lost(share: float, sheet: Sheet) -> Sheet:
    """Lose the longest trips, this share of all: what an outlier filter takes for noise."""
    distance = sheet.values("distance")
    return sheet.kept(~(distance > np.nanquantile(distance, 1 - share)))


def cheapest_first(share: float, sheet: Sheet) -> Sheet:
    """Sort by the fare and keep this share of the rows, as a limit does."""
    order = np.argsort(sheet.values("fare"), kind="stable")
    return sheet.taken(order[: round(share * sheet.rows)])


def capped_hours(share: float, sheet: Sheet) -> Sheet:
    """Keep of each hour no more than a number of rows, the one by which this share of them all is lost."""
    hours = sheet.values("event").astype("datetime64[h]").astype(np.int64)
    order = np.argsort(hours, kind="stable")
    _, first, counts = np.unique(hours[order], return_index=True, return_counts=True)
    rank = np.arange(sheet.rows) - np.repeat(first, counts)
    cap = next(cap for cap in range(1, counts.max() + 1) if np.minimum(counts, cap).sum() >= (1 - share) * sheet.rows)
    return sheet.taken(np.sort(order[rank < cap]))


def weekends_lost(sheet: Sheet) -> Sheet:
    weekday = (sheet.values("event").astype("datetime64[D]").astype(np.int64) + 3) % 7
    return sheet.kept(weekday < 5)


def over_midnight_lost(sheet: Sheet) -> Sheet:
    return sheet.kept(sheet.values("event").astype("datetime64[D]") == sheet.values("end").astype("datetime64[D]"))


def fading(left: tuple[float, ...], sheet: Sheet) -> Sheet:
    """Keep these shares of the last days' rows: what had come when the month was closed."""
    last = (sheet.month.next.first_day - sheet.month.first_day).days
    lost = np.zeros(sheet.rows, dtype=bool)
    for day, share in enumerate(left, start=last - len(left)):
        lost |= (sheet.days() == day) & ~sheet.some(share)
    return sheet.kept(~lost)


def unmatched_lost(role: str, sheet: Sheet) -> Sheet:
    """Lose the rows where a field is empty, as a join does that asks for a partner."""
    return sheet.kept(sheet.array(role).combine_chunks().is_valid().to_numpy(zero_copy_only=False))


def without_reversals(sheet: Sheet) -> Sheet:
    return sheet.kept(sheet.values("fare") > 0)


# ---- clocks and calendars


def cut_in_utc(sheet: Sheet) -> Sheet:
    """Begin and end the month at UTC's midnight: the last evening is the next month's, that before it is this one's."""
    before = sheet.with_table(as_now(sheet, sheet.earlier(1)))
    own = sheet.values("event") < np.datetime64(sheet.month.next.first_day) - _AHEAD
    others = before.values("event")
    first = np.datetime64(sheet.month.first_day)
    evening = before.kept((others >= first - _AHEAD) & (others < first))
    return sheet.with_table(pa.concat_tables([evening.table, sheet.kept(own).table]))


def hour_ahead(first_day: int, sheet: Sheet) -> Sheet:
    return moved(sheet, np.timedelta64(1, "h"), sheet.days() >= first_day)


def whole_month_ahead(sheet: Sheet) -> Sheet:
    return moved(sheet, np.timedelta64(1, "h"), np.ones(sheet.rows, dtype=bool))


def end_in_utc(sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("end") + _AHEAD)


def end_in_utc_of_one(sheet: Sheet) -> Sheet:
    return sheet.put("end", sheet.values("end") + _AHEAD, sheet.from_source(1))


def request_in_utc(sheet: Sheet) -> Sheet:
    return sheet.put("request", sheet.values("request") + _AHEAD)


def rounded_times(minutes: int, sheet: Sheet) -> Sheet:
    unit = f"timedelta64[{minutes}m]"
    for role in TIMES:
        if sheet.column(role) in sheet.names:
            since = sheet.values(role) - np.datetime64(sheet.month.first_day, "us")
            sheet = sheet.put(role, np.datetime64(sheet.month.first_day, "us") + since.astype(unit))
    return sheet


def a_day_late(sheet: Sheet) -> Sheet:
    return moved(sheet, np.timedelta64(1, "D"), np.ones(sheet.rows, dtype=bool))


def end_dated_by_begin(sheet: Sheet) -> Sheet:
    """Put the clock of the end to the date of the begin, as two fields that share one date do."""
    end = sheet.values("end")
    return sheet.put("end", sheet.values("event").astype("datetime64[D]") + (end - end.astype("datetime64[D]")))


def last_days_on_the_26th(sheet: Sheet) -> Sheet:
    """Date what is after the 26th to the 26th, as a calendar of fewer days does."""
    too_far = sheet.days().clip(0, 31) - 25
    return moved(sheet, -too_far.astype("timedelta64[D]"), too_far > 0)


def evenly_spread(sheet: Sheet) -> Sheet:
    """Make times up, the same distance from each other from the first of the month to its last."""
    days = (sheet.month.next.first_day - sheet.month.first_day).days
    seconds = (np.arange(sheet.rows) * (days * 86_400 / sheet.rows)).astype("timedelta64[s]")
    since = sheet.values("event") - np.datetime64(sheet.month.first_day, "us")
    return moved(sheet, seconds - since, np.ones(sheet.rows, dtype=bool))


def hours_dropped(sheet: Sheet) -> Sheet:
    """Let no trip take an hour: of its length only the minutes and seconds are read."""
    begin = sheet.values("event")
    length = sheet.values("end") - begin
    sheet = sheet.put("end", begin + length % np.timedelta64(1, "h"))
    if sheet.column("seconds") in sheet.names:
        sheet = sheet.put("seconds", sheet.values("seconds") % 3600)
    return sheet


def end_untold(share: float, sheet: Sheet) -> Sheet:
    return sheet.put("end", _UNTOLD, sheet.some(share))


CASES = (
    *looked_at(
        "a join fans out",
        {"2 %": (W, partial(fanned_out, 0.02)), "20 %": (R, partial(fanned_out, 0.2))},
        why="The same trip twice, but for a flag: like rows that are there twice.",
    ),
    *looked_at(
        "zones are listed twice",
        {"the 20th": (W, partial(zones_twice, 20, 20)), "the first ten": (R, partial(zones_twice, 1, 10))},
        why="Every trip to them counts twice: about 1 % and 18 % of all rows, and all of a zone.",
    ),
    *looked_at(
        "pages overlap",
        {"1 %": (W, partial(pages_overlap, 0.01)), "10 %": (R, partial(pages_overlap, 0.1))},
        why="As many rows are lost as are there twice.",
    ),
    *looked_at(
        "drawn with replacement",
        {"": (R, drawn_with_replacement)},
        why="A sample: a third of the trips is gone, and the total of rows hides it.",
    ),
    *looked_at(
        "one trip again and again",
        {"1 %": (W, partial(one_trip_again, 0.01)), "20 %": (R, partial(one_trip_again, 0.2))},
        why="What a test of the load left: one row in a hundred hardly moves a sum, one in six does.",
    ),
    *looked_at(
        "the month before again, too", {"": (R, two_months)}, guilty=("event",), why="Half of it was there before."
    ),
    *looked_at(
        "the longest trips filtered out",
        {"2 %": (W, partial(longest_lost, 0.02)), "30 %": (R, partial(longest_lost, 0.3))},
        guilty=("distance", "fare", "total"),
        needs=("distance",),
        why="They were no noise: 2 % of the rows are a tenth of the miles.",
    ),
    *looked_at(
        "sorted by fare and cut",
        {"1 % lost": (W, partial(cheapest_first, 0.99)), "20 % lost": (R, partial(cheapest_first, 0.8))},
        guilty=("fare", "total", "distance"),
        needs=("fare",),
        why="The dearest trips are gone, and with a fifth of the rows two fifths of the money.",
    ),
    *looked_at(
        "no more than so many rows an hour",
        {"15 % lost": (W, partial(capped_hours, 0.15)), "half lost": (R, partial(capped_hours, 0.5))},
        why="Busy hours look like quiet ones; half of the rows is half of the rows.",
    ),
    *looked_at("weekends lost", {"": (R, weekends_lost)}, why="Eight or more days of the month are missing."),
    *looked_at(
        "trips over midnight lost",
        {"": (W, over_midnight_lost)},
        guilty=("event", "end"),
        why="One or two rows of a hundred, but all of their kind.",
    ),
    *looked_at(
        "late feed",
        {
            "last day half": (W, partial(fading, (0.5,))),
            "last 5 days": (R, partial(fading, (0.8, 0.6, 0.4, 0.2, 0.05))),
        },
        why="Half a day is like some hours that are missing; the other is like three days.",
    ),
    *looked_at(
        "rows with an empty field lost",
        {"passengers": (W, partial(unmatched_lost, "passengers"))},
        guilty=("passengers",),
        why="One row of ten, all of the same kind: those that came another way.",
    ),
    *looked_at(
        "rows without a match lost",
        {"": (R, partial(unmatched_lost, "optional"))},
        guilty=("optional", "source", "twin"),
        needs=("twin",),
        why="Three rows of four of a base are gone, or nearly all of a company.",
    ),
    *looked_at(
        "benign: reversals taken out",
        {"": ((A, W), without_reversals)},
        needs=("total",),
        why="A publisher who cleans up; sums differ by less than 1 %.",
    ),
    *looked_at(
        "month cut in UTC", {"": (W, cut_in_utc)}, guilty=("event",), why="One evening of 30 is another month's."
    ),
    *looked_at(
        "an hour ahead",
        {"last third": (W, partial(hour_ahead, 21)), "all": (R, whole_month_ahead)},
        guilty=("event", "end"),
        why="The clocks changed and the feed did not: no time is right, or one in three is wrong by a little.",
    ),
    *looked_at(
        "dropoff in another zone",
        {"second source": (R, end_in_utc_of_one), "all": (R, end_in_utc)},
        guilty=("end", "event"),
        needs=("end", "source"),
        why="Trips take four hours more than they took.",
    ),
    *looked_at(
        "request in another zone",
        {"": (R, request_in_utc)},
        guilty=("request",),
        why="Everybody is picked up hours before they asked.",
    ),
    *looked_at(
        "times rounded down",
        {
            "to the minute": ((A, W), partial(rounded_times, 1)),
            "to the quarter": (W, partial(rounded_times, 15)),
            "to the hour": (R, partial(rounded_times, 60)),
        },
        guilty=("event", "end", "request_datetime", "on_scene_datetime"),
        needs=("event", "end"),
        why="Minutes do for most; by quarters the length of a trip is a guess, by hours it is 0 for two of three.",
    ),
    *looked_at(
        "a day late",
        {"": (R, a_day_late)},
        guilty=("event", "end"),
        why="The first day is missing, the last is another month's, and every weekday is the wrong one.",
    ),
    *looked_at(
        "dropoff dated by its pickup",
        {"": (W, end_dated_by_begin)},
        guilty=("end", "event"),
        why="One trip of a hundred ends a day before it began.",
    ),
    *looked_at(
        "what is after the 26th on the 26th",
        {"": (R, last_days_on_the_26th)},
        guilty=("event", "end"),
        why="Two to five days are empty, and one has three to six times its traffic.",
    ),
    *looked_at(
        "times made up evenly",
        {"": (R, evenly_spread)},
        guilty=("event", "end"),
        why="Night and day, Sunday and Monday are alike: no time is a real one.",
    ),
    *looked_at(
        "hours of a length dropped",
        {"": (W, hours_dropped)},
        guilty=("end", "seconds", "event"),
        needs=("end",),
        why="The few trips that take an hour or more end when they began.",
    ),
    *looked_at(
        "dropoff at the beginning of time",
        {"2 %": (W, partial(end_untold, 0.02)), "20 %": (R, partial(end_untold, 0.2))},
        guilty=("end",),
        why="1970 stands for nothing told; who takes the mean of a length gets nonsense.",
    ),
)
