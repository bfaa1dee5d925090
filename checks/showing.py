"""What of a staged table shows that a month is unlike those before it: odd rows, or counts by day, hour or code."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from tidemark.datasets.base import Dataset
from tidemark.months import Month
from tidemark.profile.related import Difference, related
from tidemark.verdict import Check

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, TableClause

WRONG_SUM = 0.005  # of the total's unit; amounts are published in cents


def showing(dataset: Dataset, check: Check, month: Month, table: TableClause) -> Select[*tuple[Any, ...]] | None:
    """Return the query for a history check that failed; none where no row shows it."""
    theme = check.expectation.removeprefix("history: ").split()[0]
    event = table.c[dataset.event_column]
    match theme:
        case "volume" | "days":
            return _by_day(event, month, table)
        case "hours" | "clock":
            return _by_hour(event, table)
        case "strays":
            return table.select().where((event < _start(month)) | (event >= _start(month.next)))
        case "duplicates":
            return _repeated(table)
        case "total":
            return _wrong_totals(dataset, table)
    if check.column is None:
        return None
    return _of_column(dataset, theme, table.c[check.column], table)


def _of_column(
    dataset: Dataset, theme: str, values: ColumnElement[Any], table: TableClause
) -> Select[*tuple[Any, ...]] | None:
    from sqlalchemy import func

    match theme:
        case "nulls":
            return table.select().where(values.is_(None))
        case "shares":
            return table.select().where(values <= 0).order_by(values)
        case "quantiles" | "per":
            return table.select().where(values.is_not(None)).order_by(values.desc())
        case "codes":
            return _by_code(values, table)
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


def _by_hour(event: ColumnElement[Any], table: TableClause) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import Integer, cast, func, select

    hour = cast(func.date_part("hour", event), Integer).label("hour")
    return select(hour, func.count().label("rows")).select_from(table).group_by(hour).order_by(hour)


def _by_code(values: ColumnElement[Any], table: TableClause) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    rows = func.count().label("rows")
    return select(values, rows).select_from(table).group_by(values).order_by(rows.desc())


def _repeated(table: TableClause) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    copies = func.count().label("copies")
    return select(copies, *table.c).group_by(*table.c).having(func.count() > 1).order_by(copies.desc())


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
