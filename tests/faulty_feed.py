"""A real HTTP server on this machine that answers each request with exactly the bytes, and the faults, it was told."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A request as it came; the names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]


RESET = "reset"
Step = bytes | float | str  # bytes to send, seconds to wait, or RESET
Script = Callable[[Asked], Iterable[Step]]


@dataclass
class Feed:
    """Plays one script for each request, the last one again and again, and closes the connection after it."""

    scripts: list[Script] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def answer(self, *scripts: Script) -> None:
        self.scripts[:] = scripts

    def next_script(self, asked: Asked) -> Script:
        self.asked.append(asked)
        return self.scripts[min(len(self.asked), len(self.scripts)) - 1]


def response(status: int = 200, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    """Write a response; the header Content-Length says ``length``, or the truth."""
    lines = [f"HTTP/1.1 {status} Scripted"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def says(*steps: Step) -> Script:
    """Send the same whatever is asked."""
    return lambda asked: steps


def serves(body: bytes, *, cut: int | None = None, **headers: str) -> Script:
    """Serve a body as a good server would, ranges and all, but send no more than ``cut`` bytes of it."""

    def script(asked: Asked) -> Iterator[Step]:
        start = 0
        if asked.headers.get("if-range") == headers.get("ETag") and "range" in asked.headers:
            start = int(asked.headers["range"].removeprefix("bytes=").removesuffix("-"))
            extra = {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            yield response(206, body[start:cut], length=len(body) - start, **headers, **extra)
        else:
            yield response(200, body[:cut], length=len(body), **headers)

    return script


@contextmanager
def faulty_feed() -> Iterator[Feed]:
    feed = Feed()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client may leave before the script ends
                _play(feed, self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = False
        block_on_close = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        feed.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield feed
        finally:
            feed.closing.set()
            server.shutdown()
            thread.join()


def _play(feed: Feed, connection: socket.socket) -> None:
    connection.settimeout(10)
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        head += piece
        if not piece or head.startswith(b"\x16"):  # gone, or a hello of TLS
            return
    first, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in lines)
    asked = Asked(method, target, {name.lower(): value.strip() for name, _, value in fields})
    for step in feed.next_script(asked)(asked):
        if isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, str):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return
        elif feed.closing.wait(step):
            return
