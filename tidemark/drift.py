"""Drift: what a dataset's table calls a column that nobody knows, and which type it gets. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tidemark.contract import LONGEST_NAME, NUMERIC_PRECISION, NUMERIC_SCALE, Binding, shown_name
from tidemark.datasets.base import Column, ColumnType
from tidemark.errors import BadFile
from tidemark.months import Month

if TYPE_CHECKING:
    import pyarrow

MOST_COLUMNS = 500  # PostgreSQL takes 1,600, but a row must fit in its page of 8 kB
OUR_OWN = frozenset({"month", "load_id", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What is so in the database: the table's columns with their PostgreSQL types, and the words that SQL reserves."""

    columns: Mapping[str, str]
    reserved: frozenset[str]


def evolve(binding: Binding, month: Month, schema: pyarrow.Schema, table: Table) -> Binding:
    """Bind the fields that nobody knows, too: to the column that an earlier month brought, or to a new one.

    Left as ``unknown``: fields whose type is no column's (lists, structs, bytes, times of day, and what is null
    throughout), that share their name, or whose column has a type that Tidemark does not load.
    Raises ``BadFile`` when the table would get more than ``MOST_COLUMNS``.
    """
    known = set(binding.fields.values())
    fields = [field for field in schema if field.name not in known]
    names = _names(fields, binding.columns, table)
    columns, left = [], []
    for field in fields:
        column = _column(field, names.get(field.name), month, table)
        if column is None:
            left.append(shown_name(field.name))
        else:
            columns.append((field.name, column))
    added = tuple(column for _, column in columns if column.name not in table.columns)
    if added and len(table.columns) + len(added) > MOST_COLUMNS:
        raise _too_many(len(added), len(table.columns))
    return replace(
        binding,
        columns=(*binding.columns, *(column for _, column in columns)),
        fields={**binding.fields, **{column.name: name for name, column in columns}},
        unknown=tuple(left),
        evolved=tuple(column for _, column in columns),
        added=added,
    )


def identifier(name: str) -> str:
    """Return a published name in lower snake case, ASCII only, e.g. ``PULocationID`` as ``pu_location_id``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", _WORDS.sub("_", plain).lower())
    return words.strip("_")


def type_of(data_type: pyarrow.DataType) -> ColumnType | None:
    """Return the type of a new column for a field of this type; none when there is none that holds its values.

    Whole numbers become ``bigint``, so that a later month with greater ones fits.
    """
    import pyarrow.types as types

    if types.is_dictionary(data_type):
        return type_of(data_type.value_type)
    if types.is_decimal(data_type):
        whole = data_type.precision - data_type.scale
        fits = 0 <= data_type.scale <= NUMERIC_SCALE and whole <= NUMERIC_PRECISION - NUMERIC_SCALE
        return ColumnType.NUMERIC if fits else None
    if types.is_timestamp(data_type):
        return ColumnType.TIMESTAMP if data_type.tz is None else ColumnType.INSTANT
    kinds = (
        (types.is_integer, ColumnType.BIGINT),
        (types.is_floating, ColumnType.DOUBLE),
        (types.is_string, ColumnType.TEXT),
        (types.is_large_string, ColumnType.TEXT),
        (types.is_string_view, ColumnType.TEXT),
        (types.is_boolean, ColumnType.BOOLEAN),
        (types.is_date, ColumnType.DATE),
    )
    return next((kind for is_such, kind in kinds if is_such(data_type)), None)


def _names(fields: list[pyarrow.Field], columns: tuple[Column, ...], table: Table) -> Mapping[str, str]:
    """Return the column's name for each field's; fields that share their name have none.

    It depends on the field's own name alone, but where two fields of a file would get the same one: then each has
    a hash of its own name in it, and keeps it when it comes alone. So no order of the fields ever swaps two columns.
    """
    times = Counter(field.name for field in fields)
    reserved = OUR_OWN | table.reserved | {column.name for column in columns}
    plain = {name: _plain(name, reserved) for name, count in times.items() if count == 1}
    shared = {name for name, count in Counter(plain.values()).items() if count > 1}
    return {
        name: own if own in table.columns or short in shared or short in reserved else short
        for name, short in plain.items()
        for own in [_with_hash(short, name)]
    }


def _plain(name: str, reserved: frozenset[str]) -> str:
    short = identifier(name)
    if not short or short[0].isdigit() or short in reserved:
        short = f"published_{short}".rstrip("_")
    return short[:LONGEST_NAME]


def _with_hash(short: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{short[: LONGEST_NAME - 9]}_{digest}"


def _column(field: pyarrow.Field, name: str | None, month: Month, table: Table) -> Column | None:
    if name is None:
        return None
    there = table.columns.get(name)
    kind = type_of(field.type) if there is None else _loaded(there)
    if kind is None:
        return None
    return Column(
        name=name,
        type=kind,
        names=(_printable(shown_name(field.name)),),
        comment=f"Not in the dataset's module: came with the file of {month}, as {field.type}",
        required=False,
    )


def _printable(name: str) -> str:
    """Return a name as it may stand in a comment, which terminals show."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)


def _loaded(type_name: str) -> ColumnType | None:
    return ColumnType(type_name) if type_name in set(ColumnType) else None


def _too_many(added: int, there: int) -> BadFile:
    return BadFile(
        f"The file has {added:,} columns that nobody knows, and the table {there:,}; {MOST_COLUMNS} are the most.",
        remedy="Ask the publisher for a right file, or set unknown_columns to Drift.DISCARD in the dataset's module.",
        code="unknown-column",
    )
