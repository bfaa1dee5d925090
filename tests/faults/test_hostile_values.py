"""Values that nobody means well with, in every place that takes one: refused in a sentence, and without a trace.

Whatever is typed, configured or handed to a flow, the database and the folders around Tidemark's own stay as they
were, no terminal gets a control character, and a megabyte that came in is not a megabyte that is told.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from psycopg2 import sql

from deployments.prefect_server import client_environment
from tests.commands.conftest import run_here
from tests.depot import JANUARY, MARCH, RIDES, Depot, ask, rides_of
from tests.faulty_feed import Feed, faulty_feed, serves
from tests.flows import conftest as of_flows
from tests.flows.conftest import Once
from tests.flows.shell import PROJECT, PrefectApi
from tidemark import load as stages
from tidemark.datasets.base import Drift
from tidemark.errors import TidemarkError, UsageError
from tidemark.ledger import Outcome
from tidemark.postgres import Connection, connect
from tidemark.settings import Secret, read_settings
from tidemark.source import locate

once = of_flows.once

LONGEST_TOLD = 2500  # of all that a refused command says
MEGABYTE = "x" * 1_000_000

TRAVERSAL = {
    "up": "../../etc/passwd",
    "down-and-up": "green/../../x",
    "absolute": "/etc/passwd",
    "percent": "%2e%2e%2f%2e%2e%2fx",
    "dots": "..",
    "backslash": "..\\..\\x",
}
SQL = {
    "quote": "green'; drop schema tidemark cascade; --",
    "double-quote": 'green" ; drop schema tidemark cascade; --',
    "dollar-quote": "$x$; drop schema tidemark cascade; $x$",
    "backslash-quote": "\\'; drop schema tidemark cascade; --",
    "format": "{0.__class__.__mro__}",
    "named-parameter": "%(month)s",
    "parameter": "%s",
    "percent-sign": "%",
}
UNICODE = {
    "right-to-left": "\u202egreen",
    "homoglyph": "g\u0433een",
    "combining": "gre\u0301en",
    "invisible": "gr\u200been",
    "surrogate": "gr\udc9ben",
    "emoji": "\U0001f4a9",
    "fullwidth": "２０２３-０１",
    "indic-digits": "٢٠٢٣-٠١",
}
TERMINAL = {
    "newline": "green\n12:00:00 green 2023-01: published: 9 rows loaded",
    "return": "green\rerror",
    "ansi": "\x1b[2J\x1b[31mgreen",
    "title": "\x1b]0;title\x07",
    "c1": "\x9b31mgreen",
    "delete": "green\x7f\x7f",
    "markup": "[bold red]green[/]",
    "unclosed-markup": "[/]",
    "link": "[link=file:///etc/passwd]green[/link]",
}
WORDS = {
    "substitution": "$(touch owned)",
    "backticks": "`touch owned`",
    "semicolon": "; touch owned",
    "option": "--mode",
    "help-like": "-hx",
    "empty": "",
    "blank": " \t ",
    "megabyte": MEGABYTE,
    "digits": "9" * 10_000,
    "nul": "gr\0een",
}
HOSTILE = {**TRAVERSAL, **SQL, **UNICODE, **TERMINAL, **WORDS}

PLACES: dict[str, Callable[[str], tuple[str, ...]]] = {
    "status-dataset": lambda value: ("status", value),
    "plan-dataset": lambda value: ("plan", value, "2023-01"),
    "explain-dataset": lambda value: ("explain", value, "2023-01"),
    "backfill-dataset": lambda value: ("backfill", value, "2023-01"),
    "status-first": lambda value: ("status", "green", value),
    "status-last": lambda value: ("status", "green", "2023-01", value),
    "plan-first": lambda value: ("plan", "green", value, "2023-02"),
    "plan-asking": lambda value: ("plan", "green", value, "--check-source"),
    "explain-month": lambda value: ("explain", "green", value),
    "backfill-first": lambda value: ("backfill", "green", value),
    "backfill-last": lambda value: ("backfill", "green", "2023-01", value),
    "backfill-mode": lambda value: ("backfill", "green", "2023-01", "--mode", value),
    "backfill-window": lambda value: ("backfill", "green", "2023-01", "--window", value),
    "backfill-stop-after": lambda value: ("backfill", "green", "2023-01", "--stop-after", value),
    "too-much": lambda value: ("status", "green", "2023-01", "2023-02", f"x{value}"),
    "option": lambda value: ("backfill", "green", f"--x{value}"),
    "command": lambda value: (f"x{value}", "green"),
    "feed-port": lambda value: ("feed", ".", "--port", value),
}


def cases(values: dict[str, str]) -> list[Any]:
    return [pytest.param(value, id=name) for name, value in values.items()]


# ---- what must not change


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A database with a published month of green's neighbour, and the folders that commands run in."""

    url: Secret
    connection: Connection
    around: Path

    def fingerprint(self) -> tuple[object, ...]:
        return catalog(self.connection), listing(self.around)


