"""What one file of a dataset tells about it: which columns it has, of which types, and which one says when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidemark.contract import Binding, normalise
from tidemark.datasets.base import Column, ColumnType
from tidemark.delimited.text import holds_text
from tidemark.errors import BadFile, UsageError
from tidemark.months import Month
from tidemark.read import open_raw, read_batches

if TYPE_CHECKING:
    import pyarrow

MONTH = re.compile(r"(?<!\d)\d{4}-(?:0[1-9]|1[0-2])(?!\d)", re.ASCII)
NARROWEST_FIRST = (
    ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DOUBLE, ColumnType.TIMESTAMP, ColumnType.INSTANT,
    ColumnType.DATE, ColumnType.BOOLEAN, ColumnType.NUMERIC, ColumnType.TEXT,
)  # fmt: skip
WHOLE = (ColumnType.INTEGER, ColumnType.BIGINT)
MOST_OF_INTEGER = 2**31 // 10  # what comes near the end of the type in one month may pass it in another
_FRACTION = "[.eEnN]"  # 2.0, 2e3, inf and nan: what is whole in this month may not be in the next
_CODE = "^[+-]?0[0-9]"  # a number does not begin with 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleColumn:
    """A field of the sample; ``type`` is the narrowest that holds all its values, text where there is no value.

    ``in_month``: how many of a timestamp's values lie in the file's month.
    """

    name: str
    type: ColumnType
    nulls: int
    in_month: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A file of the month that its name says; ``left_out``: fields of kinds that no column can be of."""

    path: Path
    month: Month
    rows: int
    columns: tuple[SampleColumn, ...]
    left_out: tuple[str, ...]

    @property
    def event_column(self) -> SampleColumn:
        """The timestamp that lies in the file's month in most rows; of equals the first."""
        times = (column for column in self.columns if column.type is ColumnType.TIMESTAMP)
        return max(times, key=lambda column: column.in_month)


def read_sample(path: Path) -> Sample:
    """Read a whole file, and return what it tells.

    Raises ``UsageError`` (``bad-sample``) when it cannot be read, its name has no month, or no column is a timestamp.
    """
    found = MONTH.search(path.name)
    if found is None:
        raise _bad_sample(
            f"The name of the sample, {path.name[:100]!r}, does not say its month.",
            "Name it as its publisher does, with the month as YYYY-MM, for example rides_2024-01.csv.",
        )
    month = Month.parse(found[0])
    try:
        guesses, rows = _read_guesses(path, month)
    except BadFile as error:
        raise _bad_sample(error.message, "Give a file as it was published: parquet, csv or csv.gz.") from None
    columns = tuple(column for guess in guesses if (column := guess.column(rows)))
    if not any(column.type is ColumnType.TIMESTAMP for column in columns):
        raise _bad_sample(
            "No column of the sample is a time, so no row can be told to be in its month.",
            "Times are read when they are written as 2024-01-31 23:59:59, with a T or a fraction too, or as dates.",
        )
    left_out = tuple(guess.name for guess in guesses if guess.column(rows) is None)
    return Sample(path=path, month=month, rows=rows, columns=columns, left_out=left_out)


def _read_guesses(path: Path, month: Month) -> tuple[list[_Guess], int]:
    with open_raw(path) as file:
        names = file.schema_arrow.names
        guesses = [_Guess(field, month) for field in file.schema_arrow if names.count(field.name) == 1]
        read = [guess for guess in guesses if not guess.nested]
        rows = 0
        for batch in read_batches(file, [guess.name for guess in read]):
            rows += batch.num_rows
            for guess in read:
                guess.look_at(batch)
    return guesses, rows


class _Guess:
    """The types that a field may have, after each batch those that hold its values, too."""

    def __init__(self, field: pyarrow.Field, month: Month) -> None:
        import pyarrow.types

        self.name: str = field.name
        self._month = month
        floating = pyarrow.types.is_floating(field.type)  # whole numbers may have fractions in the next month
        self._types = [kind for kind in NARROWEST_FIRST if not (floating and kind in WHOLE)]
        self.nested: bool = pyarrow.types.is_nested(field.type)
        self._if_empty = ColumnType.DOUBLE if floating else ColumnType.TEXT
        self._nulls = 0
        self._in_month = 0

    def look_at(self, batch: pyarrow.RecordBatch) -> None:
        array = batch.column(self.name)
        self._nulls += array.null_count
        if array.null_count == len(array):
            return
        if holds_text(batch.schema):
            too_narrow = _too_narrow(array)
            self._types = [kind for kind in self._types if kind not in too_narrow]
        while self._types and not self._fits(batch, self._types[0]):
            del self._types[0]

    def column(self, rows: int) -> SampleColumn | None:
        if self.nested or not self._types:
            return None
        kind = self._if_empty if self._nulls == rows else self._types[0]
        return SampleColumn(name=self.name, type=kind, nulls=self._nulls, in_month=self._in_month)

    def _fits(self, batch: pyarrow.RecordBatch, kind: ColumnType) -> bool:
        """Whether the contract would take these values into a column of this type."""
        column = Column(name="guess", type=kind, names=(self.name,), comment="")
        try:
            cast = normalise(Binding(columns=(column,), fields={"guess": self.name}, unknown=()), batch).column(0)
        except BadFile:
            return False
        if kind is ColumnType.INTEGER:
            return _largest(cast) <= MOST_OF_INTEGER
        if kind is ColumnType.TIMESTAMP:
            self._in_month += count_in(cast, self._month)
        return True


def _too_narrow(texts: pyarrow.Array) -> tuple[ColumnType, ...]:
    """Return the types that may hold the values of this file, and say too much about those to come."""
    import pyarrow.compute

    if pyarrow.compute.any(pyarrow.compute.match_substring_regex(texts, _CODE)).as_py():
        return (*WHOLE, ColumnType.DOUBLE, ColumnType.NUMERIC)
    if pyarrow.compute.any(pyarrow.compute.match_substring_regex(texts, _FRACTION)).as_py():
        return WHOLE
    return ()


def _largest(array: pyarrow.Array) -> int:
    import pyarrow.compute

    ends = pyarrow.compute.min_max(array).as_py()
    largest: int = max(abs(ends["min"]), abs(ends["max"]))
    return largest


def count_in(times: pyarrow.Array, month: Month) -> int:
    """Return how many of these timestamps lie in the month; null counts as outside."""
    import pyarrow
    import pyarrow.compute

    days = (month.first_day, month.next.first_day)
    begin, end = (pyarrow.scalar(day, pyarrow.date32()).cast(times.type) for day in days)
    within = pyarrow.compute.and_(pyarrow.compute.greater_equal(times, begin), pyarrow.compute.less(times, end))
    counted: int = pyarrow.compute.sum(within).as_py() or 0
    return counted


def _bad_sample(message: str, remedy: str) -> UsageError:
    return UsageError(message, remedy=remedy, code="bad-sample")
