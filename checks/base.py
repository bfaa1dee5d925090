"""The suite of a dataset: what its contract implies, and what its own module adds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from checks import kinds
from checks.history import history_checks, limits
from checks.suites import SUITES
from tidemark.datasets.base import Dataset
from tidemark.verdict import Check

IN_MONTH = 0.9985  # the worst real month has 0.04 % outside
OTHER_MONTH = 0.98  # a twentieth outside is a part of another month's file, which has nearly all outside
HARDLY_EMPTY = 0.01  # some required columns are empty in half of a good month, and in three quarters of one of fhv
EVENTS_PRESENT = 0.9995
EVENTS_LOST = 0.99


def suite_of(dataset: Dataset) -> tuple[Check, ...]:
    """Return every rule of a dataset; those of its own module take the place of an implied one with the same code."""
    own = SUITES.get(dataset.name, ())
    codes = {check.code for check in own}
    return (*(check for check in _implied(dataset) if check.code not in codes), *own)


def every_check(dataset: Dataset) -> tuple[Check, ...]:
    """Return the rules of a dataset and what compares its months with those before."""
    return (*suite_of(dataset), *history_checks(dataset))


def suite_version(dataset: Dataset) -> str:
    """Twelve hex digits that change with the definition of any check or limit, and not with how reasons are worded."""
    definition = [
        (c.code, c.expectation, c.column, c.arguments, c.severity, str(c.since), str(c.until), c.reject_mostly)
        for c in sorted(every_check(dataset), key=lambda check: check.code)
    ]
    every_limit = {name: repr(value) for name, value in vars(limits).items() if name.isupper()}
    return hashlib.sha256(json.dumps([definition, every_limit]).encode()).hexdigest()[:12]


def code_of(dataset: str, *words: str) -> str:
    """Return a code such as ``GREEN-VENDOR-ID-PRESENT``."""
    return "-".join((dataset, *words)).replace("_", "-").upper()


def _implied(dataset: Dataset) -> Iterator[Check]:
    name, event = dataset.name, dataset.event_column
    yield kinds.columns(
        code_of(name, "columns"),
        ("month", "load_id", *(column.name for column in dataset.columns)),
        reason="A column that is not there cannot be read.",
    )
    yield kinds.rows(code_of(name, "rows"), at_least=1, reason="A file without rows is a mistake of its publisher.")
    yield kinds.in_month(
        code_of(name, event.removesuffix("_datetime"), "in", "month"),
        event,
        mostly=IN_MONTH,
        reject_mostly=OTHER_MONTH,
        reason="A few rows of other months are in every file; many mean that this is another month's file.",
    )
    for column in dataset.columns:
        if column.name == event:
            yield kinds.present(
                code_of(name, event, "present"),
                event,
                mostly=EVENTS_PRESENT,
                reject_mostly=EVENTS_LOST,
                reason="A row without its time belongs to no month.",
            )
        elif column.required and ((stand_in := dataset.stand_in(column)) is None or stand_in.until):
            yield kinds.present(
                code_of(name, column.name, "present"),
                column.name,
                mostly=HARDLY_EMPTY,
                since=stand_in.until.next if stand_in and stand_in.until else column.since,
                until=column.until,
                reason="A required column that is all but empty is as good as missing.",
            )
