"""What a dataset is: one frozen value that says where its files are and what their columns mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
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
    TEXT = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A canonical column.

    ``names``: what published files call it, over the years; they are matched exactly first, then without
    regard to case. ``required``: a file of a month from ``since`` to ``until`` without it is rejected; outside
    those months, and where it is not required, an absent column is null. ``unit`` is empty for codes and texts.
    """

    name: str
    type: ColumnType
    names: tuple[str, ...]
    comment: str
    unit: str = ""
    required: bool = True
    since: Month | None = None
    until: Month | None = None

    def required_in(self, month: Month) -> bool:
        after = self.since is None or self.since <= month
        before = self.until is None or month <= self.until
        return self.required and after and before


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
    by which its file is expected.
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

    def file_name(self, month: Month) -> str:
        return self.address.format(dataset=self.name, month=month)

    def partition(self, month: Month) -> Partition:
        return Partition(self.name, month)

    @property
    def contract_version(self) -> str:
        """Twelve hex digits that change with the columns and the codes of the row rules.

        A rule that takes other rows than before must get another code.
        """
        columns = [(c.name, c.type, c.names, c.required, str(c.since), str(c.until)) for c in self.columns]
        rules = [(r.code, r.column) for r in self.row_rules]
        return hashlib.sha256(repr((columns, rules)).encode()).hexdigest()[:12]
