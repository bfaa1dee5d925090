"""What is computed from several columns of a row: how long it took, what it cost by the mile, whether its total is
the sum of its parts. Which columns belong together is told by their types and units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.profile.kinds import is_always_there, is_number, may_be_total

TOTAL = "total"
_NO_AMOUNTS = ("degrees", "passengers")  # a ratio with these says nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The seconds from one time to another."""

    start: str
    end: str

    @property
    def name(self) -> str:
        return f"{self.end} - {self.start}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """One column by another; either may be a difference. ``of`` are the columns of the table behind it."""

    above: str
    below: str
    of: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.above} / {self.below}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    total: str
    parts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    differences: tuple[Difference, ...]
    ratios: tuple[Ratio, ...]
    total: Sum | None


def related(dataset: Dataset, present: tuple[Column, ...]) -> Related:
    """Say what is computed for the columns that a file has: part of what is for all columns of the dataset."""
    there = {column.name for column in present}
    all_differences = _differences(dataset)
    ratios = _ratios(dataset, all_differences)
    return Related(
        differences=tuple(each for each in all_differences if {each.start, each.end} <= there),
        ratios=tuple(each for each in ratios if there.issuperset(each.of)),
        total=_sum(dataset, present),
    )


def _differences(dataset: Dataset) -> tuple[Difference, ...]:
    """From each time that a dataset lists before the event to it, and from it to each that is listed after."""
    times = [column.name for column in dataset.columns if column.type is ColumnType.TIMESTAMP]
    event = times.index(dataset.event_column)
    before = [Difference(start=name, end=dataset.event_column) for name in times[:event]]
    after = [Difference(start=dataset.event_column, end=name) for name in times[event + 1 :]]
    return (*after, *before)


def _ratios(dataset: Dataset, differences: tuple[Difference, ...]) -> tuple[Ratio, ...]:
    """One column of each unit against that of each other, and against how long it took."""
    amounts = [column for column in dataset.columns if is_number(column) and column.unit not in ("", *_NO_AMOUNTS)]
    units = dict.fromkeys(column.unit for column in amounts)
    chosen = [_steadiest(column for column in amounts if column.unit == unit) for unit in units]
    sides: list[tuple[str, tuple[str, ...]]] = [(column.name, (column.name,)) for column in amounts if column in chosen]
    if differences:
        elapsed = _steadiest_difference(dataset, differences)
        sides.append((elapsed.name, (elapsed.end, elapsed.start)))
    return tuple(
        Ratio(above=above, below=below, of=(*of_above, *of_below))
        for (above, of_above), (below, of_below) in combinations(sides, 2)
    )


def _steadiest_difference(dataset: Dataset, differences: tuple[Difference, ...]) -> Difference:
    steady = {column.name for column in dataset.columns if is_always_there(column)}
    return next((each for each in differences if {each.start, each.end} <= steady), differences[0])


def _sum(dataset: Dataset, present: tuple[Column, ...]) -> Sum | None:
    totals = [column for column in dataset.columns if column.name.startswith(TOTAL) and may_be_total(column)]
    total = _steadiest(totals) if totals else None
    if total is None or total not in present:
        return None
    parts = tuple(c.name for c in present if c.unit == total.unit and c.type is total.type and c is not total)
    return Sum(total=total.name, parts=parts) if total.unit and len(parts) > 1 else None


def _steadiest(columns: Iterable[Column]) -> Column:
    """Return the first column that every file has, else the first: which it is, no file of a month decides."""
    listed = tuple(columns)
    return next((column for column in listed if is_always_there(column)), listed[0])
