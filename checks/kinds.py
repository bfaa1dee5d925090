"""The kinds of checks that suites are made of.

``mostly`` is the least share of rows, or of values that are not null, for which a check must hold; below
``reject_mostly``, where there is one, it rejects the month, and between the two it warns.
"""

from __future__ import annotations

from enum import StrEnum

from tidemark.months import Month
from tidemark.verdict import Check, MonthBound, Severity


class Kind(StrEnum):
    """The expectations of Great Expectations that the suites use: those that one scan of the table answers."""

    COLUMNS = "expect_table_columns_to_match_set"
    ROWS = "expect_table_row_count_to_be_between"
    PRESENT = "expect_column_values_to_not_be_null"
    BETWEEN = "expect_column_values_to_be_between"
    ONE_OF = "expect_column_values_to_be_in_set"
    LIKE = "expect_column_values_to_match_regex"
    NOT_BEFORE = "expect_column_pair_values_a_to_be_greater_than_b"


def columns(code: str, names: tuple[str, ...], *, reason: str) -> Check:
    """The table has all of these columns; others that a dataset once had may be left in it, and are null."""
    return Check(
        code=code, expectation=Kind.COLUMNS, arguments=(("column_set", names), ("exact_match", False)), reason=reason
    )


def rows(code: str, *, at_least: int, reason: str) -> Check:
    return Check(code=code, expectation=Kind.ROWS, arguments=(("min_value", at_least),), reason=reason)


def present(
    code: str,
    column: str,
    *,
    mostly: float,
    reject_mostly: float | None = None,
    since: Month | None = None,
    until: Month | None = None,
    reason: str,
) -> Check:
    return Check(
        code=code,
        expectation=Kind.PRESENT,
        column=column,
        arguments=(("mostly", mostly),),
        since=since,
        until=until,
        reject_mostly=reject_mostly,
        reason=reason,
    )


def in_month(code: str, column: str, *, mostly: float, reject_mostly: float | None = None, reason: str) -> Check:
    return Check(
        code=code,
        expectation=Kind.BETWEEN,
        column=column,
        arguments=(
            ("min_value", MonthBound.START),
            ("max_value", MonthBound.END),
            ("strict_max", True),
            ("mostly", mostly),
        ),
        reject_mostly=reject_mostly,
        reason=reason,
    )


def between(
    code: str,
    column: str,
    low: float,
    high: float,
    *,
    mostly: float,
    reject_mostly: float | None = None,
    severity: Severity = Severity.REJECT,
    until: Month | None = None,
    reason: str,
) -> Check:
    """Values from ``low`` to ``high``, both included."""
    return Check(
        code=code,
        expectation=Kind.BETWEEN,
        column=column,
        arguments=(("min_value", low), ("max_value", high), ("mostly", mostly)),
        severity=severity,
        until=until,
        reject_mostly=reject_mostly,
        reason=reason,
    )


def one_of(
    code: str,
    column: str,
    values: tuple[int | str, ...],
    *,
    mostly: float,
    reject_mostly: float | None = None,
    since: Month | None = None,
    until: Month | None = None,
    reason: str,
) -> Check:
    return Check(
        code=code,
        expectation=Kind.ONE_OF,
        column=column,
        arguments=(("value_set", values), ("mostly", mostly)),
        since=since,
        until=until,
        reject_mostly=reject_mostly,
        reason=reason,
    )


def like(code: str, column: str, pattern: str, *, mostly: float, reject_mostly: float, reason: str) -> Check:
    """Texts that match a POSIX regular expression."""
    return Check(
        code=code,
        expectation=Kind.LIKE,
        column=column,
        arguments=(("regex", pattern), ("mostly", mostly)),
        reject_mostly=reject_mostly,
        reason=reason,
    )


def not_before(
    code: str, column: str, other: str, *, mostly: float, reject_mostly: float | None = None, reason: str
) -> Check:
    """In each row that has both, ``column`` is not before ``other``."""
    return Check(
        code=code,
        expectation=Kind.NOT_BEFORE,
        arguments=(
            ("column_A", column),
            ("column_B", other),
            ("or_equal", True),
            # rows that lack one count as holding; to leave them out would take another scan of the table
            ("ignore_row_if", "neither"),
            ("mostly", mostly),
        ),
        reject_mostly=reject_mostly,
        reason=reason,
    )
