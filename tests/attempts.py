"""Attempts and facts as the ledger gives them, for tests that need no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests import rides
from tests.rides import AT, NOTE, PRICE
from tidemark.datasets.base import Column, ColumnType
from tidemark.facts import Attempt, Facts, Versions
from tidemark.ledger import Outcome, SourceSeen
from tidemark.months import Month
from tidemark.partition import Partition

FEBRUARY = Month(2023, 2)
TODAY = date(2023, 6, 15)
VERSIONS = Versions(contract="c1", suite="s1")
URL = "https://data.example.org/rides_2023-02.parquet"

RIDES = replace(
    rides.RIDES,
    columns=(
        AT,
        replace(PRICE, names=("price", "fare")),
        Column(name="seats", type=ColumnType.INTEGER, names=("seats",), comment="For how many."),
        Column(name="riders", type=ColumnType.BIGINT, names=("riders",), comment="How many.", required=False),
        NOTE,
    ),
)

_OF_OUTCOME: Mapping[Outcome, Mapping[str, Any]] = {
    Outcome.PUBLISHED: {"code": "published", "reason": "1,990 rows loaded.", "rows_published": 1990},
    Outcome.UNCHANGED: {"code": "same-bytes", "reason": "The source has the same bytes.", "rows_read": None},
    Outcome.REJECTED: {"code": "html", "reason": "The source sent a web page."},
    Outcome.FAILED: {"code": "timeout", "reason": "The source took too long.", "sha256": None, "rows_read": None},
    Outcome.UNAVAILABLE: {"code": "not-at-source", "reason": "It is not there.", "sha256": None, "rows_read": None},
    Outcome.INTERRUPTED: {"code": "interrupted", "reason": "The loader was killed.", "sha256": None, "rows_read": None},
}


def attempt(outcome: Outcome | None, *, load_id: int = 1, **changes: Any) -> Attempt:
    """An attempt at February 2023 that ended on 2023-04-<load_id>, with the versions of today."""
    began = datetime(2023, 4, load_id, 10, tzinfo=UTC)
    values: dict[str, Any] = {
        "load_id": load_id,
        "month": FEBRUARY,
        "run_id": None,
        "outcome": outcome,
        "code": None,
        "reason": None,
        "remedy": None,
        "began_at": began,
        "ended_at": began + timedelta(minutes=1) if outcome else None,
        "contract_version": VERSIONS.contract,
        "suite_version": VERSIONS.suite,
        "source_url": URL,
        "sha256": f"sha-{load_id}",
        "file_bytes": 1000,
        "etag": f'"etag-{load_id}"',
        "last_modified": None,
        "raw_path": None,
        "rows_read": 2000,
        "rows_published": None,
        "rows_diverted": 10,
        "diverted": {"no-price": 10},
        "dropped_columns": (),
        "verdict": None,
        "quarantine_table": None,
    }
    return Attempt(**(values | dict(_OF_OUTCOME.get(outcome, {}) if outcome else {}) | changes))


def facts_after(*outcomes: Outcome, month: Month = FEBRUARY, running: bool = False, **seen: Any) -> Facts:
    """The facts of a month after attempts that ended like this; ``seen`` differs from the last attempt's file."""
    attempts = [attempt(outcome, load_id=n, month=month) for n, outcome in enumerate(outcomes, start=1)]
    current = next((a for a in reversed(attempts) if a.outcome is Outcome.PUBLISHED), None)
    last = attempts[-1] if attempts else None
    deciding = next((a for a in reversed(attempts) if a.outcome is not Outcome.UNCHANGED), None)
    return Facts(
        partition=Partition(RIDES.name, month),
        current=current,
        last=last,
        deciding=last if current else deciding,
        running=running,
        seen=seen_file(**seen) if seen else None,
    )


def seen_file(**changes: Any) -> SourceSeen:
    values: dict[str, Any] = {
        "url": URL,
        "available": True,
        "etag": None,
        "last_modified": None,
        "size": None,
        "sha256": None,
    }
    return SourceSeen(**(values | changes))
