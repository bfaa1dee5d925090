"""The datasets that Tidemark knows: the four that come with it, and the user's own."""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from types import MappingProxyType, ModuleType

from tidemark import settings
from tidemark.datasets import fhv, fhvhv, green, yellow
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.errors import UsageError
from tidemark.months import Month

BUILT_IN = (yellow.DATASET, green.DATASET, fhv.DATASET, fhvhv.DATASET)
RESERVED_COLUMNS = frozenset({"month", "load_id"})
INDEX_METHODS = frozenset({"brin", "btree", "hash"})

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
FIRST_MONTH = Month(1900, 1)
LONGEST_REASON = 300
LONGEST_NAME = 30  # names of staging tables add up to 33, and PostgreSQL cuts names after 63 bytes
_NAME_OF_A_MONTH = re.compile(r".*_\d{4}_\d{2}", re.ASCII)
_NUMBERS = (ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DOUBLE)


def load_datasets(folder: Path | None) -> Mapping[str, Dataset]:
    """Return every dataset by its name: those that come with Tidemark, then those in the user's folder.

    Raises ``UsageError`` when the folder does not exist or a file in it does not define a sound dataset.
    """
    datasets = {dataset.name: dataset for dataset in BUILT_IN}
    for path in _dataset_files(folder):
        dataset = _load_dataset(path)
        if dataset.name in datasets:
            raise _bad_file(path, f"there is already a dataset named {dataset.name!r}")
        datasets[dataset.name] = dataset
    return MappingProxyType(datasets)


def find_dataset(name: str, datasets: Mapping[str, Dataset]) -> Dataset:
    """Return the dataset of that name.

    Raises ``UsageError`` with the code ``unknown-dataset`` when there is none.
    """
    if name in datasets:
        return datasets[name]
    closest = difflib.get_close_matches(name.lower(), datasets, n=1)
    suggestion = f"Did you mean {closest[0]}? " if closest else ""
    raise UsageError(
        f"There is no dataset {name[:40]!r}.",
        remedy=f"{suggestion}The datasets are: {', '.join(datasets)}. TIDEMARK_DATASETS names a folder with your own.",
        code="unknown-dataset",
    )


def check_name(name: str, datasets: Mapping[str, Dataset]) -> None:
    """Check that a new dataset may have this name.

    Raises ``UsageError`` with the code ``bad-name`` when it may not.
    """
    problems = list(_wrong_with_name(name))
    if name in datasets:
        problems.append(f"there is already a dataset named {name!r}")
    if problems:
        raise UsageError(
            f"A new dataset cannot be named {name[:40]!r}: {problems[0]}.",
            remedy="Give it another name: lower case, with digits and underscores, for example bike_rides.",
            code="bad-name",
        )


def check_dataset(dataset: Dataset) -> tuple[str, ...]:
    """Return what is wrong with a dataset, one sentence each; nothing when it is sound."""
    return (
        *_wrong_with_identity(dataset),
        *_wrong_with_columns(dataset.columns),
        *_wrong_with_references(dataset),
    )


def _dataset_files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise UsageError(
            f"The folder of your own datasets does not exist: {folder}.",
            remedy=f"Create it, or point {settings.DATASETS} to the folder that holds them.",
            code="bad-setting",
        )
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def _load_dataset(path: Path) -> Dataset:
    module = _import_file(path)
    dataset = getattr(module, "DATASET", None)
    if not isinstance(dataset, Dataset):
        raise _bad_file(path, "it defines no DATASET that is a tidemark.datasets.base.Dataset")
    try:
        problems = check_dataset(dataset)
    except (TypeError, ValueError, AttributeError) as error:
        # the value holds something of another type than its fields say
        raise _bad_file(path, f"its DATASET cannot be read: {error}") from error
    if problems:
        raise _bad_file(path, "; ".join(problems))
    return dataset


