"""What every command keeps to: data on stdout, colour on terminals only, no writing where one only reads."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator

import click
import pytest

from commands.main import app
from tests.commands.conftest import MISSING, YEAR_SO_FAR, Tidemark, run_here
from tests.depot import RIDES, ask
from tidemark.ledger import Ending, Outcome, begin_attempt, end_attempt
from tidemark.postgres import connect
from tidemark.settings import Secret

ESCAPE = "\x1b"
READING = [
    ("status", *YEAR_SO_FAR),
    ("plan", *YEAR_SO_FAR),
    ("explain", "rides", "2023-02"),
    ("doctor",),
]
NAMES = [arguments[0] for arguments in READING]


# help


@pytest.mark.parametrize("name", sorted(app.commands))
def test_help_names_every_argument_and_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(name, "--help") == 0
    said, told_apart = capsys.readouterr()
    assert (said.startswith(f"Usage: tidemark {name} "), told_apart) == (True, "")
    for parameter in app.commands[name].params:
        if isinstance(parameter, click.Option):
            assert [option for option in parameter.opts if option not in said] == []
            assert parameter.help
        else:
            assert parameter.human_readable_name in said
    assert app.commands[name].help


def test_alone_it_prints_its_help(tidemark: Tidemark) -> None:
    alone, asked = tidemark(), tidemark("--help")
    assert (alone.status, alone.err) == (0, "")
    assert alone.out == asked.out
    assert [name for name in app.commands if f"\n  {name} " not in alone.out] == []
    assert not tidemark.home.exists()


# stdout, stderr and stdin


@pytest.mark.parametrize("arguments", READING, ids=NAMES)
def test_stdout_is_json_and_nothing_else(on_filled: Tidemark, arguments: tuple[str, ...]) -> None:
    ran = on_filled(*arguments, "--json")
    assert ran.json["version"] == 1
    assert ran.err == ""


@pytest.mark.parametrize("arguments", READING, ids=NAMES)
def test_without_a_terminal_there_are_no_escape_sequences(on_filled: Tidemark, arguments: tuple[str, ...]) -> None:
    ran = on_filled(*arguments, TERM="xterm-256color")
    assert ESCAPE not in ran.out + ran.err
    assert ran.out


def test_nothing_is_folded_without_a_terminal(on_filled: Tidemark) -> None:
    reason = on_filled("status", "rides", "2023-02", "--json").json["partitions"][0]["last_attempt"]["reason"]
    assert len(reason) > 150
    for command in (("plan", "rides", "2023-02"), ("explain", "rides", "2023-02"), ("status", "rides", "2023-02")):
        assert reason.rstrip(".") in on_filled(*command, COLUMNS="40").out


@pytest.mark.parametrize("command", ["status", "plan", "explain"])
def test_what_looks_like_markup_is_shown_as_it_is(on_filled: Tidemark, filled_url: Secret, command: str) -> None:
    odd = "there is no file /data/[old]/[/new]/:car:/x.parquet"
    connection = connect(filled_url)
    try:
        load_id = begin_attempt(
            connection, RIDES.partition(MISSING), run_id=None, contract_version="c", suite_version="s"
        )
        end_attempt(connection, load_id, Ending(outcome=Outcome.FAILED, code="odd", reason=odd, remedy=odd))
    finally:
        connection.close()
    ran = on_filled(command, "rides", str(MISSING))
    assert ran.err == ""
    assert odd in ran.out
    assert odd in on_terminal(on_filled, command, "rides", str(MISSING), NO_COLOR="1", COLUMNS="300")


@pytest.mark.parametrize("arguments", READING, ids=NAMES)
def test_nothing_reads_stdin(on_filled: Tidemark, arguments: tuple[str, ...]) -> None:
    ours, its = os.pipe()
    os.write(its, b"still here")
    os.close(its)
    with os.fdopen(ours, "rb") as stdin:
        subprocess.run(
            [sys.executable, "-m", "commands.main", *arguments],
            cwd=on_filled.folder, env=on_filled.environment, stdin=stdin, capture_output=True, timeout=120,
        )  # fmt: skip
        assert stdin.read() == b"still here"


def test_closed_streams_are_no_error(on_filled: Tidemark) -> None:
    ran = on_filled.shell("tidemark status rides 2023-01 <&-")
    assert (ran.status, ran.err) == (0, "")
    assert "1 published" in ran.out
    assert on_filled.shell("tidemark status rides 2023-03 >&-").status == 3
    assert on_filled.shell("tidemark status nothing 2>&-").status == 2
    assert on_filled.shell("tidemark status nothing --json >&- 2>&-").status == 2


def test_letters_that_stdout_has_not_are_no_error(on_filled: Tidemark) -> None:
    ran = on_filled("status", "rides", "2023-03", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (ran.status, ran.err) == (3, "")
    assert "? 1 rejected" in ran.out


@pytest.mark.parametrize(
    "script",
    [
        "tidemark plan yellow 2009-01 2025-12 --json | head -n 1",  # more than a pipe holds
        "tidemark plan yellow 2009-01 2025-12 | head -n 1",
        "tidemark status | true",
        "tidemark explain rides 2023-02 --json | true",
        "tidemark --help | true",
    ],
)
def test_a_reader_that_leaves_ends_it_quietly(on_filled: Tidemark, script: str) -> None:
    ran = on_filled.shell(script)
    assert (ran.status, ran.err) == (0, "")


# terminals


def on_terminal(command: Tidemark, *arguments: str, **environment: str) -> str:
    """Run a command whose stdout and stderr are a terminal, and return what that terminal got."""
    ours, its = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "commands.main", *arguments],
            cwd=command.folder,
            env=command.environment | {"TERM": "xterm-256color", "COLUMNS": "100"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        said = b"".join(pieces_of(ours))
        assert process.wait(timeout=60) in (0, 1, 2, 3)
        return said.decode()
    finally:
        os.close(ours)


def pieces_of(terminal: int) -> Iterator[bytes]:
    while piece := read_terminal(terminal):
        yield piece


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        if error.errno == errno.EIO:  # how Linux says that nobody writes to it any more
            return b""
        raise


COLOURFUL = [*READING, ("plan", "rides", "2023-01", "--check-source"), ("status", "nothing")]
COLOURFUL_NAMES = [*NAMES, "check-source", "error"]


@pytest.mark.parametrize("arguments", COLOURFUL, ids=COLOURFUL_NAMES)
def test_a_terminal_gets_colours(on_filled: Tidemark, arguments: tuple[str, ...]) -> None:
    assert f"{ESCAPE}[" in on_terminal(on_filled, *arguments)


@pytest.mark.parametrize("arguments", COLOURFUL, ids=COLOURFUL_NAMES)
@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_terminal_that_wants_none_gets_no_escape_sequences(
    on_filled: Tidemark, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    said = on_terminal(on_filled, *arguments, **environment)
    assert said.strip()
    assert ESCAPE not in said


# commands that read


@pytest.mark.parametrize("arguments", READING, ids=NAMES)
def test_commands_that_read_can_do_without_the_right_to_write(
    on_filled: Tidemark, filled_url: Secret, arguments: tuple[str, ...]
) -> None:
    said = on_filled(*arguments, "--json")
    name = filled_url.reveal().rpartition("/")[2]
    connection = connect(filled_url)
    try:
        ask(connection, f'alter database "{name}" set default_transaction_read_only = on')
    finally:
        connection.close()
    assert on_filled(*arguments, "--json") == said
    refused = on_filled("plan", "rides", "2023-01", "--check-source", "--json")
    assert "read-only transaction" in refused.json["error"]["message"]  # the database does mean it


@pytest.mark.parametrize(
    "arguments", [("status", "green"), ("plan", "green"), ("explain", "green", "2023-01"), ("doctor",)]
)
def test_a_database_without_a_ledger_stays_so(
    tidemark: Tidemark, empty_url: Secret, arguments: tuple[str, ...]
) -> None:
    ran = tidemark(*arguments, TIDEMARK_DATABASE_URL=empty_url.reveal())
    assert (ran.status, ran.err) == (0, "")
    connection = connect(empty_url)
    try:
        schemas = ask(connection, "select nspname from pg_namespace where nspname !~ '^pg_' order by 1")
    finally:
        connection.close()
    assert schemas == [("information_schema",), ("public",)]
    assert not tidemark.home.exists()  # neither a Prefect server nor a PostgreSQL, nor a lake


@pytest.mark.parametrize(
    "arguments", [("status", "green"), ("plan", "green"), ("explain", "green", "2023-01"), ("doctor",), ("down",), ()]
)
def test_commands_that_read_load_nothing_heavy(
    tidemark: Tidemark, database_url: Secret, arguments: tuple[str, ...]
) -> None:
    script = (
        "import sys; from commands.main import run; run(sys.argv[1:] or ['--help']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ran = tidemark.run("-c", script, *arguments, TIDEMARK_DATABASE_URL=database_url.reveal())
    loaded = set(ran.err.split())
    heavy = {"prefect", "great_expectations", "pandas", "pyarrow", "sqlalchemy", "alembic", "numpy", "httpx", "fastapi"}
    assert "tidemark" in loaded
    assert loaded & heavy == set()


def test_many_commands_in_one_process_print_where_stdout_is_now(
    in_process: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert in_process("status", "rides", "2023-01") == 0
        assert "1 published" in capsys.readouterr().out
