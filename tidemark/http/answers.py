"""Reading the head of an HTTP response: which version it brings, and whether that can be told to be whole."""

from __future__ import annotations

import re

import httpx

from tidemark.errors import Transient
from tidemark.fileversion import FileVersion

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_ANY_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


def version_of(response: httpx.Response) -> FileVersion:
    etag = response.headers.get("ETag", "")
    return FileVersion(
        etag=etag if _ANY_ETAG.fullmatch(etag) else None,
        last_modified=response.headers.get("Last-Modified"),
        size=_content_length(response),
    )


def unless(held: FileVersion | None) -> dict[str, str]:
    """Return the headers that ask for a file unless it is still the version ``held``; none if it cannot be named."""
    if held is not None and held.etag and _ANY_ETAG.fullmatch(held.etag):
        return {"If-None-Match": held.etag}
    if held is not None and held.last_modified and held.last_modified.isascii() and held.last_modified.isprintable():
        return {"If-Modified-Since": held.last_modified}
    return {}


def rest_of(begun: FileVersion | None, start: int) -> dict[str, str]:
    """Return the headers that ask for the bytes from ``start`` on; none if nothing names the version for sure."""
    if begun is None or start == 0 or not _STRONG_ETAG.fullmatch(begun.etag or ""):
        return {}
    return {"Range": f"bytes={start}-", "If-Range": begun.etag or ""}


def is_rest(response: httpx.Response, begun: FileVersion | None, start: int) -> bool:
    """Whether a response is exactly the bytes from ``start`` on of the version that was begun."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if begun is None or match is None or response.status_code != 206:
        return False
    first, last, total = (int(number) for number in match.groups())
    version = version_of(response)
    return (
        first == start
        and last == total - 1
        and begun.size in (total, None)
        and version.size in (total - first, None)
        and (version.etag, version.last_modified) == (begun.etag, begun.last_modified)
        and _encoding(response) == "identity"
    )


def is_chunked(response: httpx.Response) -> bool:
    return "Transfer-Encoding" in response.headers  # the client knows no other than chunks


def check_whole(subject: str, response: httpx.Response) -> None:
    """Check that a cut would show, and that the bytes are those of the file itself.

    Raises ``Transient`` (``encoded-body``, ``length-unknown``).
    """
    if _encoding(response) != "identity":
        raise Transient(
            f"{subject}: the source sent the file in an encoding ({_encoding(response)[:20]}) that was not asked for.",
            remedy="Run this again; if it stays so, a proxy in between compresses, and must not.",
            code="encoded-body",
        )
    if _content_length(response) is None and not is_chunked(response):
        raise Transient(
            f"{subject}: the source does not say how long the file is, so a cut would go unseen.",
            remedy="Run this again; if it stays so, the source needs to send Content-Length or chunks.",
            code="length-unknown",
        )


def _content_length(response: httpx.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _encoding(response: httpx.Response) -> str:
    return response.headers.get("Content-Encoding", "").strip().lower() or "identity"
