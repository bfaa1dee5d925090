"""Which rows of a staged table show why a check failed: the negation of each rule, in SQLAlchemy's words."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from checks.kinds import Kind
from tidemark.months import Month
from tidemark.verdict import Check, MonthBound

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def bound(value: object, month: Month) -> object:
    """Return what stands for a check's argument in one month: a moment for a bound of the month."""
    if value is MonthBound.START:
        return datetime.combine(month.first_day, time.min)
    if value is MonthBound.END:
        return datetime.combine(month.next.first_day, time.min)
    return list(value) if isinstance(value, tuple) else value


def failing_rows(check: Check, month: Month) -> ColumnElement[bool] | None:
    """Return the condition of the rows for which a rule does not hold; none for a rule that speaks of the table."""
    from sqlalchemy import column, or_

    given: dict[str, Any] = {name: bound(value, month) for name, value in check.arguments}
    if check.expectation == Kind.NOT_BEFORE:
        return column(given["column_A"]) < column(given["column_B"])
    if check.column is None:
        return None
    values: ColumnElement[Any] = column(check.column)
    match check.expectation:
        case Kind.PRESENT:
            return values.is_(None)
        case Kind.BETWEEN if given.get("strict_max"):
            return or_(values < given["min_value"], values >= given["max_value"])
        case Kind.BETWEEN:
            return or_(values < given["min_value"], values > given["max_value"])
        case Kind.ONE_OF:
            return values.not_in(given["value_set"])
        case Kind.LIKE:
            return ~values.regexp_match(given["regex"])
        case _:
            return None
