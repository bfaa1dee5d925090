"""Counts and keys against their past: a count that has moved is told, a key that grows never is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.shop import MONTHS, ROWS, column, failed, generator, history_of, profile_of, shop, values
from tidemark.datasets.base import ColumnType
from tidemark.months import Month
from tidemark.profile import Profile
from tidemark.verdict import Severity

SHOP = shop(column("visits", ColumnType.BIGINT), column("price", ColumnType.NUMERIC, unit="euros"))
LAST = MONTHS[5]

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def month_of(month: Month, folder: Path, visits: np.ndarray | None = None, **columns: pa.Array) -> Profile:
    drawn = generator(month).lognormal(6, 1, ROWS).astype(int) if visits is None else visits
    prices = values(ColumnType.NUMERIC, month, 2)
    return profile_of(SHOP, month, folder, {"visits": pa.array(drawn), "price": prices} | columns)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Month, Profile]]:
    folder = tmp_path_factory.mktemp("months")
    return [(month, month_of(month, folder)) for month in MONTHS[:5]]


def usual() -> np.ndarray:
    return generator(LAST).lognormal(6, 1, ROWS).astype(int)


@pytest.mark.parametrize(
    "visits",
    [
        10 * usual(),
        usual() // 5,
        np.where(generator(LAST, 1).random(ROWS) < 0.2, -1, 1) * usual(),
        np.where(generator(LAST, 1).random(ROWS) < 0.5, 0, usual()),
        np.where(generator(LAST, 1).random(ROWS) < 0.2, 100, 1) * usual(),
    ],
    ids=["tenfold", "a fifth", "a fifth below zero", "half zero", "a fifth a hundredfold"],
)
def test_a_count_that_is_far_from_its_past_rejects(
    visits: np.ndarray, history: list[tuple[Month, Profile]], tmp_path: Path
) -> None:
    worst = failed(SHOP, [*history, (LAST, month_of(LAST, tmp_path, visits))])[0]

    assert (worst.code, worst.column, worst.severity) == ("SHOP-VISITS-CODES", "visits", Severity.REJECT)


def test_a_count_as_before_passes(history: list[tuple[Month, Profile]], tmp_path: Path) -> None:
    assert failed(SHOP, [*history, (LAST, month_of(LAST, tmp_path))]) == []


def test_decimals_in_cents_are_rejected(history: list[tuple[Month, Profile]], tmp_path: Path) -> None:
    cents = pa.array([100 * price for price in values(ColumnType.NUMERIC, LAST, 2).to_pylist()])
    worst = failed(SHOP, [*history, (LAST, month_of(LAST, tmp_path, price=cents))])[0]

    assert (worst.column, worst.severity) == ("price", Severity.REJECT)


KEYS: dict[str, Draw] = {
    "numbers of orders": lambda random, number, rows: number * rows + np.arange(rows),
    "numbers of orders that begin high": lambda random, number, rows: 90_000_000 + number * rows + np.arange(rows),
    "numbers of orders, each in two rows": lambda random, number, rows: (number * rows + np.arange(rows)) // 2,
    "numbers of orders that go down": lambda random, number, rows: 10**6 - number * rows - np.arange(rows),
    "numbers that begin anew": lambda random, number, rows: (number % 4) * rows + np.arange(rows),
    "numbers that leap": lambda random, number, rows: 10 ** min(number + 3, 9) + np.arange(rows),
    "numbers that leap late": lambda random, number, rows: (
        (90_000_000 if number < 6 else 900_000_000) + number * rows + np.arange(rows)
    ),
    "customers, of which there are ever more": lambda random, number, rows: random.integers(
        0, 5000 * (number + 1), rows
    ),
    "customers that double": lambda random, number, rows: random.integers(0, 1000 * 2**number, rows),
    "orders of this month and the last": lambda random, number, rows: random.integers(
        number * rows, (number + 2) * rows, rows
    ),
    "a few numbers of each month's own": lambda random, number, rows: number * 20 + random.integers(0, 20, rows),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("rows", [250, 2000])
def test_a_key_that_grows_from_month_to_month_is_never_told(kind: str, rows: int, tmp_path: Path) -> None:
    dataset = shop(column("key", ColumnType.BIGINT))
    months = [
        (month, profile_of(dataset, month, tmp_path, {"key": pa.array(KEYS[kind](generator(month), number, rows))}))
        for number, month in enumerate(MONTHS)
    ]

    odd = [f for number in range(3, len(months)) for f in failed(dataset, months[: number + 1])]

    assert not [finding for finding in odd if finding.column == "key"]


def test_too_little_history_says_nothing_of_levels(history: list[tuple[Month, Profile]], tmp_path: Path) -> None:
    months = [*history[-2:], (LAST, month_of(LAST, tmp_path, 10 * usual()))]

    assert len(history_of(months[:-1]).months) == 2
    assert not [finding for finding in failed(SHOP, months) if finding.column == "visits"]
