"""The demo feed, asked over real connections."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.feed import Faults, Feed, Request
from tidemark.errors import UsageError

NAME = "green_tripdata_2023-02.parquet"
CONTENT = bytes(range(256)) * 40
LARGE = 32 * 1024 * 1024  # more than the sockets of both sides can buffer
SECRET = b"not for you"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    (tmp_path / "secret").write_bytes(SECRET)
    return folder


@pytest.fixture
def feed(folder: Path) -> Iterator[Feed]:
    with Feed(folder) as feed:
        yield feed


def connect(feed: Feed) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(feed.url).netloc, timeout=20)


def ask(feed: Feed, path: str = f"/{NAME}", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    connection = connect(feed)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


def ask_raw(feed: Feed, request: bytes) -> bytes:
    address = urlsplit(feed.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_file_is_sent_whole_with_its_validators(feed: Feed, folder: Path) -> None:
    os.utime(folder / NAME, (1_700_000_000, 1_700_000_000))
    answer = ask(feed)
    assert answer.status == 200
    assert answer.body == CONTENT
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer.headers["ETag"] == f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"'


def test_head_tells_the_same_and_sends_nothing(feed: Feed) -> None:
    head, get = ask(feed, method="HEAD"), ask(feed)
    without_date = [{k: v for k, v in answer.headers.items() if k != "Date"} for answer in (head, get)]
    assert head.status == 200
    assert without_date[0] == without_date[1]
    assert ask_raw(feed, f"HEAD /{NAME} HTTP/1.1\r\n\r\n".encode())[-4:] == b"\r\n\r\n"


def test_the_etag_follows_the_content_and_nothing_else(feed: Feed, folder: Path) -> None:
    tick = time.time_ns()
    os.utime(folder / NAME, ns=(tick, tick))
    first = ask(feed).headers["ETag"]
    (folder / NAME).write_bytes(CONTENT[::-1])  # as long, and within the same tick of the clock
    os.utime(folder / NAME, ns=(tick, tick))
    assert ask(feed).headers["ETag"] != first
    (folder / NAME).write_bytes(CONTENT)
    os.utime(folder / NAME, (1_700_000_000, 1_700_000_000))
    assert ask(feed).headers["ETag"] == first


def test_a_settled_file_is_hashed_once(feed: Feed, folder: Path) -> None:
    os.utime(folder / NAME, (1_700_000_000, 1_700_000_000))
    first = ask(feed).headers["ETag"]
    (folder / NAME).write_bytes(CONTENT[::-1])
    os.utime(folder / NAME, (1_700_000_000, 1_700_000_000))
    assert ask(feed).headers["ETag"] == first  # size and time are those it knows: it did not look again
    os.utime(folder / NAME, (1_700_000_001, 1_700_000_001))
    assert ask(feed).headers["ETag"] != first


@pytest.mark.parametrize("form", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
def test_a_known_etag_is_answered_with_not_modified(feed: Feed, form: str) -> None:
    etag = ask(feed).headers["ETag"]
    answer = ask(feed, If_None_Match=form.format(etag=etag))
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 304),
        ("Tue, 14 Nov 2023 22:13:21 GMT", 304),
        ("Tue, 14 Nov 2023 22:13:19 GMT", 200),
        ("the day before yesterday", 200),
        ("Tue, 14 Nov 99999999999 22:13:19 GMT", 200),
    ],
)
def test_a_date_is_compared_to_the_second(feed: Feed, folder: Path, since: str, status: int) -> None:
    os.utime(folder / NAME, (1_700_000_000.9, 1_700_000_000.9))
    assert ask(feed, If_Modified_Since=since).status == status


def test_another_etag_outweighs_the_date(feed: Feed) -> None:
    date = ask(feed).headers["Last-Modified"]
    assert ask(feed, If_None_Match='"other"', If_Modified_Since=date).status == 200


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=5000-", 5000, len(CONTENT)),
        ("bytes=-10", len(CONTENT) - 10, len(CONTENT)),
        ("bytes=-999999", 0, len(CONTENT)),
        ("bytes=10000-999999", 10000, len(CONTENT)),
    ],
)
def test_a_range_is_sent_as_a_part(feed: Feed, wanted: str, start: int, end: int) -> None:
    answer = ask(feed, Range=wanted)
    assert answer.status == 206
    assert answer.body == CONTENT[start:end]
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=٣-٤"])
def test_what_is_no_single_range_is_ignored(feed: Feed, wanted: str) -> None:
    answer = ask_raw(feed, f"GET /{NAME} HTTP/1.1\r\nRange: {wanted}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n" + CONTENT)


@pytest.mark.parametrize("wanted", [f"bytes={len(CONTENT)}-", "bytes=99999-99999", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(feed: Feed, wanted: str) -> None:
    answer = ask(feed, Range=wanted)
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    assert b"InvalidRange" in answer.body


def test_a_part_is_sent_only_of_the_file_that_was_meant(feed: Feed) -> None:
    whole = ask(feed)
    for validator in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        assert ask(feed, Range="bytes=5-9", If_Range=validator).body == CONTENT[5:10]
    for validator in ('"other"', f"W/{whole.headers['ETag']}", "Tue, 14 Nov 2000 22:13:20 GMT"):
        answer = ask(feed, Range="bytes=5-9", If_Range=validator)
        assert (answer.status, answer.body) == (200, CONTENT)


def test_a_file_in_a_folder_and_a_link_inside_are_served(feed: Feed, folder: Path) -> None:
    (folder / "trip-data").mkdir()
    (folder / "trip-data" / "a b.csv").write_bytes(b"1,2")
    (folder / "latest").symlink_to(folder / NAME)
    assert ask(feed, "/trip-data/a%20b.csv?x=1").body == b"1,2"
    assert ask(feed, "/latest").body == CONTENT


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/absent.parquet",
        "/sub",
        "/sub/",
        f"/{NAME}/",
        f"/{NAME}%00",
        f"/{NAME}%00.txt",
        "/../secret",
        "/sub/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/..%5csecret",
        "//secret",
        "{parent}/secret",
        "/{parent}/secret",
        "/%2f{parent}/secret",
        "secret",
        "http://127.0.0.1/../secret",
        "/link-to-file",
        "/link-to-folder/secret",
        "/loop",
        "/pipe",
        "/.hidden",
        "/%ff%fe",
        "/" + "a" * 5000,
        "/" + "a/" * 5000 + "a",
    ],
)
def test_what_may_not_be_served_is_denied_like_what_is_absent(feed: Feed, folder: Path, path: str) -> None:
    (folder / "sub").mkdir()
    (folder / ".hidden").write_bytes(SECRET)
    (folder / "link-to-file").symlink_to(folder.parent / "secret")
    (folder / "link-to-folder").symlink_to(folder.parent)
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    request = f"GET {path.format(parent=folder.parent)} HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = ask_raw(feed, request.encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Content-Type: application/xml" in answer
    assert b"<Code>AccessDenied</Code>" in answer
    assert SECRET not in answer
    assert NAME.encode() not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_other_methods_are_not_allowed(feed: Feed, folder: Path, method: str) -> None:
    answer = ask(feed, method=method, body=b"x")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert (folder / NAME).read_bytes() == CONTENT


def test_one_connection_serves_many_requests(feed: Feed) -> None:
    etag = ask(feed).headers["ETag"]
    connection = connect(feed)
    connection.connect()
    first = connection.sock
    wanted: list[tuple[str, str, dict[str, str], int]] = [
        ("GET", f"/{NAME}", {}, 200),
        ("HEAD", f"/{NAME}", {}, 200),
        ("GET", f"/{NAME}", {"If-None-Match": etag}, 304),
        ("GET", "/absent", {}, 403),
        ("GET", f"/{NAME}", {"Range": "bytes=99999-"}, 416),
        ("GET", f"/{NAME}", {"Range": "bytes=0-3"}, 206),
    ]
    for method, path, headers, status in wanted:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert connection.sock is first
    connection.close()


def test_a_download_goes_on_with_the_file_it_began(feed: Feed, folder: Path) -> None:
    (folder / "large").write_bytes(b"a" * LARGE)
    connection = connect(feed)
    connection.request("GET", "/large")
    response = connection.getresponse()
    begun = response.read(10)
    (folder / "new").write_bytes(b"b" * LARGE)
    (folder / "new").replace(folder / "large")
    rest = response.read()
    connection.close()
    assert begun + rest == b"a" * LARGE
    assert ask(feed, "/large").body == b"b" * LARGE


def test_a_file_that_shrinks_during_its_download_ends_the_connection(feed: Feed, folder: Path) -> None:
    (folder / "large").write_bytes(b"a" * LARGE)
    connection = connect(feed)
    connection.request("GET", "/large")
    response = connection.getresponse()
    os.truncate(folder / "large", 1000)
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_a_large_file_is_not_read_into_memory(feed: Feed, folder: Path) -> None:
    (folder / "large").write_bytes(b"a" * LARGE)
    connection = connect(feed)
    tracemalloc.start()
    try:
        connection.request("GET", "/large")
        response = connection.getresponse()
        received = sum(len(piece) for piece in iter(lambda: response.read(65536), b""))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        connection.close()
    assert received == LARGE
    assert peak < LARGE / 8


def test_a_planned_503_comes_so_many_times_and_for_that_file_only(folder: Path) -> None:
    (folder / "other").write_bytes(b"other")
    with Feed(folder, faults={NAME: Faults(unavailable=2)}) as feed:
        assert ask(feed, "/other").status == 200
        assert [ask(feed).status, ask(feed, method="HEAD").status] == [503, 503]
        assert ask(feed).body == CONTENT


def test_planned_faults_are_counted_once_across_threads(folder: Path) -> None:
    with Feed(folder, faults={NAME: Faults(unavailable=17)}) as feed, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: ask(feed).status, range(40)))
    assert sorted(statuses) == [200] * 23 + [503] * 17


def test_a_planned_cut_ends_the_download_half_way(folder: Path) -> None:
    with Feed(folder, faults={NAME: Faults(cut=1)}) as feed:
        assert ask(feed, method="HEAD").status == 200  # has no download to cut
        with pytest.raises(http.client.IncompleteRead) as cut:
            ask(feed)
        assert cut.value.partial == CONTENT[: len(CONTENT) // 2]
        assert ask(feed).body == CONTENT


def test_every_request_is_told_once_with_what_was_sent(folder: Path) -> None:
    told: list[Request] = []
    with Feed(folder, faults={NAME: Faults(cut=1)}, on_request=told.append) as feed:
        with pytest.raises(http.client.IncompleteRead):
            ask(feed)
        ask(feed, Range="bytes=0-99")
        ask(feed, method="HEAD")
        denied = ask(feed, "/absent")
        refused = ask(feed, method="POST")
    assert {(line.method, line.path, line.status, line.sent) for line in told} == {
        ("GET", f"/{NAME}", 200, len(CONTENT) // 2),
        ("GET", f"/{NAME}", 206, 100),
        ("HEAD", f"/{NAME}", 200, 0),
        ("GET", "/absent", 403, len(denied.body)),
        ("POST", f"/{NAME}", 405, len(refused.body)),
    }
    assert len(told) == 5


def test_what_is_told_is_safe_to_print(folder: Path) -> None:
    told: list[Request] = []
    with Feed(folder, on_request=told.append) as feed:
        ask_raw(feed, b"GET /[red]\x1b[2J\xff%00 HTTP/1.1\r\n\r\n")
    assert [line.path for line in told] == ["/%5Bred%5D%1B%5B2J%C3%BF%00"]


def test_a_client_that_leaves_makes_no_noise(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "large").write_bytes(b"a" * LARGE)
    told: list[Request] = []
    with Feed(folder, on_request=told.append) as feed:
        connection = connect(feed)
        connection.request("GET", "/large")
        connection.getresponse().read(10)
        connection.close()
        assert ask(feed).status == 200
    assert {line.path for line in told} == {"/large", f"/{NAME}"}
    assert min(line.sent for line in told if line.path == "/large") < LARGE
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_this_machine_only(feed: Feed) -> None:
    address = urlsplit(feed.url)
    assert address.hostname == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):  # would be answered if it listened on every address
        socket.create_connection(("127.0.0.2", address.port or 0), timeout=5).close()


def test_when_it_ends_nothing_of_it_stays(folder: Path) -> None:
    before = set(threading.enumerate())
    with Feed(folder) as feed:
        idle = connect(feed)
        idle.request("HEAD", f"/{NAME}")
        idle.getresponse().read()
    assert idle.sock is not None
    assert idle.sock.recv(1) == b""  # the kept connection was hung up
    idle.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        ask(feed)
    with Feed(folder, port=urlsplit(feed.url).port or 0) as again:
        assert again.url == feed.url
        assert ask(again).status == 200


def test_a_folder_that_is_none_is_a_usage_error(folder: Path) -> None:
    for path in (folder / "absent", folder / NAME):
        with pytest.raises(UsageError, match=f"no folder {path}"):
            Feed(path)


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_port_that_is_none_is_a_usage_error(folder: Path, port: int) -> None:
    with pytest.raises(UsageError, match=rf"port {port} .* 0 to 65535"):
        Feed(folder, port=port)


def test_a_port_in_use_is_a_usage_error(feed: Feed, folder: Path) -> None:
    port = urlsplit(feed.url).port or 0
    with pytest.raises(UsageError, match=rf"port {port} .*in use") as error:
        Feed(folder, port=port)
    assert error.value.remedy


def test_in_the_foreground_it_serves_until_it_is_interrupted(folder: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom demo.feed import serve\n"
        "try:\n    serve(Path(sys.argv[1]), 0, on_ready=lambda url: print(url, flush=True))\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = urlsplit(process.stdout.readline().strip())
            kept = http.client.HTTPConnection(address.netloc, timeout=20)
            kept.request("GET", f"/{NAME}")
            assert kept.getresponse().read() == CONTENT
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20)
            kept.close()
        finally:
            process.kill()
    assert (output, errors, process.returncode) == ("interrupted\n", "", 0)
