"""Where the file of a month is: below an address, in a folder, or where a template says."""

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
FORMATS = (".parquet", ".csv.gz", ".csv")  # in the order in which a folder is searched for them
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,16}(?:\.gz)?)", re.ASCII)
_PLACEHOLDER = re.compile(r"\{[^{}/]*\}")


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
        name = Path(self.shown)
        packed = name.suffix.lower() == ".gz" and _EXTENSION.fullmatch(Path(name.stem).suffix)
        match = _EXTENSION.fullmatch(Path(name.stem).suffix + name.suffix if packed else name.suffix)
        return match[1] if match else "bin"


def locate(dataset: Dataset, month: Month, source: str | None) -> Location:
    """Return where a month's file is: below ``source``, or below the dataset's public home when there is none.

    A source with ``{month}`` is a template, of a path or an address, in which ``{dataset}`` may stand too. In a folder
    the file may have another of the ``FORMATS`` than the dataset's own.
    Raises ``UsageError`` (``bad-source``) when the source is no http, https or file address and no folder.
    """
    source = dataset.home if source is None else source
    if _is_template(source):
        return _locate_by_template(source, dataset.name, month)
    name = dataset.file_name(month)
    folder = _folder(source)
    if folder is not None:
        path = _in_any_format(folder / name)
        return Location(path=path, shown=str(path))
    return _at(_address(source), f"/{quote(name)}")


def check_source(source: str) -> None:
    """Check that a source can be used at all, without asking it for anything.

    Raises ``UsageError`` (``bad-source``).
    """
    if _is_template(source):
        _locate_by_template(source, "dataset", Month(2000, 1))
    elif _folder(source) is None:
        _address(source)


def _at(base: SplitResult, name: str) -> Location:
    path_of_file = f"{quote(base.path, safe=_IN_PATH).rstrip('/')}{name}"
    query = quote(base.query, safe=_IN_PATH + "?")
    url = urlunsplit((base.scheme, base.netloc, path_of_file, query, ""))
    return Location(url=url, shown=masked(url))


def _is_template(source: str) -> bool:
    """Whether there is something in braces where the path is; a folder may have any name."""
    before, path, _ = _split_at_path(source)
    return bool(_PLACEHOLDER.search(path)) and (bool(before) or not _is_folder(source))


def _is_folder(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # no name for a file system, or no such home
        return False


def _locate_by_template(source: str, dataset: str, month: Month) -> Location:
    before, path, after = _split_at_path(source)
    named = set(_PLACEHOLDER.findall(path))
    unknown = sorted(named - {"{dataset}", "{month}"})
    if unknown:
        raise _bad_source(f"The source has {unknown[0][:40]}, and a template knows {{dataset}} and {{month}} alone.")
    if "{month}" not in named:
        raise _bad_source("The source has {dataset} and lacks {month}, so all months would be one file.")
    filled = path.replace("{dataset}", dataset).replace("{month}", str(month))
    if before and not before.lower().startswith("file:"):
        return _at(_address(before + filled + after), "")
    try:
        place = Path(_path_of_file_address(before + filled) if before else filled).expanduser().absolute()
    except (OSError, ValueError, RuntimeError):
        raise _bad_source(
            "The source is a path that no file system can have, or in a home that is not there."
        ) from None
    return Location(path=place, shown=str(place))


def _split_at_path(source: str) -> tuple[str, str, str]:
    """Return what is before the path, the path, and what is after it: only the path of an address is a template."""
    scheme, separator, rest = source.partition("://")
    if not separator:
        return "", source, ""
    host, slash, path = rest.partition("/")
    path, question, query = path.partition("?")
    return f"{scheme}://{host}", slash + path, question + query


def _in_any_format(path: Path) -> Path:
    """Return the file that is there: the one that was asked for, or the same in the first other format."""
    ending = next((ending for ending in FORMATS if path.name.endswith(ending)), None)
    if ending is None or path.exists():
        return path
    others = (path.with_name(path.name.removesuffix(ending) + other) for other in FORMATS)
    return next((other for other in others if other.exists()), path)


def _folder(source: str) -> Path | None:
    """Return the folder that a path or a file address names; None for any other address."""
    scheme, separator, _ = source.partition("://")
    if scheme.lower() == "file":
        text = shown = _path_of_file_address(source)
    elif separator or source.lower().startswith(("http:", "https:", "file:")):
        return None
    else:  # it may be an address whose scheme was forgotten
        text, shown = source, source.partition("?")[0].rpartition("@")[2]
    if not _is_folder(text):
        raise _bad_source(f"The source {shown[:200]!r} is not a folder that exists.")
    return Path(text).expanduser().absolute()


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
        remedy=f"Set {SOURCE} to a folder that exists, to an address that begins with https://, http:// or file://, "
        "or to a template such as https://host/{dataset}/{dataset}_{month}.csv.gz.",
        code="bad-source",
    )
