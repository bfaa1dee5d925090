"""From a partition and its location to a RawFile in the lake: whole, unmixed and within bounds, or not at all."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from tidemark.copying import copy_file, look_at_file
from tidemark.errors import Failed, NotAtSource, Transient
from tidemark.fileversion import FileVersion
from tidemark.guard import Guard, Limits, Progress
from tidemark.lake import Incoming, Lake
from tidemark.partition import Partition
from tidemark.points import Point, passed
from tidemark.source import Location

__all__ = ["Limits", "Look", "Progress", "RawFile", "Seen", "fetch", "look"]

_log = logging.getLogger(__name__)


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
    Raises ``NotAtSource``, ``Transient``, ``Failed`` and, when ``stop`` is set, ``Stopped``. A file in the lake that
    was altered is replaced, or the fetch fails (``lake-altered``).
    """
    guard = Guard(partition.name, limits, stop)
    guard.check()
    report = progress or (lambda done, total: None)
    held = _held(partition, location, lake, seen)
    altered = _fault(lake, held) if held is not None else None
    try:
        return _bring(partition, location, lake, guard, report, held if altered is None else None)
    except (Failed, NotAtSource) as error:
        if altered is None:
            raise
        raise _unmended(altered, error) from None


def look(location: Location, *, seen: Seen | None, timeout: float) -> Look:
    """Ask the source about a file without fetching it, for at most ``timeout`` seconds.

    Raises ``Transient`` when the source does not answer, ``Failed`` when it refuses to.
    """
    try:
        found = _look_at(location, timeout)
    except NotAtSource:
        return Look(available=False)
    before = _version(seen) if seen is not None and seen.url == location.shown else None
    return Look(
        available=True,
        etag=found.etag,
        last_modified=found.last_modified,
        size=found.size,
        changed=found.differs_from(before) if before is not None else None,
    )


def _held(partition: Partition, location: Location, lake: Lake, seen: Seen | None) -> RawFile | None:
    """Return what was last seen at this location, if the lake has it."""
    if seen is None or seen.url != location.shown or seen.sha256 is None:
        return None
    path = lake.find(partition, seen.sha256, location.extension)
    if path is None:
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


def _fault(lake: Lake, held: RawFile) -> Failed | None:
    """Return what is wrong with a file in the lake, if it is not as it was stored."""
    try:
        lake.verify(held.path, held.sha256)
    except Failed as fault:
        _log.warning("%s It is fetched again.", fault.message)
        return fault
    return None


def _bring(
    partition: Partition, location: Location, lake: Lake, guard: Guard, report: Progress, held: RawFile | None
) -> RawFile:
    """Store what the source has, or return ``held`` when that is it."""
    version = _version(held) if held is not None else None
    with lake.incoming(partition, stale_seconds=guard.limits.seconds) as incoming:
        found = _receive(location, incoming, guard, report, version)
        if held is not None and found is version:
            return held
        passed(Point.FETCHED, partition)
        path = lake.store(incoming.path, partition, incoming.sha256, location.extension)
        passed(Point.STORED, partition)
        return RawFile(
            partition=partition,
            path=path,
            size=incoming.size,
            sha256=incoming.sha256,
            url=location.shown,
            etag=found.etag,
            last_modified=found.last_modified,
            downloaded=True,
        )


def _receive(
    location: Location, incoming: Incoming, guard: Guard, report: Progress, held: FileVersion | None
) -> FileVersion:
    if location.path is not None:
        return copy_file(location.path, incoming, guard, report, held)
    from tidemark.http.download import download  # here, as it imports httpx, which not every command needs

    return download(location, incoming, guard, report, held)


def _look_at(location: Location, timeout: float) -> FileVersion:
    if location.path is not None:
        return look_at_file(location.path)
    from tidemark.http.download import look_at_url

    return look_at_url(location, timeout)


def _version(known: Seen | RawFile) -> FileVersion:
    return FileVersion(etag=known.etag, last_modified=known.last_modified, size=known.size)


def _unmended(fault: Failed, error: Failed | NotAtSource) -> Failed:
    """Say that a file in the lake is not as it was stored, and why nothing came in its place."""
    message = f"{fault.message} It could not be fetched again: {error.message}"
    if isinstance(error, Transient):
        return Transient(message, remedy=error.remedy, code=fault.code, retry_after=error.retry_after)
    return Failed(message, remedy=error.remedy, code=fault.code)
