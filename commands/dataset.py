"""``tidemark dataset``: a first module for a dataset of one's own, and whether it fits the files of its source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands import options
from commands.output import out, print_json, shown
from tidemark.errors import UsageError

if TYPE_CHECKING:
    from tidemark.datasets.base import Dataset
    from tidemark.datasets.conformance import Remark

MARKS = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "bad": "[bold red]✗[/]"}


@click.group(no_args_is_help=False)
def dataset() -> None:
    """Make a dataset of your own, and check that it fits its files."""


@dataset.command()
@click.argument("name", callback=options.not_blank)
@click.argument("sample", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def new(name: str, sample: Path) -> int:
    """Write a first module for the dataset NAME, as the file SAMPLE suggests, into the folder TIDEMARK_DATASETS.

    SAMPLE is the file of one month, as published: .parquet, .csv or .csv.gz, with the month (YYYY-MM) in its name.
    """
    from tidemark.datasets.draft import draft, write_draft
    from tidemark.datasets.registry import check_name, load_datasets
    from tidemark.datasets.sample import read_sample
    from tidemark.settings import DATASETS, read_settings

    settings = read_settings()
    if settings.datasets is None:
        raise UsageError(
            f"{DATASETS} is not set, so there is no folder for datasets of your own.",
            remedy=f"Set it, and keep it set: export {DATASETS}=$PWD/datasets",
            code="bad-setting",
        )
    check_name(name, load_datasets(settings.datasets if settings.datasets.is_dir() else None))
    told = read_sample(sample)
    path = write_draft(settings.datasets, name, draft(name, told))
    load_datasets(settings.datasets)
    console = out()
    console.print(f"{shown(str(path))}: {len(told.columns)} columns, as {told.rows:,} rows of {shown(sample.name)} say")
    console.print(
        f"  A row happened at its '{shown(told.event_column.name)}'. Check the types, and write the comments."
    )
    for left_out in told.left_out:
        console.print(f"  [yellow]Left out:[/] {shown(left_out)}, of which no column can be made.")
    console.print(f"\nThen: [bold]tidemark dataset check {name}[/]")
    return 0


@dataset.command()
@click.argument("name", callback=options.not_blank)
@options.as_json
def check(name: str, as_json: bool) -> int:
    """Read the files of the first three months of the dataset NAME as a load would, and say what to mend.

    Nothing is loaded. Ends with 0 when all fits, with 1 when something is to be mended.
    """
    from tidemark.datasets.conformance import check_files
    from tidemark.datasets.registry import find_dataset, load_datasets
    from tidemark.settings import read_settings

    settings = read_settings()
    found = find_dataset(name, load_datasets(settings.datasets))
    remarks = tuple(check_files(found, settings))
    status = 1 if any(remark.level == "bad" for remark in remarks) else 0
    if as_json:
        points = [_remark_json(remark) for remark in remarks]
        print_json({"version": 1, "dataset": name, "points": points, "exit": status})
    else:
        _print(found, remarks, status)
    return status


def _print(dataset: Dataset, remarks: tuple[Remark, ...], status: int) -> None:
    console = out()
    console.print(f"{MARKS['ok']} module: {dataset.name} is sound, with {len(dataset.columns)} columns")
    for remark in remarks:
        console.print(f"{MARKS[remark.level]} {remark.what}: {shown(remark.found)}")
        if remark.remedy:
            console.print(f"    {shown(remark.remedy)}")
    if status == 0:
        console.print(f"\nIt fits. Then: [bold]tidemark backfill {dataset.name}[/]")


def _remark_json(remark: Remark) -> dict[str, object]:
    return {"what": remark.what, "level": remark.level, "found": remark.found, "remedy": remark.remedy}
