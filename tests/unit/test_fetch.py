from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import repeat
from pathlib import Path
from time import monotonic

import pytest

from tests.faulty_feed import RESET, Asked, Feed, Script, Step, faulty_feed, response, says, serves
from tidemark.errors import Failed, NotAtSource, Stopped, Transient
from tidemark.fetch import Limits, Progress, RawFile, Seen, fetch, look
from tidemark.lake import Lake
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.settings import masked
from tidemark.source import Location

PARTITION = Partition("green", Month(2023, 2))
OLD = b"PAR1" + bytes(range(256)) * 2000 + b"PAR1"
NEW = OLD[::-1]
LIMITS = Limits(seconds=20, bytes=1 << 20, stall_seconds=5)
A_DATE = "Wed, 01 Feb 2023 00:00:00 GMT"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def feed() -> Iterator[Feed]:
    with faulty_feed() as running:
        yield running


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    lake = Lake(tmp_path / "lake")
    yield lake
    incoming = lake.root / "incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []


def at(feed: Feed) -> Location:
    url = f"{feed.address}/green_tripdata_2023-02.parquet"
    return Location(url=url, shown=masked(url))


def get(
    feed: Feed,
    lake: Lake,
    limits: Limits = LIMITS,
    *,
    seen: Seen | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> RawFile:
    return fetch(PARTITION, at(feed), lake, limits, seen=seen, stop=stop or threading.Event(), progress=progress)


def seen_as(file: RawFile) -> Seen:
    return Seen(url=file.url, etag=file.etag, last_modified=file.last_modified, size=file.size, sha256=file.sha256)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def chunked(*pieces: bytes) -> bytes:
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)


# --- whole ---


def test_a_file_comes_whole(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"', Last_Modified=A_DATE))
    told: list[tuple[int, int | None]] = []
    file = get(feed, lake, progress=lambda done, total: told.append((done, total)))
    assert file == RawFile(
        partition=PARTITION,
        path=lake.root / f"raw/green/2023-02/{sha256(OLD)}.parquet",
        size=len(OLD),
        sha256=sha256(OLD),
        url=at(feed).shown,
        etag='"v1"',
        last_modified=A_DATE,
        downloaded=True,
    )
    assert file.path.read_bytes() == OLD
    assert told[-1] == (len(OLD), len(OLD))
    assert feed.asked[0].headers["accept-encoding"] == "identity"
    assert not {"if-none-match", "range", "cookie", "authorization"} & feed.asked[0].headers.keys()


def test_chunks_that_end_properly_are_whole(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(Transfer_Encoding="chunked"), chunked(OLD[:999], OLD[999:], b"")))
    assert get(feed, lake).sha256 == sha256(OLD)


def test_a_file_of_no_bytes_is_stored_like_any_other(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(body=b"")))
    assert get(feed, lake).size == 0


# --- cut, and resumed ---


def test_a_cut_is_resumed_where_it_happened(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, cut=70_000, ETag='"v1"'), serves(OLD, cut=90_000, ETag='"v1"'), serves(OLD, ETag='"v1"'))
    assert get(feed, lake).sha256 == sha256(OLD)
    assert [asked.headers.get("range") for asked in feed.asked] == [None, "bytes=70000-", "bytes=90000-"]
    assert feed.asked[1].headers["if-range"] == '"v1"'


def test_a_connection_that_was_reset_is_resumed(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(body=OLD[:70_000], length=len(OLD), ETag='"v1"'), 0.2, RESET), serves(OLD, ETag='"v1"'))
    assert get(feed, lake).sha256 == sha256(OLD)
    assert feed.asked[1].headers["range"] == "bytes=70000-"


@pytest.mark.parametrize("etag", ['W/"v1"', "v1", '"v\u00e4"'])
def test_without_a_strong_etag_it_begins_again(etag: str, feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, cut=70_000, ETag=etag), serves(OLD, ETag=etag))
    assert get(feed, lake).sha256 == sha256(OLD)
    assert "range" not in feed.asked[1].headers


