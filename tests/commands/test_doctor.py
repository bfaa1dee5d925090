"""``tidemark doctor``: settings and their origins, what is reachable, and what mends the rest."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg2 import sql

from demo.feed import Feed
from tests.commands.conftest import NOWHERE, Ran, Tidemark
from tests.depot import ask
from tidemark import settings
from tidemark.datasets.registry import BUILT_IN
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.settings import Secret

CANARY = "c4n4ry"
SETTINGS = {
    value for value in vars(settings).values() if isinstance(value, str) and value.startswith(("TIDEMARK_", "PREFECT_"))
}


def shown(ran: Ran) -> dict[str, tuple[str, str]]:
    """The value and the origin of each setting."""
    assert all(setting.keys() == {"name", "value", "origin"} for setting in ran.json["settings"])
    return {setting["name"]: (setting["value"], setting["origin"]) for setting in ran.json["settings"]}


def points(ran: Ran) -> dict[str, Any]:
    """What was found, by what was looked at."""
    assert all(point.keys() == {"what", "level", "found", "remedy"} for point in ran.json["points"])
    return {point["what"]: point for point in ran.json["points"]}


@contextmanager
def answers(status: int) -> Iterator[str]:
    """An HTTP server that answers everything with one status and Prefect's word of good health; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "4")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"true")

        do_HEAD = do_GET  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


# settings


def test_every_setting_is_there_with_its_default(tidemark: Tidemark) -> None:
    ran = tidemark("doctor", "--json")
    assert ran.json.keys() == {"version", "settings", "points", "exit"}
    assert (ran.json["version"], ran.json["exit"], ran.status, ran.err) == (1, 0, 0, "")
    given = shown(ran)
    assert given.keys() == SETTINGS
    assert {name for name, (_, origin) in given.items() if origin != "default"} == {"TIDEMARK_HOME", "TIDEMARK_SOURCE"}
    assert given["TIDEMARK_HOME"] == (str(tidemark.home), "environment")
    assert given["TIDEMARK_LAKE"] == (str(tidemark.home / "lake"), "default")
    assert given["TIDEMARK_SOURCE_LIMIT"] == ("2", "default")


def test_every_setting_is_there_as_it_was_given(tidemark: Tidemark, datasets: Path) -> None:
    given = {
        "TIDEMARK_LAKE": str(datasets.parent / "lake"),
        "TIDEMARK_DATASETS": str(datasets),
        "TIDEMARK_SLACK_CHANNEL": "#trips",
        "TIDEMARK_SOURCE_LIMIT": "3",
        "TIDEMARK_WAREHOUSE_LIMIT": "4",
        "TIDEMARK_FETCH_SECONDS": "5",
        "TIDEMARK_FETCH_BYTES": "6",
        "TIDEMARK_QUARANTINE_DAYS": "7",
    }
    told = shown(tidemark("doctor", "--json", **given))
    assert {name: told[name] for name in given} == {name: (value, "environment") for name, value in given.items()}


def test_people_see_the_same_settings(tidemark: Tidemark) -> None:
    as_json, people = tidemark("doctor", "--json"), tidemark("doctor")
    lines = people.out.splitlines()
    for name, (value, origin) in shown(as_json).items():
        (line,) = (line for line in lines if line.split()[:1] == [name])
        assert line.split(maxsplit=1)[1].split() == [*value.split(), origin]
    assert [found["found"] for found in points(as_json).values() if found["found"] not in people.out] == []


@pytest.mark.parametrize("how", ["environment", "file"])
@pytest.mark.parametrize("arguments", [("doctor",), ("doctor", "--json"), ("doctor", "--debug")], ids=" ".join)
def test_no_secret_is_shown(
    tidemark: Tidemark, database_url: Secret, tmp_path: Path, how: str, arguments: tuple[str, ...]
) -> None:
    parts = urlsplit(database_url.reveal())
    assert parts.password
    secrets = {
        "TIDEMARK_DATABASE_URL": database_url.reveal(),
        "TIDEMARK_SLACK_WEBHOOK": f"https://hooks.slack.com/services/T0/B0/{CANARY}",
        "TIDEMARK_SLACK_TOKEN": f"xoxb-{CANARY}",
    }
    for name, value in secrets.items():
        if how == "environment":
            tidemark.environment[name] = value
        else:
            (tmp_path / name).write_text(f"{value}\n")
            tidemark.environment[f"{name}_FILE"] = str(tmp_path / name)
    with answers(200) as url:
        secretive = f"{url.replace('//', f'//user:{CANARY}@')}/x?token={CANARY}#{CANARY}"
        ran = tidemark(*arguments, TIDEMARK_SOURCE=secretive, PREFECT_API_URL=secretive)
    assert ran.status == 0
    for secret in (CANARY, parts.password):
        assert secret not in ran.out + ran.err
    if "--json" in arguments:
        given = shown(ran)
        address = f"postgresql://***@{parts.hostname}:{parts.port}{parts.path}"
        values = dict.fromkeys(secrets, ("***", how)) | {"TIDEMARK_DATABASE_URL": (address, how)}
        assert {name: given[name] for name in secrets} == values
        assert points(ran)["database"]["level"] == points(ran)["prefect"]["level"] == "ok"