def catalog(connection: Connection) -> list[tuple[Any, ...]]:
    """Every relation of the database with its columns and the number of its rows, and every schema."""
    found = ask(
        connection,
        "select n.nspname, c.relname, c.relkind, coalesce(string_agg(a.attname || ' ' || a.atttypid::text, ',' "
        "order by a.attnum), '') from pg_namespace n left join pg_class c on c.relnamespace = n.oid "
        "left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 "
        "where n.nspname !~ '^(pg_|information_schema)' group by 1, 2, 3 order by 1, 2",
    )
    tables = [(schema, name) for schema, name, kind, _ in found if kind in ("r", "p")]
    count = sql.SQL(" union all ").join(
        sql.SQL("select {}, count(*) from {}").format(sql.Literal(f"{schema}.{name}"), sql.Identifier(schema, name))
        for schema, name in tables
    )
    return found + (sorted(ask(connection, count)) if tables else [])


def listing(folder: Path) -> list[tuple[str, int]]:
    """Every file below a folder with its size."""
    return sorted((str(path), path.lstat().st_size) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def ledger(new_database: Callable[[], Secret]) -> Iterator[tuple[Secret, Connection]]:
    """A database of this module's own with a ledger and the tables of green."""
    from tidemark.datasets.green import DATASET
    from tidemark.schema import ensure_schema
    from tidemark.warehouse import ensure_tables

    url = new_database()
    with closing(connect(url)) as connection:
        ensure_schema(connection, url)
        ensure_tables(connection, DATASET)
        yield url, connection


@pytest.fixture
def ground(ledger: tuple[Secret, Connection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """The command in this process, some folders below ``around``, so that ``../..`` would be seen."""
    url, connection = ledger
    here = tmp_path / "some" / "folders" / "below"
    (here / "source").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("TIDEMARK_HOME", str(here / "home"))
    monkeypatch.setenv("TIDEMARK_SOURCE", str(here / "source"))
    monkeypatch.setenv("TIDEMARK_DATABASE_URL", url.reveal())
    return Ground(url=url, connection=connection, around=tmp_path)


def is_clean(text: str) -> None:
    """No control character gets to a terminal, no traceback to a person, and not much of anything."""
    odd = {c for c in text if c != "\n" and not c.isprintable()}
    assert not odd, f"a terminal would obey {odd!r}"
    assert "Traceback" not in text
    assert len(text) < LONGEST_TOLD, f"{len(text)} characters were told"


def is_one_sentence(told: str) -> None:
    is_clean(told)
    message, *remedy = told.splitlines()
    assert message.startswith("error: ")
    assert message.endswith((".", "?", "…")), message
    assert [line for line in remedy if not line.startswith("  ")] == []
    assert len(remedy) <= 1


def is_an_error(told: str, *codes: str) -> None:
    is_clean(told)
    error = json.loads(told)["error"]
    assert error.keys() == {"code", "message", "remedy"}
    assert error["code"] != "internal"
    assert not codes or error["code"] in codes


# ---- the command line


@pytest.mark.parametrize("value", cases(HOSTILE))
def test_what_is_typed_is_refused_in_one_sentence_and_leaves_no_trace(
    ground: Ground, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    before = ground.fingerprint()
    for place, arguments in PLACES.items():
        assert run_here(*arguments(value)) == 2, place
        said = capsys.readouterr()
        assert said.out == "", place
        is_one_sentence(said.err)
    assert ground.fingerprint() == before


@pytest.mark.parametrize("place", ["plan-dataset", "backfill-dataset", "explain-month", "backfill-last", "too-much"])
def test_programs_get_the_same_refusal_as_json(ground: Ground, capsys: pytest.CaptureFixture[str], place: str) -> None:
    before = ground.fingerprint()
    for name, value in HOSTILE.items():
        command, *rest = PLACES[place](value)
        assert run_here(command, "--json", *rest) == 2, name
        said = capsys.readouterr()
        assert said.err == "", name
        is_an_error(said.out, "unknown-dataset", "bad-month", "usage")
    assert ground.fingerprint() == before


@pytest.mark.parametrize(
    ("option", "value"),
    [(option, value) for option in ("--window", "--stop-after") for value in ("-1", "0", "1e9", "0x10", "NaN", "1.0")]
    + [("--window", "33"), ("--window", str(10**9)), ("--window", "9" * 5000), ("--stop-after", "9" * 5000)],
    ids=lambda value: value[:20],
)
def test_a_number_out_of_bounds_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    before = ground.fingerprint()
    assert run_here("backfill", "green", "2023-01", option, value) == 2
    is_one_sentence(capsys.readouterr().err)
    assert ground.fingerprint() == before


@pytest.mark.parametrize("command", ["status", "plan", "backfill"])
@pytest.mark.parametrize("last", ["9000-12", "2999-12", "2213-08"])
def test_a_range_of_centuries_is_no_backfill(
    ground: Ground, capsys: pytest.CaptureFixture[str], command: str, last: str
) -> None:
    before = ground.fingerprint()
    assert run_here(command, "green", "2013-08", last) == 2
    said = capsys.readouterr().err
    is_one_sentence(said)
    assert "2,400 months" in said
    assert ground.fingerprint() == before


def test_a_folder_that_cannot_be_served(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    before = ground.fingerprint()
    for name, value in (HOSTILE | {"long-path": "a/" * 3000}).items():
        if "\0" in value or not value.strip() or name == "dots":  # cannot be given, or is a folder that is there
            continue
        assert run_here("feed", value) == 2, name
        is_one_sentence(capsys.readouterr().err)
    assert ground.fingerprint() == before


def test_a_process_of_its_own_refuses_bytes_that_are_no_text(ground: Ground) -> None:
    """Arguments are bytes: what is no UTF-8 becomes surrogates, which no stream takes as they are."""
    before = ground.fingerprint()
    for arguments in ((b"status", b"\xff\xfe\x9b31m"), (b"plan", b"green", b"\x80", b"--json")):
        ran = subprocess.run(
            [os.fsencode(sys.executable), b"-m", b"commands.main", *arguments],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        assert ran.returncode == 2
        is_clean((ran.stdout + ran.stderr).decode())
    assert ground.fingerprint() == before


# ---- settings

IN_ENVIRONMENT = {name: value for name, value in HOSTILE.items() if "\0" not in value}
PATHS = ("TIDEMARK_HOME", "TIDEMARK_LAKE", "TIDEMARK_DATASETS")
TEXTS = ("TIDEMARK_SOURCE", "TIDEMARK_SLACK_WEBHOOK", "TIDEMARK_SLACK_TOKEN", "TIDEMARK_SLACK_CHANNEL")
NUMBERS = (
    "TIDEMARK_SOURCE_LIMIT",
    "TIDEMARK_WAREHOUSE_LIMIT",
    "TIDEMARK_FETCH_SECONDS",
    "TIDEMARK_FETCH_BYTES",
    "TIDEMARK_QUARANTINE_DAYS",
)
ADDRESSES = {
    "alone": "{}",
    "port": "http://127.0.0.1:{}",
    "path": "http://127.0.0.1:1/{}",
    "query": "http://127.0.0.1:1/?x={}",
    "user": "http://{}:x@127.0.0.1:1/",
}
DATABASES = {
    "alone": "{}",
    "user": "postgresql://{}:p@127.0.0.1:1/x",
    "password": "postgresql://u:{}@127.0.0.1:1/x",
    "database": "postgresql://u:p@127.0.0.1:1/{}",
    "option": "postgresql://u:p@127.0.0.1:1/x?{}=1",
    "options": "postgresql://u:p@127.0.0.1:1/x?options={}",
}


def tells_cleanly(capsys: pytest.CaptureFixture[str], *arguments: str) -> int:
    """Run a command whose settings are odd, and may be possible: nobody is surprised, and no terminal obeys."""
    status = run_here(*arguments)
    said = capsys.readouterr()
    assert status in (0, 1, 2)
    assert "did not expect" not in said.out + said.err
    assert '"internal"' not in said.out
    for text in (said.out, said.err):
        odd = {c for c in text if c != "\n" and not c.isprintable()}
        assert not odd, f"a terminal would obey {odd!r}"
        assert "Traceback" not in text
        assert len(text) < 20_000  # doctor shows every setting, each of 8192 characters at most
    if status == 2 and "--json" not in arguments:
        is_one_sentence(said.err)
    return status


@pytest.mark.parametrize("name", NUMBERS)
def test_a_setting_that_is_no_number_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = ground.fingerprint()
    for value in filter(str.strip, IN_ENVIRONMENT.values()):
        monkeypatch.setenv(name, value)
        assert tells_cleanly(capsys, "status", "green", "2023-01") == 2
    assert ground.fingerprint() == before


@pytest.mark.parametrize("name", [*PATHS, *TEXTS])
def test_a_setting_of_words_is_refused_or_told_cleanly(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TIDEMARK_SOURCE", str(ground.around))
    before = ground.fingerprint()
    for value in IN_ENVIRONMENT.values():
        if name == "TIDEMARK_SOURCE" and not value.strip():
            continue  # none: the public home, which is not asked here
        monkeypatch.setenv(name, value)
        for arguments in (("doctor",), ("doctor", "--json")):
            status = tells_cleanly(capsys, *arguments)
            assert status == 2 or len(value) <= 8192
    assert ground.fingerprint() == before


@pytest.mark.parametrize("shape", ADDRESSES)
@pytest.mark.parametrize("name", ["PREFECT_API_URL", "TIDEMARK_SOURCE"])
def test_an_address_is_refused_or_told_cleanly(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, shape: str
) -> None:
    before = ground.fingerprint()
    for value in filter(str.strip, IN_ENVIRONMENT.values()):
        monkeypatch.setenv(name, ADDRESSES[shape].format(value))
        if name == "PREFECT_API_URL" or shape == "alone":
            tells_cleanly(capsys, "doctor")
        else:
            tells_cleanly(capsys, "plan", "green", "2023-01", "--check-source")
    assert ground.fingerprint() == before


def test_doctor_shows_an_address_without_its_control_characters(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in TERMINAL.values():
        monkeypatch.setenv("TIDEMARK_SOURCE", f"http://127.0.0.1:1/{value}")
        tells_cleanly(capsys, "doctor")


def test_a_host_that_is_none_is_refused_before_anybody_is_asked_for_it() -> None:
    """Whatever passes can be asked for; no test asks, as names would be looked up on the network."""
    import httpx

    from tidemark.datasets.green import DATASET

    for value in IN_ENVIRONMENT.values():
        with suppress(UsageError):
            asked = urlsplit(read_settings({"PREFECT_API_URL": f"http://{value}/api"}).prefect_api_url or "")
            assert (asked.hostname or "").encode("idna")
        with suppress(UsageError):
            read_settings({"TIDEMARK_DATABASE_URL": f"postgres://{value}/x"})
        with suppress(UsageError):
            assert httpx.URL(locate(DATASET, JANUARY, f"http://{value}/x").url or "").host


@pytest.mark.parametrize("shape", DATABASES)
def test_a_database_s_address_is_refused_or_told_cleanly(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    before = ground.fingerprint()
    for value in IN_ENVIRONMENT.values():
        monkeypatch.setenv("TIDEMARK_DATABASE_URL", DATABASES[shape].format(value))
        status = tells_cleanly(capsys, "status", "green", "2023-01")
        assert status in (1, 2)
    assert ground.fingerprint() == before


@pytest.fixture(autouse=True)
def no_server_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank address means the embedded PostgreSQL: these tests shall not start one for each."""
    import tidemark.embedded

    def refuse(_home: Path) -> str:
        raise TidemarkError("Not here.", remedy="It is a test.")

    monkeypatch.setattr(tidemark.embedded, "ensure_server", refuse)


@pytest.mark.parametrize("name", ["TIDEMARK_DATABASE_URL", "TIDEMARK_SLACK_WEBHOOK", "TIDEMARK_SLACK_TOKEN"])
def test_a_secret_in_a_file_is_refused_or_told_cleanly(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = ground.around / "secret"
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{name}_FILE", str(path))
    for value in HOSTILE.values():
        path.write_bytes(value.encode("utf-8", "surrogateescape"))
        before = ground.fingerprint()
        status = tells_cleanly(capsys, "doctor")
        if not value.isprintable() or len(value) > 8192 or not value.strip():
            assert status == 2
        assert ground.fingerprint() == before


def test_the_path_of_a_secret_s_file_is_refused_by_name(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ground.fingerprint()
    for value in filter(str.strip, IN_ENVIRONMENT.values()):
        monkeypatch.setenv("TIDEMARK_SLACK_TOKEN_FILE", value if value != "/etc/passwd" else "/etc")
        assert tells_cleanly(capsys, "doctor") == 2
    assert ground.fingerprint() == before


@pytest.mark.parametrize("name", ["TIDEMARK_LAKE", "TIDEMARK_HOME"])
@pytest.mark.parametrize(
    "folder",
    [
        "home; drop schema tidemark cascade; --",
        'o\'clock "quoted" $x$ %s {0} $(touch owned)',
        "line\nbreak\x1b[31m\u202e",
        "a/../b",
        "n" * 200,
    ],
    ids=["sql", "quotes", "terminal", "up", "long"],
)
def test_an_odd_but_possible_folder_works_and_nothing_is_written_beside_it(
    depot: Depot, tmp_path: Path, name: str, folder: str
) -> None:
    around = tmp_path / "around"
    (around / "a").mkdir(parents=True)  # so that a/../b can be walked
    wanted = around / folder
    given = {"TIDEMARK_HOME": str(tmp_path / "home"), "TIDEMARK_SOURCE": str(depot.source), name: str(wanted)}
    depot.write(JANUARY, 10)
    load = replace(depot, settings=read_settings(given)).open(JANUARY, depot.plan(JANUARY))
    assert stages.begin(load) is None
    staged = stages.stage_raw(load, stages.fetch_raw(load))
    assert staged.rows == 10
    stages.end(load, stages.interrupted())
    beside = [path for path in around.rglob("*") if not path.resolve().is_relative_to(wanted.resolve())]
    assert {path.name for path in beside} <= {"a"}
    assert list(wanted.rglob("*")) != []


# ---- dataset files of a user

DATASET_FILE = """
from tests.depot import RIDES
from dataclasses import replace
DATASET = replace(RIDES, {changes})
"""
COLUMN_NAMES = {
    "sql": "x integer); drop schema tidemark cascade; --",
    "quote": 'x"',
    "apostrophe": "x'",
    "capital": "Price",
    "digit": "1x",
    "blank": " ",
    "empty": "",
    "unicode": "größe",
    "homoglyph": "pr\u0456ce",
    "control": "x\x1b[31m",
    "newline": "x\n",
    "nul": "x\0",
    "long": "x" * 64,
    "megabyte": MEGABYTE,
    "surrogate": "x\udc9b",
    "load_id": "load_id",
    "month": "month",
    "twice": "price",
}


def write_dataset(folder: Path, changes: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "hostile.py").write_text(DATASET_FILE.format(changes=changes), encoding="utf-8")


SOUND = {("dataset", "month"), ("dataset", "load_id"), ("dataset", "price"), ("index", "price")}


@pytest.mark.parametrize("what", ["column", "dataset", "event", "index", "method", "first"])
def test_a_dataset_file_with_odd_names_is_refused_in_one_sentence(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("TIDEMARK_DATASETS", str(ground.around / "mine"))
    for value in COLUMN_NAMES.values():
        changes = {
            "column": f"columns=(*RIDES.columns, replace(RIDES.columns[1], name={value!a}, names=('other',)))",
            "dataset": f"name={value!a}",
            "event": f"event_column={value!a}",
            "index": f"indexes=(replace(RIDES.indexes[0], columns=({value!a},)),)",
            "method": f"indexes=(replace(RIDES.indexes[0], method={value!a}),)",
            "first": "first_month=RIDES.first_month.__class__(1, 1)",
        }
        if (what, value) in SOUND:
            continue
        write_dataset(ground.around / "mine", changes[what])
        before = ground.fingerprint()
        assert run_here("backfill", "rides", "2023-01") == 2
        said = capsys.readouterr()
        assert said.out == ""
        is_one_sentence(said.err)
        assert "hostile.py" in said.err
        assert ground.fingerprint() == before


def test_what_a_dataset_file_raises_is_told_in_one_sentence(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ground.around / "mine"
    folder.mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("TIDEMARK_DATASETS", str(folder))
    for value in HOSTILE.values():
        (folder / "hostile.py").write_text(f"raise RuntimeError({value!a})")
        assert run_here("status") == 2
        is_one_sentence(capsys.readouterr().err)


def test_texts_of_a_dataset_file_are_quoted_where_they_come_into_sql(depot: Depot, connection: Connection) -> None:
    evil = "'; drop schema tidemark cascade; -- \" %s {0} $x$ \\"
    price = replace(RIDES.columns[1], comment=evil, unit=evil, names=("price", evil))
    rule = replace(RIDES.row_rules[0], code=evil, reason=evil)
    index = replace(RIDES.indexes[0], purpose=evil)
    dataset = replace(
        RIDES, title=evil, columns=(RIDES.columns[0], price, *RIDES.columns[2:]), row_rules=(rule,), indexes=(index,)
    )
    hostile = replace(depot, dataset=dataset)
    hostile.write(JANUARY, 20, seatless=(3,))
    result = hostile.load(JANUARY)
    assert result.outcome is Outcome.PUBLISHED, result
    assert ask(connection, "select code, count(*) from diverted.rides group by 1") == [(evil, 1)]
    assert rides_of(connection, JANUARY) == {(1.0, 19)}
    comments = ask(
        connection,
        "select col_description(attrelid, attnum) from pg_attribute where attrelid = 'trips.rides'::regclass",
    )
    assert [comment for (comment,) in comments if comment and evil in comment]


# ---- files

FILE_COLUMNS = {
    "sql": 'x"; drop schema tidemark cascade; --',
    "parameter": "%s %(x)s {0} $x$",
    "terminal": "\x1b[2J\x1b]0;t\x07\rprice: 0",
    "right-to-left": "\u202ecirp",
    "markup": "[bold red]x[/][/]",
    "newline": "x\n12:00:00 rides 2023-01: published",
    "long": "ö" * 500,
    "load_id": "load_id",
    "month": "month",
    "blank": " ",
    "empty": "",
}


@pytest.fixture
def shown_by(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What a command prints of the depot's ledger."""
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "rides.py").write_text("from tests.depot import RIDES as DATASET\n")

    def run(*arguments: str) -> str:
        monkeypatch.setenv("TIDEMARK_DATABASE_URL", depot.url.reveal())
        monkeypatch.setenv("TIDEMARK_DATASETS", str(folder))
        capsys.readouterr()
        assert run_here(*arguments) in (0, 1, 3)
        said = capsys.readouterr()
        return said.out + said.err

    return run


def test_columns_with_hostile_names_are_dropped_by_name_and_the_month_is_published(
    depot: Depot, connection: Connection, shown_by: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    import pyarrow
    import pyarrow.parquet

    depot.dataset = replace(RIDES, unknown_columns=Drift.DISCARD)
    path = depot.write(JANUARY, 20)
    table = pyarrow.parquet.read_table(path)
    for name in FILE_COLUMNS.values():
        table = table.append_column(name, pyarrow.array(range(20)))
    pyarrow.parquet.write_table(table, path)
    result = depot.load(JANUARY)
    assert result.outcome is Outcome.PUBLISHED, result
    assert rides_of(connection, JANUARY) == {(1.0, 20)}
    (last,) = depot.history(JANUARY)
    assert {name[:50] for name in last.dropped_columns} == {name[:50] for name in FILE_COLUMNS.values()}
    columns = ask(
        connection, "select attname from pg_attribute where attrelid = 'trips.rides'::regclass and attnum > 0"
    )
    assert {name for (name,) in columns} == {"at", "price", "seats", "note", "month", "load_id"}
    assert ask(connection, "select bool_and(load_id = 1 and month = '2023-01-01') from trips.rides") == [(True,)]
    assert "columns that nobody knows were dropped" in caplog.text
    for command in ("explain", "status", "plan"):
        is_clean(shown_by(command, "rides", "2023-01"))
    told = shown_by("explain", "rides", "2023-01")
    assert "\\x1b[2J" in told
    assert "[bold red]x[/][/]" in told


def test_columns_with_hostile_names_are_added_under_harmless_ones(
    depot: Depot, connection: Connection, shown_by: Callable[..., str]
) -> None:
    import pyarrow
    import pyarrow.parquet

    path = depot.write(JANUARY, 20)
    table = pyarrow.parquet.read_table(path)
    for number, name in enumerate(FILE_COLUMNS.values()):
        table = table.append_column(name, pyarrow.array([number] * 20))
    pyarrow.parquet.write_table(table, path)
    result = depot.load(JANUARY)
    assert result.outcome is Outcome.PUBLISHED, result
    assert rides_of(connection, JANUARY) == {(1.0, 20)}
    (last,) = depot.history(JANUARY)
    assert len(last.added_columns) == len(FILE_COLUMNS)
    assert last.dropped_columns == ()
    for name in last.added_columns:
        assert re.fullmatch("[a-z][a-z0-9_]{0,62}", name)
    values = ask(connection, f"select distinct {', '.join(sorted(last.added_columns))} from trips.rides")
    assert [sorted(row) for row in values] == [list(range(len(FILE_COLUMNS)))]
    query = "select col_description(attrelid, attnum) from pg_attribute where attrelid = 'trips.rides'::regclass"
    for (comment,) in ask(connection, f"{query} and attnum > 0"):
        assert comment.isprintable()
    for command in ("explain", "status", "plan"):
        is_clean(shown_by(command, "rides", "2023-01"))


@pytest.mark.parametrize("code", ["ambiguous-column", "lossy-type"])
@pytest.mark.parametrize("name", ["at\x1b[31m", "Remark", "REMARK"])
def test_drift_in_a_column_with_a_hostile_value_is_told_without_its_control_characters(
    depot: Depot, shown_by: Callable[..., str], code: str, name: str
) -> None:
    import pyarrow

    evil = "\x1b[31m'; drop schema tidemark; --\n" * 100
    if code == "ambiguous-column":
        depot.write(JANUARY, 5, REMARK=pyarrow.array([evil] * 5), **{name + " ": pyarrow.array([evil] * 5)})
    else:
        depot.write(JANUARY, 5, price=pyarrow.array([evil] * 5))
    result = depot.load(JANUARY)
    assert (result.outcome, result.code) == (Outcome.REJECTED, code)
    for command in ("explain", "status", "plan"):
        is_clean(shown_by(command, "rides", "2023-01"))


def test_two_columns_of_one_name_are_refused(depot: Depot) -> None:
    import pyarrow
    import pyarrow.parquet

    path = depot.write(JANUARY, 5)
    table = pyarrow.parquet.read_table(path)
    twice = pyarrow.Table.from_arrays([*table.columns, table["price"]], names=[*table.column_names, "price"])
    pyarrow.parquet.write_table(twice, path)
    result = depot.load(JANUARY)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "ambiguous-column")


def test_a_column_whose_name_no_json_can_hold_does_not_keep_the_month_away(depot: Depot) -> None:
    import pyarrow

    depot.write(MARCH, 5, **{"x\0y": pyarrow.array(range(5))})
    result = depot.load(MARCH)
    assert result.outcome in (Outcome.PUBLISHED, Outcome.REJECTED), result


def test_a_reason_is_bounded_whatever_a_column_is_called(depot: Depot) -> None:
    import pyarrow

    name = "remark" + " " * 200_000
    depot.write(JANUARY, 5, **{name: pyarrow.array(["x"] * 5)})
    result = depot.load(JANUARY)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "ambiguous-column")
    assert len(result.reason) < LONGEST_TOLD


def test_the_names_of_a_thousand_unknown_columns_are_not_one_line_of_the_log(
    depot: Depot, caplog: pytest.LogCaptureFixture
) -> None:
    import pyarrow

    depot.write(JANUARY, 5, **{f"{n} {'x' * 1000}": pyarrow.nulls(5) for n in range(300)})
    assert depot.load(JANUARY).outcome is Outcome.PUBLISHED
    assert max(len(record.getMessage()) for record in caplog.records) < LONGEST_TOLD


# ---- what a source says in its headers

HEADERS = {
    "sql": "'; drop schema tidemark cascade; --",
    "terminal": "\x1b[31m\x9b",
    "parameter": "%s %(x)s {0}",
    "long": "x" * 60_000,
    "utf-8": "größe",
    "blank": " ",
}


@pytest.fixture
def feed() -> Iterator[Feed]:
    with faulty_feed() as playing:
        yield playing


@pytest.mark.parametrize("value", cases(HEADERS))
@pytest.mark.parametrize("name", ["ETag", "Last_Modified", "Content_Type"])
def test_a_hostile_header_is_kept_as_text_or_dropped(
    depot: Depot, connection: Connection, shown_by: Callable[..., str], feed: Feed, name: str, value: str
) -> None:
    body = depot.write(JANUARY, 10).read_bytes()
    headers: dict[str, Any] = {name: f'"{value}"' if name == "ETag" else value}
    feed.answer(serves(body, **headers))
    over_http = replace(depot, settings=replace(depot.settings, source=feed.address))
    over_http.dataset = RIDES
    for _ in range(2):  # the second time the header goes back to the source, as a condition
        load = over_http.open(JANUARY, over_http.plan(JANUARY))
        assert stages.begin(load) is None
        assert stages.fetch_raw(load).sha256
        stages.end(load, stages.interrupted())
        stages.close(load)
    ((etag, modified),) = ask(connection, "select etag, last_modified from tidemark.source_seen")
    assert name != "ETag" or etag in (None, f'"{value}"')
    assert name != "Last_Modified" or modified in (None, value, value.strip(), value.encode().decode("latin-1"))
    assert ask(connection, "select to_regclass('tidemark.attempt') is not null") == [(True,)]
    for asked in feed.asked:
        assert len(asked.headers.get("if-modified-since", "")) <= len(value)
    is_clean(shown_by("explain", "rides", "2023-01").replace("did not say", ""))


# ---- parameters of flows

FLOWS = """
import asyncio, json, logging, sys
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate
from flows.backfill import backfill
from flows.load_month import load_month

FORM = parameter_schema(backfill).model_dump_for_openapi()
FLOWS = {"backfill": backfill, "load_month": load_month}

def refused(check, given):
    try:
        check(given)
    except Exception as error:
        return type(error).__name__
    return None

async def ended(flow, given):
    try:
        state = await flow(**given, return_state=True)
        return [state.type.value, state.message]
    except Exception as error:
        return ["RAISED", f"{type(error).__name__}: {error}"]

async def main():
    given = json.load(sys.stdin)
    forms = [refused(lambda p: validate(p, FORM, raise_on_error=True), p) for p in given["checked"]]
    flows = [refused(backfill.validate_parameters, p) for p in given["checked"]]
    ran = [[name, p, *await ended(FLOWS[name], p)] for name, all in given["run"].items() for p in all]
    json.dump({"forms": forms, "flows": flows, "ran": ran}, sys.stdout)

logging.disable(logging.ERROR)  # prefect's own, which tells parameters whole to whoever called the flow
asyncio.run(main())
"""
Given = dict[str, object]
GREEN: Given = {"dataset": "green", "first": "2023-01"}
TEXTS_OF_A_FLOW = [value for value in HOSTILE.values() if value and "\udc9b" not in value]


def each(name: str, values: Iterable[object], beside: Given = GREEN) -> list[Given]:
    return [{**beside, name: value} for value in values]


MALFORMED = [
    *each("dataset", [*TEXTS_OF_A_FLOW, "", None, 7, ["green"], {"a": 1}, "GREEN", "green ", "green\n"]),
    *each("first", [*TEXTS_OF_A_FLOW, 202301, ["2023-01"], "2023-1"]),
    *each("last", TEXTS_OF_A_FLOW),
    *each("mode", [*TEXTS_OF_A_FLOW, "", "ALL", "due ", 7, ["due"]]),
    *each("window", [0, -1, 33, 10**9, 10**30, "many", 1.5, "1; drop table x", [], {}]),
    *each("stop_after", [0, -1, 10**30, "x"]),
    *each("run_id", [0, -1, 10**30, 2**63, "x", "1 or 1=1"]),
    *each("newest_first", ["maybe", 7, []]),
]
WRONG = [  # well formed
    *each("dataset", ["gren"]),
    *each("first", ["2023-13", "0000-01", "9999-12", "2000-01"]),
    *each("last", ["9000-12", "2022-12"]),
    *each("run_id", [2**63 - 1]),
]
SAMPLE = ("up", "quote", "right-to-left", "newline", "ansi", "markup", "nul")
MONTH_OF_GREEN: Given = {"dataset": "green", "month": "2023-01"}
RUN = {
    "backfill": [
        *each("dataset", [*map(HOSTILE.__getitem__, SAMPLE), "x" * 100_000]),
        *each("first", map(HOSTILE.__getitem__, SAMPLE[::2])),
        *WRONG,
    ],
    "load_month": [
        *each("dataset", map(HOSTILE.__getitem__, SAMPLE[::3]), MONTH_OF_GREEN),
        *each("month", map(HOSTILE.__getitem__, SAMPLE[1::3]), MONTH_OF_GREEN),
        *each("run_id", ["1; drop schema tidemark"], MONTH_OF_GREEN),
    ],
}


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of flows that got hostile parameters, and what changed meanwhile."""

    forms: list[str | None]
    flows: list[str | None]
    ran: list[tuple[str, Given, str, str]]
    changed: bool
    written: list[str]


def play_flows(database: Secret, prefect_url: str, folder: Path) -> Played:
    from tidemark.schema import ensure_schema

    here = folder / "some" / "folders" / "below"
    (here / "source").mkdir(parents=True)
    home = here / "home"
    environment = {
        **os.environ,
        **client_environment(home, prefect_url),
        "PYTHONPATH": str(PROJECT),
        "TIDEMARK_HOME": str(home),
        "TIDEMARK_SOURCE": str(here / "source"),
        "TIDEMARK_DATABASE_URL": database.reveal(),
        "TIDEMARK_SOURCE_LIMIT": "3",  # as all tests of flows have it: the server is one for all
    }
    with closing(connect(database)) as connection:
        ensure_schema(connection, database)
        before = rows_of_loads(connection)
        ran = subprocess.run(
            [sys.executable, "-c", FLOWS],
            cwd=here,
            env=environment,
            input=json.dumps({"checked": MALFORMED, "run": RUN}),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        written = [str(path) for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(home)]
        changed = rows_of_loads(connection) != before
    return Played(**json.loads(ran.stdout.splitlines()[-1]), changed=changed, written=written)


def rows_of_loads(connection: Connection) -> list[tuple[Any, ...]]:
    """The database, but for the number of green and its empty tables, which a load makes first."""
    return [row for row in catalog(connection) if "green" not in str(row[:2]) and row[0] != "tidemark.dataset"]


@pytest.fixture(scope="module")
def played(
    once: Once[Played],
    new_database: Callable[[], Secret],
    prefect_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Played:
    return once("hostile-flows", lambda: play_flows(new_database(), prefect_url, tmp_path_factory.mktemp("flows")))


def test_a_form_and_a_flow_refuse_what_is_malformed(played: Played) -> None:
    by_flow = [given for given, refused in zip(MALFORMED, played.flows, strict=True) if refused is None]
    assert by_flow == []
    by_form = [given for given, refused in zip(MALFORMED, played.forms, strict=True) if refused is None]
    # the form's regular expressions are Python's, which take a line's end at the end; the flow's are not
    assert [given["dataset"] for given in by_form] == ["green\n"]


def test_a_flow_with_hostile_parameters_fails_before_anything_is_loaded(played: Played) -> None:
    assert [(name, given) for name, given, state, _ in played.ran if state not in ("FAILED", "RAISED")] == []
    assert not played.changed
    assert played.written == []


def test_a_flow_says_in_a_bounded_sentence_what_was_wrong(played: Played) -> None:
    for name, given, _, message in played.ran:
        assert len(message) < LONGEST_TOLD
        assert name == "load_month" or given not in WRONG or message.endswith("."), message


def test_the_names_of_runs_hold_nothing_that_was_not_checked(played: Played, prefect_url: str) -> None:
    assert len(played.ran) == sum(map(len, RUN.values()))
    names = names_of_runs(PrefectApi(url=prefect_url), "backfill")
    assert [name for name in names if not name.isprintable() or len(name) > 200] == []


def names_of_runs(prefect: PrefectApi, flow: str) -> list[str]:
    runs: list[dict[str, Any]] = []
    while True:
        asked = {"flows": {"name": {"any_": [flow]}}, "limit": 200, "offset": len(runs)}
        page = prefect.ask("/flow_runs/filter", asked)
        runs += page
        if not page:
            return [run["name"] for run in runs]
