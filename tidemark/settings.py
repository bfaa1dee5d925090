"""Settings: the one reader of the environment.

Every secret may also come from a file that its name with ``_FILE`` points to. Secrets are values of the type
``Secret``, which shows itself as ``***`` wherever it is printed.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from tidemark.errors import UsageError

DATABASE_URL = "TIDEMARK_DATABASE_URL"
HOME = "TIDEMARK_HOME"
SOURCE = "TIDEMARK_SOURCE"
LAKE = "TIDEMARK_LAKE"
DATASETS = "TIDEMARK_DATASETS"
SLACK_WEBHOOK = "TIDEMARK_SLACK_WEBHOOK"
SLACK_TOKEN = "TIDEMARK_SLACK_TOKEN"  # noqa: S105 - the name of a setting, not a secret
SLACK_CHANNEL = "TIDEMARK_SLACK_CHANNEL"
SOURCE_LIMIT = "TIDEMARK_SOURCE_LIMIT"
WAREHOUSE_LIMIT = "TIDEMARK_WAREHOUSE_LIMIT"
FETCH_SECONDS = "TIDEMARK_FETCH_SECONDS"
FETCH_BYTES = "TIDEMARK_FETCH_BYTES"
QUARANTINE_DAYS = "TIDEMARK_QUARANTINE_DAYS"
PREFECT_API_URL = "PREFECT_API_URL"

LONGEST = 8192  # of a setting, in characters
# a name of DNS, label by label, or an address of IPv6
_HOST = re.compile(r"(?:[a-z0-9_][a-z0-9_-]{0,62}\.)*[a-z0-9_][a-z0-9_-]{0,62}\.?|[0-9a-f]*:[0-9a-f:.]{1,44}", re.ASCII)
_SHORTEST_HIDDEN = 4  # shorter ones would be found in every word
_ADDRESSES = (DATABASE_URL, SOURCE, SLACK_WEBHOOK, PREFECT_API_URL, "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_WORDS = (SLACK_TOKEN, "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PGPASSWORD")


class Secret:
    """A text that must not be shown; ``reveal`` gives it to the one call that needs it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not to be pickled")


def masked(address: str) -> str:
    """Return an address that may be shown: without credentials, query and fragment; a path stays as it is."""
    if "://" not in address:
        user, at, rest = address.rpartition("@")
        forgot_scheme = at and ":" in user and not address.startswith(("/", ".", "~"))
        return f"***@{rest.partition('?')[0]}" if forgot_scheme else address
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises when what looks like a port is the beginning of a password with / ? or # in it
    except ValueError:
        return "an address that cannot be read"
    _, at, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, f"***@{host}" if at else host, parts.path, "", ""))


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a text without the secrets that the environment holds: those of ours, of proxies and of clients.

    The last resort for texts that nobody of us has written, such as the trace of an unexpected error.
    """
    given = os.environ if environment is None else environment
    for secret in sorted(set(_secrets(given)), key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, "***")
    return text


def _secrets(given: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts that must not be seen, in every way that they may be written."""
    for name in (*_ADDRESSES, *_WORDS, *(name.lower() for name in _ADDRESSES)):
        text = given.get(name, "").strip()
        pointer = given.get(f"{name}_FILE", "").strip()
        if pointer:
            with suppress(UsageError):
                text = _read_secret_file(f"{name}_FILE", pointer)
        parts = (text,) if name in _WORDS else _parts_of_address(text, path=name == SLACK_WEBHOOK)
        for part in parts:
            yield from {part, unquote(part), quote(part), quote(part, safe="")}