@pytest.mark.parametrize(
    "address",
    [
        f"user:{CANARY}@127.0.0.1/x",
        f"user:{CANARY}@127.0.0.1:1?token={CANARY}",
        f"http://user:{CANARY}@127.0.0.1:1/x?token={CANARY}#{CANARY}",
        f"ftp://user:{CANARY}@127.0.0.1:1",
        f"http://user:{CANARY}/@127.0.0.1:1/",
    ],
)
def test_no_secret_of_an_address_that_leads_nowhere_is_shown(tidemark: Tidemark, address: str) -> None:
    for arguments in (("doctor",), ("doctor", "--json"), ("doctor", "--debug")):
        ran = tidemark(*arguments, TIDEMARK_SOURCE=address)
        assert (ran.status, ran.err) == (1, "")
        assert CANARY not in ran.out


def test_no_secret_of_a_database_that_does_not_answer_is_shown(tidemark: Tidemark) -> None:
    ran = tidemark(
        "doctor", "--json", TIDEMARK_DATABASE_URL=f"postgres://user:{CANARY}@127.0.0.1:1/db?application_name=x"
    )
    assert (ran.status, CANARY in ran.out + ran.err) == (1, False)


# what is reachable


def is_bad(ran: Ran, what: str, *words: str) -> None:
    """That one thing and nothing else is red, and says what mends it."""
    assert (ran.status, ran.json["exit"], ran.err) == (1, 1, "")
    assert [name for name, point in points(ran).items() if point["level"] == "bad"] == [what]
    point = points(ran)[what]
    assert point["remedy"]
    assert [word for word in words if word not in point["found"] + point["remedy"]] == []


def test_before_anything_was_started_nothing_is_red(tidemark: Tidemark) -> None:
    ran = tidemark("doctor", "--json")
    found = {name: point["level"] for name, point in points(ran).items()}
    sources = {f"source of {dataset.name}": "note" for dataset in BUILT_IN}  # it answers, and has none of them
    assert found == {
        "home": "ok", "lake": "ok", "database": "note", "prefect": "note", "slack": "note", **sources,
    }  # fmt: skip
    assert not tidemark.home.exists()


def test_all_is_green_where_all_answers(tidemark: Tidemark, database_url: Secret, tmp_path: Path) -> None:
    files = tmp_path / "feed"
    files.mkdir()
    for dataset in BUILT_IN:
        (files / dataset.file_name(Month(dataset.first_month.year + 1, dataset.first_month.number))).touch()
    with Feed(files) as feed, answers(200) as prefect:
        ran = tidemark(
            "doctor", "--json",
            TIDEMARK_DATABASE_URL=database_url.reveal(),
            TIDEMARK_SOURCE=feed.url,
            TIDEMARK_SLACK_WEBHOOK="https://hooks.slack.com/services/T0/B0/x",
            PREFECT_API_URL=f"{prefect}/api",
        )  # fmt: skip
    assert ran.status == 0
    assert {point["level"] for point in ran.json["points"]} == {"ok"}
    assert {point["remedy"] for point in ran.json["points"]} == {""}
    assert {"database", "sessions", "ledger", "prefect", "slack"} < points(ran).keys()


def test_a_database_that_is_away(tidemark: Tidemark) -> None:
    ran = tidemark("doctor", "--json", TIDEMARK_DATABASE_URL="postgresql://someone@127.0.0.1:1/nothing")
    is_bad(ran, "database", "does not answer", "TIDEMARK_DATABASE_URL")


def test_a_database_without_a_ledger_is_no_fault(tidemark: Tidemark, empty_url: Secret) -> None:
    ran = tidemark("doctor", "--json", TIDEMARK_DATABASE_URL=empty_url.reveal())
    assert (ran.status, points(ran)["ledger"]["level"]) == (0, "note")


