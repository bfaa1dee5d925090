"""The suites as data: sound in themselves, cheap to read, and versioned by what they define."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from checks import kinds
from checks.base import suite_of, suite_version
from checks.wording import expected, observed
from tests import rides
from tests.rides import AT, NOTE, PRICE
from tidemark.datasets import fhv, fhvhv, green, yellow
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN
from tidemark.months import Month, months_between
from tidemark.verdict import Severity

PROJECT = Path(__file__).parents[2]

RIDES = replace(
    rides.RIDES,
    name="city_rides",
    first_month=Month(2024, 1),
    columns=(AT, replace(PRICE, since=Month(2024, 3)), NOTE),
)


def codes(dataset: Dataset, month: Month) -> set[str]:
    return {check.code for check in suite_of(dataset) if check.applies_to(month)}


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_every_suite_is_sound(dataset: Dataset) -> None:
    suite = suite_of(dataset)
    columns = {column.name for column in dataset.columns}
    for month in months_between(dataset.first_month, Month(2025, 12)):
        asked = Counter(check.code for check in suite if check.applies_to(month))
        assert [code for code, count in asked.items() if count > 1] == [], month
    for check in suite:
        assert re.fullmatch(rf"{dataset.name.upper()}(-[A-Z0-9]+)+", check.code)
        assert check.reason.endswith(".")
        arguments = dict(check.arguments)
        named = {check.column, arguments.get("column_A"), arguments.get("column_B")} - {None}
        assert named <= columns, check.code
        mostly = float(str(arguments.get("mostly", 1)))
        assert 0 < (check.reject_mostly or mostly) <= mostly <= 1
        assert "\n" not in expected(check, Month(2023, 2))


def test_a_dataset_of_the_users_own_has_what_its_contract_implies() -> None:
    assert codes(RIDES, Month(2024, 3)) == {
        "CITY-RIDES-COLUMNS",
        "CITY-RIDES-ROWS",
        "CITY-RIDES-AT-IN-MONTH",
        "CITY-RIDES-AT-PRESENT",
        "CITY-RIDES-PRICE-PRESENT",
    }
    assert all(check.severity is Severity.REJECT for check in suite_of(RIDES))


def test_a_column_is_asked_for_only_in_the_months_that_must_have_it() -> None:
    assert "CITY-RIDES-PRICE-PRESENT" not in codes(RIDES, Month(2024, 2))
    old, new = codes(yellow.DATASET, Month(2010, 12)), codes(yellow.DATASET, Month(2011, 1))
    assert "YELLOW-RATECODE-ID-PRESENT" in new - old
    old, new = codes(yellow.DATASET, Month(2016, 6)), codes(yellow.DATASET, Month(2016, 7))
    assert "YELLOW-PICKUP-LONGITUDE-RANGE" in old - new
    assert "YELLOW-PU-LOCATION-ID-PRESENT" in new - old


def test_a_month_that_may_be_a_csv_file_is_not_asked_for_what_only_parquet_has() -> None:
    assert "FHVHV-TRIP-MILES-PRESENT" not in codes(fhvhv.DATASET, Month(2022, 4))
    assert "FHVHV-TRIP-MILES-PRESENT" in codes(fhvhv.DATASET, Month(2022, 5))
    (vendor,) = (c for c in suite_of(green.DATASET) if c.code == "GREEN-VENDOR-ID-PRESENT" and c.until)
    assert dict(vendor.arguments)["mostly"] == 0.01


def test_columns_that_were_empty_at_first_are_not_asked_for_then() -> None:
    assert "YELLOW-MTA-TAX-PRESENT" not in codes(yellow.DATASET, Month(2009, 10))
    assert "YELLOW-MTA-TAX-PRESENT" in codes(yellow.DATASET, Month(2009, 11))
    assert "GREEN-TRIP-TYPE-PRESENT" not in codes(green.DATASET, Month(2014, 2))
    assert "FHV-DROPOFF-DATETIME-PRESENT" not in codes(fhv.DATASET, Month(2017, 3))


def test_the_version_changes_with_every_part_of_a_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    check = kinds.between("CITY-RIDES-PRICE-RANGE", "price", 0, 10, mostly=0.9, reason="So.")
    changed = [
        check,
        replace(check, code="CITY-RIDES-PRICE-SANE"),
        replace(check, column="note"),
        replace(check, severity=Severity.WARN),
        replace(check, since=Month(2024, 5)),
        replace(check, until=Month(2024, 5)),
        replace(check, reject_mostly=0.5),
        kinds.between("CITY-RIDES-PRICE-RANGE", "price", 0, 10, mostly=0.91, reason="So."),
        kinds.one_of("CITY-RIDES-PRICE-RANGE", "price", (0, 10), mostly=0.9, reason="So."),
    ]
    versions = [suite_version(RIDES)]
    for version in changed:
        monkeypatch.setattr("checks.base.SUITES", {"city_rides": (version,)})
        versions.append(suite_version(RIDES))
    assert len(set(versions)) == len(changed) + 1
    assert all(re.fullmatch("[0-9a-f]{12}", version) for version in versions)

    monkeypatch.setattr("checks.base.SUITES", {"city_rides": (replace(check, reason="For another reason."),)})
    assert suite_version(RIDES) == versions[1]


def test_the_version_is_the_same_in_every_process_and_loads_nothing_heavy() -> None:
    program = """
import json, sys
from checks.base import suite_version
from tidemark.datasets.registry import BUILT_IN
heavy = {"great_expectations", "sqlalchemy", "pandas", "pyarrow", "prefect"} & sys.modules.keys()
print(json.dumps([sorted(heavy), [suite_version(dataset) for dataset in BUILT_IN]]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], [suite_version(dataset) for dataset in BUILT_IN]]


def test_expectations_read_aloud() -> None:
    february = Month(2023, 2)
    said = {check.code: expected(check, february) for check in suite_of(green.DATASET) if check.applies_to(february)}
    assert said["GREEN-PICKUP-IN-MONTH"] == (
        "pickup_datetime in 2023-02 in at least 99.85 % of values (below 98 % it is rejected)"
    )
    assert said["GREEN-ROWS"] == "at least 1 row"
    assert said["GREEN-DROPOFF-AFTER-PICKUP"] == (
        "dropoff_datetime not before pickup_datetime in at least 99.8 % of rows (below 95 % it is rejected)"
    )
    assert said["GREEN-FARE-AMOUNT-RANGE"] == (
        "fare_amount from 0 to 500 in at least 97 % of values (below 92 % it is rejected)"
    )
    assert said["GREEN-TRIP-TYPE-KNOWN"] == (
        "trip_type one of 1, 2 in at least 99.95 % of values (below 75 % it is rejected)"
    )
    assert said["GREEN-TRIP-TYPE-PRESENT"] == "trip_type filled in at least 1 % of rows"


def test_what_was_found_is_told_in_numbers_and_at_most_three_examples() -> None:
    check = kinds.between("X-PRICE-RANGE", "price", 0, 10, mostly=0.9, reason="So.")
    result = {"element_count": 100_000, "missing_count": 1, "unexpected_count": 99_998}
    examples = ["a\nb", 11, 11, "x" * 500, 13, 14]
    told = observed(check, {**result, "partial_unexpected_list": examples})
    assert told == f"99.99 % of 99,999 values (99,998) are out of range, e.g. a b, 11, {'x' * 39}…"
    assert observed(check, {**result, "unexpected_count": 1}) == "0.001 % of 99,999 values (1) are out of range"
