"""The suite of a dataset: what its contract implies, and what its own module adds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from checks import kinds
from checks.suites import SUITES
from tidemark.datasets.base import Dataset
from tidemark.verdict import Check

IN_MONTH = 0.95  # the worst real month has 0.04 % outside; another month's file has nearly all
HARDLY_EMPTY = 0.01  # some required columns are empty in half of a good month, and in three quarters of one of fhv
EVENTS_PRESENT = 0.95


def suite_of(dataset: Dataset) -> tuple[Check, ...]:
    """Return every check of a dataset; one of its own module takes the place of an implied one with the same code."""
    own = {check.code: check for check in SUITES.get(dataset.name, ())}
    implied = {check.code: check for check in _implied(dataset)}
    return tuple((implied | own).values())


def suite_version(dataset: Dataset) -> str:
    """Twelve hex digits that change with the definition of any check, and not with how its reason is worded."""
    definition = [
        (c.code, c.expectation, c.column, c.arguments, c.severity, str(c.since), str(c.until))
        for c in sorted(suite_of(dataset), key=lambda check: check.code)
    ]
    return hashlib.sha256(json.dumps(definition).encode()).hexdigest()[:12]


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
        reason="A few rows of other months are in every file; many mean that this is another month's file.",
    )
    for column in dataset.columns:
        if column.name == event:
            yield kinds.present(
                code_of(name, event, "present"),
                event,
                mostly=EVENTS_PRESENT,
                reason="A row without its time belongs to no month.",
            )
        elif column.required:
            yield kinds.present(
                code_of(name, column.name, "present"),
                column.name,
                mostly=HARDLY_EMPTY,
                since=column.since,
                until=column.until,
                reason="A required column that is all but empty is as good as missing.",
            )
