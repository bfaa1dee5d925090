"""Columns of codes against their past, and those that nobody listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.shop import MONTHS, ROWS, column, failed, generator, profile_of, shop, values
from tidemark.datasets.base import ColumnType, Dataset, Drift
from tidemark.months import Month
from tidemark.profile import Profile
from tidemark.verdict import Finding, Severity

CAME, LAST = 1, 6  # the number of the month that brought the columns, and of the one that is judged
SHOP = shop(column("paid", ColumnType.BOOLEAN), column("kind", ColumnType.TEXT))
NEW_KINDS = {
    "fee": ColumnType.DOUBLE,
    "stars": ColumnType.BIGINT,
    "tax": ColumnType.NUMERIC,
    "vip": ColumnType.BOOLEAN,
}


def listed(month: Month) -> dict[str, pa.Array]:
    return {"paid": values(ColumnType.BOOLEAN, month, 1), "kind": values(ColumnType.TEXT, month, 2)}


def unlisted(month: Month) -> dict[str, pa.Array]:
    return {name: values(kind, month, 3) for name, kind in NEW_KINDS.items()}


def nulls(kind: ColumnType, share: float = 1.0) -> pa.Array:
    made = values(kind, MONTHS[LAST], 3)
    return pc.if_else(pa.array(generator(MONTHS[LAST], 9).random(ROWS) < share), None, made)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Month, Profile]]:
    folder = tmp_path_factory.mktemp("months")
    return [
        (month, profile_of(SHOP, month, folder, listed(month) | (unlisted(month) if number >= CAME else {})))
        for number, month in enumerate(MONTHS[:LAST])
    ]


def judged(
    history: list[tuple[Month, Profile]],
    folder: Path,
    changed: dict[str, pa.Array],
    *,
    without: tuple[str, ...] = (),
    dataset: Dataset = SHOP,
) -> list[Finding]:
    month = MONTHS[LAST]
    columns = listed(month) | unlisted(month) | changed
    held = {name: column for name, column in columns.items() if name not in without}
    return failed(dataset, [*history, (month, profile_of(dataset, month, folder, held))])


def test_a_month_as_before_passes(history: list[tuple[Month, Profile]], tmp_path: Path) -> None:
    assert judged(history, tmp_path, {}) == []


# ---- codes


def test_truths_that_are_otherwise_are_rejected(history: list[tuple[Month, Profile]], tmp_path: Path) -> None:
    worst = judged(history, tmp_path, {"paid": pa.array(generator(MONTHS[LAST], 7).random(ROWS) < 0.3)})[0]

    assert (worst.code, worst.column, worst.severity) == ("SHOP-PAID-CODES", "paid", Severity.REJECT)


@pytest.mark.parametrize("repeated", [1, 3])
def test_codes_that_have_become_any_texts_are_rejected(
    repeated: int, history: list[tuple[Month, Profile]], tmp_path: Path
) -> None:
    texts = pa.array([f"text {number // repeated}" for number in range(ROWS)])
    found = {finding.code: finding for finding in judged(history, tmp_path, {"kind": texts})}

    assert found["SHOP-KIND-CODES"].severity is Severity.REJECT


def test_texts_that_are_other_ones_in_each_row_are_no_codes(tmp_path: Path) -> None:
    dataset, rows = shop(column("reference", ColumnType.TEXT)), 200
    months = [
        (
            month,
            profile_of(dataset, month, tmp_path, {"reference": values(ColumnType.TEXT, month, 1, rows, key=True)}),
        )
        for month in MONTHS[:5]
    ]

    assert not [finding for finding in failed(dataset, months) if finding.column == "reference"]


# ---- columns that nobody listed


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("fee", nulls(ColumnType.DOUBLE)),
        ("tax", nulls(ColumnType.NUMERIC, 0.5)),
        ("fee", pa.array(100 * generator(MONTHS[LAST]).lognormal(2, 0.6, ROWS))),
        ("fee", pa.array(-generator(MONTHS[LAST]).lognormal(2, 0.6, ROWS))),
        ("stars", pa.array(generator(MONTHS[LAST]).integers(6, 11, ROWS))),
        ("vip", pa.array(np.zeros(ROWS, dtype=bool))),
    ],
    ids=["empty", "half empty", "in cents", "below zero", "other codes", "one code"],
)
def test_an_unlisted_column_that_is_unlike_its_past_rejects(
    name: str, changed: pa.Array, history: list[tuple[Month, Profile]], tmp_path: Path
) -> None:
    worst = judged(history, tmp_path, {name: changed})[0]

    assert (worst.code, worst.column, worst.severity) == ("SHOP-EVOLVED", name, Severity.REJECT)


def test_an_unlisted_column_that_is_gone_is_told_once(history: list[tuple[Month, Profile]], tmp_path: Path) -> None:
    (finding,) = judged(history, tmp_path, {}, without=("fee",))
    month, after = MONTHS[LAST], MONTHS[LAST + 1]
    held = {name: column for name, column in (listed(month) | unlisted(month)).items() if name != "fee"}
    months = [(m, profile_of(SHOP, m, tmp_path, held)) for m in (month, after)]

    assert (finding.column, finding.severity, finding.observed) == ("fee", Severity.WARN, "not in the file")
    assert not [each for each in failed(SHOP, [*history, *months]) if each.column == "fee"]


def test_it_is_compared_from_its_second_month_on_and_only_warned_about_then(
    history: list[tuple[Month, Profile]], tmp_path: Path
) -> None:
    first = judged(history[:CAME], tmp_path, {"fee": nulls(ColumnType.DOUBLE)})
    (second,) = judged(history[: CAME + 1], tmp_path, {"fee": nulls(ColumnType.DOUBLE)})

    assert first == []
    assert (second.code, second.column, second.severity) == ("SHOP-EVOLVED", "fee", Severity.WARN)


def test_a_column_that_the_module_lists_now_is_compared_as_listed(
    history: list[tuple[Month, Profile]], tmp_path: Path
) -> None:
    grown = shop(*SHOP.columns[1:], column("fee", ColumnType.DOUBLE, unit="euros"))

    found = judged(history, tmp_path, {"fee": nulls(ColumnType.DOUBLE)}, dataset=grown)

    assert "fee" not in {finding.column for finding in found if finding.code == "SHOP-EVOLVED"}


def test_a_dataset_that_leaves_unknown_columns_out_misses_none(
    history: list[tuple[Month, Profile]], tmp_path: Path
) -> None:
    discarding = shop(*SHOP.columns[1:], unknown_columns=Drift.DISCARD)

    assert judged(history, tmp_path, {}, dataset=discarding) == []
