"""The gate on real PostgreSQL: good months pass, bad ones do not, and what goes wrong in the gate itself rejects."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from traceback import format_exception
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from psycopg2 import sql

from checks import asking, gate, kinds
from checks.asking import Answer
from checks.base import suite_of, suite_version
from checks.gate import audit, findings_of
from demo.generate import Fault, damage, write_month
from tests.depot import ask
from tests.months import REAL_FILES, StagedFile, audit_file, stage_file, stage_generated
from tests.rides import RIDES
from tests.waiting import eventually
from tidemark.datasets import green
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN
from tidemark.errors import Transient
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Accepted, Check, Finding, Rejected, Severity, Verdict

PROJECT = Path(__file__).parents[2]
JANUARY, FEBRUARY, MARCH = Month(2023, 1), Month(2023, 2), Month(2023, 3)
ODD_REAL_MONTHS = {"2021-02": {"GREEN-PICKUP-DATETIME-DAYS"}}  # the snowstorm of 1 February: hardly a taxi drove


def stage_rides(connection: Connection, folder: Path, *, outside: int = 0, load_id: int = 1) -> StagedFile:
    """A hundred rides of February 2023, the first of them outside of it."""
    import pyarrow
    import pyarrow.parquet

    start = datetime(2023, 2, 1)  # noqa: DTZ001 - published without zone
    times = [start - timedelta(days=1) if n < outside else start + timedelta(hours=n) for n in range(100)]
    table = pyarrow.table(
        {"at": pyarrow.array(times, pyarrow.timestamp("us")), "price": [float(n) for n in range(100)]}
    )
    path = folder / f"rides_{load_id}.parquet"
    pyarrow.parquet.write_table(table, path)
    return stage_file(connection, RIDES, FEBRUARY, path, load_id=load_id)


def run(connection: Connection, statement: str, staged: Staged) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier("staging", staged.table)))


def failing(verdict: Verdict) -> dict[str, Finding]:
    return {finding.code: finding for finding in verdict.findings if not finding.passed}


# ---- months that are good


@pytest.mark.parametrize("month", ["2021-01", "2021-02", "2022-01", "2022-02", "2022-03", "2023-01", "2023-02"])
def test_a_real_month_is_accepted_without_a_warning_that_nobody_would_give(
    connection: Connection, database_url: Secret, tmp_path: Path, month: str
) -> None:
    published = REAL_FILES / f"green_tripdata_{month}.parquet"
    if not published.exists():
        pytest.skip(f"{published.name} is not here")
    path = tmp_path / published.name
    path.symlink_to(published)
    staged = stage_file(connection, green.DATASET, Month.parse(month), path)
    verdict = audit_file(database_url, green.DATASET, staged)
    assert failing(verdict).keys() == ODD_REAL_MONTHS.get(month, set())
    assert isinstance(verdict, Accepted)
    assert (verdict.staged, verdict.rows) == (staged, staged.rows)
    assert verdict.suite_version == suite_version(green.DATASET)


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_a_generated_month_is_accepted_without_a_warning(
    connection: Connection, database_url: Secret, tmp_path: Path, dataset: Dataset
) -> None:
    verdict = audit_file(database_url, dataset, stage_generated(connection, dataset, FEBRUARY, tmp_path))
    assert failing(verdict) == {}
    assert isinstance(verdict, Accepted)


def test_a_month_of_the_users_own_dataset_is_accepted(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    assert isinstance(audit_file(database_url, RIDES, stage_rides(connection, tmp_path)), Accepted)


def test_a_column_that_the_contract_no_longer_knows_is_no_fault(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "alter table {} add column retired text", staged)
    assert isinstance(audit_file(database_url, RIDES, staged), Accepted)


# ---- months that are bad


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.WRONG_MONTH, "GREEN-PICKUP-IN-MONTH"),
        (Fault.ALL_NULL, "GREEN-DROPOFF-DATETIME-PRESENT"),
        (Fault.NO_ROWS, "GREEN-ROWS"),
    ],
)
def test_a_bad_month_is_rejected_by_the_check_that_is_there_for_it(
    connection: Connection, database_url: Secret, tmp_path: Path, fault: Fault, code: str
) -> None:
    path = write_month(tmp_path, "green", FEBRUARY, rows=500)
    damage(path, fault)
    verdict = audit_file(database_url, green.DATASET, stage_file(connection, green.DATASET, FEBRUARY, path))
    assert isinstance(verdict, Rejected)
    assert code in failing(verdict)
    assert not any(finding.errored for finding in verdict.findings)


def test_another_months_file_is_told_with_what_it_holds(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    path = write_month(tmp_path, "green", JANUARY, rows=500)
    verdict = audit_file(database_url, green.DATASET, stage_file(connection, green.DATASET, MARCH, path))
    assert isinstance(verdict, Rejected)
    assert verdict.code == "GREEN-PICKUP-IN-MONTH"
    assert verdict.reason.startswith(
        "GREEN-PICKUP-IN-MONTH: expected pickup_datetime in 2023-03 in at least 99.85 % of values "
        "(below 98 % it is rejected), found 100 % of 500 values (500) are out of range, e.g. 2023-01-"
    )


def test_a_few_rows_of_another_month_warn_and_more_of_them_reject(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    none = stage_rides(connection, tmp_path, outside=0, load_id=1)
    few = stage_rides(connection, tmp_path, outside=2, load_id=2)
    many = stage_rides(connection, tmp_path, outside=3, load_id=3)
    accepted, warned, rejected = (audit_file(database_url, RIDES, staged) for staged in (none, few, many))
    assert isinstance(accepted, Accepted)
    assert not accepted.warned
    assert isinstance(warned, Accepted)
    assert warned.warned
    finding = failing(warned)["RIDES-AT-IN-MONTH"]
    assert (finding.severity, finding.observed) == (
        Severity.WARN,
        "2 % of 100 values (2) are out of range, e.g. 2023-01-31 00:00:00",
    )
    assert 0.3 <= finding.gravity < 1
    assert isinstance(rejected, Rejected)
    assert failing(rejected).keys() == {"RIDES-AT-IN-MONTH"}
    assert failing(rejected)["RIDES-AT-IN-MONTH"].gravity == pytest.approx(1.5)


def test_the_first_moment_of_the_next_month_is_outside(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "update {} set at = '2023-03-01'", staged)
    assert failing(audit_file(database_url, RIDES, staged)).keys() == {"RIDES-AT-IN-MONTH"}
    run(connection, "update {} set at = '2023-02-28 23:59:59.999999'", staged)
    assert failing(audit_file(database_url, RIDES, staged)) == {}


def test_a_missing_column_is_told_before_the_checks_that_could_not_read_it(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "alter table {} drop column price", staged)
    verdict = audit_file(database_url, RIDES, staged)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "RIDES-COLUMNS"
    assert failing(verdict)["RIDES-COLUMNS"].observed == "no price"
    assert failing(verdict)["RIDES-PRICE-PRESENT"].errored


def test_a_new_code_warns_and_lets_the_month_through(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set vendor_id = 9 where extract(minute from pickup_datetime) < 6", staged)
    verdict = audit_file(database_url, green.DATASET, staged)
    assert isinstance(verdict, Accepted)
    assert verdict.warned
    warning = verdict.findings[0]
    assert (warning.code, warning.severity, warning.column) == ("GREEN-VENDOR-KNOWN", Severity.WARN, "vendor_id")
    assert warning.observed.endswith("are something else, e.g. 9")


def test_codes_that_nobody_knows_in_most_rows_reject(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set vendor_id = 9", staged)
    verdict = audit_file(database_url, green.DATASET, staged)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "GREEN-VENDOR-KNOWN"
    assert verdict.blocking[0].observed == "100 % of 2,000 values (2,000) are something else, e.g. 9"
    assert verdict.blocking[0].gravity == pytest.approx(4)


def test_swapped_times_are_rejected(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_generated(connection, green.DATASET, FEBRUARY, tmp_path)
    run(connection, "update {} set pickup_datetime = dropoff_datetime, dropoff_datetime = pickup_datetime", staged)
    assert "GREEN-DROPOFF-AFTER-PICKUP" in failing(audit_file(database_url, green.DATASET, staged))


# ---- the gate itself goes wrong


def with_suite(monkeypatch: pytest.MonkeyPatch, *suite: Check) -> None:
    monkeypatch.setattr(gate, "suite_of", lambda dataset: suite)


PRESENT = kinds.present("RIDES-PRICE-PRESENT", "price", mostly=0.5, reason="So.")


def test_a_check_that_raises_rejects_and_says_so(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_strings = replace(
        kinds.in_month("RIDES-AT-IN-MONTH", "at", mostly=0.5, reason="So."),
        arguments=(("min_value", "2023-02-01"), ("max_value", "2023-03-01 00:00")),
    )
    with_suite(monkeypatch, of_strings, PRESENT)
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path))
    assert isinstance(verdict, Rejected)
    assert failing(verdict).keys() == {"RIDES-AT-IN-MONTH"}
    assert failing(verdict)["RIDES-AT-IN-MONTH"].errored
    assert verdict.reason.startswith("the check RIDES-AT-IN-MONTH could not run (")
    assert "says nothing about the data" in verdict.reason


@pytest.mark.parametrize(
    "broken",
    [
        replace(PRESENT, code="RIDES-BROKEN", expectation="expect_the_unexpected"),
        replace(PRESENT, code="RIDES-BROKEN", arguments=(("mostly", "a lot"),)),
        replace(PRESENT, code="RIDES-BROKEN", column="nowhere"),
    ],
    ids=["no such expectation", "bad argument", "no such column"],
)
def test_a_check_that_cannot_run_rejects_and_the_others_still_answer(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Check
) -> None:
    with_suite(monkeypatch, broken, PRESENT)
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path))
    assert isinstance(verdict, Rejected)
    assert {code: finding.errored for code, finding in failing(verdict).items()} == {"RIDES-BROKEN": True}


def test_two_checks_with_one_code_reject(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_suite(monkeypatch, PRESENT, PRESENT)
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path))
    assert isinstance(verdict, Rejected)
    assert failing(verdict)["RIDES-PRICE-PRESENT"].observed == "it gave 0 answers"


def test_no_check_at_all_rejects(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_suite(monkeypatch, replace(PRESENT, since=MARCH))
    verdict = audit_file(database_url, RIDES, stage_rides(connection, tmp_path))
    assert isinstance(verdict, Rejected)
    assert verdict.code == "RIDES-SUITE"


STAGED = Staged(partition=RIDES.partition(FEBRUARY), load_id=1, table="t", rows_read=1, rows=1, diverted={}, dropped=())
YES = Answer(code=PRESENT.code, passed=True)


def test_one_answer_a_check_is_right() -> None:
    (finding,) = findings_of(STAGED, [PRESENT], [YES])
    assert finding.passed
    assert not finding.blocks


@pytest.mark.parametrize(
    "answers",
    [[], [YES, YES], [YES, replace(YES, code="RIDES-OTHER")], [replace(YES, error="it raised")]],
    ids=["none", "two", "one of another check", "an error"],
)
def test_any_other_answers_block(answers: list[Answer]) -> None:
    findings = findings_of(STAGED, [PRESENT], answers)
    assert any(finding.blocks and finding.errored for finding in findings)


# ---- the table changes, the database goes


@contextmanager
def between_the_counts() -> Iterator[None]:
    """Hold an audit that begins meanwhile after its first count; it goes on when the body is left."""
    with asking.ONE_AT_A_TIME:
        yield


def wait_for_count(connection: Connection) -> int:
    """Return the server process of the session that has counted the staged rows and now waits."""
    found: list[tuple[int]] = []

    def counted() -> bool:
        found[:] = ask(
            connection,
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
            "and state = 'idle' and query like '%count(*)%'",
        )
        return bool(found)

    eventually(counted, "the audit has counted")
    return found[0][0]


def test_rows_that_change_during_the_audit_reject(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_rides(connection, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with between_the_counts():
            future = pool.submit(audit_file, database_url, RIDES, staged)
            wait_for_count(connection)
            run(connection, "delete from {} where price = 7", staged)
        verdict = future.result(timeout=120)
    assert isinstance(verdict, Rejected)
    assert {code: finding.errored for code, finding in failing(verdict).items()} == {"RIDES-STAGED-ROWS": True}
    assert failing(verdict)["RIDES-STAGED-ROWS"].observed == "100 before it, 99 after it; staged were 100"


def test_a_table_that_is_not_what_was_staged_rejects(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    verdict = audit_file(database_url, RIDES, replace(staged, rows=99))
    assert failing(verdict).keys() == {"RIDES-STAGED-ROWS", "RIDES-PROFILE"}
    assert isinstance(verdict, Rejected)


def test_a_table_that_is_gone_rejects(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_rides(connection, tmp_path)
    run(connection, "drop table {}", staged)
    verdict = audit_file(database_url, RIDES, staged)
    assert isinstance(verdict, Rejected)
    rules = {check.code for check in suite_of(RIDES)}
    assert all(finding.errored for finding in verdict.findings if finding.code in rules)
    assert failing(verdict)["RIDES-STAGED-ROWS"].observed == "no table before it, no table after it; staged were 100"


def test_a_database_that_goes_during_the_audit_is_no_verdict(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with between_the_counts():
            future = pool.submit(audit_file, database_url, RIDES, staged)
            pid = wait_for_count(connection)
            with connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(%s)", (pid,))
        with pytest.raises(Transient) as raised:
            future.result(timeout=120)
    assert raised.value.code == "database-lost"


def test_a_database_that_does_not_answer_is_no_verdict(database_url: Secret) -> None:
    parts = urlsplit(database_url.reveal())
    nowhere = Secret(urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:1")))
    with pytest.raises(Transient) as raised:
        audit(nowhere, RIDES, STAGED, raw=Path("nowhere.parquet"))
    assert raised.value.code == "database-lost"
    assert str(parts.password) not in str(raised.value)


# ---- secrets, and what is left behind

PASSWORD = "p$HOME@/%:ss w'rd"


@contextmanager
def role(connection: Connection, name: str, *, connections: int) -> Iterator[None]:
    """A role that may read everything and has a password that is hard to quote."""
    who = sql.Identifier(name)
    with connection.cursor() as cursor:
        make = sql.SQL("create role {} login password {} connection limit {} in role pg_read_all_data")
        cursor.execute(make.format(who, sql.Literal(PASSWORD), sql.Literal(connections)))
        try:
            yield
        finally:
            cursor.execute(sql.SQL("drop role {}").format(who))


def as_role(url: Secret, name: str) -> Secret:
    parts = urlsplit(url.reveal())
    password = quote(PASSWORD, safe="$")  # as people write it
    return Secret(urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}")))


def test_a_password_may_hold_anything(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_rides(connection, tmp_path)
    name = urlsplit(database_url.reveal()).path.strip("/")
    with role(connection, name, connections=10):
        assert isinstance(audit_file(as_role(database_url, name), RIDES, staged), Accepted)


def test_a_gate_that_cannot_connect_says_so_and_keeps_the_password_to_itself(
    connection: Connection,
    database_url: Secret,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    staged = stage_rides(connection, tmp_path)
    name = urlsplit(database_url.reveal()).path.strip("/")
    with role(connection, name, connections=1), caplog.at_level("DEBUG"), pytest.raises(Transient) as raised:
        audit_file(as_role(database_url, name), RIDES, staged)
    assert raised.value.code == "database-lost"  # it says nothing of the month
    told = "".join(format_exception(raised.value)) + caplog.text + "".join(capfd.readouterr())
    assert "too many connections" in told
    assert PASSWORD not in told
    assert quote(PASSWORD, safe="$") not in told


@pytest.mark.parametrize("text", [PASSWORD, quote(PASSWORD, safe="$"), "postgresql+psycopg2://me:other@host/db"])
def test_what_a_check_raised_is_told_without_secrets(text: str) -> None:
    url = as_role(Secret("postgresql://x:y@127.0.0.1:5432/db"), "me")
    told = asking.without_secrets(f"cannot reach {text} today", url)
    assert told is not None
    assert text not in told
    assert "other" not in told
    assert told.startswith("cannot reach ")
    assert told.endswith(" today")


def test_no_connection_is_left_open(connection: Connection, database_url: Secret, tmp_path: Path) -> None:
    staged = stage_rides(connection, tmp_path)
    audit_file(database_url, RIDES, staged)
    audit_file(database_url, RIDES, replace(staged, table="nowhere"))
    others = (
        "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
        "and backend_type = 'client backend'"
    )
    eventually(lambda: not ask(connection, others), "nobody else is connected", patience_s=10)


def test_an_audit_prints_nothing_writes_nothing_and_calls_nobody(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    good = stage_rides(connection, tmp_path)
    bad = stage_rides(connection, tmp_path, outside=50, load_id=2)
    home = tmp_path / "empty"
    home.mkdir()
    program = f"""
