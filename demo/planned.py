"""The demo's year: which month is made how, and how each must end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.feed import Faults
from demo.generate import Fault, damage, write_month
from tidemark.facts import State
from tidemark.months import Month, months_between
from tidemark.partition import Partition

YEAR = months_between(Month(2023, 1), Month(2023, 12))
ROWS = {"yellow": 20_000, "green": 6_000}
BAD = Partition("green", Month(2023, 5))
NOT_YET = Partition("yellow", Month(2023, 12))
STUMBLES = Partition("yellow", Month(2023, 8))
STUMBLING = Faults(unavailable=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedMonth:
    """One month of the demo: how it must end, and how many rows its file has."""

    partition: Partition
    state: State
    rows: int


def planned_months() -> tuple[PlannedMonth, ...]:
    """Return every month of the demo, by dataset and time."""
    odd = {BAD: State.REJECTED, NOT_YET: State.UNAVAILABLE}
    return tuple(
        PlannedMonth(
            partition=Partition(dataset, month),
            state=odd.get(Partition(dataset, month), State.PUBLISHED),
            rows=rows + 100 * month.number,
        )
        for dataset, rows in ROWS.items()
        for month in YEAR
    )


def make_source(folder: Path) -> None:
    """Write the demo's files: generated trips, one file with last year's rows, and one missing."""
    folder.mkdir(parents=True)
    for planned in planned_months():
        if planned.partition != NOT_YET:
            dataset, month = planned.partition.dataset, planned.partition.month
            path = write_month(folder, dataset, month, rows=planned.rows, seed=month.yyyymm)
            if planned.partition == BAD:
                damage(path, Fault.WRONG_MONTH)


def planned_faults() -> Mapping[str, Faults]:
    """Return what goes wrong at the feed, by file name."""
    return {f"{STUMBLES.dataset}_tripdata_{STUMBLES.month}.parquet": STUMBLING}
