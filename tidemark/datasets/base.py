"""What a dataset is: one frozen value that says where its files are and what their columns mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tidemark.months import Month
from tidemark.partition import Partition

if TYPE_CHECKING:
    import pandas


class ColumnType(StrEnum):
    """The PostgreSQL types that a canonical column may have."""

    TIMESTAMP = "timestamp without time zone"
    INTEGER = "integer"
    BIGINT = "bigint"
    DOUBLE = "double precision"
    NUMERIC = "numeric"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "timestamp with time zone"


class Drift(StrEnum):
    """What becomes of a column of a file that nobody knows.

    ``EVOLVE``: the dataset's table gets it, once the month is accepted. ``FREEZE``: the month is rejected.
    ``DISCARD``: it is left out, and named in the ledger.
    """

    EVOLVE = "evolve"
    FREEZE = "freeze"
    DISCARD = "discard"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A canonical column.

    ``names``: what published files call it, over the years; they are matched exactly first, then without
    regard to case. ``required``: a file of a month from ``since`` to ``until`` without it is rejected; outside
    those months, and where it is not required, an absent column is null. ``unless``: the column that some files have
    in its place; in the months of that one, a file that has it may lack this one. ``unit`` is empty for codes and
    texts.
    """

    name: str
    type: ColumnType
    names: tuple[str, ...]
    comment: str
    unit: str = ""
    required: bool = True
    unless: str = ""
    since: Month | None = None
    until: Month | None = None

    def published_in(self, month: Month) -> bool:
        return (self.since is None or self.since <= month) and (self.until is None or month <= self.until)

    def required_in(self, month: Month) -> bool:
        return self.required and self.published_in(month)


@dataclass(frozen=True, kw_only=True, slots=True)
class RowRule:
    """A rule that diverts single rows: they are kept in ``diverted.<dataset>``, and not published.

    ``takes`` gets a batch as a data frame with canonical columns on Arrow-backed types and returns a boolean
    series: true for the rows to divert. Null counts as false.
    """

    code: str
    column: str
    reason: str
    takes: Callable[[pandas.DataFrame], pandas.Series[bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """An index on each month's table; ``purpose`` says which question it answers."""

    columns: tuple[str, ...]
    method: str
    purpose: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset that is published once a month.

    ``address``: the file of a month below the source, with ``{dataset}`` and ``{month}``.
    ``event_column``: the timestamp that says when a row happened. ``lag_days``: days after the end of a month
    by which its file is expected. ``unknown_columns``: what becomes of columns of a file that are not in ``columns``.
    """

    name: str
    title: str
    home: str
    address: str = "{dataset}_tripdata_{month}.parquet"
    first_month: Month
    lag_days: int
    event_column: str
    columns: tuple[Column, ...]
    row_rules: tuple[RowRule, ...] = ()
    indexes: tuple[Index, ...] = ()
    unknown_columns: Drift = Drift.EVOLVE

    def file_name(self, month: Month) -> str:
        return self.address.format(dataset=self.name, month=month)

    def partition(self, month: Month) -> Partition:
        return Partition(self.name, month)

    def missing_in(self, month: Month, present: Container[str]) -> tuple[Column, ...]:
        """Return the columns that a file of the month must have, and does not: it has those named ``present``."""
        standing_in = {c.name for c in self.columns if c.published_in(month) and c.name in present}
        required = (c for c in self.columns if c.required_in(month) and c.unless not in standing_in)
        return tuple(c for c in required if c.name not in present)

    def stand_in(self, column: Column) -> Column | None:
        """Return the column that some files have in the place of this one; see ``Column.unless``."""
        return next((c for c in self.columns if c.name == column.unless), None)

    @property
    def contract_version(self) -> str:
        """Twelve hex digits that change with the columns, what becomes of unknown ones, and the codes of the row rules.

        A column that a file brought changes nothing here, so it makes no other month stale. A rule that takes other
        rows than before must get another code.
        """
        columns = [(c.name, c.type, c.names, c.required, c.unless, str(c.since), str(c.until)) for c in self.columns]
        rules = [(r.code, r.column) for r in self.row_rules]
        return hashlib.sha256(repr((columns, rules, self.unknown_columns)).encode()).hexdigest()[:12]
