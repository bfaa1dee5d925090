"""Downloading a month's file over HTTP, resumed where it was cut. Imports httpx: import late.

What a body must show to be taken as whole: its Content-Length, met exactly, or chunks that end properly. A body
that only ends when the connection closes is refused, as nobody could tell it from one that was cut.
"""

from __future__ import annotations

import random
import threading

import httpx

from tidemark.errors import Transient
from tidemark.fileversion import FileVersion
from tidemark.guard import Guard, Limits, Progress
from tidemark.http.answers import check_whole, is_chunked, is_rest, rest_of, unless, version_of
from tidemark.http.client import Client, open_client
from tidemark.http.refusals import broken, refusal
from tidemark.lake import Incoming
from tidemark.source import Location

_PAUSES = (0.2, 0.6, 1.8)  # seconds before a download that was cut goes on; half of each is left to chance


def download(
    location: Location, incoming: Incoming, guard: Guard, report: Progress, held: FileVersion | None
) -> FileVersion:
    """Download a file, unless the source still has the version ``held``, which is then returned itself.

    Raises ``NotAtSource``, ``Failed``, ``Transient`` and ``Stopped``.
    """
    with open_client(location, guard) as client:
        return _Download(client, incoming, guard, report, held).run()


def look_at_url(location: Location, timeout: float) -> FileVersion:
    """Ask which version of a file is there, for at most ``timeout`` seconds.

    Raises ``NotAtSource``, ``Failed`` and ``Transient``.
    """
    guard = Guard(location.shown, Limits(seconds=timeout, bytes=0, stall_seconds=timeout), threading.Event())
    try:
        with open_client(location, guard) as client, client.ask("HEAD", {}) as response:
            if response.status_code != 200:
                raise refusal(guard.subject, response)
            return version_of(response)
    except httpx.TransportError as error:
        raise broken(guard, error, so_far=None) from None


class _Changed(Transient):
    """What came does not continue what is there; the download begins again."""


class _Download:
    """One file on its way, over as many connections as it takes, but of one version only."""

    def __init__(
        self, client: Client, incoming: Incoming, guard: Guard, report: Progress, held: FileVersion | None
    ) -> None:
        self._client = client
        self._incoming = incoming
        self._guard = guard
        self._report = report
        self._held = held
        self._begun: FileVersion | None = None

    def run(self) -> FileVersion:
        pauses = iter(_PAUSES)
        while True:
            try:
                return self._attempt()
            except httpx.TransportError as error:
                failure = broken(self._guard, error, so_far=self._so_far())
            except _Changed as changed:
                failure = changed
            pause = next(pauses, None)
            if pause is None or self._begun is None:
                raise failure
            self._guard.pause(pause * random.uniform(0.5, 1))  # noqa: S311 - so that loaders do not march in step

    def _attempt(self) -> FileVersion:
        """Ask for the rest where that is possible, else for all of it, and receive what comes."""
        rest, condition = rest_of(self._begun, self._incoming.size), unless(self._held)
        with self._client.ask("GET", rest or condition) as response:
            status = response.status_code
            if self._held is not None and status == 304 and condition and not rest:
                return self._held
            if rest and status in (206, 416):
                version = self._continued(response)
            elif status == 200:
                version = self._begin(response)
            else:
                raise refusal(self._guard.subject, response)
            self._receive(response, version.size)
        return version

    def _begin(self, response: httpx.Response) -> FileVersion:
        """Take this response as the first of a version, whatever came before."""
        check_whole(self._guard.subject, response)
        version = version_of(response)
        self._guard.check_size(version.size or 0)
        self._incoming.restart()
        self._begun = version
        return version

    def _continued(self, response: httpx.Response) -> FileVersion:
        """Take this response as the rest of the version that was begun."""
        if self._begun is None or not is_rest(response, self._begun, self._incoming.size):
            self._incoming.restart()
            raise _Changed(
                f"{self._guard.subject}: the file changed at the source while it was downloaded.",
                remedy="Run this again.",
                code="source-changed",
            )
        return self._begun

    def _receive(self, response: httpx.Response, total: int | None) -> None:
        """Take in the body, which must bring the file to exactly ``total`` bytes where that was announced."""
        chunked, before = is_chunked(response), self._incoming.size
        pieces = response.iter_raw()  # named, as the connection is closed once nobody holds it
        for piece in pieces:
            self._guard.check()
            self._guard.check_size(self._incoming.size + len(piece))
            self._incoming.write(piece)
            self._report(self._incoming.size, total)
            if self._incoming.size == total and not chunked:
                break  # before it closes the connection, and with it the view of what else was sent
        more = not chunked and self._client.sent_more(response, self._incoming.size - before)
        if more or total not in (self._incoming.size, None):
            how = "more than" if more or self._incoming.size > (total or 0) else "less than"
            raise Transient(
                f"{self._guard.subject}: the source sent {how} the {total} bytes that it announced.",
                remedy="Run this again.",
                code="length-mismatch",
            )

    def _so_far(self) -> str | None:
        if self._begun is None:
            return None
        return f"{self._incoming.size} of {'unknown' if self._begun.size is None else self._begun.size} bytes"
