"""A way to PostgreSQL on which the loader is killed when the server has the COMMIT of a publication."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.cutting_proxy import COMMIT, hang_up, server_of, through
from tidemark.settings import Secret

MAKES_IT_CURRENT = b"insert into tidemark.partition"  # the last statement of the transaction that publishes
_PIECE = 1 << 16


class KillingProxy:
    """Forwards connections on 127.0.0.1; holds the answer to the COMMIT of a publication until the loader is dead.

    ``kill`` is called with the loader's process id, which comes by ``know``, and must return when it is dead.
    """

    def __init__(self, server: tuple[str, int], kill: Callable[[int], None]) -> None:
        self._server = server
        self._kill = kill
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pid: queue.Queue[int] = queue.Queue()
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.kills = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def know(self, pid: int) -> None:
        self._pid.put(pid)

    def start(self) -> None:
        self._spawn(self._accept)

    def stop(self) -> None:
        for opened in self._sockets:
            hang_up(opened)  # wakes the threads that wait for them
        for thread in self._threads:
            thread.join()
        for opened in self._sockets:
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                answers = threading.Event()  # whether answers may pass
                answers.set()
                self._spawn(self._to_server, client, server, answers)
                self._spawn(self._to_client, server, client, answers)

    def _to_server(self, client: socket.socket, server: socket.socket, answers: threading.Event) -> None:
        publishes = False
        with suppress(OSError):
            while message := client.recv(_PIECE):
                publishes = publishes or MAKES_IT_CURRENT in message
                if publishes and message == COMMIT:
                    answers.clear()
                    server.sendall(message)
                    self._kill(self._pid.get(timeout=10))
                    self.kills += 1
                    answers.set()
                else:
                    server.sendall(message)
        hang_up(server)

    def _to_client(self, server: socket.socket, client: socket.socket, answers: threading.Event) -> None:
        with suppress(OSError):
            while message := server.recv(_PIECE):
                answers.wait()
                client.sendall(message)
        hang_up(client)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


@contextmanager
def killing_proxy(url: Secret, kill: Callable[[int], None]) -> Iterator[tuple[KillingProxy, Secret]]:
    """Give a proxy to a database and the URL that leads through it."""
    proxy = KillingProxy(server_of(url), kill)
    proxy.start()
    try:
        yield proxy, through(url, proxy.port)
    finally:
        proxy.stop()
