"""A way to PostgreSQL that can be cut at a COMMIT: before the server has it, or after."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

from tidemark.settings import Secret

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # the message, as libpq sends it
_PIECE = 1 << 16


class Cut(Enum):
    """When the client loses its connection."""

    BEFORE = "the server never gets the COMMIT"
    AFTER = "the server has the COMMIT, its answer is lost"


class CuttingProxy:
    """Forwards connections on 127.0.0.1 to a server; ``cut_at_commit`` arms it for the next COMMIT that it sees."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed: Cut | None = None
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.cuts = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut_at_commit(self, cut: Cut) -> None:
        with self._lock:
            self._armed = cut

    def start(self) -> None:
        self._spawn(self._accept)

    def stop(self) -> None:
        # shutdown wakes the thread that accepts; close alone would leave it waiting
        for opened in (self._listener, *self._sockets):
            _hang_up(opened)
        for thread in list(self._threads):
            thread.join()
        for opened in (self._listener, *self._sockets):
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                self._spawn(self._to_server, client, server)
                self._spawn(self._to_client, server, client)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while message := client.recv(_PIECE):
                cut = self._take(message)
                if cut is not Cut.BEFORE:
                    server.sendall(message)
                if cut is not None:
                    _hang_up(client)
                    break
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)  # what it already has, it still works on

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while message := server.recv(_PIECE):
                client.sendall(message)
        _hang_up(client)

    def _take(self, message: bytes) -> Cut | None:
        with self._lock:
            if self._armed is None or message != COMMIT:
                return None
            cut, self._armed = self._armed, None
            self.cuts += 1
            return cut

    def _spawn(self, work: object, *arguments: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


@contextmanager
def cutting_proxy(url: Secret) -> Iterator[tuple[CuttingProxy, Secret]]:
    """Give a proxy to a database and the URL that leads through it."""
    parts = urlsplit(url.reveal())
    proxy = CuttingProxy((parts.hostname or "", parts.port or 5432))
    credentials, _, _ = parts.netloc.rpartition("@")
    through = parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}", query="sslmode=disable&gssencmode=disable")
    proxy.start()
    try:
        yield proxy, Secret(urlunsplit(through))
    finally:
        proxy.stop()


def _hang_up(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
