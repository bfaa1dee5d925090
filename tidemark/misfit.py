"""What is said of a value that a column cannot hold, or of a type that it never takes, and what mends it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING

from tidemark.datasets.base import Column, ColumnType
from tidemark.errors import BadFile
from tidemark.partition import Partition

if TYPE_CHECKING:
    import pyarrow

LONGEST_WHOLE = 2**63
WHOLE = (ColumnType.INTEGER, ColumnType.BIGINT)
NUMBERS = (*WHOLE, ColumnType.DOUBLE, ColumnType.NUMERIC)
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "text": "text",
        "number": "a number",
        "timestamp": "a time without a zone",
        "instant": "a time with a zone",
        "date": "a date",
        "bool": "true or false",
    }
)


class MisfitError(Exception):
    """A value or a type that does not fit a column; ``wider``: the type that would hold it, if there is one."""

    def __init__(self, told: str, wider: ColumnType | None) -> None:
        super().__init__(told)
        self.told = told
        self.wider = wider


def value_misfit(told: str, column: Column, wider: ColumnType | None) -> MisfitError:
    return MisfitError(f"{told}, which {column.name} ({column.type}) cannot hold without loss.", wider)


def type_misfit(told: str, column: Column, kinds: tuple[str, str], wider: ColumnType | None) -> MisfitError:
    """Say that no value of this kind is ever taken, whatever it says; ``kinds``: the file's and the column's."""
    published, own = (_KINDS.get(kind, kind) for kind in kinds)
    rule = f"{published} is never cast to {own}"
    return MisfitError(f"{told}; {column.name} ({column.type}) does not take it: {rule}.", wider)


def refusal(misfit: MisfitError, column: Column, partition: Partition | None, *, evolved: bool) -> BadFile:
    """Return the error for a month whose file does not fit.

    ``evolved``: an earlier file brought the column, so only the table has to change, which no version tells of.
    """
    dataset, month = (partition.dataset, str(partition)) if partition else ("DATASET", "DATASET MONTH")
    wider = misfit.wider or "…"
    change = f'in PostgreSQL: alter table trips.{dataset} alter column "{column.name}" type {wider}'
    if evolved:
        remedy = (
            f"An earlier file brought the column {column.name}. If this one is right, give it another type {change}; "
            f"then: tidemark backfill {month} --mode rejected. Or set unknown_columns to Drift.DISCARD in the "
            "dataset's module."
        )
    else:
        remedy = (
            "If that value is wrong, ask the publisher for a right file. If it is right, give the column a type that "
            f"holds it ({wider}), in the dataset's module and, where the table is there already, {change}; "
            f"then: tidemark backfill {month}."
        )
    return BadFile(misfit.told, remedy=remedy, code="lossy-type")


def wider_for(column: Column, published: pyarrow.DataType) -> ColumnType | None:
    """Return a type that holds what the column has and what was published; none: there is no such."""
    import pyarrow.types as types

    if types.is_dictionary(published):
        return wider_for(column, published.value_type)
    if types.is_string(published) or types.is_large_string(published) or types.is_string_view(published):
        return ColumnType.TEXT
    if types.is_timestamp(published) and published.tz is not None and column.type is ColumnType.TIMESTAMP:
        return ColumnType.INSTANT
    if column.type not in (*WHOLE, ColumnType.DOUBLE):
        return None
    if types.is_floating(published):
        return ColumnType.DOUBLE
    if types.is_integer(published) and column.type is ColumnType.INTEGER:
        return ColumnType.BIGINT
    return ColumnType.NUMERIC if types.is_integer(published) or types.is_decimal(published) else None


def wider_for_text(column: Column, text: str) -> ColumnType | None:
    """Return a type that holds what the column has and what a text says; none: there is no such."""
    if column.type not in NUMBERS:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return ColumnType.TEXT
    if column.type not in WHOLE:
        return ColumnType.TEXT
    if not value.is_finite() or value != value.to_integral_value():
        return ColumnType.DOUBLE
    return ColumnType.BIGINT if abs(value) < LONGEST_WHOLE else ColumnType.TEXT
