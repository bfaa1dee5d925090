"""The demo as its user runs it, watched for every address that a Python process of it reaches for."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments import prefect_server
from tests.flows.conftest import Once
from tests.flows.shell import PROJECT
from tidemark import embedded

pytestmark = pytest.mark.long

# Python imports a module of this name at its start, in every process whose PYTHONPATH has it. What reaches for another
# machine is noted and stopped before anything is sent. (libpq, which is C, is not seen.)
WATCH = """
import ipaddress, json, os, sys

ADDRESS = {"socket.connect": 1, "socket.bind": 1, "socket.sendto": 1, "socket.sendmsg": 1,
           "socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}

def is_here(host):
    try:
        return host in (None, "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

def watch(event, arguments):
    if event not in ADDRESS:
        return
    address = arguments[ADDRESS[event]]
    if isinstance(address, (str, bytes)) and ADDRESS[event] == 1:
        return  # a socket in a folder
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    with open(os.environ["WATCHED"], "a") as watched:
        watched.write(json.dumps([event, host]) + "\\n")
    if not is_here(host):
        raise RuntimeError(f"{event} reaches for {host}")

sys.addaudithook(watch)
"""
# a year of one month, whose file is good where a bad one was planned
SABOTAGED = """
import sys
import demo.planned
from tidemark.months import Month

demo.planned.YEAR = (Month(2023, 5),)
demo.planned.damage = lambda path, fault: None

from demo.__main__ import main
sys.exit(main())
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """How the demo ended, and what there was to see."""

    status: int
    stdout: str
    stderr: str
    watched: list[list[str]]
    left_running: list[str]
    explained: str
    leftovers: list[str]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A folder in which demos run, and the environment that watches them."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / ".tidemark" / "demo"

    @property
    def watched(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "watched").read_text(encoding="utf-8").splitlines()]

    def python(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )


@contextmanager
def a_stage(folder: Path) -> Iterator[Stage]:
    for name in ("watch", "tmp"):
        (folder / name).mkdir()
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "PREFECT_"))}
    ours = {
        "PYTHONPATH": os.pathsep.join([str(folder / "watch"), str(PROJECT)]),
        "WATCHED": str(folder / "watched"),
        "TMPDIR": str(folder / "tmp"),
        # the demo has a home of its own, whatever is set
        "TIDEMARK_SOURCE": "https://example.invalid",
        "TIDEMARK_DATABASE_URL": "postgresql://example.invalid/",
        "PREFECT_API_URL": "https://example.invalid/api",
    }
    stage = Stage(folder=folder, environment={**kept, **ours})
    try:
        yield stage
    finally:
        prefect_server.stop_server(stage.home)
        embedded.remove_server(stage.home)


def answers(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


@pytest.fixture(scope="module")
def shown(once: Once[Shown], tmp_path_factory: pytest.TempPathFactory) -> Shown:
    def play() -> Shown:
        with a_stage(tmp_path_factory.mktemp("demo")) as stage:
            done = stage.python("-m", "demo")
            servers = re.findall(r"http://127\.0\.0\.1:\d+", done.stdout)
            running = [address for address in servers if answers(address)]
            running += [str(url) for url in (embedded.running_url(stage.home),) if url is not None]
            settings = {"TIDEMARK_HOME": ".tidemark/demo", "TIDEMARK_DATABASE_URL": ""}
            return Shown(
                status=done.returncode,
                stdout=done.stdout,
                stderr=done.stderr,
                watched=stage.watched,
                left_running=running,
                explained=stage.python("-m", "commands.main", "explain", "green", "2023-05", **settings).stdout,
                leftovers=[path.name for path in (stage.folder / "tmp").iterdir()],
            )

    return once("demo", play)


def test_it_ends_well_and_says_so(shown: Shown) -> None:
    assert shown.status == 0, shown.stdout + shown.stderr
    assert re.search(r"^Every month ended as planned, in \d+ s\.$", shown.stdout, re.MULTILINE)
    assert "not as planned" not in shown.stdout
    assert "Traceback" not in shown.stderr


def test_it_shows_both_years_month_by_month(shown: Shown) -> None:
    grids = [line.split() for line in shown.stdout.splitlines() if line.startswith("2023 ")]
    assert grids == [["2023", *"■■■■■■■■■■■·"], ["2023", *"■■■■✗■■■■■■■"]]
    commands = [line for line in shown.stdout.splitlines() if line.startswith("$ ")]
    assert commands == [f"$ tidemark backfill {name} 2023-01 2023-12" for name in ("yellow", "green")]
    assert re.findall(r"\(exit status (\d+)\)", shown.stdout) == ["0", "3"]


def test_it_tells_of_the_odd_months_and_how_to_look_closer(shown: Shown) -> None:
    told = shown.stdout.partition("What happened to the odd months")[2]
    for month in ("yellow 2023-08: ", "green 2023-05: ", "yellow 2023-12: "):
        assert told.count(f"  {month}") == 1
    assert "TIDEMARK_HOME=.tidemark/demo .venv/bin/tidemark explain green 2023-05\n" in told
    assert re.search(r"^Prefect UI: http://127\.0\.0\.1:\d+", told, re.MULTILINE)
    assert "green 2023-05  rejected" in shown.explained
    assert shown.stderr.count("the source answers 503") == 2


def test_nothing_is_left_behind_but_its_home(shown: Shown) -> None:
    assert shown.left_running == []
    assert shown.leftovers == []


def test_it_reaches_no_other_machine(shown: Shown) -> None:
    assert len(shown.watched) > 100
    assert {event for event, _ in shown.watched} >= {"socket.connect", "socket.bind", "socket.getaddrinfo"}
    hosts = {host for _, host in shown.watched if host is not None}
    assert [host for host in hosts if host != "localhost" and not ipaddress.ip_address(host).is_loopback] == []


def test_the_watch_sees_and_stops_what_reaches_for_another_machine(tmp_path: Path) -> None:
    with a_stage(tmp_path) as stage:
        done = stage.python("-c", "import socket; socket.getaddrinfo('example.invalid', 80)")
        assert done.returncode == 1
        assert "socket.getaddrinfo reaches for example.invalid" in done.stderr
        assert stage.watched == [["socket.getaddrinfo", "example.invalid"]]


def test_it_ends_badly_when_a_month_ends_otherwise(tmp_path: Path) -> None:
    with a_stage(tmp_path) as stage:
        done = stage.python("-c", SABOTAGED)
    assert done.returncode == 1, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("not as planned: ")]
    assert told == [
        "not as planned: green 2023-05 is published, not rejected",
        "not as planned: the feed refused 0 requests, not 2",
    ]
    assert "Every month ended as planned" not in done.stdout
