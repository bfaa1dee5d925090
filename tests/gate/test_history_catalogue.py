"""The list of history checks: whatever columns a dataset and its files have, what is compared is on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks.history import history_checks
from checks.history.signals import Signal
from tests.shop import MONTHS, column, failed, profile_of, shop, values
from tidemark.datasets.base import Column, ColumnType, Dataset, Drift
from tidemark.months import Month
from tidemark.profile import Profile

UNITS = ("", "", "euros", "kilograms", "minutes")
MOST_WARNINGS = 2
JUDGED = MONTHS[:5]


def any_dataset(random: np.random.Generator) -> Dataset:
    """Return a dataset of columns of any type, with units or without; one may be called a total."""
    kinds = random.choice(list(ColumnType), size=random.integers(1, 8))
    names = [f"total_{n}" if n == 1 else f"column_{n}" for n in range(len(kinds))]
    return shop(
        *(
            column(name, ColumnType(kind), unit=str(random.choice(UNITS)), required=bool(random.random() < 0.4))
            for name, kind in zip(names, kinds, strict=True)
        )
    )


def any_columns(dataset: Dataset, random: np.random.Generator) -> tuple[Column, ...]:
    """Return those that a file of it may have."""
    return tuple(each for each in dataset.columns[1:] if each.required or random.random() < 0.5)


def month_of(
    dataset: Dataset, month: Month, columns: tuple[Column, ...], folder: Path, keys: tuple[str, ...] = ()
) -> Profile:
    salts = {each.name: number for number, each in enumerate(dataset.columns)}
    held = {each.name: values(each.type, month, salts[each.name], key=each.name in keys) for each in columns}
    return profile_of(dataset, month, folder, held)


@pytest.mark.parametrize("seed", range(12))
def test_every_signal_belongs_to_a_check_whichever_columns_the_files_have(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    dataset = any_dataset(random)
    months = [(month, month_of(dataset, month, any_columns(dataset, random), tmp_path)) for month in JUDGED]

    failed(dataset, months)  # a signal of no check raises


@pytest.mark.parametrize("seed", range(100, 112))
def test_months_of_one_distribution_are_not_rejected(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    dataset = any_dataset(random)
    there = any_columns(dataset, random)
    keys = tuple(each.name for each in there if random.random() < 0.4)
    months = [(month, month_of(dataset, month, there, tmp_path, keys)) for month in JUDGED]

    odd = [finding for number in range(3, len(months)) for finding in failed(dataset, months[: number + 1])]

    assert not [finding for finding in odd if finding.blocks]
    assert len(odd) <= MOST_WARNINGS, odd


def test_a_signal_of_no_check_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from checks.history import judging

    def stray(case: Any) -> Any:
        yield Signal(theme="nulls", column="nobody", warn=0.0, reject=0.0, expected="", observed="")

    dataset = shop(column("price", ColumnType.DOUBLE))
    months = [(MONTHS[0], month_of(dataset, MONTHS[0], dataset.columns[1:], tmp_path))]
    monkeypatch.setattr(judging, "_JUDGES", (stray,))

    with pytest.raises(LookupError, match="SHOP-NOBODY-NULLS"):
        failed(dataset, months)


@pytest.mark.parametrize("drift", Drift)
def test_columns_that_are_not_listed_have_a_check_where_the_table_takes_them(drift: Drift) -> None:
    codes = {check.code for check in history_checks(shop(unknown_columns=drift))}

    assert ("SHOP-EVOLVED" in codes) == (drift is Drift.EVOLVE)


def test_every_type_has_its_checks() -> None:
    wanted = {
        ColumnType.NUMERIC: {"NULLS", "STRETCH", "SHARES", "QUANTILES", "DIGITS"},
        ColumnType.BOOLEAN: {"NULLS", "STRETCH", "CODES"},
        ColumnType.BIGINT: {"NULLS", "STRETCH", "CODES"},
        ColumnType.DATE: {"NULLS", "STRETCH"},
        ColumnType.INSTANT: {"NULLS", "STRETCH", "MINUTES"},
    }
    for kind, themes in wanted.items():
        codes = {check.code for check in history_checks(shop(column("thing", kind))) if check.column == "thing"}
        assert codes == {f"SHOP-THING-{theme}" for theme in themes}, kind
