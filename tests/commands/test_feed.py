"""``tidemark feed``: a folder on an address, until somebody ends it."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.commands.conftest import Tidemark

READY = re.compile(r"serving (?P<folder>.+) at (?P<url>http://127\.0\.0\.1:\d+) \(TIDEMARK_SOURCE=(?P=url)\)")
CONTENT = b"rides " * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "months [bold]"  # what rich would take for markup
    folder.mkdir()
    (folder / "green_tripdata_2023-01.parquet").write_bytes(CONTENT)
    return folder


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line on stderr."""
    assert process.stderr is not None
    return process.stderr.readline().rstrip("\n")


def started(tidemark: Tidemark, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a feed; returns its process and its address, as it says it itself."""
    process = tidemark.start("feed", str(folder))
    ready = READY.match(line_of(process))
    assert ready is not None
    assert ready["folder"] == str(folder)
    return process, ready["url"]


def get(url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_serves_what_is_there_and_refuses_what_is_not(tidemark: Tidemark, folder: Path) -> None:
    process, url = started(tidemark, folder)
    assert get(url, "/green_tripdata_2023-01.parquet") == (200, CONTENT)
    assert get(url, "/green_tripdata_2023-02.parquet")[0] == 403
    told = sorted((line_of(process), line_of(process)))  # each is told once its answer is sent
    assert told[0] == "GET /green_tripdata_2023-01.parquet 200 600 bytes"
    assert told[1].startswith("GET /green_tripdata_2023-02.parquet 403 ")


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143)],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_signal_ends_it_quietly(tidemark: Tidemark, folder: Path, number: signal.Signals, status: int) -> None:
    process, url = started(tidemark, folder)
    kept_alive = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    kept_alive.request("HEAD", "/green_tripdata_2023-01.parquet")
    kept_alive.getresponse().read()
    line_of(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    kept_alive.close()
    ended = process.returncode if process.returncode >= 0 else 128 - process.returncode  # as a shell says it
    assert (ended, out, err.strip()) == (status, "", "")


def test_two_ports_cannot_be_one(tidemark: Tidemark, folder: Path) -> None:
    _, url = started(tidemark, folder)
    port = str(urlsplit(url).port)
    ran = tidemark("feed", str(folder), "--port", port)
    assert (ran.status, ran.out) == (2, "")
    assert f"port {port}" in ran.err
    assert "Choose another port" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no/such/folder",), "There is no folder no/such/folder to serve."),
        ((".", "--port", "65536"), "'--port'"),
        ((".", "--port", "http"), "'--port'"),
        ((), "Missing argument 'DIR'"),
    ],
)
def test_what_cannot_be_served(tidemark: Tidemark, arguments: tuple[str, ...], said: str) -> None:
    ran = tidemark("feed", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
