"""The benchmark judges by the real gate: a file, staged into PostgreSQL, audited beside the months before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.gate.cases import Said
from bench.gate.corrupt.files import as_published
from bench.gate.court import Court
from bench.gate.plan import Task
from bench.gate.results import Part
from bench.gate.series import Series, generated
from bench.gate.work import Past, do, profile_of
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.settings import Secret

MARCH = Month(2024, 3)


@pytest.fixture
def court(database_url: Secret, connection: Connection, tmp_path: Path) -> Court:
    return Court(url=database_url, connection=connection, folder=tmp_path)


@pytest.fixture
def fhv(tmp_path: Path) -> Past:
    """Half a year of the smallest dataset."""
    whole = generated("fhv", 0)
    months = tuple(month for month in whole.months if Month(2023, 9) <= month <= MARCH)
    return Past(series=Series(dataset=whole.dataset, seed=0, months=months), folder=tmp_path)


def test_a_clean_month_is_let_through_and_leaves_nothing_in_staging(court: Court, fhv: Past) -> None:
    ruling = court.judge(fhv.series.dataset, MARCH, as_published(fhv.series.table(MARCH)), fhv.history(MARCH))
    assert ruling.said is not Said.REJECT
    assert not ruling.broken
    with court.connection.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'staging'")
        assert cursor.fetchall() == []


def test_last_months_file_is_rejected_by_the_rules_too(court: Court, fhv: Past) -> None:
    content = as_published(fhv.series.table(Month(2024, 2)))
    ruling = court.judge(fhv.series.dataset, MARCH, content, fhv.history(MARCH))
    assert ruling.said is ruling.by_rules is Said.REJECT
    assert ruling.rules_column == "pickup_datetime"


def test_what_only_history_shows_is_not_seen_by_the_rules_alone(court: Court, fhv: Past) -> None:
    sheet = fhv.series.sheet(MARCH)
    fifth = sheet.kept(sheet.some(0.2))
    ruling = court.judge(fhv.series.dataset, MARCH, as_published(fifth.table), fhv.history(MARCH))
    assert ruling.said is Said.REJECT
    assert ruling.by_rules is Said.ACCEPT
    assert ruling.named[0].past


def test_a_file_that_the_contract_refuses_is_rejected_and_its_column_is_known(court: Court, fhv: Past) -> None:
    dataset = fhv.series.dataset
    without = fhv.series.table(MARCH).drop_columns(["DOlocationID"])
    ruling = court.judge(dataset, MARCH, as_published(without), fhv.history(MARCH))
    assert (ruling.said, ruling.rules_column) == (Said.REJECT, "do_location_id")
    empty = court.judge(dataset, MARCH, b"", fhv.history(MARCH))
    assert (empty.said, empty.named[0].code, empty.named[0].column) == (Said.REJECT, "empty-file", None)


def test_the_past_is_kept_for_other_processes(fhv: Past) -> None:
    first = fhv.history(Month(2023, 11))
    again = Past(series=fhv.series, folder=fhv.folder).history(Month(2023, 11))
    assert [str(past.month) for past in first.months] == ["2023-09", "2023-10"]
    assert again == first
    table = fhv.series.table(Month(2023, 9))
    assert first.months[0].profile == profile_of(fhv.series, Month(2023, 9), as_published(table))


def test_a_task_judges_its_cases_beside_the_others(server_url: str, tmp_path: Path) -> None:
    task = Task(series="fhv-1", part=Part.NEWER, months=(MARCH,), cases=("zero bytes", "days missing: 10 days"))
    results = do(task, server_url, tmp_path)
    assert [(each.case, each.ruling.said) for each in results] == [
        ("zero bytes", Said.REJECT),
        ("days missing: 10 days", Said.REJECT),
    ]
    assert results[0].knn is None
    assert results[1].knn is not None
    assert results[1].z is not None
    assert results[1].z["rows"] > 3
    assert json.loads(next(tmp_path.glob("fhv-1-*.json")).read_text(encoding="utf-8"))["features"]["rows"] > 20_000
