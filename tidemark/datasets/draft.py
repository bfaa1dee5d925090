"""A first module for a dataset of the user's own, as a sample of it suggests."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tidemark.datasets.registry import RESERVED_COLUMNS
from tidemark.datasets.sample import MONTH, Sample, SampleColumn
from tidemark.errors import UsageError
from tidemark.months import Month

LAG_DAYS = 30

_MODULE = """\
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month

DATASET = Dataset(
    name={name},
    title={title},
    home={home},  # the folder or the https:// address below which the files are
    address={address},
    first_month=Month({first.year}, {first.number}),
    lag_days={lag_days},  # days after the end of a month by which its file is expected
    event_column={event},  # says when a row happened
    columns=(
{columns}
    ),
)
"""


def draft(name: str, sample: Sample) -> str:
    """Return the text of a module with a dataset of that name; its source is the sample's folder.

    A column is a line. It is required unless the sample has it empty in most rows.
    """
    names = _column_names([column.name for column in sample.columns])
    lines = [_line(names[column.name], column, sample) for column in sample.columns]
    return _MODULE.format(
        name=_quoted(name),
        title=_quoted(name.replace("_", " ").capitalize()),
        home=_quoted(str(sample.path.absolute().parent)),
        address=_quoted(_address(sample.path)),
        first=_first_month(sample),
        lag_days=LAG_DAYS,
        event=_quoted(names[sample.event_column.name]),
        columns="\n".join(lines),
    )


def write_draft(folder: Path, name: str, text: str) -> Path:
    """Write a module into the user's folder of datasets, which is made if need be; an older one is never replaced.

    Raises ``UsageError`` (``dataset-exists``, ``no-folder``).
    """
    path = folder / f"{name}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"There is already a file {path}.",
            remedy="Give the dataset another name, or move that file away.",
            code="dataset-exists",
        ) from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Point TIDEMARK_DATASETS to a folder that you may write to.",
            code="no-folder",
        ) from None
    return path


def _line(name: str, column: SampleColumn, sample: Sample) -> str:
    required = ", required=False" if 2 * column.nulls > sample.rows else ""
    names = f"names=({_quoted(column.name)},)"
    return f'        Column(name={_quoted(name)}, type=ColumnType.{column.type.name}, {names}, comment=""{required}),'


def _column_names(published: list[str]) -> dict[str, str]:
    """Return a name for the table for each published one: lower case, no blanks, and no two alike."""
    names: dict[str, str] = {}
    for each in published:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", each).lower()
        plain = re.sub(r"[^a-z0-9]+", "_", words, flags=re.ASCII).strip("_")[:55] or "column"
        plain = plain if plain[0].isalpha() and plain not in RESERVED_COLUMNS else f"c_{plain}"
        alike = sum(1 for name in names.values() if name == plain or name.startswith(f"{plain}_again"))
        names[each] = plain if not alike else f"{plain}_again{alike}"
    return names


def _address(path: Path) -> str:
    before, after = MONTH.split(path.name, maxsplit=1)
    return f"{_literal(before)}{{month}}{_literal(after)}"


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _first_month(sample: Sample) -> Month:
    """Return the oldest month that the sample's folder has a file of, by its name."""
    before, after = MONTH.split(sample.path.name, maxsplit=1)
    months = [sample.month]
    for path in sample.path.absolute().parent.iterdir():
        found = path.name.removeprefix(before).removesuffix(after)
        if path.name == f"{before}{found}{after}" and MONTH.fullmatch(found):
            months.append(Month.parse(found))
    return min(months)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # whatever is a text in JSON is the same one in Python
