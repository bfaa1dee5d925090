"""What of a staged table shows that a month is unlike those before it: odd rows, or counts by day, hour or code."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from tidemark.datasets.base import Dataset
from tidemark.months import Month
from tidemark.profile.kinds import is_time
from tidemark.profile.related import Difference, related
from tidemark.stage import Staged
from tidemark.verdict import Check, Finding

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause, Select, TableClause

    from tidemark.profile import Grid

WRONG_SUM = 0.005  # of the total's unit; amounts are published in cents
MOST_SORTED = 2_000_000  # rows; what PostgreSQL sorts the ends of in a second
MOST_GROUPED = 200_000  # rows; what it groups by all columns in a second
SORTED = ("shares", "quantiles", "per", "elapsed")

_SIDE = re.compile(r"(above|below) \S+$")
_USUAL = re.compile(r"median (?:of )?(?:about )?([-+.\de]*\d)")
_FOUND = re.compile(r"^(?:median )?([-+.\de]*\d)(?! %)")


def showing(
    dataset: Dataset, check: Check, finding: Finding, staged: Staged, table: TableClause
) -> Select[*tuple[Any, ...]] | None:
    """Return the query for a history check that failed; none where no row shows it.

    Of a large table the odd ones among at most some of the rows are shown: all of them would take too long.
    """
    from sqlalchemy import column

    month = staged.partition.month
    theme = theme_of(check)
    event = table.c[dataset.event_column]
    match theme:
        case "volume" | "days":
            return _by_day(event, month, table)
        case "hours" | "clock":
            return _by_hour(event, table)
        case "strays":
            return table.select().where((event < _start(month)) | (event >= _start(month.next)))
        case "duplicates":
            return _repeated(table, staged.rows, tuple(table.c))
        case "repeats":
            return _repeated(table, staged.rows, _alike(dataset, finding, table))
        case "stale":
            return table.select()
        case "total":
            return _wrong_totals(dataset, table)
    name = check.column or finding.column
    if name is None:
        return None
    some = _sampled(table, staged.rows) if theme in SORTED else table
    values = some.c[name] if name in some.c else column(name)  # one that the dataset's module does not list
    return _of_column(dataset, theme, finding, values, some)


def theme_of(check: Check) -> str:
    """Return what a history check looks at, such as ``days``; of any other the name of its expectation."""
    return check.expectation.removeprefix("history: ").split()[0]


def timetable(theme: str, finding: Finding, month: Month, grid: Grid) -> tuple[Mapping[str, object], ...]:
    """Return the table that shows lost or doubled days and hours; of an hour of every day, the hours of the day."""
    from checks.timetable import table_of_days, table_of_hours

    if theme not in ("days", "hours"):
        return ()
    some_days = theme == "days" or finding.observed.startswith("no rows ")
    return table_of_days(month, grid) if some_days else table_of_hours(grid)


def _of_column(
    dataset: Dataset, theme: str, finding: Finding, values: ColumnElement[Any], table: FromClause
) -> Select[*tuple[Any, ...]] | None:
    from sqlalchemy import func

    match theme:
        case "stretch":
            return _filled_by_day(table.c[dataset.event_column], values, table)
        case "digits":
            return _by_code(values, table)
        case "nulls":
            return table.select().where(values.is_(None))
        case "shares":
            return table.select().where(values <= 0).order_by(values)
        case "quantiles" | "per":
            end = values if is_about_the_low_end(finding) else values.desc()
            return table.select().where(values > 0).order_by(end)
        case "codes" | "silence" | "evolved":
            return _by_code(values, table)
        case "together":
            return table.select().where(values.is_not(None))
        case "minutes":
            return table.select().where(func.date_trunc("minute", values) == values)
        case "order" | "elapsed":
            difference = _difference(dataset, str(values.key))
            start, end = table.c[difference.start], table.c[difference.end]
            return table.select().where(end < start) if theme == "order" else table.select().order_by(start - end)
    return None


def _difference(dataset: Dataset, column: str) -> Difference:
    differences = related(dataset, dataset.columns).differences
    return next(each for each in differences if column in (each.start, each.end))


def _by_day(event: ColumnElement[Any], month: Month, table: TableClause) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import Date, cast, func, select

    day = cast(event, Date).label("day")
    inside = (event >= _start(month)) & (event < _start(month.next))
    return select(day, func.count().label("rows")).select_from(table).where(inside).group_by(day).order_by(day)


def _filled_by_day(
    event: ColumnElement[Any], values: ColumnElement[Any], table: FromClause
) -> Select[*tuple[Any, ...]]:
    """Of each day, how many rows it has, how many have a value, and how many different ones these are."""
    from sqlalchemy import Date, cast, func, select

    day = cast(event, Date).label("day")
    counts = (func.count().label("rows"), func.count(values).label("filled"))
    different = func.count(values.distinct()).label("different")
    return select(day, *counts, different).select_from(table).group_by(day).order_by(day)


def _by_hour(event: ColumnElement[Any], table: TableClause) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import Integer, cast, func, select

    hour = cast(func.date_part("hour", event), Integer).label("hour")
    return select(hour, func.count().label("rows")).select_from(table).group_by(hour).order_by(hour)


def _by_code(values: ColumnElement[Any], table: FromClause) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    rows = func.count().label("rows")
    return select(values, rows).select_from(table).group_by(values).order_by(rows.desc())


def is_about_the_low_end(finding: Finding) -> bool:
    """Whether a finding about how values are distributed says that they are too small, rather than too large."""
    side = _SIDE.search(finding.observed)
    if side is not None:
        return side[1] == "below"
    usual, found = _USUAL.search(finding.expected), _FOUND.search(finding.observed)
    return usual is not None and found is not None and float(found[1]) < float(usual[1])


def _sampled(table: TableClause, rows: int) -> FromClause:
    """Return a table, or about ``MOST_SORTED`` of its rows where it has more."""
    from sqlalchemy import func

    return table if rows <= MOST_SORTED else table.tablesample(func.system(100 * MOST_SORTED / rows))


def _repeated(table: TableClause, rows: int, alike: tuple[ColumnElement[Any], ...]) -> Select[*tuple[Any, ...]]:
    """Of a large table, show those whose hash falls among about ``MOST_GROUPED``: copies of a row have the same one."""
    from sqlalchemy import func, select

    copies = func.count().label("copies")
    query = select(copies, *alike).select_from(table).group_by(*alike).having(func.count() > 1).order_by(copies.desc())
    if rows <= MOST_GROUPED:
        return query
    return query.where(func.hash_record_extended(func.row(*alike), 0) % math.ceil(rows / MOST_GROUPED) == 0)


def _alike(dataset: Dataset, finding: Finding, table: TableClause) -> tuple[ColumnElement[Any], ...]:
    """Return the columns in which rows are the same that repeat others but for the rest."""
    from tidemark.profile.rowhash import VALUES

    times = {each.name for each in dataset.columns if is_time(each)}
    but_for_values = f"but for {VALUES}" in finding.expected
    return tuple(each for each in table.c if (each.name in times) == but_for_values)


def _wrong_totals(dataset: Dataset, table: TableClause) -> Select[*tuple[Any, ...]] | None:
    from sqlalchemy import func

    total = related(dataset, dataset.columns).total
    if total is None:
        return None
    difference: ColumnElement[Any] = table.c[total.total]
    for part in total.parts:
        difference = difference - func.coalesce(table.c[part], 0)
    return table.select().where(func.abs(difference) > WRONG_SUM)


def _start(month: Month) -> datetime:
    return datetime.combine(month.first_day, time.min)
