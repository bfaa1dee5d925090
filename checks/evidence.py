"""Evidence: the rows that show why a check failed, read from the staged table.

It explains a verdict and never changes it: what cannot be read in time is left out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from checks.failing import failing_rows
from checks.showing import showing, theme_of, timetable
from tidemark import postgres
from tidemark.datasets.base import Dataset
from tidemark.queries import QUERIES
from tidemark.schema import sqlalchemy_url
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Check, Evidence, Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, TableClause

    from tidemark.profile import Profile

ROWS = 50  # of one check
STATEMENT_MS = 3000
ALTOGETHER_S = 10.0
LONGEST_TEXT = 200
MOST_TEXT = 100_000  # characters of one check's rows

logger = logging.getLogger(__name__)


def gather(
    url: Secret,
    dataset: Dataset,
    staged: Staged,
    checks: Sequence[Check],
    findings: Sequence[Finding],
    profile: Profile | None,
) -> tuple[Evidence, ...]:
    """Return up to 50 rows for each check that failed on the data, in the order of the findings.

    Lost days and hours are shown by the profile, as a row of them is not there to be read.
    """
    shown: dict[str, Evidence] = {}
    try:
        shown.update((each.code, each) for each in _timetables(staged, checks, findings, profile))
        queries = dict(_queries(dataset, staged, checks, [each for each in findings if each.code not in shown]))
        if queries:
            with _connected(url) as connection:
                shown.update((each.code, each) for each in _read(connection, queries))
    except Exception as error:  # noqa: BLE001 - a verdict stands without it
        logger.warning("%s: its evidence could not be read: %s", staged.partition, type(error).__name__)
    return tuple(shown[finding.code] for finding in findings if finding.code in shown)


def _timetables(
    staged: Staged, checks: Sequence[Check], findings: Sequence[Finding], profile: Profile | None
) -> Iterator[Evidence]:
    grid = profile.grid if profile else None
    if grid is None or not grid.hours:
        return
    themes = {check.code: theme_of(check) for check in checks}
    for finding in _failed(findings):
        rows = timetable(themes.get(finding.code, ""), finding, staged.partition.month, grid)
        if rows:
            yield Evidence(code=finding.code, rows=rows)


def _queries(
    dataset: Dataset, staged: Staged, checks: Sequence[Check], findings: Sequence[Finding]
) -> Iterator[tuple[str, Select[*tuple[Any, ...]]]]:
    from sqlalchemy import column, table

    asked = {check.code: check for check in checks}
    rows = table(staged.table, *(column(each.name) for each in dataset.columns), schema="staging")
    for finding in _failed(findings):
        if finding.code not in asked:
            continue
        query = _query(dataset, asked[finding.code], finding, staged, rows)
        if query is not None:
            yield finding.code, query.limit(ROWS)


def _failed(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed and not finding.errored]


def _query(
    dataset: Dataset, check: Check, finding: Finding, staged: Staged, rows: TableClause
) -> Select[*tuple[Any, ...]] | None:
    if check.expectation.startswith("history: "):
        return showing(dataset, check, finding, staged, rows)
    condition = failing_rows(check, staged.partition.month)
    return rows.select().where(condition) if condition is not None else None


@contextmanager
def _connected(url: Secret) -> Iterator[Connection]:
    from sqlalchemy import create_engine

    engine = create_engine(sqlalchemy_url(url), creator=lambda: _in_haste(url), pool_size=1)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _in_haste(url: Secret) -> postgres.Connection:
    connection = postgres.connect(url)
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["session_statement_timeout"], {"milliseconds": STATEMENT_MS})
    return connection


def _read(connection: Connection, queries: Mapping[str, Select[*tuple[Any, ...]]]) -> Iterator[Evidence]:
    deadline = monotonic() + ALTOGETHER_S
    for code, query in queries.items():
        if monotonic() < deadline:
            yield from _evidence(connection, code, query)


def _evidence(connection: Connection, code: str, query: Select[*tuple[Any, ...]]) -> Iterator[Evidence]:
    from sqlalchemy import exc

    try:
        rows = connection.execute(query).mappings().all()
    except exc.DBAPIError as error:
        logger.warning("The evidence of %s could not be read: %s", code, type(error.orig).__name__)
        return
    kept = tuple(_bounded([_shown(row) for row in rows]))
    if kept:
        yield Evidence(code=code, rows=kept)


def _bounded(rows: list[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    room = MOST_TEXT
    for row in rows:
        room -= sum(len(name) + len(str(value)) for name, value in row.items())
        if room < 0:
            return
        yield row


def _shown(row: Mapping[Any, Any]) -> Mapping[str, object]:
    return {str(name): _value(value) for name, value in row.items()}


def _value(value: object) -> object:
    """Return a value as JSON can hold it: moments and numbers without end as texts, long texts cut."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
