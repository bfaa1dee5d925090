"""``tidemark backfill`` from its command line to the tables, over HTTP and from real files."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from demo.feed import Faults, Feed, Request
from demo.generate import Fault, damage, write_month
from tests.flows.conftest import Once
from tests.flows.shell import Ended, PrefectApi, Shell
from tests.flows.webhook import CANARY, webhook
from tests.invariants import check_invariants
from tests.months import REAL_FILES
from tests.waiting import eventually
from tidemark.months import Month, months_between
from tidemark.settings import Secret

MONTHS = months_between(Month(2023, 1), Month(2023, 8))
GREEN = ("backfill", "green", "2023-01", "2023-08", "--json")
GREEN_RUN = "backfill green 2023-01 to 2023-08, due"
ROWS = 3000
ABSENT = Month(2023, 4)
STUMBLING, CUT = Month(2023, 3), Month(2023, 7)
BAD = {Month(2023, 2): Fault.WRONG_MONTH, Month(2023, 5): Fault.TRUNCATED, Month(2023, 6): Fault.HTML}
GOOD = (Month(2023, 1), STUMBLING, CUT, Month(2023, 8))
DEAD_SERVER = "http://127.0.0.1:9/api"
LINE = re.compile(r"\d\d:\d\d:\d\d (?P<dataset>\w+) (?P<month>\d{4}-\d\d): (?P<stage>[^:]+): (?P<text>.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class HalfYear:
    """Eight months of green with faults and without, taken three times, the last time with one of them mended."""

    database: str
    files: dict[str, str]
    first: Ended
    again: Ended
    mended: Ended
    yellow: Ended
    requests: tuple[list[Request], list[Request], list[Request]]
    messages: tuple[list[str], list[str]]
    leftovers: list[str]


def play_half_year(shell: Shell, database: Secret) -> HalfYear:
    source = make_source(shell.folder / "source")
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in source.iterdir()}
    faults = {file_name(STUMBLING): Faults(unavailable=2), file_name(CUT): Faults(cut=1)}
    asked: list[Request] = []
    with Feed(source, faults=faults, on_request=asked.append) as feed, webhook() as hook:
        shell.settings |= {"TIDEMARK_SOURCE": feed.url, "TIDEMARK_SLACK_WEBHOOK": hook.url}
        first, first_requests = shell.run(*GREEN), asked.copy()
        first_messages = hook.messages.copy()
        asked.clear()
        again = shell.run(*GREEN, python=("-X", "importtime"), PREFECT_API_URL=DEAD_SERVER)
        again_requests = asked.copy()
        asked.clear()
        write_month(source, "green", Month(2023, 2), rows=ROWS)
        mended, mended_requests = shell.run(*GREEN), asked.copy()
        hook.messages.clear()
        yellow = shell.run("backfill", "yellow", "2023-01", "--json")
        return HalfYear(
            database=database.reveal(),
            files=files,
            first=first,
            again=again,
            mended=mended,
            yellow=yellow,
            requests=(first_requests, again_requests, mended_requests),
            messages=(first_messages, hook.messages),
            leftovers=[path.name for path in (*shell.temporary.iterdir(), *(shell.folder / "home/tmp").iterdir())],
        )


def make_source(folder: Path) -> Path:
    folder.mkdir()
    for month in MONTHS:
        if month != ABSENT:
            path = write_month(folder, "green", month, rows=ROWS)
            if month in BAD:
                damage(path, BAD[month])
    write_month(folder, "yellow", Month(2023, 1), rows=ROWS)
    return folder


def file_name(month: Month, dataset: str = "green") -> str:
    return f"{dataset}_tripdata_{month}.parquet"


@pytest.fixture(scope="module")
def half_year(
    once: Once[HalfYear], make_shell: Callable[[Secret], Shell], new_database: Callable[[], Secret]
) -> HalfYear:
    def play() -> HalfYear:
        database = new_database()
        return play_half_year(make_shell(database), database)

    return once("half-year", play)


def by_month(ended: Ended) -> dict[str, Any]:
    return {partition["month"]: partition for partition in ended.json["partitions"]}


def stages_told(stderr: str) -> dict[str, list[str]]:
    """What each month said, in order; every line but the first must be a month's."""
    told: dict[str, list[str]] = {}
    for line in stderr.splitlines()[1:]:
        match = LINE.fullmatch(line)
        assert match, f"not a line of a month: {line}"
        told.setdefault(match["month"], []).append(match["stage"])
    return told


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


