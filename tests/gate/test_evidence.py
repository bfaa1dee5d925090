"""The evidence of a verdict: the rows for which a check failed, and no more of them than can be looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks import evidence, showing
from checks.history import history_checks, judge
from demo.generate import Fault, damage, write_month
from tests.gate.test_gate import FEBRUARY, run, stage_rides
from tests.months import StagedFile, audit_file, stage_file, stage_generated
from tests.rides import RIDES
from tidemark.datasets import green
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN
from tidemark.history import History, PastMonth
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.profile import Profile
from tidemark.settings import Secret
from tidemark.verdict import Accepted, Finding, Rejected, Severity, Verdict

if TYPE_CHECKING:
    from numpy.random import Generator


def rows_of(verdict: Verdict, code: str) -> list[dict[str, object]]:
    return [dict(row) for found in verdict.evidence if found.code == code for row in found.rows]


def test_a_good_month_has_no_evidence(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    assert audit_file(database_url, RIDES, stage_rides(connection, tmp_path)).evidence == ()


def test_the_rows_outside_of_the_month_are_shown_whole(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path, outside=2))
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
    verdict = audit_file(database_url, green.DATASET, staged)
    rows = rows_of(verdict, code)
    assert len(rows) == evidence.ROWS
    assert {row[column] for row in rows} == values
    assert json.loads(json.dumps([dict(row) for row in rows], allow_nan=False)) == rows


def test_times_that_were_swapped_are_shown_side_by_side(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set pickup_datetime = dropoff_datetime, dropoff_datetime = pickup_datetime", staged)
    rows = rows_of(audit_file(database_url, green.DATASET, staged), "GREEN-DROPOFF-AFTER-PICKUP")
    assert rows
    assert all(str(row["dropoff_datetime"]) < str(row["pickup_datetime"]) for row in rows)


def test_evidence_comes_in_the_order_of_the_findings(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    path = write_month(tmp_path, "green", FEBRUARY, rows=500)
    damage(path, Fault.ALL_NULL)
    verdict = audit_file(database_url, green.DATASET, stage_file(connection, green.DATASET, FEBRUARY, path))
    assert isinstance(verdict, Rejected)
    assert verdict.evidence[0].code == verdict.code
    order = [finding.code for finding in verdict.findings]
    assert [found.code for found in verdict.evidence] == [c for c in order if rows_of(verdict, c)]


def test_long_texts_and_many_columns_are_cut(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set store_and_fwd_flag = repeat('x', 100000)", staged)
    (found,) = audit_file(database_url, green.DATASET, staged).evidence
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
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path, outside=50))
    assert isinstance(verdict, Rejected)
    assert rows_of(verdict, "RIDES-AT-IN-MONTH") == []
    assert rows_of(verdict, "RIDES-AT-STRAYS")  # which the next statement had time for
    assert "The evidence of RIDES-AT-IN-MONTH could not be read" in caplog.text


def _sleeping(*_: object) -> object:
    from sqlalchemy import func

    return func.pg_sleep(30).is_(None)


def test_evidence_that_cannot_be_read_changes_no_verdict(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object) -> None:
        raise RuntimeError("postgresql://me:secret@host/db")

    monkeypatch.setattr(evidence, "failing_rows", raising)
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path, outside=2))
    assert isinstance(verdict, Accepted)
    assert verdict.warned
    assert verdict.evidence == ()


# ---- against history


def shown_for(
    url: Secret, dataset: Dataset, staged: StagedFile, code: str, *, observed: str = ""
) -> list[dict[str, object]]:
    (check,) = (each for each in history_checks(dataset) if each.code == code)
    finding = Finding(
        code=code, severity=Severity.WARN, passed=False, expected="price: median 50", observed=observed, reason=""
    )
    found = evidence.gather(url, dataset, staged, [check], [finding], None)
    return [dict(row) for row in found[0].rows] if found else []


def judged_prices(random: Generator, factor: float) -> Finding:
    """What history says of the prices of a month, which are so many times those of the months before."""
    import tempfile

    from tests.depot import RIDES as OTHERS
    from tests.depot import write_rides
    from tidemark.profile import profile_month

    def profile(month: Month, times: float) -> Profile:
        import pyarrow

        with tempfile.TemporaryDirectory() as folder:
            prices = pyarrow.array(random.lognormal(3, 0.5, 5000) * times)
            return profile_month(OTHERS, month, write_rides(Path(folder) / "rides.parquet", month, 5000, price=prices))

    months = [Month(2022, number) for number in (8, 9, 10, 11)]
    past = tuple(PastMonth(month=month, load_id=1, profile=profile(month, 1)) for month in months)
    findings = judge(OTHERS, FEBRUARY, profile(FEBRUARY, factor), History(months=past))
    (found,) = (finding for finding in findings if finding.code == "RIDES-PRICE-QUANTILES")
    return found


def assert_shown(
    url: Secret, connection: Connection, staged: StagedFile, finding: Finding, change: str, expected: int
) -> None:
    """Check how many rows show a finding once the table was changed, and that they were not as many before."""
    (check,) = (each for each in history_checks(green.DATASET) if each.code == finding.code)

    def shown() -> int:
        found = evidence.gather(url, green.DATASET, staged, [check], [finding], None)
        return len(found[0].rows) if found else 0

    usual = shown()
    run(connection, "update {} set " + change, staged)
    assert shown() == expected
    assert usual != expected


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
    shown = {found.code: found.rows for found in evidence.gather(database_url, dataset, staged, checks, failed, None)}
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
    finding = Finding(code=code, severity=Severity.WARN, passed=False, expected="", observed="", reason="")
    assert_shown(database_url, connection, staged, finding, change, expected)


@pytest.mark.parametrize(
    ("change", "code", "column", "told", "expected"),
    [
        ("vendor_id = 9", "GREEN-SILENCE", "vendor_id", "", 1),
        ("fare_amount = null", "GREEN-TOGETHER", "fare_amount", "", 0),
        (
            "pickup_datetime = '2023-02-01', dropoff_datetime = '2023-02-02'",
            "GREEN-REPEATS",
            None,
            "at most 0 % of the rows the same as another but for the values",
            1,
        ),
    ],
)
def test_the_rows_of_a_check_of_the_whole_table_are_those_of_the_guilty_column(
    connection: Connection,
    database_url: Secret,
    tmp_path: Path,
    change: str,
    code: str,
    column: str | None,
    told: str,
    expected: int,
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path, rows=200)
    finding = Finding(
        code=code, severity=Severity.WARN, passed=False, column=column, expected=told, observed="", reason=""
    )
    assert_shown(database_url, connection, staged, finding, change, expected)


def test_of_a_large_table_some_of_the_repeated_rows_are_shown_with_all_their_copies(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "insert into {0} select * from {0} where price >= 20", staged)
    monkeypatch.setattr(showing, "MOST_GROUPED", 25)
    rows = shown_for(database_url, RIDES, staged, "RIDES-DUPLICATES")
    assert 0 < len(rows) < 50
    assert {row["copies"] for row in rows} == {2}


@pytest.mark.parametrize(
    ("observed", "ends"),
    [
        ("median 5, 40 % of the values moved", {0.1, 0.2}),
        ("median 500, 40 % of the values moved", {99.0, 98.0}),
        ("3 % below 0.5", {0.1, 0.2}),
        ("3 % above 90.5", {99.0, 98.0}),
        ("7.5 on 2023-02-03", {0.1, 0.2}),
        ("in 5 %", {99.0, 98.0}),
    ],
)
def test_the_end_is_shown_that_is_guilty(
    connection: Connection,
    database_url: Secret,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    observed: str,
    ends: set[float],
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "update {} set price = price / 10 where price <= 2", staged)
    monkeypatch.setattr(evidence, "ROWS", 2)
    rows = shown_for(database_url, RIDES, staged, "RIDES-PRICE-QUANTILES", observed=observed)
    assert {row["price"] for row in rows} == ends


@pytest.mark.parametrize(("factor", "low"), [(0.01, True), (100.0, False)])
def test_the_guilty_end_is_read_from_what_the_gate_really_says(*, factor: float, low: bool) -> None:
    import numpy

    found = judged_prices(numpy.random.default_rng(5), factor)
    assert not found.passed
    assert showing.is_about_the_low_end(found) is low


@pytest.mark.parametrize(("rows", "sampled"), [(2_000_000, False), (4_000_000, True)])
def test_a_large_table_is_sorted_in_part(
    connection: Connection, database_url: Secret, tmp_path: Path, *, rows: int, sampled: bool
) -> None:
    from sqlalchemy import table

    staged = stage_rides(connection, tmp_path)
    some = showing._sampled(table(staged.table, schema="staging"), rows)
    assert ("TABLESAMPLE system" in str(some.select())) is sampled
    shown = shown_for(database_url, RIDES, replace(staged, rows=rows), "RIDES-PRICE-QUANTILES")
    assert len(shown) in ({0, evidence.ROWS} if sampled else {evidence.ROWS})  # it takes whole pages, and there is one


def test_repeated_rows_are_shown_with_how_often_they_are_there(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "update {} set price = 7, at = '2023-02-03 04:05:06' where price < 3", staged)
    (check,) = (each for each in history_checks(RIDES) if each.code == "RIDES-DUPLICATES")
    finding = Finding(code=check.code, severity=Severity.WARN, passed=False, expected="", observed="", reason="")
    (found,) = evidence.gather(database_url, RIDES, staged, [check], [finding], None)
    assert found.rows == ({"copies": 3, "at": "2023-02-03 04:05:06", "price": 7.0, "note": None},)
