"""Where the file of a month is: below an address or in a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from tidemark.datasets.base import Dataset
from tidemark.errors import UsageError
from tidemark.months import Month
from tidemark.settings import SOURCE, masked

_IN_PATH = "/%:@!$&'()*+,;=~"
LONGEST_ADDRESS = 4000
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,16})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Where one month's file is: exactly one of ``url`` (http, https) and ``path`` is set.

    ``url`` may hold credentials and a token; ``shown`` is what messages and the ledger may say of it.
    """

    url: str | None = field(default=None, repr=False)
    path: Path | None = None
    shown: str

    @property
    def extension(self) -> str:
        """What the file is kept as in the lake, without the dot; ``bin`` when its name does not say."""
        match = _EXTENSION.fullmatch(Path(self.shown).suffix)
        return match[1] if match else "bin"


def locate(dataset: Dataset, month: Month, source: str | None) -> Location:
    """Return where a month's file is: below ``source``, or below the dataset's public home when there is none.

    Raises ``UsageError`` (``bad-source``) when the source is no http, https or file address and no folder.
    """
    source = dataset.home if source is None else source
    name = dataset.file_name(month)
    folder = _folder(source)
    if folder is not None:
        path = folder / name
        return Location(path=path, shown=str(path))
    base = _address(source)
    path_of_file = f"{quote(base.path, safe=_IN_PATH).rstrip('/')}/{quote(name)}"
    query = quote(base.query, safe=_IN_PATH + "?")
    url = urlunsplit((base.scheme, base.netloc, path_of_file, query, ""))
    return Location(url=url, shown=masked(url))


def check_source(source: str) -> None:
    """Check that a source can be used at all, without asking it for anything.

    Raises ``UsageError`` (``bad-source``).
    """
    if _folder(source) is None:
        _address(source)


def _folder(source: str) -> Path | None:
    """Return the folder that a path or a file address names; None for any other address."""
    scheme, separator, _ = source.partition("://")
    if scheme.lower() == "file":
        text = shown = _path_of_file_address(source)
    elif separator or source.lower().startswith(("http:", "https:", "file:")):
        return None
    else:  # it may be an address whose scheme was forgotten
        text, shown = source, source.partition("?")[0].rpartition("@")[2]
    try:
        folder = Path(text).expanduser().absolute()
        exists = folder.is_dir()
    except (OSError, ValueError, RuntimeError):  # no name for a file system, or no such home
        exists = False
    if not exists:
        raise _bad_source(f"The source {shown[:200]!r} is not a folder that exists.")
    return folder


def _path_of_file_address(source: str) -> str:
    parts = urlsplit(source)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise _bad_source("The source is a file address that is not on this machine.")
    return unquote(parts.path)


def _address(source: str) -> SplitResult:
    try:
        parts = urlsplit(source)
        host, _ = parts.hostname or "", parts.port  # the port raises when it is no number
        host.encode("idna")
        source.encode()  # bytes of the environment that are no text are surrogates here
    except ValueError:
        raise _bad_source("The source is not an address that can be read.") from None
    if parts.scheme not in ("http", "https"):
        raise _bad_source(f"The source has the scheme {parts.scheme[:20]!r}, which is not known.")
    if not host or " " in host or not parts.netloc.isprintable():
        raise _bad_source("The source is an address without a host.")
    if not host.isascii():
        raise _bad_source("The source is an address whose host is not written in ASCII, as DNS has it (xn--…).")
    if len(source) > LONGEST_ADDRESS:
        raise _bad_source(f"The source is an address of more than {LONGEST_ADDRESS:,} characters.")
    return parts


def _bad_source(message: str) -> UsageError:
    return UsageError(
        message,
        remedy=f"Set {SOURCE} to a folder that exists, or to an address that begins with https://, http:// or file://.",
        code="bad-source",
    )
