"""The contract: from the columns of a published file to the canonical columns of its dataset.

``bind`` looks at the file's schema once; ``normalise`` casts each batch, and never changes a value.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tidemark.datasets.base import Column, ColumnType, Dataset, Drift
from tidemark.delimited.text import UnfitError, first_refused, from_text, holds_text
from tidemark.errors import BadFile
from tidemark.misfit import MisfitError, refusal, type_misfit, value_misfit, wider_for, wider_for_text
from tidemark.months import Month
from tidemark.partition import Partition

LONGEST_NAME = 63  # of a column in PostgreSQL
NUMERIC_PRECISION, NUMERIC_SCALE = 38, 10  # digits of a numeric column, and those of them behind the point
NAMED = 5  # unknown columns in a message
REMEDY = "Ask the publisher for a right file, or adapt the dataset's columns in its module."

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """Which field of one file feeds each canonical column.

    ``fields``: canonical name to the file's name, null columns left out. ``unknown``: names that the contract
    does not know; they are not read. ``evolved``: those of ``columns`` that are not the dataset's, but came with
    a file; of these ``added`` are not in the table yet. ``partition``: none for a file of no dataset.
    """

    columns: tuple[Column, ...]
    fields: Mapping[str, str]
    unknown: tuple[str, ...]
    evolved: tuple[Column, ...] = ()
    added: tuple[Column, ...] = ()
    partition: Partition | None = None

    @property
    def present(self) -> tuple[Column, ...]:
        """The columns that the file has; the others are null in every row."""
        return tuple(column for column in self.columns if column.name in self.fields)


def bind(dataset: Dataset, month: Month, schema: pyarrow.Schema) -> Binding:
    """Match the file's fields to the dataset's columns.

    A field goes to the column that lists its name, exactly before regardless of case; where several do, to the
    one whose kind of type (text, number, timestamp) is the field's own. Where the file has texts alone, the month
    decides between them, and after it that a text may say anything.
    Raises ``BadFile`` when a column that this month must have is absent, when two fields claim one column, when two
    have the same name, or when nobody knows a field and the dataset is frozen.
    """
    fields: dict[str, str] = {}
    unknown: list[str] = []
    for field in schema:
        column = _column_for(dataset, month, field, typed=not holds_text(schema))
        if column is None:
            unknown.append(shown_name(field.name))
        elif column.name in fields:
            raise _drift(
                "ambiguous-column",
                f"The file has two columns for {column.name}: {shown_name(fields[column.name])!r} and "
                f"{shown_name(field.name)!r}",
            )
        else:
            fields[column.name] = field.name
    twice = [name for name, times in Counter(fields.values()).items() if times > 1]
    if twice:  # once for each of two columns that share the name
        raise _drift("ambiguous-column", f"The file has two columns named {shown_name(twice[0])!r}")
    if not fields:
        raise _drift("missing-column", f"The file has none of the columns of {dataset.name}")
    missing = dataset.missing_in(month, fields)
    if missing:
        names = ", ".join(f"{c.name} (published as {' or '.join(c.names)})" for c in missing)
        raise _drift("missing-column", f"The file lacks {names}")
    if unknown and dataset.unknown_columns is Drift.FREEZE:
        raise _frozen(dataset, month, unknown)
    return Binding(columns=dataset.columns, fields=fields, unknown=tuple(unknown), partition=dataset.partition(month))


def normalise(binding: Binding, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """Return the batch with the canonical columns, in their order and types; absent ones are null.

    Raises ``BadFile`` when a value cannot be cast without loss (names the column, the types and the value), or when
    a text is not UTF-8.
    """
    import pyarrow

    cast = _cast_text if holds_text(batch.schema) else _cast
    arrays = []
    for column in binding.columns:
        source = binding.fields.get(column.name)
        if source is None:
            arrays.append(pyarrow.nulls(batch.num_rows, arrow_type(column.type)))
            continue
        try:
            arrays.append(_checked(column, source, cast(column, source, batch.column(source))))
        except MisfitError as misfit:
            raise refusal(misfit, column, binding.partition, evolved=column in binding.evolved) from None
    return pyarrow.RecordBatch.from_arrays(arrays, schema=canonical_schema(binding.columns))


def canonical_schema(columns: tuple[Column, ...]) -> pyarrow.Schema:
    import pyarrow

    return pyarrow.schema([(column.name, arrow_type(column.type)) for column in columns])


def arrow_type(kind: ColumnType) -> pyarrow.DataType:
    import pyarrow

    return {
        ColumnType.TIMESTAMP: pyarrow.timestamp("us"),
        ColumnType.INTEGER: pyarrow.int32(),
        ColumnType.BIGINT: pyarrow.int64(),
        ColumnType.DOUBLE: pyarrow.float64(),
        ColumnType.NUMERIC: pyarrow.decimal128(NUMERIC_PRECISION, NUMERIC_SCALE),
        ColumnType.TEXT: pyarrow.string(),
        ColumnType.BOOLEAN: pyarrow.bool_(),
        ColumnType.DATE: pyarrow.date32(),
        ColumnType.INSTANT: pyarrow.timestamp("us", "UTC"),
    }[kind]


def shown_name(name: str) -> str:
    """Return a name out of a file as it may stand in a message and in jsonb, which has no NUL."""
    return (name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…").replace("\0", "\\0")


def _column_for(dataset: Dataset, month: Month, field: pyarrow.Field, *, typed: bool) -> Column | None:
    exact = [c for c in dataset.columns if field.name in c.names]
    folded = field.name.strip().casefold()
    candidates = exact or [c for c in dataset.columns if folded in (name.casefold() for name in c.names)]
    if len(candidates) > 1 and not typed:
        candidates = [c for c in candidates if c.published_in(month)] or candidates
    if len(candidates) > 1:
        fitting = [c for c in candidates if _kind(arrow_type(c.type)) == _kind(field.type)]
        candidates = fitting or candidates
    return candidates[0] if candidates else None


def _kind(data_type: pyarrow.DataType) -> str:
    import pyarrow.types as types

    if types.is_dictionary(data_type):
        return _kind(data_type.value_type)
    if types.is_string(data_type) or types.is_large_string(data_type) or types.is_string_view(data_type):
        return "text"
    if types.is_integer(data_type) or types.is_floating(data_type) or types.is_decimal(data_type):
        return "number"
    if types.is_timestamp(data_type):
        return "timestamp" if data_type.tz is None else "instant"
    if types.is_date(data_type):
        return "date"
    if types.is_null(data_type):
        return "null"
    return str(data_type)


def _cast(column: Column, source: str, array: pyarrow.Array) -> pyarrow.Array:
    import pyarrow
    import pyarrow.types

    target = arrow_type(column.type)
    if array.type == target:
        return array
    published = array.type
    if pyarrow.types.is_dictionary(published):
        array = array.dictionary_decode()
    if array.null_count == len(array):
        return pyarrow.nulls(len(array), target)
    if not _castable(_kind(array.type), _kind(target)):
        told = _told(source, published, next(value for value in array if value.is_valid))
        kinds = (_kind(array.type), _kind(target))
        raise type_misfit(told, column, kinds, wider_for(column, published))
    if pyarrow.types.is_string_view(array.type):  # no other cast knows it
        array = array.cast(pyarrow.string())
    try:
        return _converted(array, target)
    except pyarrow.ArrowInvalid:
        lossy = first_refused(array, lambda values: _converted(values, target))
        raise value_misfit(_told(source, published, lossy), column, wider_for(column, published)) from None


def _converted(array: pyarrow.Array, target: pyarrow.DataType) -> pyarrow.Array:
    """Cast values without changing one; raises ``ArrowInvalid`` when that cannot be done.

    Arrow's own cast rounds between decimals and doubles, and takes no whole number above 2^53 for a double.
    """
    import pyarrow
    import pyarrow.types as types

    fraction = types.is_floating(target) or types.is_decimal(target)
    if fraction and (types.is_decimal(array.type) or (types.is_decimal(target) and types.is_floating(array.type))):
        return _exactly(array, target)
    try:
        return array.cast(target, safe=True)
    except pyarrow.ArrowInvalid:
        if types.is_floating(target) and types.is_integer(array.type):
            return _exactly(array, target)
        raise


def _exactly(array: pyarrow.Array, target: pyarrow.DataType) -> pyarrow.Array:
    """Convert numbers one by one, each different one once; raises ``ArrowInvalid`` when one is not exact."""
    import pyarrow

    encoded = array.dictionary_encode()
    make = _exact_double if pyarrow.types.is_floating(target) else Decimal
    values = pyarrow.array([make(value) for value in encoded.dictionary.to_pylist()], target)
    return values.take(encoded.indices)


def _exact_double(value: int | Decimal) -> float:
    import pyarrow

    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if double != value:
        raise pyarrow.ArrowInvalid(f"{value} is no double")
    return double


def _cast_text(column: Column, source: str, array: pyarrow.Array) -> pyarrow.Array:
    try:
        return from_text(array, arrow_type(column.type))
    except UnfitError as unfit:
        told = f"Column {shown_name(source)!r} holds the text {unfit.text[:60]!r}"
        raise value_misfit(told, column, wider_for_text(column, unfit.text)) from None


def _checked(column: Column, source: str, array: pyarrow.Array) -> pyarrow.Array:
    """Refuse text that is none: parquet readers take any bytes for it, PostgreSQL and JSON do not."""
    import pyarrow

    if column.type is ColumnType.TEXT:
        try:
            array.validate(full=True)
        except pyarrow.ArrowInvalid:
            raise _drift("bad-value", f"Column {shown_name(source)!r} holds bytes that are no UTF-8 text") from None
    return array


def _castable(kind: str, target: str) -> bool:
    """Whether values of one kind may stand in a column of another: also times and dates that were published as text."""
    return kind == target or (kind == "text" and target in ("timestamp", "date"))


def _told(source: str, published: pyarrow.DataType, value: pyarrow.Scalar) -> str:
    return f"Column {shown_name(source)!r} was published as {published} and holds {_shown(value)}"


def _shown(value: pyarrow.Scalar) -> str:
    try:
        return repr(str(value.as_py())[:60])
    except (OverflowError, ValueError):  # a time after the year 9999, or bytes that are no text
        return "a value that cannot be shown"


def _drift(code: str, message: str) -> BadFile:
    return BadFile(f"{message}.", remedy=REMEDY, code=code)


def _frozen(dataset: Dataset, month: Month, unknown: list[str]) -> BadFile:
    told = ", ".join(repr(name) for name in unknown[:NAMED]) + (" and others" if len(unknown) > NAMED else "")
    return BadFile(
        f"The file has columns that nobody knows: {told}.",
        remedy=f"Add them to the columns of {dataset.name} in its module, or set unknown_columns there to Drift.EVOLVE "
        f"or Drift.DISCARD; then: tidemark backfill {dataset.name} {month}.",
        code="unknown-column",
    )
