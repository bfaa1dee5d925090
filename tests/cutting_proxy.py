"""A way to PostgreSQL that can be cut: at a COMMIT or another statement, before or after, or at any byte of a COPY."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

from tidemark.settings import Secret

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # the message, as libpq sends it
COPY_DONE = b"c\x00\x00\x00\x04"
_PIECE = 1 << 16
_SO_ATTACH_FILTER = 26  # of Linux; Python has no name for it


class Cut(Enum):
    """When the client loses its connection."""

    BEFORE = "the server never gets the COMMIT"
    AFTER = "the server has the COMMIT, its answer is lost"


class Break(Enum):
    """What the two ends see of a cut."""

    FIN = "both ends see it closed"
    RST = "both ends see it reset"
    SILENCE = "neither end hears anything any more, not even an acknowledgement"
    HALF = "the client sees it reset, the server hears nothing any more"


@dataclass(frozen=True, slots=True)
class _Armed:
    """What cuts a connection: a message with ``said`` in it, once ``after`` was said, or so many bytes of a COPY."""

    how: Break
    said: bytes = b""
    after: bytes = b""
    cut: Cut = Cut.BEFORE
    copied: int | None = None


class CuttingProxy:
    """Forwards connections on 127.0.0.1 to a server; it is armed for one cut, of the connection that comes to it."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed: _Armed | None = None
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._threads: list[threading.Thread] = []
        self.cuts = 0
        self.copies: list[bytes] = []  # what came of each COPY, heads and all

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut_at_commit(self, cut: Cut, how: Break = Break.FIN, *, of: bytes = b"") -> None:
        """Cut at the next COMMIT; ``of``: what the client says in that transaction."""
        with self._lock:
            self._armed = _Armed(how, said=COMMIT, after=of, cut=cut)

    def cut_at(self, said: bytes, cut: Cut, how: Break = Break.FIN) -> None:
        """Cut at the next message in which the client says this."""
        with self._lock:
            self._armed = _Armed(how, said=said, cut=cut)

    def cut_copy(self, copied: int, how: Break) -> None:
        """Cut the next COPY when so many of its bytes have passed, heads and all; the last ones say that it is done."""
        with self._lock:
            self._armed = _Armed(how, copied=copied)

    def start(self) -> None:
        self.spawn(self._accept)

    def stop(self) -> None:
        # shutdown wakes the thread that accepts; close alone would leave it waiting
        ends = (self._listener, *(end for line in self._lines for end in (line.client, line.server)))
        for end in ends:
            hang_up(end)
        for thread in list(self._threads):
            thread.join()
        for end in ends:
            end.close()

    def spawn(self, work: object, *arguments: object) -> threading.Thread:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                line = _Line(self, client, socket.create_connection(self._server))
                self._lines.append(line)
                line.back = self.spawn(line.to_client)
                self.spawn(line.to_server)

    def passing(self, piece: bytes, copied: int | None) -> tuple[int, Break | None]:
        """Say how many bytes of a client's piece pass, and how the connection breaks then, if it does.

        ``copied``: the bytes of a COPY that have passed before, when there is one.
        """
        with self._lock:
            armed, whole = self._armed, len(piece)
            if copied is not None:
                self.copies[-1] += piece
            if armed is None:
                return whole, None
            if armed.copied is not None:
                if copied is None or copied + whole < armed.copied:
                    return whole, None
                whole = armed.copied - copied
            elif armed.after or armed.said not in piece:
                if armed.after in piece:
                    self._armed = replace(armed, after=b"")
                return whole, None
            elif armed.cut is Cut.BEFORE:
                whole = 0
            self._armed = None
            self.cuts += 1
            return whole, armed.how


class _Line:
    """One connection of a client, and the one to the server that it leads to."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.back: threading.Thread | None = None
        self._proxy = proxy
        self._broken = False

    def to_server(self) -> None:
        copied: int | None = None
        how: Break | None = None
        with suppress(OSError):
            while how is None and (piece := self.client.recv(_PIECE)):
                passes, how = self._proxy.passing(piece, copied)
                self.server.sendall(piece[:passes])
                if copied is not None:
                    copied = None if piece.endswith(COPY_DONE) else copied + len(piece)
                elif piece.startswith(b"Q") and b"\ncopy " in piece:
                    copied = 0
                    self._proxy.copies.append(b"")
        if how is not None:
            self._break(how)
        else:
            self._leave_server()

    def to_client(self) -> None:
        with suppress(OSError):
            while piece := self.server.recv(_PIECE):
                self.client.sendall(piece)
        if not self._broken:
            hang_up(self.client)

    def _leave_server(self) -> None:
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)  # what it already has, it still works on

    def _break(self, how: Break) -> None:
        if how is Break.FIN:
            hang_up(self.client)
            self._leave_server()
            return
        self._broken = True
        if how in (Break.SILENCE, Break.HALF):
            _deafen(self.server)
        if how is Break.SILENCE:
            _deafen(self.client)
            return
        if how is Break.RST:
            self._stop_reading()
            _reset(self.server)
        _reset(self.client)

    def _stop_reading(self) -> None:
        """End the other thread, which would keep the socket to the server from being closed."""
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RD)
        if self.back is not None:
            self.back.join()


def server_of(url: Secret) -> tuple[str, int]:
    parts = urlsplit(url.reveal())
    return parts.hostname or "", parts.port or 5432


def through(url: Secret, port: int) -> Secret:
    """The same URL, by way of a proxy on this machine that reads what it forwards."""
    parts = urlsplit(url.reveal())
    credentials, _, _ = parts.netloc.rpartition("@")
    netloc, query = f"{credentials}@127.0.0.1:{port}", "sslmode=disable&gssencmode=disable"
    return Secret(urlunsplit(parts._replace(netloc=netloc, query=query)))


@contextmanager
def cutting_proxy(url: Secret) -> Iterator[tuple[CuttingProxy, Secret]]:
    """Give a proxy to a database and the URL that leads through it."""
    proxy = CuttingProxy(server_of(url))
    proxy.start()
    try:
        yield proxy, through(url, proxy.port)
    finally:
        proxy.stop()


def hang_up(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


def _reset(opened: socket.socket) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    opened.close()


def _deafen(opened: socket.socket) -> None:
    """Let the kernel drop whatever comes to a socket before it is acknowledged, as a network that is cut does."""
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # one instruction: return 0
    program = struct.pack("HL", 1, ctypes.addressof(drop))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
