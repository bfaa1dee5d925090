"""What can be wrong with a source for months of rides, and how a load of it has to end."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from tests.faulty_feed import RESET, Asked, Script, Step, response, says, serves
from tidemark.ledger import Outcome

BYTES = 1 << 20  # what a file may have in these tests
CHUNKS = response(Transfer_Encoding="chunked")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """``script`` makes the answer, whatever is asked, from the body that a good source would send."""

    name: str
    code: str
    script: Callable[[bytes], Script]
    outcome: Outcome = Outcome.FAILED
    retry_after: float | None = None
    transient: bool = True
    patience_s: int = 20


def _drip(body: bytes) -> Script:
    def script(asked: Asked) -> Iterator[Step]:
        yield response(length=len(body))
        for byte in body:
            yield bytes([byte])
            yield 0.02

    return script


def _always_another(body: bytes) -> Script:
    """Half a file, of another version each time; what is asked for as the rest comes from the next version."""
    versions = iter(range(1000))

    def script(asked: Asked) -> Iterator[Step]:
        etag = f'"v{next(versions)}"'
        start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start:
            where = f"bytes {start}-{len(body) - 1}/{len(body)}"
            yield response(206, body[start:], ETag=etag, Content_Range=where)
        else:
            yield response(body=body[: len(body) // 2], length=len(body), ETag=etag)

    return script


def _endless(body: bytes) -> Script:
    piece = b"10000\r\n" + bytes(1 << 16) + b"\r\n"

    def script(asked: Asked) -> Iterator[Step]:
        yield CHUNKS
        yield from repeat(piece)

    return script


def _busy(status: int, retry_after: float | None = None) -> Fault:
    headers = {} if retry_after is None else {"Retry_After": f"{retry_after:g}"}
    return Fault(
        name=f"{status}{', later' if headers else ''}",
        code="source-busy",
        script=lambda body: says(response(status, body, length=len(body), **headers)),
        retry_after=retry_after,
    )


FAULTS = (
    Fault(name="cut", code="length-mismatch", script=lambda body: serves(body, cut=len(body) // 2, ETag='"new"')),
    Fault(
        name="cut between chunks",
        code="length-mismatch",
        script=lambda body: says(CHUNKS + f"{len(body):x}\r\n".encode() + body + b"\r\n"),
    ),
    Fault(
        name="reset",
        code="length-mismatch",
        script=lambda body: says(response(body=body[: len(body) // 2], length=len(body)), RESET),
    ),
    Fault(
        name="too long",
        code="length-mismatch",
        script=lambda body: says(response(body=body + body, length=len(body))),
    ),
    Fault(name="of unknown length", code="length-unknown", script=lambda body: says(b"HTTP/1.1 200 OK\r\n\r\n" + body)),
    Fault(
        name="compressed",
        code="encoded-body",
        script=lambda body: says(response(body=gzip.compress(body), Content_Encoding="gzip")),
    ),
    Fault(name="drip", code="too-slow", script=_drip, patience_s=1),
    Fault(name="always another version", code="source-changed", script=_always_another),
    Fault(name="endless", code="too-large", script=_endless, transient=False),
    Fault(
        name="announced as huge",
        code="too-large",
        script=lambda body: says(response(body=body, length=BYTES + 1)),
        transient=False,
    ),
    Fault(name="endless head", code="source-unreachable", script=lambda body: lambda asked: repeat(b"X: y\r\n")),
    Fault(
        name="endless preliminaries",
        code="source-unreachable",
        script=lambda body: lambda asked: repeat(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 1000),
    ),
    Fault(name="hung up", code="source-unreachable", script=lambda body: says()),
    Fault(
        name="absent",
        code="not-at-source",
        script=lambda body: says(response(404, body)),
        outcome=Outcome.UNAVAILABLE,
        transient=False,
    ),
    _busy(429),
    _busy(429, 7.0),
    *map(_busy, (500, 502, 503)),
    _busy(503, 20.0),
)
