"""From a partition and its location to a RawFile in the lake: whole, unmixed and within bounds, or not at all.

What a body must show to be taken as whole: its Content-Length, met exactly, or chunks that end properly. A body
that only ends when the connection closes is refused, as nobody could tell it from one that was cut.
"""

from __future__ import annotations

import logging
import random
import re
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from io import FileIO
from os import fstat, stat_result
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from tidemark.errors import Failed, NotAtSource, Stopped, TidemarkError, Transient
from tidemark.lake import Incoming, Lake
from tidemark.partition import Partition
from tidemark.settings import FETCH_BYTES, FETCH_SECONDS, SOURCE, masked
from tidemark.source import Location

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int, int | None], None]
_Version = tuple[str | None, str | None]  # ETag, Last-Modified

_log = logging.getLogger(__name__)
_PAUSES = (0.2, 0.6, 1.8)  # seconds before a download that was cut goes on; half of each is left to chance
_TICK = 0.1  # seconds in which a stop, a deadline or a stall is noticed
_PIECE = 1 << 20
_LONGEST_RETRY_AFTER = 3600.0
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_ANY_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_ABSENT = (403, 404, 410)
_BUSY = (408, 425, 429)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of one fetch: ``seconds`` and ``bytes`` in all; a source that sends nothing for ``stall_seconds``, or
    less than ``min_bytes_per_second`` over any ``window_seconds``, is given up."""

    seconds: float
    bytes: int
    stall_seconds: float = 30
    min_bytes_per_second: int = 1024
    window_seconds: float = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the ledger last saw of a month at the source; ``url`` is the location as shown."""

    url: str
    etag: str | None
    last_modified: str | None
    size: int | None
    sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RawFile:
    """A month's bytes as published, in the lake; ``downloaded`` is false when the source had nothing newer."""

    partition: Partition
    path: Path
    size: int
    sha256: str
    url: str
    etag: str | None
    last_modified: str | None
    downloaded: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the source says about a file that was not fetched; ``changed`` is None when there is nothing to compare."""

    available: bool
    etag: str | None = None
    last_modified: str | None = None
    size: int | None = None
    changed: bool | None = None


def fetch(
    partition: Partition,
    location: Location,
    lake: Lake,
    limits: Limits,
    *,
    seen: Seen | None,
    stop: threading.Event,
    progress: Progress | None = None,
) -> RawFile:
    """Bring a month's file into the lake, unless the lake has what the source has.

    ``progress`` is called with the bytes so far and in all (None: not known).
    Raises ``NotAtSource``, ``Transient``, ``Failed`` and, when ``stop`` is set, ``Stopped``.
    """
    guard = _Guard(partition.name, limits, stop)
    guard.check()
    held = _held(partition, location, lake, seen)
    report = progress or (lambda done, total: None)
    with lake.incoming(partition, stale_seconds=limits.seconds) as incoming:
        version: _Version | None
        if location.path is not None:
            version = _copy(location.path, incoming, guard, report, held)
        else:
            version = _download(location, incoming, guard, report, held)
        if version is None:
            assert held is not None  # noqa: S101 - only what is held can be found unchanged
            return held
        etag, last_modified = version
        return RawFile(
            partition=partition,
            path=lake.store(incoming.path, partition, incoming.sha256, location.extension),
            size=incoming.size,
            sha256=incoming.sha256,
            url=location.shown,
            etag=etag,
            last_modified=last_modified,
            downloaded=True,
        )


def look(location: Location, *, seen: Seen | None, timeout: float) -> Look:
    """Ask the source about a file without fetching it, for at most ``timeout`` seconds.

    Raises ``Transient`` when the source does not answer, ``Failed`` when it refuses to.
    """
    try:
        found = _look_at_file(location.path) if location.path else _look_at_url(location, timeout)
    except NotAtSource:
        return Look(available=False)
    etag, last_modified, size = found
    changed = _changed(location, seen, etag, last_modified, size)
    return Look(available=True, etag=etag, last_modified=last_modified, size=size, changed=changed)


def _held(partition: Partition, location: Location, lake: Lake, seen: Seen | None) -> RawFile | None:
    """Return what was last seen at this location, if the lake still has it as it was stored."""
    if seen is None or seen.url != location.shown or seen.sha256 is None:
        return None
    path = lake.find(partition, seen.sha256, location.extension)
    if path is None:
        return None
    try:
        lake.verify(path, seen.sha256)
    except Failed as error:
        _log.warning("%s It is fetched again.", error.message)
        return None
    return RawFile(
        partition=partition,
        path=path,
        size=path.stat().st_size,
        sha256=seen.sha256,
        url=seen.url,
        etag=seen.etag,
        last_modified=seen.last_modified,
        downloaded=False,
    )


def _changed(
    location: Location, seen: Seen | None, etag: str | None, last_modified: str | None, size: int | None
) -> bool | None:
    if seen is None or seen.url != location.shown:
        return None
    if None not in (seen.size, size) and seen.size != size:
        return True
    for before, now in ((seen.etag, etag), (seen.last_modified, last_modified)):
        if before and now:
            return before.removeprefix("W/") != now.removeprefix("W/")
    return None


class _Guard:
    """Watches the clock, the rate and the order to stop, also while nothing or next to nothing arrives.

    A client's own read timeout begins anew with every byte, and a client hands out no byte before the head of a
    response is complete. So this one stands between the client and its socket.
    """

    def __init__(self, subject: str, limits: Limits, stop: threading.Event) -> None:
        self.subject = subject
        self.limits = limits
        self.last_read = b""
        self._stop = stop
        self._deadline = monotonic() + limits.seconds
        self.begin()

    def begin(self) -> None:
        """Measure the rate from here on."""
        self._received = 0
        self._samples = deque([(monotonic(), 0)])

    def pause(self, seconds: float) -> None:
        self._stop.wait(min(seconds, max(0.0, self._deadline - monotonic())))
        self.check()

    def check(self) -> None:
        """Raise ``Stopped`` or ``Transient`` (``too-slow``) when it is time to give up."""
        if self._stop.is_set():
            raise Stopped(f"{self.subject}: the fetch was told to stop.", remedy="Run the same command again.")
        if monotonic() >= self._deadline:
            raise Transient(
                f"{self.subject}: the fetch took longer than {self.limits.seconds:g} s.",
                remedy=f"Run this again, or raise {FETCH_SECONDS}.",
                code="too-slow",
            )

    def check_size(self, size: int) -> None:
        """Raise ``Failed`` (``too-large``) when a file has, or will have, more bytes than it may."""
        if size > self.limits.bytes:
            raise Failed(
                f"{self.subject}: the file is larger than the {self.limits.bytes} bytes that it may have.",
                remedy=f"If that is as it should be, raise {FETCH_BYTES}.",
                code="too-large",
            )

    def check_rate(self) -> None:
        now = monotonic()
        window = self.limits.window_seconds
        if now - self._samples[-1][0] >= window / 10:
            self._samples.append((now, self._received))
        while len(self._samples) > 1 and now - self._samples[1][0] >= window:
            self._samples.popleft()
        since, before = self._samples[0]
        if now - since >= window and self._received - before < self.limits.min_bytes_per_second * (now - since):
            raise Transient(
                f"{self.subject}: the source sent less than {self.limits.min_bytes_per_second} bytes a second.",
                remedy="Run this again when the source or the network is well.",
                code="too-slow",
            )

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take over the reads of each connection that the client opens."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            stream = info["return_value"]
            stream.read = partial(self._read, stream.read)

    def _read(self, read: Callable[[int, float], bytes], size: int, timeout: float) -> bytes:
        import httpcore

        patience = monotonic() + timeout
        while True:
            self.check()
            self.check_rate()
            try:
                self.last_read = read(size, min(timeout, _TICK))
                break
            except httpcore.ReadTimeout:
                if monotonic() >= patience:
                    raise
        self._received += len(self.last_read)
        return self.last_read


# --- files ---


def _copy(path: Path, incoming: Incoming, guard: _Guard, report: Progress, held: RawFile | None) -> _Version | None:
    """Copy a file and return its version; None when that is held."""
    before = _status(guard.subject, path)
    etag, last_modified = _version(before)
    if held is not None and held.etag == etag:
        return None
    guard.check_size(before.st_size)
    with _explained(guard.subject, path):
        file = path.open("rb", buffering=0)
    with file:
        opened = fstat(file.fileno())
        for piece in _pieces(guard.subject, path, file):
            guard.check()
            incoming.write(piece)
            report(incoming.size, before.st_size)
            if incoming.size > before.st_size:
                break
    same = _identity(before) == _identity(opened) == _identity(_status(guard.subject, path))
    if not same or incoming.size != before.st_size:
        raise Transient(
            f"{guard.subject}: {path} changed while it was copied.",
            remedy="Run this again when the file is complete.",
            code="source-changed",
        )
    return etag, last_modified


def _pieces(subject: str, path: Path, file: FileIO) -> Iterator[bytes]:
    with _explained(subject, path):
        while piece := file.read(_PIECE):
            yield piece


def _look_at_file(path: Path) -> tuple[str, str, int]:
    status = _status(str(path), path)
    return *_version(status), status.st_size


def _status(subject: str, path: Path) -> stat_result:
    with _explained(subject, path):
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe, for one, would hold up whoever opens it
        raise Failed(
            f"{subject}: {path} is not a file.", remedy=f"Put the file there, or mend {SOURCE}.", code="source-refused"
        )
    return status


def _identity(status: stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _version(status: stat_result) -> tuple[str, str]:
    modified = datetime.fromtimestamp(status.st_mtime, tz=UTC)
    return f'"{status.st_size}-{status.st_mtime_ns}"', format_datetime(modified, usegmt=True)


@contextmanager
def _explained(subject: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise _absent(subject, f"there is no file {path}") from None
    except PermissionError:
        raise Failed(
            f"{subject}: {path} may not be read.", remedy="Make it readable for this user.", code="source-refused"
        ) from None
    except OSError as error:
        raise Transient(
            f"{subject}: {path} cannot be read ({error.strerror}).",
            remedy=f"Check the disk or the mount that {SOURCE} names.",
            code="source-unreachable",
        ) from None


# --- HTTP ---


class _Discarded(Exception):
    """What came does not continue what is there; the download begins again."""


def _download(
    location: Location, incoming: Incoming, guard: _Guard, report: Progress, held: RawFile | None
) -> _Version | None:
    """Download a file and return its version; None when that is held."""
    with _client(guard) as client:
        download = _Download(location, incoming, guard, report, client)
        if not download.run(_condition(held)):
            return None
    return download.etag, download.last_modified


class _Download:
    """One file on its way, over as many connections as it takes, but of one version only."""

    def __init__(
        self, location: Location, incoming: Incoming, guard: _Guard, report: Progress, client: httpx.Client
    ) -> None:
        self.etag: str | None = None
        self.last_modified: str | None = None
        self._total: int | None = None
        self._begun = False
        self._location = location
        self._incoming = incoming
        self._guard = guard
        self._report = report
        self._client = client

    def run(self, condition: Mapping[str, str]) -> bool:
        """Return whether a file was downloaded: false when the source answers that the condition does not hold."""
        import httpx

        failure = Transient("")
        for pause in (0.0, *_PAUSES):
            self._guard.pause(pause * random.uniform(0.5, 1))  # noqa: S311 - so that loaders do not march in step
            try:
                return self._attempt(condition)
            except httpx.TransportError as error:
                failure = _broken(self._guard, error, self._begun, self._incoming.size, self._total)
                if not self._begun:
                    break
            except _Discarded:
                failure = _changing(self._guard.subject)
        raise failure

    def _attempt(self, condition: Mapping[str, str]) -> bool:
        continues = self._incoming.size > 0 and _is_strong(self.etag)
        headers = {"Range": f"bytes={self._incoming.size}-", "If-Range": self.etag or ""} if continues else condition
        self._guard.begin()
        with _response(self._client, "GET", self._location, headers, self._guard) as response:
            if response.status_code == 304 and condition and not continues:
                return False
            if continues and response.status_code in (206, 416):
                if not self._is_rest(response):
                    self._discard()
            elif response.status_code == 200:
                self._begin(response)
            else:
                raise _refusal(self._guard.subject, response)
            self._receive(response)
        return True

    def _begin(self, response: httpx.Response) -> None:
        """Take this response as the first of a version, whatever came before."""
        _check_encoding(self._guard.subject, response)
        total = _content_length(response)
        if total is None and not _is_chunked(response):
            raise Transient(
                f"{self._guard.subject}: the source does not say how long the file is, so a cut would go unseen.",
                remedy="Run this again; if it stays so, the source needs to send Content-Length or chunks.",
                code="length-unknown",
            )
        self._guard.check_size(total or 0)
        self._incoming.restart()
        self._total = total
        self.etag = _etag(response)
        self.last_modified = response.headers.get("Last-Modified")
        self._begun = True

    def _is_rest(self, response: httpx.Response) -> bool:
        """Whether a response is exactly the missing rest of the version that was begun."""
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or response.status_code != 206:
            return False
        first, last, total = (int(number) for number in match.groups())
        return (
            first == self._incoming.size
            and last == total - 1
            and self._total in (total, None)
            and _content_length(response) in (total - first, None)
            and _etag(response) == self.etag
            and response.headers.get("Last-Modified") == self.last_modified
            and _encoding(response) == "identity"
        )

    def _discard(self) -> None:
        self._incoming.restart()
        self.etag = None
        raise _Discarded

    def _receive(self, response: httpx.Response) -> None:
        piece = b""
        pieces = response.iter_raw()  # named, as the connection is closed once nobody holds it
        for piece in pieces:
            self._guard.check()
            self._guard.check_size(self._incoming.size + len(piece))
            self._incoming.write(piece)
            self._report(self._incoming.size, self._total)
            if self._incoming.size == self._total and not _is_chunked(response):
                break  # before it closes the connection, and with it the view of what else was sent
        more = not _is_chunked(response) and self._sent_more(response, piece)
        if more or self._total not in (self._incoming.size, None):
            how = "more than" if more or self._incoming.size > (self._total or 0) else "less than"
            raise Transient(
                f"{self._guard.subject}: the source sent {how} the {self._total} bytes that it announced.",
                remedy="Run this again.",
                code="length-mismatch",
            )

    def _sent_more(self, response: httpx.Response, last_piece: bytes) -> bool:
        """Whether more bytes were sent than announced, as far as can be seen: the client itself drops them."""
        import httpcore

        if not self._guard.last_read.endswith(last_piece or b"\n"):
            return True
        stream: httpcore.NetworkStream = response.extensions["network_stream"]
        try:
            return stream.read(1, _TICK) != b""
        except (httpcore.ReadTimeout, httpcore.ReadError):
            return False


def _look_at_url(location: Location, timeout: float) -> tuple[str | None, str | None, int | None]:
    import httpx

    guard = _Guard(location.shown, Limits(seconds=timeout, bytes=0, stall_seconds=timeout), threading.Event())
    try:
        with _client(guard) as client, _response(client, "HEAD", location, {}, guard) as response:
            if response.status_code != 200:
                raise _refusal(guard.subject, response)
            return _etag(response), response.headers.get("Last-Modified"), _content_length(response)
    except httpx.TransportError as error:
        raise _broken(guard, error, False, 0, None) from None


@contextmanager
def _client(guard: _Guard) -> Iterator[httpx.Client]:
    """Give a client of our own for one file: proxies come from the environment, cookies and .netrc do not."""
    import httpx

    headers = {"User-Agent": "tidemark", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
    seconds = min(guard.limits.stall_seconds, guard.limits.seconds)
    try:
        client = httpx.Client(headers=headers, timeout=seconds, trust_env=True)
    except (ImportError, ValueError, OSError):  # a proxy or a file of certificates that it cannot use
        raise Failed(
            f"{guard.subject}: the environment names a proxy or a certificate file that cannot be used.",
            remedy="Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY (SOCKS is not known), SSL_CERT_FILE and SSL_CERT_DIR.",
            code="bad-proxy",
        ) from None
    with client:
        yield client


@contextmanager
def _response(
    client: httpx.Client, method: str, location: Location, headers: Mapping[str, str], guard: _Guard
) -> Iterator[httpx.Response]:
    """Send one request and give its response, with the body still to come."""
    import httpx

    class Unshown(httpx.URL):
        """An address that may hold secrets: httpx logs the address of every request."""

        def __str__(self) -> str:
            return location.shown

    request = client.build_request(method, location.url or "", headers=headers, extensions={"trace": guard.trace})
    request.url = Unshown(request.url)
    response = client.send(request, stream=True)
    try:
        yield response
    finally:
        response.close()


def _condition(held: RawFile | None) -> dict[str, str]:
    if held is not None and held.etag and _ANY_ETAG.fullmatch(held.etag):
        return {"If-None-Match": held.etag}
    if held is not None and held.last_modified and held.last_modified.isascii() and held.last_modified.isprintable():
        return {"If-Modified-Since": held.last_modified}
    return {}


def _etag(response: httpx.Response) -> str | None:
    etag: str = response.headers.get("ETag", "")
    return etag if _ANY_ETAG.fullmatch(etag) else None


def _is_strong(etag: str | None) -> bool:
    return etag is not None and _STRONG_ETAG.fullmatch(etag) is not None


def _content_length(response: httpx.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _is_chunked(response: httpx.Response) -> bool:
    return "Transfer-Encoding" in response.headers  # the client knows no other than chunks


def _encoding(response: httpx.Response) -> str:
    return response.headers.get("Content-Encoding", "").strip().lower() or "identity"


def _check_encoding(subject: str, response: httpx.Response) -> None:
    if _encoding(response) != "identity":
        raise Transient(
            f"{subject}: the source sent the file in an encoding ({_encoding(response)[:20]}) that was not asked for.",
            remedy="Run this again; if it stays so, a proxy in between compresses, and must not.",
            code="encoded-body",
        )


def _refusal(subject: str, response: httpx.Response) -> TidemarkError:
    """Say what a response means that does not bring the file."""
    status = response.status_code
    if status in _ABSENT:
        return _absent(subject, f"the source answers {status}")
    if status in _BUSY or status >= 500:
        return Transient(
            f"{subject}: the source answers {status}.",
            remedy="Run this again later.",
            code="source-busy",
            retry_after=_retry_after(response.headers.get("Retry-After", "")),
        )
    if 300 <= status < 400 and status != 304:
        target = masked(urljoin(str(response.url), response.headers.get("Location", "")))
        return Failed(
            f"{subject}: the source answers {status} and points to {target[:200]}.",
            remedy=f"Redirects are not followed: set {SOURCE} to the final address, without the file's name.",
            code="redirected",
        )
    if 400 <= status < 500:
        return Failed(
            f"{subject}: the source answers {status}.",
            remedy=f"Check the address and the credentials in {SOURCE}, and the proxy if there is one.",
            code="source-refused",
        )
    return Transient(
        f"{subject}: the source answers {status}, which was not asked for.",
        remedy="Run this again.",
        code="unexpected-answer",
    )


def _absent(subject: str, what: str) -> NotAtSource:
    remedy = f"Run this again once it is published; if it should be there, check {SOURCE}."
    return NotAtSource(f"{subject}: {what}.", remedy=remedy)


def _changing(subject: str) -> Transient:
    return Transient(
        f"{subject}: the file changed at the source while it was downloaded.",
        remedy="Run this again.",
        code="source-changed",
    )


def _broken(guard: _Guard, error: httpx.TransportError, begun: bool, size: int, total: int | None) -> Transient:
    """Say how a connection failed; of the client's own words only those that cannot hold the address."""
    import httpx

    if isinstance(error, httpx.ReadTimeout):
        what = f"the source sent nothing for {guard.limits.stall_seconds:g} s"
        code = "too-slow"
    elif begun and isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
        what = f"the connection was cut after {size} of {'unknown' if total is None else total} bytes"
        code = "length-mismatch"
    else:
        words = f" ({error})" if isinstance(error, (httpx.ConnectError, httpx.ProxyError)) else ""
        what = f"the source cannot be reached, or gives no proper answer: {type(error).__name__}{words}"
        code = "source-unreachable"
    return Transient(f"{guard.subject}: {what}.", remedy=f"Run this again, or check {SOURCE}.", code=code)


def _retry_after(text: str) -> float | None:
    """Read the header Retry-After, seconds or a date, as seconds from now, an hour at most."""
    try:
        if text.isascii() and text.isdecimal():
            seconds = float(text[:18])
        else:
            seconds = parsedate_to_datetime(text).timestamp() - datetime.now(tz=UTC).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)
