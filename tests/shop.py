"""A shop's months: datasets with columns of any type, whose values are of one distribution in every month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from checks.history import judge
from tests.depot import RIDES
from tidemark.contract import arrow_type
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.history import History, PastMonth
from tidemark.months import Month, months_between
from tidemark.profile import Profile, profile_month
from tidemark.verdict import Finding, gravest_first

MONTHS = months_between(Month(2023, 1), Month(2023, 8))
ROWS = 1500

Months = Sequence[tuple[Month, Profile]]


def column(name: str, kind: ColumnType, *, unit: str = "", required: bool = False) -> Column:
    return Column(name=name, type=kind, names=(name,), comment="Any.", unit=unit, required=required)


AT = column("at", ColumnType.TIMESTAMP, unit="local time", required=True)


def shop(*columns: Column, **others: Any) -> Dataset:
    return replace(RIDES, name="shop", row_rules=(), indexes=(), columns=(AT, *columns), **others)


def generator(month: Month, salt: int = 0) -> np.random.Generator:
    return np.random.default_rng([month.yyyymm, salt])


def times(month: Month, rows: int = ROWS) -> pa.Array:
    """Return moments evenly spread over the month."""
    start = np.datetime64(month.first_day, "s")
    seconds = int((np.datetime64(month.next.first_day, "s") - start).astype(int))
    moments = start + np.sort(generator(month).integers(0, seconds, rows)).astype("timedelta64[s]")
    return pa.array(moments.astype("datetime64[us]"))


def values(kind: ColumnType, month: Month, salt: int, rows: int = ROWS, *, key: bool = False) -> pa.Array:
    """Return values of a type, of which each month has the like; whole numbers are codes, counts, or ``key``."""
    random = generator(month, salt)
    match kind:
        case ColumnType.TIMESTAMP | ColumnType.INSTANT | ColumnType.DATE:
            made = times(month, rows).cast(pa.timestamp("us"))
            return made.cast(pa.date32()) if kind is ColumnType.DATE else made.cast(arrow_type(kind))
        case ColumnType.INTEGER | ColumnType.BIGINT if key:
            return pa.array((month.yyyymm - MONTHS[0].yyyymm) * rows + np.arange(rows), arrow_type(kind))
        case ColumnType.INTEGER | ColumnType.BIGINT:
            drawn = random.integers(1, 6, rows) if salt % 2 else random.lognormal(6, 1, rows).astype(int)
            return pa.array(drawn, arrow_type(kind))
        case ColumnType.DOUBLE:
            return pa.array(random.lognormal(2, 0.6, rows))
        case ColumnType.NUMERIC:
            return pa.array([Decimal(int(cents)) / 100 for cents in random.lognormal(7, 0.6, rows)])
        case ColumnType.BOOLEAN:
            return pa.array(random.random(rows) < 0.7)
        case ColumnType.TEXT:
            return pa.array([f"{month}/{number}" if key else "abc"[number % 3] for number in random.permutation(rows)])


def profile_of(dataset: Dataset, month: Month, folder: Path, columns: Mapping[str, pa.Array]) -> Profile:
    path = folder / f"{month}.parquet"
    rows = len(next(iter(columns.values()))) if columns else ROWS
    pq.write_table(pa.table({"at": times(month, rows), **columns}), path)
    return profile_month(dataset, month, path)


def history_of(months: Months) -> History:
    return History(
        months=tuple(PastMonth(month=month, load_id=n, profile=profile) for n, (month, profile) in enumerate(months))
    )


def failed(dataset: Dataset, months: Months) -> list[Finding]:
    """Judge the last month by those before it; return what did not pass, the gravest first."""
    month, profile = months[-1]
    return [f for f in gravest_first(judge(dataset, month, profile, history_of(months[:-1]))) if not f.passed]
