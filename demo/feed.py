"""A feed that behaves like the TLC's CDN: a folder served over HTTP, on this machine only."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import FileIO
from pathlib import Path
from socket import SHUT_RDWR, socket
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

from tidemark.errors import UsageError

HOST = "127.0.0.1"

_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
# A file written again within one tick of the file system's clock keeps its mtime: younger files are hashed anew.
_SETTLED_NS = 2_000_000_000
_S3_CODES = {
    HTTPStatus.FORBIDDEN: "AccessDenied",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "InvalidRange",
    HTTPStatus.SERVICE_UNAVAILABLE: "SlowDown",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Faults:
    """What is planned to go wrong with one file before it is served as usual.

    ``unavailable``: so many requests are answered with 503. ``cut``: so many downloads end half way.
    """

    unavailable: int = 0
    cut: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request that was answered; ``path`` is safe to print, ``sent`` counts the bytes of the body."""

    method: str
    path: str
    status: int
    sent: int


OnRequest = Callable[[Request], None]


class Feed:
    """A folder served from a thread until the end of a ``with`` block; ``url`` is its address without a slash.

    ``port`` 0 takes a free one. ``faults`` are planned by file name. ``on_request`` is called from the threads
    that serve, once for each request. Raises ``UsageError`` when the folder does not exist or the port cannot be
    used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        faults: Mapping[str, Faults] | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        self._server = _bind(folder, port, faults or {}, on_request)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="feed", daemon=True)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()


def serve(
    folder: Path,
    port: int,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_request: OnRequest | None = None,
) -> None:
    """Serve a folder in the foreground until it is interrupted; ``on_ready`` is told the address.

    Closes everything and lets the ``KeyboardInterrupt`` through, so that the command ends as interrupted. Raises
    ``UsageError`` when the folder does not exist or the port cannot be used.
    """
    # The thread accepts and this one only waits: an interrupt between accepting a connection and starting its
    # thread would leave that thread behind, and the feed waiting for it.
    with Feed(folder, port=port, on_request=on_request) as feed:
        if on_ready is not None:
            on_ready(feed.url)
        threading.Event().wait()


def _bind(folder: Path, port: int, faults: Mapping[str, Faults], on_request: OnRequest | None) -> _Server:
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder} to serve.",
            remedy="Name a folder with monthly files in it.",
            code="no-folder",
        )
    try:
        return _Server(folder.resolve(), port, faults, on_request)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "ports go from 0 to 65535"
        raise UsageError(
            f"The feed cannot listen on port {port} of {HOST}: {reason}.",
            remedy="Choose another port, or stop what holds this one.",
            code="bad-port",
        ) from error


class _Server(ThreadingHTTPServer):
    # Threads are joined at the end, so that nothing outlives the feed.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, folder: Path, port: int, faults: Mapping[str, Faults], on_request: OnRequest | None) -> None:
        self.files = _Files(folder)
        self.planned = _Planned(faults)
        self.on_request = on_request
        self._connections: set[socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that leaves is no error of the feed
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Cut what is open, also kept-alive connections, and wait for the threads."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)
        self.server_close()


class _Planned:
    """How many of the planned faults are left, by file name."""

    def __init__(self, faults: Mapping[str, Faults]) -> None:
        self._unavailable = {name: planned.unavailable for name, planned in faults.items()}
        self._cut = {name: planned.cut for name, planned in faults.items()}
        self._lock = threading.Lock()

    def take_unavailable(self, name: str) -> bool:
        return self._take(self._unavailable, name)

    def take_cut(self, name: str) -> bool:
        return self._take(self._cut, name)

    def _take(self, left: dict[str, int], name: str) -> bool:
        with self._lock:
            if left.get(name, 0) < 1:
                return False
            left[name] -= 1
            return True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    """A file as it stood when it was opened: a download goes on with it even when its name is given to another."""

    content: FileIO
    size: int
    etag: str
    modified: float

    @property
    def last_modified(self) -> str:
        return formatdate(self.modified, usegmt=True)


class _Files:
    """The regular files below a folder, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etags: dict[Path, tuple[tuple[int, int, int], str]] = {}

    @contextmanager
    def open(self, name: str) -> Iterator[_Opened | None]:
        """Open the file of this name; none when there is no such file, or none that may be served."""
        path = self._find(name)
        content = _open_regular(path) if path is not None else None
        if path is None or content is None:
            yield None
            return
        with content:
            status = os.fstat(content.fileno())
            etag = self._etag(path, content, status)
            yield _Opened(content=content, size=status.st_size, etag=etag, modified=status.st_mtime)

    def _find(self, name: str) -> Path | None:
        if any(not part or part.startswith(".") for part in name.split("/")):
            return None
        # RuntimeError is what a loop of links raises before Python 3.13, ValueError a NUL in the name.
        with suppress(OSError, RuntimeError, ValueError):
            path = (self._folder / name).resolve(strict=True)
            return path if path.is_relative_to(self._folder) else None
        return None

    def _etag(self, path: Path, content: FileIO, status: os.stat_result) -> str:
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._etags.get(path)
        if known is not None and known[0] == identity:
            return known[1]
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
        etag = f'"{digest.hexdigest()}"'
        if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
            self._etags[path] = (identity, etag)
        return etag


