"""A source that misbehaves harms no month: what is published stays, the ledger says why, and the next load heals it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.depot import FEBRUARY, Depot, rides_of, write_rides
from tests.faults.feed_faults import BYTES, FAULTS, Fault
from tests.faulty_feed import Asked, Feed, Script, Step, faulty_feed, response, says, serves
from tests.invariants import check_data
from tidemark import load as stages
from tidemark.errors import TidemarkError, Transient
from tidemark.http import download
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.postgres import Connection
from tidemark.warehouse import ensure_tables

ROWS = 300


@pytest.fixture(autouse=True)
def _on_this_machine_and_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment's proxies; a download that was cut goes on at once, as often as ever."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(download, "_PAUSES", (0.01,) * len(download._PAUSES))


@pytest.fixture
def feed() -> Iterator[Feed]:
    with faulty_feed() as running:
        yield running


@pytest.fixture
def remote(depot: Depot, feed: Feed, connection: Connection) -> Depot:
    """The depot, with the feed as its source, of which it takes no large files."""
    ensure_tables(connection, depot.dataset)  # so that there is something to read before the first load
    depot.settings = replace(depot.settings, source=feed.address, fetch_seconds=20, fetch_bytes=BYTES)
    return depot


@pytest.fixture
def old(tmp_path: Path) -> bytes:
    return write_rides(tmp_path / "old.parquet", FEBRUARY, ROWS, price=1.0).read_bytes()


@pytest.fixture
def new(tmp_path: Path) -> bytes:
    return write_rides(tmp_path / "new.parquet", FEBRUARY, ROWS, price=2.0).read_bytes()


@pytest.fixture
def before(remote: Depot, feed: Feed, old: bytes) -> LoadResult:
    """The old file is published."""
    feed.answer(serves(old, ETag='"old"'))
    return published(remote)


def published(depot: Depot) -> LoadResult:
    result = depot.load(FEBRUARY)
    assert result.outcome is Outcome.PUBLISHED, result
    return result


def failed(depot: Depot) -> tuple[TidemarkError, LoadResult]:
    """A load whose fetch fails: the error that the flow sees, and how the load ends."""
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    with pytest.raises(TidemarkError) as caught:
        stages.fetch_raw(load)
    result = stages.end(load, stages.ending_of(caught.value))
    stages.close(load)
    return caught.value, result


def incoming(depot: Depot) -> Path:
    return depot.settings.lake / "incoming"


def stored(depot: Depot) -> set[str]:
    """The sha256 of each file in the lake."""
    return {path.stem for path in depot.settings.lake.rglob("*.parquet")}


def assert_failed_as(fault: Fault, depot: Depot) -> None:
    """Load a month from a faulty source: it fails as it should, and nothing else has changed by it."""
    had, seen = stored(depot), depot.facts(FEBRUARY).seen
    error, result = failed(depot)
    assert (result.outcome, result.code) == (fault.outcome, fault.code)
    assert isinstance(error, Transient) is fault.transient
    assert getattr(error, "retry_after", None) == fault.retry_after
    noted = depot.history(FEBRUARY)[0]
    assert (noted.load_id, noted.outcome, noted.code) == (result.load_id, fault.outcome, fault.code)
    assert (noted.reason or "").startswith("rides 2023-02: ")
    assert noted.remedy
    assert (noted.sha256, noted.raw_path, noted.rows_read, noted.file_bytes) == (None, None, None, None)
    assert stored(depot) == had
    assert list(incoming(depot).iterdir()) == []
    if fault.outcome is Outcome.FAILED:
        assert depot.facts(FEBRUARY).seen == seen
    check_data(depot.url, depot.dataset.name)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_faulty_source_changes_nothing_and_the_next_load_heals_it(
    fault: Fault, remote: Depot, feed: Feed, old: bytes, new: bytes, connection: Connection
) -> None:
    impatient = replace(remote.settings, fetch_seconds=fault.patience_s)
    patient = remote.settings
    for body, price in ((old, 1.0), (new, 2.0)):  # a first load, and one of a month that is published
        readers = rides_of(connection, FEBRUARY)
        feed.answer(fault.script(body))
        remote.settings = impatient
        assert_failed_as(fault, remote)
        assert rides_of(connection, FEBRUARY) == readers
        feed.answer(serves(body, ETag=f'"{price}"'))
        remote.settings = patient
        published(remote)
        assert rides_of(connection, FEBRUARY) == {(price, ROWS)}


def spliced_by(new: bytes, etag: str) -> Script:
    """A server that was told another version and yet answers with the rest of this one."""

    def script(asked: Asked) -> Iterator[Step]:
        start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        where = f"bytes {start}-{len(new) - 1}/{len(new)}"
        rest = response(206, new[start:], ETag=etag, Content_Range=where)
        yield rest if start else response(body=new, ETag=etag)

    return script


@pytest.mark.parametrize("how", ["from its beginning", "from where it was cut"])
@pytest.mark.parametrize("reload", [False, True], ids=["load", "reload"])
def test_a_file_replaced_in_mid_download_is_published_whole_as_one_of_the_two(
    how: str,
    reload: bool,
    request: pytest.FixtureRequest,
    remote: Depot,
    feed: Feed,
    new: bytes,
    tmp_path: Path,
    connection: Connection,
) -> None:
    if reload:
        request.getfixturevalue("before")
    other = write_rides(tmp_path / "other.parquet", FEBRUARY, ROWS, price=3.0, note=["no"] * ROWS).read_bytes()
    assert len(other) == len(new)  # so that only the version tells them apart
    differing = [n for n in range(len(new)) if other[n] != new[n]]
    cut = (differing[0] + differing[-1]) // 2  # what is spliced there is neither of them
    feed.asked.clear()
    answer = serves(new, ETag='"new"') if how == "from its beginning" else spliced_by(new, '"new"')
    feed.answer(serves(other, cut=cut, ETag='"other"'), answer)
    published(remote)
    assert rides_of(connection, FEBRUARY) == {(2.0, ROWS)}
    assert stored(remote) >= {hashlib.sha256(new).hexdigest()}
    assert "range" in feed.asked[1].headers
    assert list(incoming(remote).iterdir()) == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_reaches_no_other_server(
    status: int, remote: Depot, feed: Feed, before: LoadResult, connection: Connection
) -> None:
    with faulty_feed() as target:
        target.answer(says(response(body=b"stolen")))
        for host in (target.address, target.address.replace("127.0.0.1", "localhost")):
            feed.answer(says(response(status, Location=f"{host}/rides_tripdata_2023-02.parquet")))
            assert_failed_as(Fault(name="", code="redirected", script=serves, transient=False), remote)
        assert target.asked == []
    assert rides_of(connection, FEBRUARY) == {(1.0, ROWS)}


@pytest.mark.parametrize(
    "target", ["169.254.169.254/latest/meta-data", "10.0.0.1", "[::1]:5432", "elsewhere.example.org"]
)
def test_a_redirect_makes_no_request_to_any_address(
    target: str, remote: Depot, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All requests go through a proxy here, and there they are seen, whomever they are for."""
    monkeypatch.setenv("HTTP_PROXY", feed.address)
    remote.settings = replace(remote.settings, source="http://rides.example.org")
    feed.answer(says(response(302, Location=f"http://{target}/")))
    assert_failed_as(Fault(name="", code="redirected", script=serves, transient=False), remote)
    assert {asked.target for asked in feed.asked} == {"http://rides.example.org/rides_tripdata_2023-02.parquet"}


def test_an_endless_file_takes_no_more_of_the_disk_than_a_file_may(remote: Depot, feed: Feed) -> None:
    sizes = [0]

    def endless(asked: Asked) -> Iterator[Step]:
        yield response(Transfer_Encoding="chunked")
        while True:
            yield b"1000\r\n" + bytes(1 << 12) + b"\r\n"
            deadline = time.monotonic() + 5  # the next piece comes when this one is written, so that no size is missed
            while (size := sum(path.stat().st_size for path in incoming(remote).iterdir())) <= sizes[-1]:
                if time.monotonic() > deadline or not list(incoming(remote).iterdir()):
                    break
            sizes.append(size)

    feed.answer(endless)
    error, _ = failed(remote)
    assert error.code == "too-large"
    assert BYTES // 2 < max(sizes) <= BYTES
    assert list(incoming(remote).iterdir()) == []
