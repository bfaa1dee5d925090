"""What is computed from several columns of a row: how long it took, what it cost by the mile, whether its total is
the sum of its parts. Which columns belong together is told by their types and units.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from tidemark.datasets.base import Column, ColumnType, Dataset

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
    """Say what is computed for the columns that a file has."""
    differences = _differences(dataset, present)
    return Related(differences=differences, ratios=_ratios(present, differences), total=_sum(present))


def _differences(dataset: Dataset, present: tuple[Column, ...]) -> tuple[Difference, ...]:
    """From each time that a dataset lists before the event to it, and from it to each that is listed after."""
    times = [column.name for column in present if column.type is ColumnType.TIMESTAMP]
    if dataset.event_column not in times:
        return ()
    event = times.index(dataset.event_column)
    before = [Difference(start=name, end=dataset.event_column) for name in times[:event]]
    after = [Difference(start=dataset.event_column, end=name) for name in times[event + 1 :]]
    return (*after, *before)


def _ratios(present: tuple[Column, ...], differences: tuple[Difference, ...]) -> tuple[Ratio, ...]:
    """The first column of each unit against that of each other, and against how long it took."""
    first: dict[str, tuple[str, tuple[str, ...]]] = {}
    for column in present:
        if (
            column.unit
            and column.unit not in _NO_AMOUNTS
            and column.type not in (ColumnType.TEXT, ColumnType.TIMESTAMP)
        ):
            first.setdefault(column.unit, (column.name, (column.name,)))
    if differences:
        first["elapsed"] = (differences[0].name, (differences[0].end, differences[0].start))
    return tuple(
        Ratio(above=above, below=below, of=(*of_above, *of_below))
        for (above, of_above), (below, of_below) in combinations(first.values(), 2)
    )


def _sum(present: tuple[Column, ...]) -> Sum | None:
    total = next((c for c in present if c.name.startswith(TOTAL) and c.type is ColumnType.DOUBLE), None)
    if total is None:
        return None
    parts = tuple(c.name for c in present if c.unit == total.unit and c.type is total.type and c is not total)
    return Sum(total=total.name, parts=parts) if total.unit and len(parts) > 1 else None