# ---- what programs get


def test_each_month_ends_as_its_file_deserves(half_year: HalfYear) -> None:
    found = half_year.first.json
    expected = {str(month): "published" for month in GOOD}
    expected |= {str(month): "rejected" for month in BAD} | {str(ABSENT): "unavailable"}
    assert half_year.first.status == 3
    assert {partition["month"]: partition["state"] for partition in found["partitions"]} == expected
    assert list(found) == ["version", "partitions", "summary", "run_id", "exit"]
    assert (found["version"], found["run_id"], found["exit"]) == (1, 1, 3)
    assert found["summary"] == {"published": 4, "rejected": 3, "unavailable": 1}


def test_the_json_of_a_published_month_is_complete(half_year: HalfYear) -> None:
    partition = by_month(half_year.first)["2023-03"]
    at = partition["last_attempt"].pop("at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at)
    assert partition == {
        "dataset": "green",
        "month": "2023-03",
        "state": "published",
        "flags": [],
        "rows_read": ROWS,
        "rows_published": ROWS,
        "rows_diverted": 0,
        "diverted": {},
        "sha256": half_year.files[file_name(STUMBLING)],
        "verdict": "accepted",
        "findings": [],
        "decision": None,
        "last_attempt": {
            "outcome": "published",
            "code": "published",
            "reason": "3,000 rows loaded",
            "remedy": None,
            "verdict": "accepted",
            "findings": [],
        },
    }


def test_the_json_of_months_without_rows_says_why(half_year: HalfYear) -> None:
    months = by_month(half_year.first)
    unread: dict[str, Any] = {
        "rows_read": None,
        "rows_published": None,
        "rows_diverted": None,
        "diverted": {},
        "verdict": None,
    }
    for month, code in (("2023-04", "not-at-source"), ("2023-05", "no-footer"), ("2023-06", "html")):
        assert unread.items() <= months[month].items()
        assert (months[month]["last_attempt"]["code"], months[month]["findings"]) == (code, [])
    assert months["2023-04"]["sha256"] is None
    assert months["2023-05"]["sha256"] == half_year.files[file_name(Month(2023, 5))]
    rejected = months["2023-02"]
    assert (rejected["rows_read"], rejected["rows_published"], rejected["verdict"]) == (ROWS, 0, "rejected")
    assert rejected["findings"][0]["code"] == rejected["last_attempt"]["code"] == "GREEN-PICKUP-IN-MONTH"
    assert {finding["column"] for finding in rejected["findings"]} == {"pickup_datetime"}


# ---- what people read


def test_each_month_says_one_line_a_stage_and_nothing_else(half_year: HalfYear) -> None:
    assert half_year.first.stderr.splitlines()[0] == "green 2023-01 to 2023-08: 8 of 8 months to load (run 1)"
    through = ["fetch", "stage", "audit"]
    assert stages_told(half_year.first.stderr) == {
        "2023-01": [*through, "published"],
        "2023-02": [*through, "rejected"],
        "2023-03": ["fetch", "fetch", *through, "published"],  # two of them: the source answers 503
        "2023-04": ["unavailable"],
        "2023-05": ["fetch", "rejected"],
        "2023-06": ["fetch", "rejected"],
        "2023-07": [*through, "published"],
        "2023-08": [*through, "published"],
    }


def test_a_row_rule_says_how_many_rows_were_there_before_and_after(half_year: HalfYear) -> None:
    (partition,) = half_year.yellow.json["partitions"]
    diverted, published = partition["rows_diverted"], partition["rows_published"]
    assert diverted > 0
    assert diverted + published == ROWS
    assert partition["diverted"] == {"YELLOW-NO-PASSENGERS": diverted}
    assert f"yellow 2023-01: YELLOW-NO-PASSENGERS: 3,000 rows before, {published:,} after\n" in half_year.yellow.stderr
    counted = "select count(*), count(*) filter (where passenger_count = 0) from trips.yellow"
    assert rows(half_year.database, counted) == [(published, 0)]
    assert rows(half_year.database, "select count(*) from diverted.yellow") == [(diverted,)]


# ---- again


def test_a_second_run_has_nothing_to_do_and_starts_no_flow(half_year: HalfYear) -> None:
    lines = half_year.again.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    said = [line for line in lines if not line.startswith("import time:")]
    assert "tidemark.backfill" in imported
    assert not {"prefect", "great_expectations", "pandas", "flows"} & imported
    assert said == ["green 2023-01 to 2023-08: 0 of 8 months to load (run 2)"]
    assert half_year.again.status == half_year.again.json["exit"] == 3
    assert half_year.again.json["partitions"] == half_year.first.json["partitions"]
    assert {request.method for request in half_year.requests[1]} == {"HEAD"}


def test_a_mended_file_is_taken_alone(half_year: HalfYear) -> None:
    fetched = [request.path for request in half_year.requests[2] if request.method == "GET"]
    assert fetched == [f"/{file_name(Month(2023, 2))}"]
    before, after = by_month(half_year.first), by_month(half_year.mended)
    assert after.pop("2023-02")["state"] == "published"
    assert before.pop("2023-02")["state"] == "rejected"
    assert after == before
    assert (half_year.mended.status, half_year.mended.json["run_id"]) == (3, 3)


def test_ledger_and_tables_agree(half_year: HalfYear) -> None:
    for dataset in ("green", "yellow"):
        check_invariants(Secret(half_year.database), dataset)
    counts = "select to_char(month, 'YYYY-MM'), count(*) from trips.green group by 1 order by 1"
    assert rows(half_year.database, counts) == sorted((str(month), ROWS) for month in (*GOOD, Month(2023, 2)))


def test_nothing_is_left_in_temporary_folders(half_year: HalfYear) -> None:
    assert half_year.leftovers == []


# ---- Slack


def test_people_are_told_once_and_only_when_something_is_wrong(half_year: HalfYear) -> None:
    (message,), when_all_is_well = half_year.messages
    assert when_all_is_well == []
    assert half_year.yellow.status == 0
    assert message.startswith("*Backfill green 2023-01 to 2023-08: 3 rejected*\n")
    assert [line.split()[:3] for line in message.splitlines()[1:]] == [["•", "green", str(month)] for month in BAD]


# ---- Prefect


def test_months_come_to_the_gate_in_their_order_though_one_of_them_stumbled(half_year: HalfYear) -> None:
    lines = [match for line in half_year.first.stderr.splitlines() if (match := LINE.fullmatch(line))]
    audited = [line["month"] for line in lines if line["stage"] == "audit"]
    assert audited == sorted(audited)
    assert str(STUMBLING) in audited


def test_the_runs_in_prefect_have_the_months_names_and_states(half_year: HalfYear, prefect: PrefectApi) -> None:
    assert half_year.mended.status == 3
    first, mended = prefect.runs_named(GREEN_RUN)
    assert [(run["state_type"], run["state_name"]) for run in (first, mended)] == [("COMPLETED", "Rejected")] * 2
    assert first["state"]["message"] == "green 2023-01 to 2023-08: 4 published, 3 rejected, 1 unavailable"
    months = {run["name"]: (run["state_type"], run["state_name"]) for run in prefect.months_of(first)}
    expected = {f"green {month}": "Published" for month in GOOD} | {f"green {month}": "Rejected" for month in BAD}
    expected[f"green {ABSENT}"] = "Unavailable"
    assert months == {name: ("COMPLETED", state) for name, state in expected.items()}
    assert [run["name"] for run in prefect.months_of(mended)] == ["green 2023-02"]
    (yellow,) = prefect.runs_named("backfill yellow 2023-01 to 2023-01, due")
    assert (yellow["state_type"], yellow["state_name"]) == ("COMPLETED", "Completed")


def test_only_the_fetch_that_met_a_503_was_tried_again(half_year: HalfYear, prefect: PrefectApi) -> None:
    (first, _) = prefect.runs_named(GREEN_RUN)
    tasks = {task["name"]: task["run_count"] for task in prefect.tasks_of(prefect.months_of(first))}
    assert tasks.pop("fetch green 2023-03") == 3
    assert set(tasks.values()) == {1}
    assert len(tasks) == 7 + 7 + 5 + 5  # fetched but one, staged or refused, audited, published or quarantined
    gets = [request.path for request in half_year.requests[0] if request.method == "GET"]
    assert gets.count(f"/{file_name(STUMBLING)}") == 3
    assert gets.count(f"/{file_name(CUT)}") == 2  # the download went on by itself


def test_the_coverage_is_a_table_in_prefect(half_year: HalfYear, prefect: PrefectApi) -> None:
    (first, _) = prefect.runs_named(GREEN_RUN)
    (artifact,) = prefect.artifacts_of(first)
    assert (artifact["key"], artifact["type"]) == ("coverage-green", "table")
    lines = {line["month"]: line for line in json.loads(artifact["data"])}
    said = {
        month: (partition["state"], partition["rows_published"])
        for month, partition in by_month(half_year.first).items()
    }
    assert {month: (line["state"], line["rows published"]) for month, line in lines.items()} == said


def test_the_lines_of_a_month_are_in_its_run(half_year: HalfYear, prefect: PrefectApi) -> None:
    (first, _) = prefect.runs_named(GREEN_RUN)
    told = [line.partition(" ")[2] for line in half_year.first.stderr.splitlines()[1:]]
    for run in prefect.months_of(first):
        of_month = sorted(line for line in told if line.startswith(f"{run['name']}: "))
        logged = prefect.logs_of([run])
        assert sorted(line for line in logged if line.startswith(f"{run['name']}: ")) == of_month


def test_the_limits_of_source_and_warehouse_follow_the_settings(half_year: HalfYear, prefect: PrefectApi) -> None:
    assert half_year.first.status == 3
    found = {limit["name"]: limit["limit"] for limit in prefect.ask("/v2/concurrency_limits/filter", {})}
    assert {name: limit for name, limit in found.items() if name.startswith("tag:")} == {
        "tag:tlc-source": 3,
        "tag:warehouse": 2,
    }


def test_prefect_knows_no_secret(half_year: HalfYear, prefect: PrefectApi, shared_home: Path) -> None:
    password = urlsplit(half_year.database).password
    assert password
    (first, *_) = prefect.runs_named(GREEN_RUN)
    wait_for_events(prefect, first["id"])
    with closing(sqlite3.connect(f"file:{shared_home}/prefect/prefect.db?mode=ro", uri=True)) as database:
        dump = "\n".join(database.iterdump())
    assert first["id"] in dump
    assert "green 2023-02: rejected: The gate rejected the month" in dump
    assert CANARY not in dump
    assert password not in dump
    for ended in (half_year.first, half_year.again, half_year.mended, half_year.yellow):
        assert CANARY not in ended.stderr + ended.stdout
        assert password not in ended.stderr + ended.stdout


def wait_for_events(prefect: PrefectApi, run: str) -> None:
    """The server writes events in batches, every ten seconds."""
    wanted = {"event": {"name": ["prefect.flow-run.Rejected"]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    eventually(lambda: prefect.ask("/events/filter", {"filter": wanted})["events"], "the end of the run is an event")


# ---- real files


@dataclass(frozen=True, kw_only=True, slots=True)
class RealFiles:
    database: str
    first: Ended
    again: Ended


@pytest.fixture(scope="module")
def real_files(
    once: Once[RealFiles], make_shell: Callable[[Secret], Shell], new_database: Callable[[], Secret]
) -> RealFiles:
    if not REAL_FILES.is_dir():
        pytest.skip(f"{REAL_FILES} is not here")

    def play() -> RealFiles:
        database = new_database()
        shell = make_shell(database)
        shell.settings["TIDEMARK_SOURCE"] = str(REAL_FILES)
        command = ("backfill", "green", "2021-01", "2023-02", "--json")
        first = shell.run(*command)
        return RealFiles(
            database=database.reveal(), first=first, again=shell.run(*command, PREFECT_API_URL=DEAD_SERVER)
        )

    return once("real-files", play)


def counts_of_the_readme() -> dict[str, int]:
    table = (REAL_FILES / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| green_tripdata_(\d{4}-\d\d)\.parquet \| ([\d,]+) \|", table, re.MULTILINE)
    return {month: int(rows.replace(",", "")) for month, rows in lines}


def test_every_row_of_the_real_files_is_published(real_files: RealFiles) -> None:
    expected = counts_of_the_readme()
    assert len(expected) == 7
    assert real_files.first.status == 0, real_files.first.stderr
    assert real_files.first.json["summary"] == {"published": 7, "unavailable": 19}
    counts = "select to_char(month, 'YYYY-MM'), count(*) from trips.green group by 1"
    assert dict(rows(real_files.database, counts)) == expected
    told = {month: p["rows_published"] for month, p in by_month(real_files.first).items() if p["rows_published"]}
    assert told == expected
    check_invariants(Secret(real_files.database), "green")


def test_a_second_run_of_the_real_files_does_nothing(real_files: RealFiles) -> None:
    assert real_files.again.status == 0
    assert real_files.again.stderr == "green 2021-01 to 2023-02: 0 of 26 months to load (run 2)\n"
    assert real_files.again.json["partitions"] == real_files.first.json["partitions"]
