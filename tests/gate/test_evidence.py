"""The evidence of a verdict: the rows for which a check failed, and no more of them than can be looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checks import evidence
from checks.gate import audit
from checks.history import history_checks
from demo.generate import Fault, damage, write_month
from tests.gate.test_gate import FEBRUARY, RIDES, run, stage_rides
from tests.months import stage_file, stage_generated
from tidemark.datasets import green
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN
from tidemark.postgres import Connection
from tidemark.settings import Secret
from tidemark.verdict import Accepted, Finding, Rejected, Severity, Verdict


def rows_of(verdict: Verdict, code: str) -> list[dict[str, object]]:
    return [dict(row) for found in verdict.evidence if found.code == code for row in found.rows]


def test_a_good_month_has_no_evidence(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    assert audit(database_url, RIDES, stage_rides(connection, tmp_path)).evidence == ()


def test_the_rows_outside_of_the_month_are_shown_whole(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    verdict = audit(database_url, RIDES, stage_rides(connection, tmp_path, outside=2))
    assert rows_of(verdict, "RIDES-AT-IN-MONTH") == [
        {"at": "2023-01-31 00:00:00", "price": 0.0, "note": None},
        {"at": "2023-01-31 00:00:00", "price": 1.0, "note": None},
    ]


@pytest.mark.parametrize(
    ("change", "code", "column", "values"),
    [
        ("vendor_id = null", "GREEN-VENDOR-ID-PRESENT", "vendor_id", {None}),
        ("vendor_id = 9", "GREEN-VENDOR-KNOWN", "vendor_id", {9}),
        ("pu_location_id = 266", "GREEN-PICKUP-ZONE", "pu_location_id", {266}),
        ("fare_amount = 'NaN'", "GREEN-FARE-AMOUNT-RANGE", "fare_amount", {"nan"}),
        ("fare_amount = -3", "GREEN-FARE-AMOUNT-RANGE", "fare_amount", {-3.0}),
        ("fare_amount = '-infinity'", "GREEN-FARE-AMOUNT-RANGE", "fare_amount", {"-inf"}),
        ("store_and_fwd_flag = 'maybe'", "GREEN-STORE-AND-FWD-FLAG-KNOWN", "store_and_fwd_flag", {"maybe"}),
    ],
)
def test_each_kind_of_check_shows_the_rows_that_it_did_not_hold_for(
    connection: Connection,
    database_url: Secret,
    tmp_path: Path,
    change: str,
    code: str,
    column: str,
    values: set[object],
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set " + change, staged)
    verdict = audit(database_url, green.DATASET, staged)
    rows = rows_of(verdict, code)
    assert len(rows) == evidence.ROWS
    assert {row[column] for row in rows} == values
    assert json.loads(json.dumps([dict(row) for row in rows], allow_nan=False)) == rows


def test_times_that_were_swapped_are_shown_side_by_side(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set pickup_datetime = dropoff_datetime, dropoff_datetime = pickup_datetime", staged)
    rows = rows_of(audit(database_url, green.DATASET, staged), "GREEN-DROPOFF-AFTER-PICKUP")
    assert rows
    assert all(str(row["dropoff_datetime"]) < str(row["pickup_datetime"]) for row in rows)


def test_evidence_comes_in_the_order_of_the_findings(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    path = write_month(tmp_path, "green", FEBRUARY, rows=500)
    damage(path, Fault.ALL_NULL)
    verdict = audit(database_url, green.DATASET, stage_file(connection, green.DATASET, FEBRUARY, path))
    assert isinstance(verdict, Rejected)
    assert verdict.evidence[0].code == verdict.code
    order = [finding.code for finding in verdict.findings]
    assert [found.code for found in verdict.evidence] == [c for c in order if rows_of(verdict, c)]


def test_long_texts_and_many_columns_are_cut(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set store_and_fwd_flag = repeat('x', 100000)", staged)
    (found,) = audit(database_url, green.DATASET, staged).evidence
    assert {len(str(row["store_and_fwd_flag"])) for row in found.rows} == {evidence.LONGEST_TEXT}
    assert len(json.dumps([dict(row) for row in found.rows])) < evidence.MOST_TEXT * 1.2


def test_evidence_that_takes_too_long_is_left_out_and_the_verdict_stands(
    connection: Connection,
    database_url: Secret,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(evidence, "STATEMENT_MS", 50)
    monkeypatch.setattr(evidence, "failing_rows", _sleeping)
    verdict = audit(database_url, RIDES, stage_rides(connection, tmp_path, outside=50))
    assert isinstance(verdict, Rejected)
    assert verdict.evidence == ()
    assert "could not be read" in caplog.text


def _sleeping(*_: object) -> object:
    from sqlalchemy import func

    return func.pg_sleep(30).is_(None)


def test_evidence_that_cannot_be_read_changes_no_verdict(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object) -> None:
        raise RuntimeError("postgresql://me:secret@host/db")

    monkeypatch.setattr(evidence, "failing_rows", raising)
    verdict = audit(database_url, RIDES, stage_rides(connection, tmp_path, outside=2))
    assert isinstance(verdict, Accepted)
    assert verdict.warned
    assert verdict.evidence == ()


# ---- against history


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_every_history_check_can_be_shown_on_the_tables_of_its_dataset(
    connection: Connection, database_url: Secret, tmp_path: Path, caplog: pytest.LogCaptureFixture, dataset: Dataset
) -> None:
    staged = stage_generated(connection, dataset, FEBRUARY, tmp_path, rows=500)
    checks = history_checks(dataset)
    failed = [
        Finding(
            code=check.code,
            severity=Severity.REJECT,
            passed=False,
            column=check.column,
            expected="",
            observed="",
            reason="",
        )
        for check in checks
    ]
    shown = {found.code: found.rows for found in evidence.gather(database_url, dataset, staged, checks, failed)}
    assert caplog.messages == []
    name = dataset.name.upper()
    days = shown[f"{name}-VOLUME"]
    assert sum(int(str(row["rows"])) for row in days) == pytest.approx(500, abs=5)
    assert [row["day"] for row in days] == sorted(str(row["day"]) for row in days)
    assert sum(int(str(row["rows"])) for row in shown[f"{name}-PICKUP-DATETIME-CLOCK"]) == staged.rows
    assert all(len(rows) <= evidence.ROWS for rows in shown.values())


@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        ("total_amount = total_amount + 100", "GREEN-TOTAL-AMOUNT-TOTAL", 50),
        ("fare_amount = -1", "GREEN-FARE-AMOUNT-SHARES", 50),
        ("dropoff_datetime = pickup_datetime - interval '1 hour'", "GREEN-DROPOFF-DATETIME-ORDER", 50),
        ("pickup_datetime = pickup_datetime + interval '60 days'", "GREEN-PICKUP-DATETIME-STRAYS", 50),
        ("tip_amount = null", "GREEN-TIP-AMOUNT-NULLS", 50),
        ("vendor_id = 9", "GREEN-VENDOR-ID-CODES", 1),
    ],
)
def test_the_rows_of_a_history_check_are_the_odd_ones(
    connection: Connection, database_url: Secret, tmp_path: Path, change: str, code: str, expected: int
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path, rows=200)
    (check,) = (each for each in history_checks(green.DATASET) if each.code == code)
    finding = Finding(code=code, severity=Severity.WARN, passed=False, expected="", observed="", reason="")

    def shown() -> int:
        found = evidence.gather(database_url, green.DATASET, staged, [check], [finding])
        return len(found[0].rows) if found else 0

    usual = shown()
    run(connection, "update {} set " + change, staged)
    assert shown() == expected
    assert usual != expected


def test_repeated_rows_are_shown_with_how_often_they_are_there(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "update {} set price = 7, at = '2023-02-03 04:05:06' where price < 3", staged)
    (check,) = (each for each in history_checks(RIDES) if each.code == "RIDES-DUPLICATES")
    finding = Finding(code=check.code, severity=Severity.WARN, passed=False, expected="", observed="", reason="")
    (found,) = evidence.gather(database_url, RIDES, staged, [check], [finding])
    assert found.rows == ({"copies": 3, "at": "2023-02-03 04:05:06", "price": 7.0, "note": None},)