def _import_file(path: Path) -> ModuleType:
    name = f"_tidemark_dataset_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _bad_file(path, "it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # dataclasses in the file look their module up here
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        del sys.modules[name]
        raise _bad_file(path, f"it cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _bad_file(path: Path, reason: str) -> UsageError:
    reason = " ".join(settings.without_secrets(reason).split())  # it may be the text of an exception of the file's
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[: LONGEST_REASON - 1]}…"
    return UsageError(
        f"The dataset file {path.name} cannot be used: {reason}.",
        remedy=f"Mend {path}, or take it out of the folder that {settings.DATASETS} names.",
        code="bad-dataset",
    )


def _wrong_with_name(name: str) -> Iterator[str]:
    if not _IDENTIFIER.fullmatch(name) or len(name) > LONGEST_NAME:
        yield f"the name {name!r} is no lower-case identifier of at most {LONGEST_NAME} characters"
    if _NAME_OF_A_MONTH.fullmatch(name):
        # trips.<name> would take the place of another dataset's month
        yield f"the name {name!r} ends like the table of a month"


def _wrong_with_identity(dataset: Dataset) -> Iterator[str]:
    yield from _wrong_with_name(dataset.name)
    if not isinstance(dataset.first_month, Month):
        yield "first_month is not a Month"
        return
    if dataset.first_month < FIRST_MONTH:
        yield f"first_month is before {FIRST_MONTH}"
    try:
        one_file_for_all = dataset.file_name(dataset.first_month) == dataset.file_name(dataset.first_month.next)
    except (KeyError, IndexError):
        yield f"the address {dataset.address!r} has other placeholders than {{dataset}} and {{month}}"
        return
    if one_file_for_all:
        yield f"the address {dataset.address!r} lacks {{month}}"
    if dataset.lag_days < 0:
        yield "lag_days is below 0"


def _wrong_with_columns(columns: tuple[Column, ...]) -> Iterator[str]:
    for name in _repeated(column.name for column in columns):
        yield f"there are several columns named {name!r}"
    for column in columns:
        if not _IDENTIFIER.fullmatch(column.name) or len(column.name) > 63:
            yield f"the column name {column.name!r} is no lower-case identifier of at most 63 characters"
        if column.name in RESERVED_COLUMNS:
            yield f"the column name {column.name!r} is reserved"
        if isinstance(column.names, str) or not column.names:
            yield f"the names of column {column.name!r} are not a tuple of at least one name"
        if column.unless and column.unless not in {other.name for other in columns if other is not column}:
            yield f"column {column.name!r} may be absent for {column.unless!r}, which is no other column"
        if column.since and column.until and column.since > column.until:
            yield f"column {column.name!r} ends ({column.until}) before it begins ({column.since})"
    for one, other in combinations(columns, 2):
        for name in sorted(set(one.names) & set(other.names)):
            if _family(one) == _family(other):
                yield f"the columns {one.name!r} and {other.name!r} both claim the name {name!r} and hold the same kind"


def _wrong_with_references(dataset: Dataset) -> Iterator[str]:
    types = {column.name: column.type for column in dataset.columns}
    if dataset.event_column not in types:
        yield f"the event column {dataset.event_column!r} is not among the columns"
    elif types[dataset.event_column] is not ColumnType.TIMESTAMP:
        yield f"the event column {dataset.event_column!r} is not a timestamp"
    for code in _repeated(rule.code for rule in dataset.row_rules):
        yield f"there are several row rules with the code {code!r}"
    for rule in dataset.row_rules:
        if rule.column not in types:
            yield f"the row rule {rule.code!r} names the column {rule.column!r}, which does not exist"
    for index in dataset.indexes:
        if index.method not in INDEX_METHODS:
            yield f"the index method {index.method!r} is none of {', '.join(sorted(INDEX_METHODS))}"
        if not index.columns:
            yield "an index has no columns"
        for name in index.columns:
            if name not in types:
                yield f"an index names the column {name!r}, which does not exist"


def _family(column: Column) -> str:
    return "number" if column.type in _NUMBERS else column.type.value


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