import socket, sys
calls = []
NETWORK = {{"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}}
sys.addaudithook(lambda event, given: event in NETWORK and calls.append((event, repr(given))))
from tests.gate.test_gate import FEBRUARY, Path, audit
from tests.rides import RIDES
from tidemark.settings import Secret
from tidemark.stage import Staged
url = Secret(sys.stdin.read())
for table, raw in {[(staged.table, str(staged.raw)) for staged in (good, bad)]}:
    staged = Staged(partition=RIDES.partition(FEBRUARY), load_id=1, table=table, rows_read=100, rows=100, diverted={{}},
                    dropped=())
    print(type(audit(url, RIDES, staged, raw=Path(raw))).__name__)
print(calls)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        input=database_url.reveal(),
        cwd=home,
        env={"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("Accepted\nRejected\n[]\n", "")
    assert list(home.iterdir()) == []


# ---- several at once


def test_four_audits_in_threads_each_judge_their_own_table(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    outside = [0, 50, 0, 100]
    tables = [stage_rides(connection, tmp_path, outside=n, load_id=load) for load, n in enumerate(outside, start=1)]
    run(connection, "update {} set price = null", tables[2])
    strays = {"RIDES-AT-IN-MONTH", "RIDES-AT-STRAYS"}
    wanted = [set(), strays, {"RIDES-PRICE-PRESENT"}, strays]
    together = threading.Barrier(4)

    def judge(staged: StagedFile) -> Verdict:
        together.wait(timeout=60)
        return audit_file(database_url, RIDES, staged)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            verdicts = list(pool.map(judge, tables))
            assert [verdict.staged for verdict in verdicts] == tables
            assert [set(failing(verdict)) for verdict in verdicts] == wanted
            assert "50 % of 100 values" in failing(verdicts[1])["RIDES-AT-IN-MONTH"].observed
            assert "100 % of 100 values" in failing(verdicts[3])["RIDES-AT-IN-MONTH"].observed