def test_chunks_that_were_cut_are_resumed(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(Transfer_Encoding="chunked", ETag='"v1"'), chunked(OLD[:999])), serves(OLD, ETag='"v1"'))
    assert get(feed, lake).sha256 == sha256(OLD)
    assert feed.asked[1].headers["range"] == "bytes=999-"


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"'])
def test_a_file_replaced_in_mid_download_is_never_spliced(etag: str, feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, cut=70_000, ETag=etag), serves(NEW, ETag='"v2"'))
    file = get(feed, lake)
    assert (file.sha256, file.etag) == (sha256(NEW), '"v2"')
    assert file.path.read_bytes() == NEW


def rest(data: bytes = NEW, start: int = 70_000, content_range: str | None = None, **headers: str) -> bytes:
    said = content_range or f"bytes {start}-{len(data) - 1}/{len(data)}"
    return response(206, data[start:], length=None, Content_Range=said, **{"ETag": '"v1"', **headers})


@pytest.mark.parametrize(
    "answer",
    [
        rest(ETag='"v2"'),
        rest(ETag='W/"v1"'),
        rest(Last_Modified=A_DATE),
        rest(Content_Encoding="gzip"),
        rest(NEW + b"more"),
        rest(start=69_999),
        rest(start=70_001),
        rest(content_range="bytes 70000-80000/*"),
        rest(content_range=f"bytes 70000-80000/{len(NEW)}"),
        rest(content_range="nonsense"),
        response(206, NEW[70_000:], ETag='"v1"'),
        response(206, NEW[70_000:], Content_Range=f"bytes 70000-{len(NEW) - 1}/{len(NEW)}"),
        response(416, b"", ETag='"v1"'),
    ],
)
def test_what_does_not_continue_the_version_is_thrown_away(answer: bytes, feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, cut=70_000, ETag='"v1"'), says(answer), serves(NEW, ETag='"v2"'))
    file = get(feed, lake)
    assert file.path.read_bytes() == NEW
    assert "range" in feed.asked[1].headers
    assert "range" not in feed.asked[2].headers


def test_a_file_cut_again_and_again_fails(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, cut=70_000))
    with pytest.raises(Transient, match=r"green 2023-02.* cut after 70000 of 512008") as caught:
        get(feed, lake)
    assert caught.value.code == "length-mismatch"
    assert len(feed.asked) == 4


def test_a_source_that_goes_away_in_between_is_said_to_be_busy(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, cut=70_000, ETag='"v1"'), says(response(503)))
    with pytest.raises(Transient, match="503"):
        get(feed, lake)


# --- bodies that are not what they say ---


@pytest.mark.parametrize(
    "steps",
    [
        (response(body=OLD + b"!", length=len(OLD)),),
        (response(body=OLD, length=len(OLD)), b"!" * 70_000),
        (response(body=b"short!", length=5),),
        (response(body=b"!", length=0),),
        (response(body=OLD, length=len(OLD)), 0.02, b"!"),
        (response(Transfer_Encoding="chunked", Content_Length="9"), chunked(b"five!", b"")),
    ],
    ids=["by one", "by much", "short", "empty", "late", "chunks"],
)
def test_a_body_that_is_not_as_long_as_announced_fails(steps: tuple[Step, ...], feed: Feed, lake: Lake) -> None:
    feed.answer(says(*steps))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.code == "length-mismatch"


def test_a_source_that_keeps_the_connection_open_is_not_taken_for_one_that_sends_more(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(body=OLD), 30.0))
    assert get(feed, lake).sha256 == sha256(OLD)


def test_a_compressed_body_is_refused(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, Content_Encoding="gzip"))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.code == "encoded-body"


def test_identity_is_no_encoding(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, Content_Encoding="identity"))
    assert get(feed, lake).sha256 == sha256(OLD)


def test_a_body_that_only_ends_with_the_connection_is_refused(feed: Feed, lake: Lake) -> None:
    feed.answer(says(b"HTTP/1.1 200 OK\r\n\r\n" + OLD))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.code == "length-unknown"


# --- bounds ---


def test_a_file_that_announces_too_much_is_refused_at_once(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(length=1 << 50), 30.0))
    with pytest.raises(Failed, match="green 2023-02") as caught:
        get(feed, lake)
    assert not isinstance(caught.value, Transient)
    assert (caught.value.code, "TIDEMARK_FETCH_BYTES" in caught.value.remedy) == ("too-large", True)


