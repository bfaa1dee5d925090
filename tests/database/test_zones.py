"""The zones of New York City beside the trips: each of them once, with the TLC's names."""

from __future__ import annotations

import csv

import pytest

from tests.depot import RIDES, ask
from tests.months import REAL_FILES
from tidemark.datasets import green
from tidemark.postgres import Connection
from tidemark.warehouse import ensure_tables
from tidemark.zones import UNKNOWN, zones

LOOKUP = REAL_FILES / "taxi_zone_lookup.csv"


def test_every_zone_from_1_to_265_is_there_once() -> None:
    assert [number for number, _, _ in zones()] == list(range(1, 266))
    assert {number for number, borough, _ in zones() if borough is None} == set(UNKNOWN)


@pytest.mark.skipif(not LOOKUP.exists(), reason=f"{LOOKUP.name} is not here")
def test_the_names_are_those_of_the_tlc() -> None:
    with LOOKUP.open(encoding="utf-8", newline="") as file:
        published = [(int(row["LocationID"]), row["Borough"], row["Zone"]) for row in csv.DictReader(file)]
    assert [zone for zone in zones() if zone[0] not in UNKNOWN] == [row for row in published if row[0] not in UNKNOWN]


def test_they_are_made_with_the_tables_of_a_dataset_that_has_zones(connection: Connection) -> None:
    ensure_tables(connection, RIDES)
    assert ask(connection, "select to_regclass('trips.taxi_zone')") == [(None,)]
    ensure_tables(connection, green.DATASET)
    ensure_tables(connection, green.DATASET)
    named = ask(connection, "select location_id, borough, zone from trips.taxi_zone order by location_id")
    assert named == zones()