def _open_regular(path: Path) -> FileIO | None:
    try:
        # Neither a pipe may block the feed, nor a link that took the file's place since it was looked up.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return FileIO(handle)
    os.close(handle)
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    status: HTTPStatus
    headers: Mapping[str, str] = field(default_factory=dict)
    start: int = 0
    length: int = 0


def _answer(file: _Opened, method: str, headers: Message) -> _Answer:
    """Decide what a request for a file gets: all of it, a part, or only word that nothing changed."""
    validators = {"ETag": file.etag, "Last-Modified": file.last_modified}
    if _unchanged(file, headers):
        return _Answer(status=HTTPStatus.NOT_MODIFIED, headers=validators)
    served = validators | {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    part = _RANGE.fullmatch(headers.get("Range", "").strip()) if method == "GET" else None
    if part is None or not _same_file(file, headers.get("If-Range")):
        return _Answer(status=HTTPStatus.OK, headers=served, length=file.size)
    return _part(file.size, part[1], part[2], served)


def _part(size: int, first: str, last: str, headers: Mapping[str, str]) -> _Answer:
    if (not first and not last) or (first and last and int(last) < int(first)):
        return _Answer(status=HTTPStatus.OK, headers=headers, length=size)  # not a range: it is ignored
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        return _Answer(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers={"Content-Range": f"bytes */{size}"})
    return _Answer(
        status=HTTPStatus.PARTIAL_CONTENT,
        headers={**headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"},
        start=start,
        length=end - start,
    )


def _unchanged(file: _Opened, headers: Message) -> bool:
    tags = headers.get("If-None-Match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return file.etag in known or "*" in known
    with suppress(ValueError, OverflowError):
        since = parsedate_to_datetime(headers.get("If-Modified-Since", ""))
        return int(file.modified) <= since.timestamp()
    return False


def _same_file(file: _Opened, if_range: str | None) -> bool:
    return if_range is None or if_range.strip() in (file.etag, file.last_modified)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tidemark-feed"
    sys_version = ""
    timeout = 60
    # Head and body are two writes: with Nagle's algorithm the second waits 40 ms for the client's ACK.
    disable_nagle_algorithm = True
    server: _Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class answers 501 where it finds no do_METHOD; the CDN answers 405, whatever the method.
        if name.startswith("do_"):
            return self._refuse_method
        raise AttributeError(name)

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Write nothing: ``on_request`` is the log."""

    def _serve(self) -> None:
        name = unquote(self.path.partition("?")[0]).removeprefix("/")
        if self.server.planned.take_unavailable(name):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        with self.server.files.open(name) as file:
            if file is None:
                self._refuse(HTTPStatus.FORBIDDEN)
                return
            answer = _answer(file, self.command, self.headers)
            if answer.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._refuse(answer.status, answer.headers)
                return
            self._send_file(file, answer, name)

    def _send_file(self, file: _Opened, answer: _Answer, name: str) -> None:
        headers = dict(answer.headers)
        if answer.status is not HTTPStatus.NOT_MODIFIED:
            headers["Content-Length"] = str(answer.length)
        self._send_head(answer.status, headers)
        sent = 0
        try:
            if self.command == "GET" and answer.length:
                wanted = answer.length // 2 if self.server.planned.take_cut(name) else answer.length
                file.content.seek(answer.start)
                for piece in _pieces(file.content, wanted):
                    self.wfile.write(piece)
                    sent += len(piece)
                self.close_connection |= sent < answer.length
        finally:
            self._tell(answer.status, sent)

    def _refuse_method(self) -> None:
        self.close_connection = True  # what the client sends as a body is not read
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD", "Connection": "close"})

    def _refuse(self, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> None:
        code = _S3_CODES[status]
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'.encode()
        self._send_head(
            status, {**(headers or {}), "Content-Type": "application/xml", "Content-Length": str(len(body))}
        )
        if self.command == "HEAD":
            body = b""
        self.wfile.write(body)
        self._tell(status, len(body))

    def _send_head(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _tell(self, status: HTTPStatus, sent: int) -> None:
        if self.server.on_request is not None:
            path = quote(self.path.partition("?")[0], safe="/%")  # a query may hold a token
            self.server.on_request(Request(method=self.command, path=path, status=status, sent=sent))


def _pieces(content: FileIO, length: int) -> Iterator[bytes]:
    """Read so many bytes in pieces; fewer come when the file was shortened in place."""
    while length > 0:
        piece = content.read(min(length, _PIECE))
        if not piece:
            return
        length -= len(piece)
        yield piece
