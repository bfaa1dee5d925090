"""An HTTP client for one file: guarded down to the socket, and silent about the address. Imports httpx: import late."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any

import httpcore
import httpx

from tidemark.errors import Failed
from tidemark.guard import Guard
from tidemark.source import Location

_EMPTY_LINE = re.compile(rb"\n\r?\n")
_PRELIMINARY = re.compile(rb"\s*HTTP/1\.\d 1")
_LONGEST_HEAD = 1 << 20  # httpx bounds one head, but not how many preliminary ones come before it
_TICK = 0.1  # seconds in which a stop, a deadline or a stall is noticed
_HEADERS = {"User-Agent": "tidemark", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}


@contextmanager
def open_client(location: Location, guard: Guard) -> Iterator[Client]:
    """Give a client of our own for one file: proxies come from the environment, cookies and .netrc do not.

    Raises ``Failed`` (``bad-proxy``).
    """
    seconds = min(guard.limits.stall_seconds, guard.limits.seconds)
    try:
        client = httpx.Client(headers=_HEADERS, timeout=seconds, trust_env=True)
    except (ImportError, ValueError, OSError, httpx.InvalidURL):  # a proxy or a file of certificates that it cannot use
        raise Failed(
            f"{guard.subject}: the environment names a proxy or a certificate file that cannot be used.",
            remedy="Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY (SOCKS is not known), SSL_CERT_FILE and SSL_CERT_DIR.",
            code="bad-proxy",
        ) from None
    with client:
        yield Client(client, location, guard)


class Client:
    """Asks for one file, and lets the guard check each read of the socket.

    httpx's own read timeout begins anew with every byte, and it hands out no byte before the head of a response is
    complete. So the guard stands between it and its socket.
    """

    def __init__(self, client: httpx.Client, location: Location, guard: Guard) -> None:
        self._client = client
        self._location = location
        self._guard = guard
        self._head: bytearray | None = None  # what came until the head of a response was complete
        self._body_bytes = 0

    @contextmanager
    def ask(self, method: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Send a request and give its response, with the body still to come; raises ``httpx.TransportError``."""
        url = self._location.url or ""
        request = self._client.build_request(method, url, headers=headers, extensions={"trace": self._trace})
        request.url = _Masked(request.url, self._location.shown)
        self._guard.begin_window()
        self._head = bytearray()
        response = self._client.send(request, stream=True)
        self._body_bytes = len(self._head) - _end_of_head(self._head)
        self._head = None
        try:
            yield response
        finally:
            response.close()

    def sent_more(self, response: httpx.Response, received: int) -> bool:
        """Whether more came than the ``received`` bytes of a body, as far as can be seen: httpx itself drops them."""
        if self._body_bytes > received:
            return True
        stream: httpcore.NetworkStream = response.extensions["network_stream"]
        try:
            return stream.read(1, _TICK) != b""
        except (httpcore.ReadTimeout, httpcore.ReadError):
            return False

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take over the reads of each connection that is opened."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            stream = info["return_value"]
            stream.read = partial(self._read, stream.read)
            self._head = bytearray()  # before TLS it was a proxy that answered

    def _read(self, read: Callable[[int, float], bytes], size: int, timeout: float) -> bytes:
        patience = monotonic() + timeout
        while True:
            self._guard.check()
            self._guard.check_rate()
            try:
                data = read(size, min(timeout, _TICK))
                break
            except httpcore.ReadTimeout:
                if monotonic() >= patience:
                    raise
        self._guard.count(len(data))
        if self._head is None:
            self._body_bytes += len(data)
        else:
            self._head += data
            if len(self._head) > _LONGEST_HEAD:
                raise httpcore.RemoteProtocolError
        return data


def _end_of_head(data: bytes | bytearray) -> int:
    """Return where the head of a response ends, and with it those of the preliminary ones before it."""
    start = 0
    while (end := _EMPTY_LINE.search(data, start)) is not None:
        preliminary = _PRELIMINARY.match(data, start) is not None
        start = end.end()
        if not preliminary:
            break
    return start


class _Masked(httpx.URL):
    """An address that may hold secrets: httpx logs the address of every request."""

    def __init__(self, url: httpx.URL, shown: str) -> None:
        super().__init__(url)
        self._shown = shown

    def __str__(self) -> str:
        return self._shown
