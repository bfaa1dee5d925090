"""What a user can get wrong: one sentence that says it, one that mends it, an exit status, and no traceback."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg2 import sql

from tests.commands.conftest import NOWHERE, Ran, Tidemark
from tests.depot import ask
from tidemark.postgres import connect
from tidemark.settings import Secret

CANARY = "c4n4ry"
USAGE = [
    (("status", "gren"), "unknown-dataset", "'gren'", "Did you mean green?"),
    (("plan", "2023-01"), "unknown-dataset", "'2023-01'", "yellow, green, fhv, fhvhv"),
    (("explain", "nothing", "2023-01"), "unknown-dataset", "'nothing'", "yellow, green, fhv, fhvhv"),
    (("plan", "green", "2021-13"), "bad-month", "'2021-13'", "YYYY-MM"),
    (("status", "green", "2021-00"), "bad-month", "'2021-00'", "YYYY-MM"),
    (("status", "green", "2021-1"), "bad-month", "'2021-1'", "YYYY-MM"),
    (("explain", "green", "January"), "bad-month", "'January'", "YYYY-MM"),
    (("plan", "green", "2023-01", "2023-1x"), "bad-month", "'2023-1x'", "YYYY-MM"),
    (("plan", "green", "9999-12"), "bad-month", "'9999-12'", "YYYY-MM"),
    (("plan", "green", "٢٠٢٣-٠١"), "bad-month", "is not a month", "YYYY-MM"),
    (("plan", "green", "2023-05", "2023-02"), "bad-range", "2023-05 is after 2023-02", "2023-02 2023-05"),
    (("status", "green", "2013-07"), "before-first-month", "green begins in 2013-08", "2013-08"),
    (("explain", "green", "2000-01"), "before-first-month", "2000-01 is before", "2013-08"),
    (("plan", "green", "2000-01", "2023-01"), "before-first-month", "2000-01 is before", "2013-08"),
    (("plan", "green", "--mode", "most"), "usage", "'most' is not one of", "tidemark plan --help"),
    (("plan", "green", "--mode"), "usage", "requires an argument", "tidemark --help"),
    (("plan", "green", "--frobnicate"), "usage", "No such option", "tidemark plan --help"),
    (("status", "green", "2023-01", "2023-02", "2023-03"), "usage", "unexpected extra argument", "status --help"),
    (("plan",), "usage", "Missing argument 'DATASET'", "tidemark plan --help"),
    (("explain", "green"), "usage", "Missing argument 'MONTH'", "tidemark explain --help"),
    (("backfill",), "usage", "Missing argument 'DATASET'", "tidemark backfill --help"),
    (("backfill", "green", "--window", "0"), "usage", "'--window'", "tidemark backfill --help"),
    (("backfill", "green", "--window", "many"), "usage", "'--window'", "tidemark backfill --help"),
    (("backfill", "green", "--stop-after", "0"), "usage", "'--stop-after'", "tidemark backfill --help"),
    (("backfill", "gren"), "unknown-dataset", "'gren'", "Did you mean green?"),
    (("backfill", "green", "2023-02", "2023-01"), "bad-range", "wrong way round", "2023-01 2023-02"),
    (("rebuild",), "usage", "No such command 'rebuild'", "tidemark --help"),
    (("--frobnicate",), "usage", "No such option", "tidemark --help"),
]
SETTINGS = [
    ("TIDEMARK_DATABASE_URL", "green"),
    ("TIDEMARK_DATABASE_URL", f"mysql://user:{CANARY}@127.0.0.1/db"),
    ("TIDEMARK_DATABASE_URL", f"postgresql://user:%zz{CANARY}@127.0.0.1/db"),
    ("TIDEMARK_DATABASE_URL", f"postgresql://user:pw@127.0.0.1/db?{CANARY}=1"),
    ("TIDEMARK_DATASETS", "no/such/folder"),
    ("TIDEMARK_SOURCE_LIMIT", "0"),
    ("TIDEMARK_SOURCE_LIMIT", "-1"),
    ("TIDEMARK_WAREHOUSE_LIMIT", "two"),
    ("TIDEMARK_FETCH_SECONDS", "1.5"),
    ("TIDEMARK_FETCH_BYTES", "4G"),
    ("TIDEMARK_FETCH_BYTES", "9" * 5000),
    ("TIDEMARK_QUARANTINE_DAYS", "٣"),
    ("TIDEMARK_HOME", "~nobody-of-that-name/here"),
]


def name_of(value: tuple[str, ...] | str) -> str:
    return " ".join(value)[:40] if isinstance(value, tuple) else ""


def is_refused(ran: Ran, status: int, *words: str) -> None:
    """On stderr one sentence that says what is the case and one that mends it, and nothing else anywhere."""
    message, *remedy = ran.err.splitlines()
    assert (ran.status, ran.out, len(remedy)) == (status, "", 1)
    assert message.startswith("error: ")
    assert message.endswith((".", "?"))
    assert remedy[0].startswith("  ")
    assert [word for word in words if word not in ran.err] == []


@pytest.mark.parametrize(("arguments", "code", "message", "remedy"), USAGE, ids=name_of)
def test_what_is_typed_wrong(
    in_process: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: str,
    message: str,
    remedy: str,
) -> None:
    status = in_process(*arguments)
    said = capsys.readouterr()
    is_refused(Ran(status=status, out=said.out, err=said.err), 2, message, remedy)
    if code == "usage" and arguments[0] not in ("plan", "explain", "status", "backfill"):
        return
    assert in_process(*arguments[:1], "--json", *arguments[1:]) == 2
    said = capsys.readouterr()
    error = json.loads(said.out)
    assert (error.keys(), said.err) == ({"version", "error"}, "")
    assert (error["version"], error["error"]["code"]) == (1, code)
    assert error["error"].keys() == {"code", "message", "remedy"}
    assert message in error["error"]["message"]
    assert remedy in error["error"]["remedy"]


@pytest.mark.parametrize(("name", "value"), SETTINGS, ids=lambda value: value[:40])
def test_what_is_configured_wrong(
    in_process: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    status = in_process("status", "green", "2023-01")
    said = capsys.readouterr()
    is_refused(Ran(status=status, out=said.out, err=said.err), 2, name if name != "TIDEMARK_DATASETS" else value)
    assert CANARY not in said.err
    assert len(said.err) < 500
    assert in_process("status", "green", "2023-01", "--json") == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == "bad-setting"
    assert CANARY not in said.out + said.err


@pytest.mark.parametrize("name", ["TIDEMARK_DATABASE_URL", "TIDEMARK_SLACK_WEBHOOK", "TIDEMARK_SLACK_TOKEN"])
@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"], ids=["absent", "empty", "blank", "binary"])
@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_secret_file_that_holds_no_secret(
    tidemark: Tidemark,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    command: str,
) -> None:
    from commands.main import run

    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(f"{name}_FILE", str(path))
    assert run([command]) == 2
    said = capsys.readouterr()
    is_refused(Ran(status=2, out=said.out, err=said.err), 2, f"{name}_FILE")


def test_a_secret_and_its_file_at_once(tidemark: Tidemark, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    given = {"TIDEMARK_SLACK_TOKEN": CANARY, "TIDEMARK_SLACK_TOKEN_FILE": str(tmp_path / "secret")}
    ran = tidemark("status", **given)
    is_refused(ran, 2, "TIDEMARK_SLACK_TOKEN", "TIDEMARK_SLACK_TOKEN_FILE")
    assert CANARY not in ran.err


@pytest.mark.parametrize("source", ["no/such/folder", "ftp://127.0.0.1", "http://", "file:///no/such/folder"])
def test_a_source_that_is_none(on_filled: Tidemark, source: str) -> None:
    ran = on_filled("plan", "rides", "2023-01", "--check-source", TIDEMARK_SOURCE=source)
    is_refused(ran, 2, "TIDEMARK_SOURCE", "The source")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("DATASET = 1", "defines no DATASET"),
        ("raise RuntimeError('on purpose')", "on purpose"),
        ("raise SystemExit(0)", "SystemExit"),
        ("from tidemark.datasets.green import DATASET", "already a dataset named 'green'"),
    ],
)
def test_a_dataset_file_that_cannot_be_used(tidemark: Tidemark, datasets: Path, source: str, said: str) -> None:
    (datasets / "mine.py").write_text(source)
    ran = tidemark("status", TIDEMARK_DATASETS=str(datasets))
    is_refused(ran, 2, "mine.py", said, "TIDEMARK_DATASETS")


# the database


@pytest.fixture
def no_rights(server_url: str) -> Iterator[str]:
    """A role that may connect and nothing else; its name is its password."""
    role = f"guest_{uuid.uuid4().hex[:8]}"
    server = connect(Secret(server_url))
    try:
        with server.cursor() as cursor:
            cursor.execute(sql.SQL("create role {} login password %s").format(sql.Identifier(role)), (role,))
            yield role
            cursor.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
    finally:
        server.close()


def with_login(url: Secret, user: str, password: str) -> str:
    parts = urlsplit(url.reveal())
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))


@pytest.mark.parametrize("command", [("status",), ("plan", "green"), ("explain", "green", "2023-01")])
def test_a_database_that_does_not_answer(tidemark: Tidemark, command: tuple[str, ...]) -> None:
    url = f"postgresql://someone:{CANARY}@127.0.0.1:1/nothing"
    ran = tidemark(*command, TIDEMARK_DATABASE_URL=url)
    is_refused(ran, 1, "The database does not answer", "TIDEMARK_DATABASE_URL")
    as_json = tidemark(*command, "--json", TIDEMARK_DATABASE_URL=url)
    assert (as_json.status, as_json.json["error"]["code"]) == (1, "database-unreachable")
    assert CANARY not in ran.err + as_json.out + as_json.err


def test_a_database_that_refuses(tidemark: Tidemark, database_url: Secret) -> None:
    wrong_password = with_login(database_url, "tidemark", CANARY)
    ran = tidemark("status", TIDEMARK_DATABASE_URL=wrong_password)
    is_refused(ran, 1, "The database refuses the connection", "authentication failed", "TIDEMARK_DATABASE_URL")
    assert CANARY not in ran.err
    wrong_name = urlunsplit(urlsplit(database_url.reveal())._replace(path="/nothing"))
    is_refused(tidemark("status", TIDEMARK_DATABASE_URL=wrong_name), 1, '"nothing" does not exist')


def test_a_ledger_of_a_newer_tidemark(on_filled: Tidemark, filled_url: Secret) -> None:
    connection = connect(filled_url)
    try:
        ask(connection, "update tidemark.schema_version set version_num = '9999'")
        for command in (("status",), ("plan", "rides"), ("explain", "rides", "2023-01"), ("backfill", "rides")):
            ran = on_filled(*command)
            is_refused(ran, 2, "newer Tidemark", "Install that version")
        assert on_filled("status", "--json").json["error"]["code"] == "newer-ledger"
        assert ask(connection, "select version_num from tidemark.schema_version") == [("9999",)]
        assert len(ask(connection, "select 1 from tidemark.attempt")) == 10
    finally:
        connection.close()


def test_a_user_who_may_not_read_the_ledger(on_filled: Tidemark, filled_url: Secret, no_rights: str) -> None:
    ran = on_filled("status", TIDEMARK_DATABASE_URL=with_login(filled_url, no_rights, no_rights))
    is_refused(ran, 1, "permission denied", "TIDEMARK_DATABASE_URL")


def test_a_user_who_may_not_make_the_ledger(tidemark: Tidemark, empty_url: Secret, no_rights: str) -> None:
    tidemark.environment["TIDEMARK_DATABASE_URL"] = with_login(empty_url, no_rights, no_rights)
    ran = tidemark("plan", "green", "2023-01", "--check-source")
    is_refused(ran, 1, "permission denied", "TIDEMARK_DATABASE_URL")
    assert no_rights not in tidemark("plan", "green", "2023-01", "--check-source", "--debug").err


# what nobody expected, and --debug


def test_debug_shows_where_and_changes_nothing_else(on_filled: Tidemark) -> None:
    plain = on_filled("status", "nothing")
    for arguments in (("--debug", "status", "nothing"), ("status", "nothing", "--debug")):
        ran = on_filled(*arguments)
        assert (ran.status, ran.out) == (plain.status, plain.out) == (2, "")
        assert ran.err.startswith("Traceback (most recent call last):\n")
        assert ran.err.endswith(plain.err)
    as_json = on_filled("status", "nothing", "--debug", "--json")
    assert as_json.json["error"]["code"] == "unknown-dataset"
    assert "Traceback" in as_json.err


def test_debug_does_not_change_what_goes_well(on_filled: Tidemark) -> None:
    assert on_filled("status", "--debug", "rides", "2023-01", "--json") == on_filled(
        "status", "rides", "2023-01", "--json"
    )


def test_debug_shows_no_secret(tidemark: Tidemark) -> None:
    ran = tidemark(
        "plan", "green", "2023-01", "--debug",
        TIDEMARK_DATABASE_URL=f"postgresql://someone:{CANARY}@127.0.0.1:1/nothing",
        TIDEMARK_SLACK_TOKEN=f"xoxb-{CANARY}",
        TIDEMARK_SOURCE=f"{NOWHERE}/?token={CANARY}",
    )  # fmt: skip
    assert "Traceback" in ran.err
    assert CANARY not in ran.err


def test_an_error_that_nobody_expected(on_filled: Tidemark, filled_url: Secret) -> None:
    connection = connect(filled_url)
    try:  # a ledger that somebody has edited by hand
        ask(connection, "alter table tidemark.finding drop constraint if exists finding_severity_check")
        ask(connection, "update tidemark.finding set severity = 'grave'")
    finally:
        connection.close()
    ran = on_filled("status", "rides")
    is_refused(ran, 1, "did not expect: ValueError", "--debug")
    assert on_filled("status", "rides", "--json").json["error"]["code"] == "internal"
    debugged = on_filled("status", "rides", "--debug")
    assert (debugged.status, "Traceback" in debugged.err, "'grave'" in debugged.err) == (1, True, True)