def test_a_ledger_that_is_newer(tidemark: Tidemark, database_url: Secret) -> None:
    connection = connect(database_url)
    try:
        ask(connection, "update tidemark.schema_version set version_num = '9999'")
    finally:
        connection.close()
    ran = tidemark("doctor", "--json", TIDEMARK_DATABASE_URL=database_url.reveal())
    is_bad(ran, "ledger", "9999", "install the Tidemark that wrote it")


@pytest.fixture
def one_connection(database_url: Secret) -> Iterator[str]:
    """The address of the database for a role that may have one connection to it; nothing else is open to it."""
    role = f"lonely_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(database_url.reveal())
    server = connect(database_url)
    try:
        with server.cursor() as cursor:
            made = "create role {} login password %s connection limit 1"
            cursor.execute(sql.SQL(made).format(sql.Identifier(role)), (role,))
            yield urlunsplit(parts._replace(netloc=f"{role}:{role}@{parts.hostname}:{parts.port}"))
            cursor.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
    finally:
        server.close()


def test_a_database_that_has_no_second_connection_for_us(tidemark: Tidemark, one_connection: str) -> None:
    ran = tidemark("doctor", "--json", TIDEMARK_DATABASE_URL=one_connection)
    assert ran.status == 1
    assert [p["found"] for p in ran.json["points"] if p["what"] == "database" and p["level"] == "bad"] == [
        point["found"] for point in ran.json["points"] if "too many connections" in point["found"]
    ]
    assert "slack" in points(ran)  # it looked at all the rest


def test_a_prefect_server_that_is_away_or_ill(tidemark: Tidemark) -> None:
    is_bad(tidemark("doctor", "--json", PREFECT_API_URL=f"{NOWHERE}/api"), "prefect", "PREFECT_API_URL")
    with answers(500) as url:
        is_bad(tidemark("doctor", "--json", PREFECT_API_URL=f"{url}/api"), "prefect", "500", "PREFECT_API_URL")


@pytest.mark.parametrize("source", [NOWHERE, "no/such/folder", "ftp://127.0.0.1"])
def test_a_source_that_is_away(tidemark: Tidemark, source: str) -> None:
    is_bad(tidemark("doctor", "--json", TIDEMARK_SOURCE=source), "source", "TIDEMARK_SOURCE")


@pytest.mark.parametrize("status", [401, 500])
def test_a_source_that_refuses(tidemark: Tidemark, status: int) -> None:
    with answers(status) as url:
        is_bad(tidemark("doctor", "--json", TIDEMARK_SOURCE=url), "source", str(status))


def test_a_dataset_of_the_users_own_that_cannot_be_used(tidemark: Tidemark, datasets: Path) -> None:
    (datasets / "mine.py").write_text("DATASET = 1")
    is_bad(tidemark("doctor", "--json", TIDEMARK_DATASETS=str(datasets)), "source", "mine.py", "TIDEMARK_DATASETS")


@pytest.mark.parametrize(
    "given",
    [{"TIDEMARK_SLACK_TOKEN": f"xoxb-{CANARY}"}, {"TIDEMARK_SLACK_CHANNEL": "#trips"}],
    ids=["token", "channel"],
)
def test_half_of_slack(tidemark: Tidemark, given: dict[str, str]) -> None:
    is_bad(tidemark("doctor", "--json", **given), "slack", "TIDEMARK_SLACK_TOKEN", "TIDEMARK_SLACK_CHANNEL")


@pytest.mark.parametrize("name", ["TIDEMARK_HOME", "TIDEMARK_LAKE"])
@pytest.mark.parametrize("below", ["", "/below/it"], ids=["file", "below a file"])
def test_a_folder_that_cannot_be_written(tidemark: Tidemark, tmp_path: Path, name: str, below: str) -> None:
    (tmp_path / "file").touch(mode=0o777)
    given = {"TIDEMARK_LAKE": str(tmp_path / "lake")} | {name: f"{tmp_path}/file{below}"}
    what = name.removeprefix("TIDEMARK_").lower()
    is_bad(tidemark("doctor", "--json", **given), what, str(tmp_path / "file"), name)


def test_people_read_what_mends_it_below_what_is_wrong(tidemark: Tidemark) -> None:
    ran = tidemark("doctor", TIDEMARK_SLACK_CHANNEL="#trips")
    lines = ran.out.splitlines()
    assert (ran.status, ran.err) == (1, "")
    assert lines[-2:] == [
        "✗ slack: a token and a channel go together, and one is missing",
        "    Set both TIDEMARK_SLACK_TOKEN and TIDEMARK_SLACK_CHANNEL.",
    ]
