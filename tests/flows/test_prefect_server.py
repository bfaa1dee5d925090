"""The local Prefect server, started for real in a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deployments import prefect_server
from tidemark import detached
from tidemark.errors import Unreachable, UsageError

FLOW = """
import logging
from prefect import flow

@flow
def month() -> None:
    logging.getLogger("tidemark.load").info("a word for the log")

month()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    home: Path
    urls: tuple[str, ...]
    waits: tuple[float, ...]


def start(home: Path, told: Callable[[float], None] | None = None) -> str:
    return prefect_server.ensure_server(home, api_url=None, on_wait=told)


def ask(address: str, given: object = None) -> object:
    body = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as response:
        return json.load(response)


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Give the address of a server that answers every request as ``handler`` does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def pid_and_port(home: Path) -> tuple[int, int]:
    pid, port = (home / "prefect" / "server.pid").read_text().split()
    return int(pid), int(port)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server that two commands asked for at once; its first port was taken, and others' settings were around."""
    home = tmp_path_factory.mktemp("prefect")
    waits: list[float] = []
    try:
        with pytest.MonkeyPatch.context() as around, socket.socket() as other:
            around.setenv("TIDEMARK_SLACK_TOKEN", "a-token-of-ours")
            around.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "true")
            other.bind(("127.0.0.1", 0))
            other.listen()
            ports = iter([other.getsockname()[1], detached.free_port()])
            around.setattr(detached, "free_port", lambda: next(ports))
            with ThreadPoolExecutor(2) as commands:
                urls = tuple(commands.map(lambda told: start(home, told), [waits.append, waits.append]))
        yield Server(home=home, urls=urls, waits=tuple(waits))
    finally:
        prefect_server.stop_server(home)
        shutil.rmtree(home)


def test_two_at_once_start_one_and_the_next_finds_it(server: Server) -> None:
    assert len(set(server.urls)) == 1
    assert server.waits
    assert start(server.home) == prefect_server.running_url(server.home) == server.urls[0]


def test_the_pages_know_their_api(server: Server) -> None:
    settings = ask(f"{prefect_server.ui_url(server.urls[0])}/ui-settings")
    assert isinstance(settings, dict)
    assert settings["api_url"] == server.urls[0]


def test_it_runs_with_our_settings(server: Server) -> None:
    settings = ask(f"{server.urls[0]}/admin/settings")
    assert isinstance(settings, dict)
    assert settings["home"] == str(server.home / "prefect")
    assert settings["server"]["analytics_enabled"] is False
    assert settings["server"]["concurrency"]["lease_storage"].endswith(".filesystem")
    assert settings["server"]["tasks"]["tag_concurrency_slot_wait_seconds"] == 0.5
    assert (server.home / "prefect" / "prefect.db").exists()


def test_it_listens_on_this_machine_only_and_knows_no_secret_of_ours(server: Server) -> None:
    pid, port = pid_and_port(server.home)
    others = Path("/proc/net/tcp")
    if not others.exists():
        pytest.skip("no /proc here")
    listening = [line.split()[1] for line in others.read_text().splitlines() if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    assert b"a-token-of-ours" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_flow_sends_our_log_to_the_server_and_keeps_the_console_quiet(server: Server) -> None:
    environment = prefect_server.client_environment(server.home, server.urls[0])
    run = subprocess.run(
        [sys.executable, "-c", FLOW], env={**os.environ, **environment}, capture_output=True, check=True, text=True
    )
    assert run.stdout + run.stderr == ""
    logs = ask(f"{server.urls[0]}/logs/filter", {"limit": 200})
    assert isinstance(logs, list)
    assert "a word for the log" in [log["message"] for log in logs]


def test_a_server_that_the_user_names_is_used(server: Server, tmp_path: Path) -> None:
    assert prefect_server.ensure_server(tmp_path / "unused", api_url=server.urls[0]) == server.urls[0]
    assert not (tmp_path / "unused").exists()


def test_a_killed_server_is_started_again_and_stopped(tmp_path: Path) -> None:
    start(tmp_path)
    try:
        pid, _ = pid_and_port(tmp_path)
        os.kill(pid, signal.SIGKILL)
        url = start(tmp_path)
        assert ask(f"{url}/health") is True
        assert pid_and_port(tmp_path)[0] != pid
    finally:
        assert prefect_server.stop_server(tmp_path) is True
    assert prefect_server.running_url(tmp_path) is None
    assert prefect_server.stop_server(tmp_path) is False


def test_a_pid_that_another_program_got_is_left_alone(server: Server, tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        folder = tmp_path / "prefect"
        folder.mkdir()
        (folder / "running.lock").touch()
        (folder / "server.pid").write_text(f"{bystander.pid} {pid_and_port(server.home)[1]}\n")
        assert prefect_server.running_url(tmp_path) is None
        assert prefect_server.stop_server(tmp_path) is False
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_named_server_that_is_away_or_something_else_is_said_so(tmp_path: Path) -> None:
    port = detached.free_port()
    with pytest.raises(Unreachable, match="does not answer") as caught:
        prefect_server.ensure_server(tmp_path, api_url=f"http://me:secret@127.0.0.1:{port}/api")
    assert "PREFECT_API_URL" in caught.value.remedy
    assert "secret" not in str(caught.value)
    with answering(BaseHTTPRequestHandler) as address, pytest.raises(Unreachable, match="answers 501"):
        prefect_server.ensure_server(tmp_path, api_url=f"{address}/api")


class _Page(BaseHTTPRequestHandler):
    """A server of pages, which has one for every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>welcome</html>")

    def log_message(self, *_: object) -> None: ...


def test_a_named_server_that_is_not_prefect_is_said_so(tmp_path: Path) -> None:
    with answering(_Page) as address, pytest.raises(Unreachable, match="not as a Prefect server does"):
        prefect_server.ensure_server(tmp_path, api_url=address)


def test_a_home_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(UsageError, match="TIDEMARK_HOME"):
        start(tmp_path / "home")


def test_clients_of_a_local_server_ask_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "intern.example")
    local = prefect_server.client_environment(tmp_path, "http://127.0.0.1:4200/api")
    assert local["NO_PROXY"] == local["no_proxy"] == "intern.example,127.0.0.1"
    assert "NO_PROXY" not in prefect_server.client_environment(tmp_path, "https://prefect.example/api")