def test_chunks_without_end_are_stopped_at_the_cap(feed: Feed, lake: Lake) -> None:
    def endless(asked: Asked) -> Iterator[Step]:
        yield response(Transfer_Encoding="chunked")
        yield from repeat(chunked(bytes(65536)))

    feed.answer(endless)
    most = []
    with pytest.raises(Failed) as caught:
        get(feed, lake, progress=lambda done, total: most.append(done))
    assert caught.value.code == "too-large"
    assert most[-1] <= LIMITS.bytes


HEAD = response(length=len(OLD))


@pytest.mark.parametrize(
    "drip", [(b"HTTP/1.1 200 OK\r\nX: ", b"x"), (HEAD, b"x"), (response(Transfer_Encoding="chunked") + b"5;", b"x")]
)
@pytest.mark.parametrize(
    "limits",
    [
        Limits(seconds=20, bytes=1 << 20, min_bytes_per_second=1000, window_seconds=0.3),
        Limits(seconds=0.3, bytes=1 << 20),
    ],
    ids=["rate", "deadline"],
)
def test_a_drip_is_given_up_wherever_it_drips(
    drip: tuple[bytes, bytes], limits: Limits, feed: Feed, lake: Lake
) -> None:
    def script(asked: Asked) -> Iterator[Step]:
        yield drip[0]
        for _ in range(1000):
            yield drip[1]
            yield 0.02

    feed.answer(script)
    began = monotonic()
    with pytest.raises(Transient, match=r"less than 1000 bytes|longer than") as caught:
        get(feed, lake, limits)
    assert caught.value.code == "too-slow"
    assert monotonic() - began < 5


def test_a_source_that_never_answers_is_given_up(feed: Feed, lake: Lake) -> None:
    feed.answer(says(30.0))
    with pytest.raises(Transient, match="sent nothing") as caught:
        get(feed, lake, Limits(seconds=20, bytes=9, stall_seconds=0.2))
    assert caught.value.code == "too-slow"


def test_a_stall_in_mid_download_is_resumed(feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(body=OLD[:70_000], length=len(OLD), ETag='"v1"'), 30.0), serves(OLD, ETag='"v1"'))
    file = get(feed, lake, Limits(seconds=20, bytes=1 << 20, stall_seconds=0.3))
    assert file.sha256 == sha256(OLD)
    assert feed.asked[1].headers["range"] == "bytes=70000-"


def test_a_head_without_end_is_refused(feed: Feed, lake: Lake) -> None:
    feed.answer(lambda asked: repeat(b"X: y\r\n"))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.code == "source-unreachable"


# --- stop ---


def test_a_stop_ends_a_download_though_nothing_arrives(feed: Feed, lake: Lake) -> None:
    stop = threading.Event()
    feed.answer(says(response(body=OLD[:70_000], length=len(OLD)), 30.0))
    began = monotonic()
    with pytest.raises(Stopped, match="green 2023-02"):
        get(feed, lake, stop=stop, progress=lambda done, total: stop.set())
    assert monotonic() - began < 2


