"""As what a column is measured, told by its type and its unit."""

from __future__ import annotations

from tidemark.datasets.base import Column, ColumnType

_WHOLE = (ColumnType.INTEGER, ColumnType.BIGINT)
_FRACTIONS = (ColumnType.DOUBLE, ColumnType.NUMERIC)


def is_number(column: Column) -> bool:
    """Whether it holds amounts: how they are distributed and written is measured, of all rows and of parts of them."""
    return column.type in _FRACTIONS or (column.type in _WHOLE and bool(column.unit))


def is_code(column: Column) -> bool:
    """Whether its values are counted, as long as they are few."""
    return column.type in (ColumnType.TEXT, ColumnType.BOOLEAN, *_WHOLE)


def may_be_key(column: Column) -> bool:
    """Whether it holds codes where its values are few, and else counts or keys."""
    return column.type in _WHOLE and not column.unit


def is_slice(column: Column) -> bool:
    """Whether a month may be looked at in parts by its values."""
    return is_code(column) and column.type is not ColumnType.BOOLEAN and not column.unit


def is_time(column: Column) -> bool:
    return column.type in (ColumnType.TIMESTAMP, ColumnType.INSTANT)


def may_be_total(column: Column) -> bool:
    return column.type in _FRACTIONS


def is_always_there(column: Column) -> bool:
    """Whether the file of every month must have it."""
    return column.required and column.since is None and column.until is None and not column.unless