def _parts_of_address(text: str, *, path: bool) -> Iterator[str]:
    """Yield what is secret in an address: its credentials, its query and fragment, and its ``path`` if that is.

    Where a password was not quoted, whoever reads the address takes parts of it for something else.
    """
    credentials, _, _ = text.partition("://")[2].rpartition("@")
    yield credentials
    _, colon, password = credentials.partition(":")
    if colon:  # without one it is a token; a user's name alone is none, and stands in many a path
        yield from re.split("[:/?#@]", password)
    try:
        parts = urlsplit(text)
    except ValueError:
        yield text
        return
    if not parts.netloc or path:
        yield text
    if path:
        yield parts.path
        yield parts.path.rpartition("/")[2]
    for piece in (parts.query, parts.fragment):
        yield piece
        yield from (each.partition("=")[2] for each in piece.split("&"))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What Tidemark was told, once, at the start of a command.

    ``database_url`` none: the embedded PostgreSQL. ``source`` none: each dataset's public home. ``origins`` says
    for each setting that was given whether it came from the ``environment`` or from a ``file``.
    """

    database_url: Secret | None
    home: Path
    source: str | None = field(repr=False)  # it may hold credentials
    lake: Path
    datasets: Path | None
    slack_webhook: Secret | None
    slack_token: Secret | None
    slack_channel: str | None
    source_limit: int
    warehouse_limit: int
    fetch_seconds: int
    fetch_bytes: int
    quarantine_days: int
    prefect_api_url: str | None = field(repr=False)
    origins: Mapping[str, str]

    def origin(self, name: str) -> str:
        return self.origins.get(name, "default")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises ``UsageError`` when one is malformed or a secret's file cannot be read.
    """
    given = dict(os.environ if environment is None else environment)
    given = {name: value.strip() for name, value in given.items() if value.strip()}
    for name, value in given.items():
        if name.startswith("TIDEMARK_") or name == PREFECT_API_URL:
            _check_length(name, value)
    origins = {name: "environment" for name in given if name.startswith("TIDEMARK_") or name == PREFECT_API_URL}

    def secret(name: str) -> Secret | None:
        pointer = f"{name}_FILE"
        if name in given and pointer in given:
            raise UsageError(f"Both {name} and {pointer} are set.", remedy="Keep one of them.", code="bad-setting")
        if pointer in given:
            origins[name] = "file"
            return _secret(pointer, _read_secret_file(pointer, given[pointer]))
        return _secret(name, given[name]) if name in given else None

    home = _path(HOME, given.get(HOME, ".tidemark"))
    return Settings(
        database_url=_database_url(secret(DATABASE_URL)),
        home=home,
        source=given.get(SOURCE),
        lake=_path(LAKE, given[LAKE]) if LAKE in given else home / "lake",
        datasets=_path(DATASETS, given[DATASETS]) if DATASETS in given else None,
        slack_webhook=secret(SLACK_WEBHOOK),
        slack_token=secret(SLACK_TOKEN),
        slack_channel=given.get(SLACK_CHANNEL),
        source_limit=_positive(given, SOURCE_LIMIT, 2),
        warehouse_limit=_positive(given, WAREHOUSE_LIMIT, 2),
        fetch_seconds=_positive(given, FETCH_SECONDS, 3600),
        fetch_bytes=_positive(given, FETCH_BYTES, 4 * 1024**3),
        quarantine_days=_positive(given, QUARANTINE_DAYS, 90),
        prefect_api_url=_api_url(given.get(PREFECT_API_URL)),
        origins=origins,
    )


def _check_length(name: str, value: str) -> None:
    if len(value) > LONGEST:
        raise UsageError(
            f"{name} is longer than {LONGEST:,} characters.", remedy=f"Set {name} to less.", code="bad-setting"
        )


def _secret(name: str, text: str) -> Secret:
    _check_length(name, text)
    if not text.isprintable():
        raise UsageError(
            f"{name} holds a line break or another character that is no letter, digit or sign.",
            remedy=f"Set {name} to the secret alone, on one line.",
            code="bad-setting",
        )
    return Secret(text)


def _positive(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and int(text[:19]) > 0 and len(text) <= 18):
        raise UsageError(
            f"{name} is {text[:40]!r}.",
            remedy=f"Set {name} to a whole number above 0, of at most 18 digits.",
            code="bad-setting",
        )
    return int(text)


def _path(name: str, text: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:
        raise UsageError(
            f"{name} begins with the home of a user whom this machine does not know.",
            remedy=f"Set {name} to a path that begins with / or with ~/.",
            code="bad-setting",
        ) from None
    if not _can_exist(path):
        raise UsageError(
            f"{name} is a path that no file system can have.",
            remedy=f"Set {name} to a shorter path, without odd characters.",
            code="bad-setting",
        )
    return path


def _can_exist(path: Path) -> bool:
    try:
        path.lstat()
    except ValueError:  # a NUL, or what no file system can encode
        return False
    except OSError as error:
        return error.errno not in (errno.ENAMETOOLONG, errno.ELOOP)
    return True


def _read_secret_file(name: str, path: str) -> str:
    try:
        text = _path(name, path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"The file that {name} names cannot be read: {reason}.",
            remedy=f"Point {name} to a readable file that holds only the secret.",
            code="bad-setting",
        ) from None
    if not text:
        raise UsageError(f"The file that {name} names is empty.", remedy="Put the secret into it.", code="bad-setting")
    return text


def _database_url(url: Secret | None) -> Secret | None:
    if url is None:
        return None
    scheme, separator, rest = url.reveal().partition("://")
    if not separator or scheme not in ("postgres", "postgresql") or not _has_one_host(url.reveal()):
        raise UsageError(
            f"{DATABASE_URL} is not the address of a PostgreSQL database.",
            remedy="Write it as postgresql://user:password@host:5432/database, with one host; "
            "in the password write / as %2F, @ as %40.",
            code="bad-setting",
        )
    return Secret(f"postgresql://{rest}")


def _has_one_host(url: str) -> bool:
    """Whether it is clear where the password ends and the host begins: else a part of it is taken for the host."""
    try:
        parts = urlsplit(url)
        return parts.netloc.count("@") <= 1 and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_plain(url: str) -> bool:
    """Whether an address is written as it is sent: HTTP knows ASCII alone, and no blanks."""
    return url.isascii() and url.isprintable() and " " not in url


def _api_url(url: str | None) -> str | None:
    try:
        parts = urlsplit(url or "http://none")
        valid = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and _is_plain(url or "")
        valid = valid and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(
            f"{PREFECT_API_URL} is not the address of a Prefect server.",
            remedy="Write it as http://host:4200/api, or unset it to use a server of Tidemark's own.",
            code="bad-setting",
        )
    return url
