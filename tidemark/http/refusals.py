"""What it means when an HTTP source brings no file: which error, and what mends it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx

from tidemark.errors import Failed, NotAtSource, TidemarkError, Transient
from tidemark.guard import Guard
from tidemark.settings import SOURCE, masked

_ABSENT = (403, 404, 410)
_BUSY = (408, 425, 429)
_LONGEST_RETRY_AFTER = 3600.0


def refusal(subject: str, response: httpx.Response) -> TidemarkError:
    """Say what a response means that does not bring the file."""
    status = response.status_code
    answers = f"{subject}: the source answers {status}"
    if status in _ABSENT:
        remedy = f"Run this again once it is published; if it should be there, check {SOURCE}."
        return NotAtSource(f"{answers}.", remedy=remedy)
    if status in _BUSY or status >= 500:
        wait = _retry_after(response.headers.get("Retry-After", ""))
        return Transient(f"{answers}.", remedy="Run this again later.", code="source-busy", retry_after=wait)
    if 300 <= status < 400 and status != 304:
        target = masked(urljoin(str(response.url), response.headers.get("Location", "")))
        remedy = f"Redirects are not followed: set {SOURCE} to the final address, without the file's name."
        return Failed(f"{answers} and points to {target[:200]}.", remedy=remedy, code="redirected")
    if 400 <= status < 500:
        remedy = f"Check the address and the credentials in {SOURCE}, and the proxy if there is one."
        return Failed(f"{answers}.", remedy=remedy, code="source-refused")
    return Transient(f"{answers}, which was not asked for.", remedy="Run this again.", code="unexpected-answer")


def broken(guard: Guard, error: httpx.TransportError, *, so_far: str | None) -> Transient:
    """Say how a connection failed; of the client's own words only those that cannot hold the address.

    ``so_far``: how much of the file had come, e.g. ``70000 of 512008 bytes``; None when it had not begun.
    """
    if isinstance(error, httpx.ReadTimeout):
        what, code = f"the source sent nothing for {guard.limits.stall_seconds:g} s", "too-slow"
    elif so_far is not None and isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
        what, code = f"the connection was cut after {so_far}", "length-mismatch"
    else:
        words = f" ({error})" if isinstance(error, (httpx.ConnectError, httpx.ProxyError)) else ""
        what = f"the source cannot be reached, or gives no proper answer: {type(error).__name__}{words}"
        code = "source-unreachable"
    return Transient(f"{guard.subject}: {what}.", remedy=f"Run this again, or check {SOURCE}.", code=code)


def _retry_after(text: str) -> float | None:
    """Read the header Retry-After, seconds or a date, as seconds from now, an hour at most."""
    try:
        if text.isascii() and text.isdecimal():
            seconds = float(text[:18])
        else:
            seconds = parsedate_to_datetime(text).timestamp() - datetime.now(tz=UTC).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)
