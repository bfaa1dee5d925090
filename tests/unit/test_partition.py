"""Partitions: everything that a month of a dataset is called derives from the two."""

from __future__ import annotations

import pytest

from tidemark.months import Month
from tidemark.partition import Partition

GREEN = Partition("green", Month(2023, 2))


@pytest.mark.parametrize(
    ("derived", "name"),
    [
        (str(GREEN), "green 2023-02"),
        (GREEN.name, "green 2023-02"),
        (GREEN.lake_key, "raw/green/2023-02"),
        (GREEN.table, "green_2023_02"),
        (GREEN.staging_table(17), "green_2023_02_17"),
    ],
)
def test_its_names_derive_from_dataset_and_month(derived: str, name: str) -> None:
    assert derived == name


def test_partitions_are_ordered_by_dataset_then_month() -> None:
    older, other = Partition("green", Month(2022, 12)), Partition("fhv", Month(2023, 2))
    assert sorted([GREEN, older, other]) == [other, older, GREEN]


def test_the_longest_name_of_a_dataset_fits_postgresql() -> None:
    """63 bytes is where PostgreSQL cuts; two names that are cut alike would be one table."""
    longest = Partition("d" * 40, Month(2023, 12))
    assert len(f"{longest.staging_table(99_999)}_diverted") <= 63


def test_an_early_year_keeps_its_four_digits() -> None:
    assert Partition("rides", Month(999, 1)).table == "rides_0999_01"