def test_a_stop_before_the_beginning_asks_nothing(feed: Feed, lake: Lake, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        get(feed, lake, stop=stop)
    assert feed.asked == []
    (tmp_path / "f.parquet").write_bytes(OLD)
    with pytest.raises(Stopped):
        copy(tmp_path / "f.parquet", lake, stop=stop)


# --- what the ledger saw ---


def test_what_has_not_changed_is_not_sent_again(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"', Last_Modified=A_DATE), says(b"HTTP/1.1 304 Not Modified\r\n\r\n"))
    first = get(feed, lake)
    second = get(feed, lake, seen=seen_as(first))
    assert not second.downloaded
    assert (second.path, second.size, second.sha256, second.etag) == (first.path, len(OLD), first.sha256, '"v1"')
    assert feed.asked[1].headers["if-none-match"] == '"v1"'


def test_without_an_etag_the_date_decides(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, Last_Modified=A_DATE), says(b"HTTP/1.1 304 Not Modified\r\n\r\n"))
    assert not get(feed, lake, seen=seen_as(get(feed, lake))).downloaded
    assert feed.asked[1].headers["if-modified-since"] == A_DATE


def test_what_has_changed_is_stored_beside_what_was(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"'), serves(NEW, ETag='"v2"'))
    first = get(feed, lake)
    second = get(feed, lake, seen=seen_as(first))
    assert second.downloaded
    assert (first.path.read_bytes(), second.path.read_bytes()) == (OLD, NEW)


@pytest.mark.parametrize("why", ["another address", "gone", "altered"])
def test_a_condition_is_only_set_when_the_lake_has_what_was_seen(
    why: str, feed: Feed, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    feed.answer(serves(OLD, ETag='"v1"'))
    first = get(feed, lake)
    seen = seen_as(first)
    if why == "another address":
        seen = Seen(url="http://h.example/x", etag=seen.etag, last_modified=None, size=None, sha256=seen.sha256)
    elif why == "gone":
        first.path.unlink()
    else:
        first.path.chmod(0o644)
        first.path.write_bytes(NEW)
    second = get(feed, lake, seen=seen)
    assert second.downloaded
    assert second.path.read_bytes() == OLD
    assert "if-none-match" not in feed.asked[1].headers
    assert ("was altered" in caplog.text) == (why == "altered")


def test_not_modified_is_no_answer_to_who_did_not_ask(feed: Feed, lake: Lake) -> None:
    feed.answer(says(b"HTTP/1.1 304 Not Modified\r\n\r\n"))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.code == "unexpected-answer"


# --- answers that bring no file ---


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_month_that_is_not_there(status: int, feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(status, b"<Error/>")))
    with pytest.raises(NotAtSource, match=f"green 2023-02.*{status}"):
        get(feed, lake)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_source_may_be_asked_again(status: int, feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(status, Retry_After="7")))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert (caught.value.code, caught.value.retry_after) == ("source-busy", 7)


@pytest.mark.parametrize("text", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_source_cannot_put_a_load_off_for_ever(text: str, feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(429, Retry_After=text)))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.retry_after == 3600


@pytest.mark.parametrize(("ahead", "low", "high"), [(60, 30, 60), (-60, 0, 0)])
def test_retry_after_may_be_a_date(ahead: int, low: float, high: float, feed: Feed, lake: Lake) -> None:
    date = format_datetime(datetime.now(tz=UTC) + timedelta(seconds=ahead), usegmt=True)
    feed.answer(says(response(429, Retry_After=date)))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.retry_after is not None
    assert low <= caught.value.retry_after <= high


@pytest.mark.parametrize("text", ["soon", "-1", "", "Mon, 99 Feb"])
def test_a_retry_after_that_says_nothing_is_none(text: str, feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(503, Retry_After=text)))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int, feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(status, Location="https://u:hidden@new.example/a/f.parquet?hidden")))
    with pytest.raises(Failed, match=r"points to https://\*{3}@new\.example/a/f\.parquet") as caught:
        get(feed, lake)
    assert "TIDEMARK_SOURCE" in caught.value.remedy
    assert "hidden" not in str(caught.value)
    assert len(feed.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 407, 418])
def test_a_source_that_refuses_is_not_asked_again(status: int, feed: Feed, lake: Lake) -> None:
    feed.answer(says(response(status)))
    with pytest.raises(Failed, match=str(status)) as caught:
        get(feed, lake)
    assert not isinstance(caught.value, Transient)
    assert "TIDEMARK_SOURCE" in caught.value.remedy


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", response(206, OLD), response(204)])
def test_an_answer_that_is_none_may_be_asked_again(answer: bytes, feed: Feed, lake: Lake) -> None:
    feed.answer(says(answer))
    with pytest.raises(Transient) as caught:
        get(feed, lake)
    assert caught.value.code in ("source-unreachable", "unexpected-answer")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_source_that_cannot_be_reached(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD))
    tls = feed.address.replace("http:", "https:")
    for base in (f"http://127.0.0.1:{closed_port()}", tls):
        location = Location(url=f"{base}/f.parquet?hidden", shown=f"{base}/f.parquet")
        with pytest.raises(Transient, match="green 2023-02") as caught:
            fetch(PARTITION, location, lake, LIMITS, seen=None, stop=threading.Event())
        assert caught.value.code == "source-unreachable"
        assert "hidden" not in str(caught.value)


# --- secrets ---


