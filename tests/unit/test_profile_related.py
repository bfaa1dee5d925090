"""What is computed from several columns is the same whichever of them a month's file has."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from tests.depot import RIDES
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.profile.related import Related, related


def amount(name: str, unit: str, *, required: bool = True, kind: ColumnType = ColumnType.DOUBLE) -> Column:
    return Column(name=name, type=kind, names=(name,), comment="Any.", unit=unit, required=required)


def moment(name: str, *, required: bool = True) -> Column:
    return amount(name, "local time", required=required, kind=ColumnType.TIMESTAMP)


COLUMNS = (
    moment("asked", required=False),
    moment("at"),
    moment("cancelled", required=False),
    moment("ended"),
    amount("rebate", "euros", required=False),
    amount("price", "euros"),
    amount("total", "euros"),
    amount("weight", "kilograms", required=False),
    amount("distance", "miles", required=False, kind=ColumnType.NUMERIC),
)
DATASET = replace(RIDES, columns=COLUMNS, row_rules=(), indexes=())
OPTIONAL = tuple(column for column in COLUMNS if not column.required)


def names(found: Related) -> set[str]:
    total = {f"total {found.total.total}"} if found.total else set()
    return {each.name for each in found.differences} | {each.name for each in found.ratios} | total


@pytest.mark.parametrize("count", range(len(OPTIONAL) + 1))
def test_what_some_columns_have_is_part_of_what_all_have(count: int) -> None:
    for absent in combinations(OPTIONAL, count):
        found = related(DATASET, tuple(column for column in COLUMNS if column not in absent))

        assert names(found) <= names(related(DATASET, COLUMNS))
        assert not {column.name for column in absent} & {name for ratio in found.ratios for name in ratio.of}


def test_the_first_column_of_a_unit_that_every_file_has_stands_for_it() -> None:
    ratios = {ratio.name for ratio in related(DATASET, COLUMNS).ratios}

    assert "price / weight" in ratios
    assert "price / ended - at" in ratios
    assert not {name for name in ratios if "rebate" in name or "cancelled" in name}


def test_decimals_may_add_up_to_a_total() -> None:
    dataset: Dataset = replace(
        RIDES,
        columns=(
            RIDES.columns[0],
            *(amount(name, "euros", kind=ColumnType.NUMERIC) for name in ("fare", "tip", "total")),
        ),
        row_rules=(),
    )
    total = related(dataset, dataset.columns).total

    assert total is not None
    assert (total.total, total.parts) == ("total", ("fare", "tip"))
