"""A small dataset of rides, and a depot that takes its months through the stages of a load, without Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from tests import rides
from tidemark import load as stages
from tidemark.backfill import Range, begin_run
from tidemark.datasets.base import Column, ColumnType, Dataset, Index, RowRule
from tidemark.errors import TidemarkError
from tidemark.facts import Attempt, Facts, Versions, read_facts, read_history
from tidemark.fetch import RawFile
from tidemark.load import Load, LoadResult
from tidemark.months import Month
from tidemark.plan import Mode
from tidemark.postgres import Connection, connect, explain
from tidemark.session import Session
from tidemark.settings import Secret, Settings, read_settings
from tidemark.verdict import Accepted, Verdict

if TYPE_CHECKING:
    import pandas

JANUARY, FEBRUARY, MARCH = Month(2023, 1), Month(2023, 2), Month(2023, 3)


def without_seats(rows: pandas.DataFrame) -> pandas.Series[bool]:
    return (rows["seats"] == 0).fillna(value=False)


RIDES = replace(
    rides.RIDES,
    columns=(
        Column(name="at", type=ColumnType.TIMESTAMP, names=("at",), comment="When it began.", unit="local time"),
        Column(name="price", type=ColumnType.DOUBLE, names=("price",), comment="How much it cost.", unit="euros"),
        Column(name="seats", type=ColumnType.INTEGER, names=("seats",), comment="How many went.", required=False),
        Column(name="note", type=ColumnType.TEXT, names=("note", "Remark"), comment="What else.", required=False),
    ),
    row_rules=(
        RowRule(code="RIDES-NO-SEATS", column="seats", reason="A ride of nobody is none.", takes=without_seats),
    ),
    indexes=(Index(columns=("at",), method="brin", purpose="Which rides began then?"),),
)


def write_rides(
    path: Path,
    month: Month,
    rows: int,
    *,
    price: Any = 1.0,
    seatless: Sequence[int] = (),
    row_group: int | None = None,
    **columns: Any,
) -> Path:
    """Write a month of rides; those at the positions ``seatless`` will be diverted. ``columns`` adds or replaces."""
    import pyarrow
    import pyarrow.parquet

    start = datetime.combine(month.first_day, datetime.min.time())
    nobody = set(seatless)
    values = {
        "at": pyarrow.array([start + timedelta(seconds=n) for n in range(rows)], pyarrow.timestamp("us")),
        "price": pyarrow.array([price] * rows, pyarrow.float64()) if isinstance(price, float) else price,
        "seats": pyarrow.array([0 if n in nobody else 2 for n in range(rows)], pyarrow.int64()),
        "note": pyarrow.array(["ok"] * rows, pyarrow.string()),
    }
    table = pyarrow.table(values | columns)
    pyarrow.parquet.write_table(table, path, row_group_size=row_group or max(rows, 1))
    return path


@dataclass(kw_only=True)
class Depot:
    """A source, a home and a database; loads that are opened here are closed at the end of the test."""

    source: Path
    settings: Settings
    url: Secret
    dataset: Dataset = RIDES
    opened: list[Load] = field(default_factory=list)

    @property
    def versions(self) -> Versions:
        from checks.versions import versions_of

        return versions_of(self.dataset)

    @property
    def session(self) -> Session:
        settings = replace(self.settings, database_url=self.url)
        return Session(settings=settings, datasets={self.dataset.name: self.dataset})

    def write(self, month: Month, rows: int = 100, **shape: Any) -> Path:
        """Put a month of rides at the source, in the place of an older one."""
        return write_rides(self.source / self.dataset.file_name(month), month, rows, **shape)

    def plan(self, month: Month, mode: Mode = Mode.ALL) -> int:
        """Begin a run of one month; returns its id."""
        connection = connect(self.url)
        try:
            chosen = Range(dataset=self.dataset, months=(month,))
            return begin_run(connection, self.session, chosen, mode, self.versions).run_id
        finally:
            connection.close()

    def open(self, month: Month, run_id: int | None, *, url: Secret | None = None) -> Load:
        """Open a load that holds its month's lock and has not begun."""
        partition = self.dataset.partition(month)
        load = stages.open_load(self.settings, url or self.url, self.dataset, partition, self.versions, run_id)
        self.opened.append(load)
        assert stages.take_lock(load)
        return load

    def judged(self, load: Load) -> Verdict:
        """Take a load that has work to do to its verdict, which is on record then."""
        assert stages.begin(load) is None
        raw = stages.fetch_raw(load)
        assert stages.same_as_before(load, raw) is None
        return self.audited(load, raw)

    def audited(self, load: Load, raw: RawFile) -> Verdict:
        from checks.gate import audit

        verdict = audit(self.url, self.dataset, stages.stage_raw(load, raw), raw=raw.path)
        stages.record_verdict(load, verdict)
        return verdict

    def accepted(self, load: Load) -> Accepted:
        verdict = self.judged(load)
        assert isinstance(verdict, Accepted), verdict
        return verdict

    def conclude(self, load: Load, verdict: Verdict) -> LoadResult:
        """Publish or quarantine; an error ends the attempt as it would in the flow."""
        return self.ended(load, lambda: stages.conclude(load, verdict))

    def load(self, month: Month, mode: Mode = Mode.ALL, *, run_id: int | None = None) -> LoadResult:
        """Load a month from its source to its end, in a run of its own unless one is given."""
        load = self.open(month, self.plan(month, mode) if run_id is None else run_id)
        try:
            return self.ended(load, lambda: self._attempt(load))
        finally:
            stages.close(load)

    def ended(self, load: Load, work: Callable[[], LoadResult]) -> LoadResult:
        """Do the work; an error ends the attempt as it would in the flow."""
        try:
            return work()
        except psycopg2.Error as error:
            return stages.end(load, stages.ending_of(explain(error, load.partition.name)))
        except TidemarkError as error:
            return stages.end(load, stages.ending_of(error))

    def _attempt(self, load: Load) -> LoadResult:
        ending = stages.begin(load)
        if ending is not None:
            return stages.end(load, ending)
        raw = stages.fetch_raw(load)
        ending = stages.same_as_before(load, raw)
        if ending is not None:
            return stages.end(load, ending)
        return stages.conclude(load, self.audited(load, raw))

    def facts(self, month: Month) -> Facts:
        with self.session.reading() as connection:
            (facts,) = read_facts(connection, self.dataset, (month,))
            return facts

    def history(self, month: Month) -> tuple[Attempt, ...]:
        with self.session.reading() as connection:
            assert connection is not None
            return read_history(connection, self.dataset.partition(month))

    def close(self) -> None:
        for load in self.opened:
            stages.close(load)


def make_depot(home: Path, url: Secret, dataset: Dataset = RIDES) -> Depot:
    source = home / "source"
    source.mkdir()
    settings = read_settings({"TIDEMARK_HOME": str(home / "home"), "TIDEMARK_SOURCE": str(source)})
    return Depot(source=source, settings=settings, url=url, dataset=dataset)


@contextmanager
def opened(url: Secret) -> Iterator[Connection]:
    connection = connect(url)
    try:
        yield connection
    finally:
        connection.close()


def ask(connection: Connection, query: str | sql.Composable, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []


def rides_of(connection: Connection, month: Month) -> set[tuple[float, int]]:
    """What a reader sees of a month of rides: each price with its number of rows."""
    return set(ask(connection, "select price, count(*) from trips.rides where month = %s group by 1", month.first_day))