def test_credentials_and_tokens_reach_the_source_and_nothing_else(
    feed: Feed, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    feed.answer(serves(OLD), says(response(500)))
    url = at(feed).url or ""
    secret = url.replace("http://", "http://me:hid%64en@") + "?sig=hidden%3D"
    location = Location(url=secret, shown=masked(secret))
    file = fetch(PARTITION, location, lake, LIMITS, seen=None, stop=threading.Event())
    with pytest.raises(Transient) as caught:
        fetch(PARTITION, location, lake, LIMITS, seen=None, stop=threading.Event())
    assert feed.asked[0].target == "/green_tripdata_2023-02.parquet?sig=hidden%3D"
    assert feed.asked[0].headers["authorization"] == "Basic bWU6aGlkZGVu"
    assert "HTTP Request" in caplog.text  # the client did log
    for text in (caplog.text, str(caught.value), repr(file), repr(location)):
        assert "hidden" not in text
        assert "hid%64en" not in text


def test_a_proxy_of_the_environment_is_used(feed: Feed, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.answer(serves(OLD))
    monkeypatch.setenv("HTTP_PROXY", feed.address)
    location = Location(url="http://data.invalid/f.parquet?a=b", shown="http://data.invalid/f.parquet")
    assert fetch(PARTITION, location, lake, LIMITS, seen=None, stop=threading.Event()).sha256 == sha256(OLD)
    assert feed.asked[0].target == "http://data.invalid/f.parquet?a=b"


def test_a_proxy_that_cannot_be_used_is_said(feed: Feed, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://me:hidden@h.example")
    with pytest.raises(Failed, match="proxy") as caught:
        get(feed, lake)
    assert "hidden" not in str(caught.value)


# --- folders ---


def copy(
    path: Path,
    lake: Lake,
    limits: Limits = LIMITS,
    *,
    seen: Seen | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> RawFile:
    location = Location(path=path, shown=str(path))
    return fetch(PARTITION, location, lake, limits, seen=seen, stop=stop or threading.Event(), progress=progress)


def test_a_file_is_copied_once(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(OLD)
    os.utime(path, ns=(0, 1_675_209_600_000_000_000))
    first = copy(path, lake)
    assert first.path.read_bytes() == OLD
    assert first.etag == f'"{len(OLD)}-1675209600000000000"'
    assert first.last_modified == A_DATE
    assert first.downloaded
    second = copy(path, lake, seen=seen_as(first))
    assert not second.downloaded
    assert second.path == first.path
    path.write_bytes(NEW)
    assert copy(path, lake, seen=seen_as(first)).path.read_bytes() == NEW


def test_an_altered_copy_is_made_anew(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(OLD)
    first = copy(path, lake)
    first.path.chmod(0o644)
    first.path.write_bytes(NEW)
    assert copy(path, lake, seen=seen_as(first)).path.read_bytes() == OLD


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(NEW)
    os.utime(other, ns=(path.stat().st_mtime_ns,) * 2)
    other.replace(path)


def rewritten(path: Path) -> None:
    path.write_bytes(NEW)
    os.utime(path, ns=(0, 1))


@pytest.mark.parametrize("change", [grown, replaced, rewritten])
def test_a_file_that_changes_while_it_is_copied_fails(
    change: Callable[[Path], None], tmp_path: Path, lake: Lake
) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(OLD)
    with pytest.raises(Transient, match="green 2023-02") as caught:
        copy(path, lake, progress=lambda done, total: change(path))
    assert caught.value.code == "source-changed"


def test_paths_that_bring_no_file(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(NotAtSource, match="green 2023-02"):
        copy(tmp_path / "none.parquet", lake)
    with pytest.raises(Failed, match="is not a file"):
        copy(tmp_path, lake)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Failed, match="is not a file"):
        copy(tmp_path / "pipe", lake)


def test_a_file_that_is_too_large_is_not_copied(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(OLD)
    with pytest.raises(Failed) as caught:
        copy(path, lake, Limits(seconds=9, bytes=len(OLD) - 1))
    assert caught.value.code == "too-large"


# --- look ---


def test_a_look_says_what_is_there(feed: Feed) -> None:
    feed.answer(says(response(length=len(OLD), ETag='"v1"', Last_Modified=A_DATE)))
    seen = Seen(url=at(feed).shown, etag='"v1"', last_modified=A_DATE, size=len(OLD), sha256=None)
    found = look(at(feed), seen=seen, timeout=5)
    assert (found.available, found.etag, found.last_modified, found.size) == (True, '"v1"', A_DATE, len(OLD))
    assert found.changed is False
    assert feed.asked[0].method == "HEAD"


@pytest.mark.parametrize(
    ("etag", "date", "size", "changed"),
    [
        ('"v1"', None, None, False),
        ('W/"v1"', None, None, False),
        ('"v2"', A_DATE, 9, True),
        ('"v1"', A_DATE, 8, True),
        (None, A_DATE, None, False),
        (None, "Thu, 02 Feb 2023 00:00:00 GMT", None, True),
        (None, None, 9, None),
        (None, None, None, None),
    ],
)
def test_what_counts_as_changed(
    etag: str | None, date: str | None, size: int | None, changed: bool | None, feed: Feed
) -> None:
    feed.answer(says(response(length=9, ETag='"v1"', Last_Modified=A_DATE)))
    seen = Seen(url=at(feed).shown, etag=etag, last_modified=date, size=size, sha256=None)
    assert look(at(feed), seen=seen, timeout=5).changed is changed
    other = Seen(url="http://h.example/", etag='"v0"', last_modified=None, size=None, sha256=None)
    assert look(at(feed), seen=other, timeout=5).changed is None
    assert look(at(feed), seen=None, timeout=5).changed is None


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_look_at_what_is_not_there(status: int, feed: Feed) -> None:
    feed.answer(says(response(status)))
    assert not look(at(feed), seen=None, timeout=5).available


@pytest.mark.parametrize("steps", [(30.0,), (b"HTTP/1.1 200 OK\r\n", 30.0), (response(500),), (b"",)])
def test_a_look_at_a_source_that_does_not_answer(steps: tuple[Step, ...], feed: Feed) -> None:
    feed.answer(says(*steps))
    with pytest.raises(Transient, match="green_tripdata_2023-02"):
        look(at(feed), seen=None, timeout=0.3)


def test_a_look_at_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    location = Location(path=path, shown=str(path))
    assert not look(location, seen=None, timeout=5).available
    path.write_bytes(OLD)
    found = look(location, seen=None, timeout=5)
    assert (found.available, found.size, found.changed) == (True, len(OLD), None)
    seen = Seen(url=str(path), etag=found.etag, last_modified=None, size=len(OLD), sha256=None)
    assert look(location, seen=seen, timeout=5).changed is False
    os.utime(path, ns=(0, 1))
    assert look(location, seen=seen, timeout=5).changed is True


# ---- a file in the lake that was altered


def alter(file: RawFile) -> None:
    file.path.chmod(0o644)
    file.path.write_bytes(NEW)


@pytest.mark.parametrize(
    ("answer", "again", "reason"),
    [
        (says(response(404)), False, "answers 404"),
        (says(response(401)), False, "answers 401"),
        (says(response(503, Retry_After="7")), True, "answers 503"),
        (says(b""), True, "cannot be reached"),
    ],
)
def test_an_altered_file_that_cannot_be_fetched_again_fails(
    answer: Script, again: bool, reason: str, feed: Feed, lake: Lake
) -> None:
    feed.answer(serves(OLD, ETag='"v1"'), answer)
    first = get(feed, lake)
    alter(first)
    with pytest.raises(Failed, match=f"green 2023-02.*was altered.*{reason}") as caught:
        get(feed, lake, seen=seen_as(first))
    assert caught.value.code == "lake-altered"
    assert isinstance(caught.value, Transient) == again
    if "503" in reason:
        assert getattr(caught.value, "retry_after", None) == 7


def test_an_altered_file_is_not_used_when_the_source_has_another(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"'), serves(OLD[:9], ETag='"v2"'))
    first = get(feed, lake)
    alter(first)
    second = get(feed, lake, seen=seen_as(first))
    assert (second.downloaded, second.path.read_bytes()) == (True, OLD[:9])


def test_an_altered_file_that_nobody_remembers_is_replaced(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"'))
    first = get(feed, lake)
    alter(first)
    second = get(feed, lake, seen=None)
    assert second.path == first.path
    assert second.path.read_bytes() == OLD


def test_an_altered_copy_whose_original_is_gone_fails(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(OLD)
    first = copy(path, lake)
    alter(first)
    path.unlink()
    with pytest.raises(Failed, match="there is no file") as caught:
        copy(path, lake, seen=seen_as(first))
    assert caught.value.code == "lake-altered"
