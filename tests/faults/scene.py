"""A source, a home and a database for commands of the warm parent: what is published there, and what readers see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2

from tests import depot
from tests.depot import ask, opened, write_rides
from tests.faults.loaders import Ended, Kill, Loaders
from tests.invariants import check_data, check_invariants
from tests.waiting import eventually
from tidemark.months import Month
from tidemark.plan import Mode
from tidemark.postgres import connect
from tidemark.settings import Secret
from tidemark.warehouse import ensure_tables

RIDES = replace(depot.RIDES, first_month=Month(1950, 1))  # so that there are months enough

# what a reader sees of a month: rows and diverted rows, by their price, which tells one file from another
Sight = frozenset[tuple[str, float, int]]
NOTHING: Sight = frozenset()

LOOK = """
    select month, 'rows', price, count(*) from trips.rides where month = any(%(months)s) group by month, price
    union all
    select month, 'diverted', ("row" ->> 'price')::float, count(*) from diverted.rides where month = any(%(months)s)
    group by month, "row" ->> 'price'
"""
LOADERS_LEFT = """
    select count(*) from pg_stat_activity where application_name = 'tidemark' and datname = current_database()
    and pid <> pg_backend_pid()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A month's file as it will be at the source; its price is its own. ``bad``: its rows are of another month."""

    month: Month
    price: float
    rows: int
    diverted: int = 0
    bad: bool = False

    @property
    def rejected(self) -> bool:
        return self.bad or self.rows == self.diverted

    @property
    def sight(self) -> Sight:
        """What readers see of it when it is published."""
        counts = (("rows", self.price, self.rows - self.diverted), ("diverted", self.price, self.diverted))
        return frozenset(count for count in counts if count[2])


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """Where commands run: a folder with their home, a source and a database."""

    loaders: Loaders
    folder: Path
    source: Path
    url: Secret

    @property
    def settings(self) -> dict[str, str]:
        return {
            "TIDEMARK_DATABASE_URL": self.url.reveal(),
            "TIDEMARK_DATASETS": str(self.folder / "datasets"),
            "TIDEMARK_HOME": str(self.folder / "home"),
            "TIDEMARK_SOURCE": str(self.source),
            # a killed task holds its slot for a minute, and must not make the next ones wait
            "TIDEMARK_SOURCE_LIMIT": "1000",
            "TIDEMARK_WAREHOUSE_LIMIT": "1000",
            "TMPDIR": str(self.folder / "tmp"),
        }

    def write(self, file: File) -> None:
        """Put a file at the source, in the place of an older one."""
        month = Month(file.month.year - 1, file.month.number) if file.bad else file.month
        target = self.source / RIDES.file_name(file.month)
        new = target.with_suffix(".new")
        write_rides(new, month, file.rows, price=file.price, seatless=range(file.diverted))
        new.replace(target)

    def backfill(
        self,
        first: Month,
        last: Month | None = None,
        *,
        mode: Mode = Mode.DUE,
        kill: Kill | None = None,
        url: Secret | None = None,
        on_begin: Callable[[int], None] | None = None,
    ) -> Ended:
        """Run ``tidemark backfill``; ``url``: another way to the database."""
        settings = self.settings | ({"TIDEMARK_DATABASE_URL": url.reveal()} if url else {})
        arguments = ("backfill", RIDES.name, str(first), str(last or first), "--mode", str(mode), "--json")
        return self.loaders.run(*arguments, folder=self.folder, settings=settings, kill=kill, on_begin=on_begin)

    def status(self, month: Month) -> Ended:
        arguments = ("status", RIDES.name, str(month), str(month), "--json")
        return self.loaders.run(*arguments, folder=self.folder, settings=self.settings)

    def sights(self, *months: Month) -> Mapping[Month, Sight]:
        """What a reader sees now of each of these months."""
        with closing(psycopg2.connect(self.url.reveal())) as connection:
            return look(connection, months)

    def wait_until_let_go(self) -> None:
        """Wait until the server has noticed that a killed loader is gone."""
        with opened(self.url) as connection:
            eventually(
                lambda: ask(connection, LOADERS_LEFT) == [(0,)], "the server has noticed that the loader is gone"
            )

    def half_fetched(self) -> list[Path]:
        """Files that a killed fetch has left; the sweep takes them when they are older than the longest fetch."""
        return list((self.folder / "home" / "lake" / "incoming").glob("*"))

    def let_time_pass(self) -> None:
        """Make what a killed fetch has left older than the longest fetch."""
        for path in self.half_fetched():
            os.utime(path, (0, 0))

    def forget_the_past(self) -> None:
        """Leave no month to compare others with: here months of any size and price follow each other."""
        shutil.rmtree(self.folder / "home" / "lake" / "raw", ignore_errors=True)
        with closing(psycopg2.connect(self.url.reveal())) as connection, connection, connection.cursor() as cursor:
            cursor.execute("delete from tidemark.profile")

    def check_data(self) -> None:
        check_data(self.url, RIDES.name)

    def check_invariants(self) -> None:
        """Assert what must hold when the same command has ended: nothing is left in folders either."""
        check_invariants(self.url, RIDES.name)
        left = [*self.half_fetched(), *(self.folder / "home" / "tmp").glob("*"), *(self.folder / "tmp").glob("*")]
        assert not left, f"a load has left {left}"


def make_scene(loaders: Loaders, folder: Path, url: Secret, *, source: Path | None = None) -> Scene:
    """Make a scene in an empty folder and a database with a ledger, with a source of its own unless one is given."""
    for name in ("datasets", "tmp", "source"):
        (folder / name).mkdir()
    (folder / "datasets" / "rides.py").write_text("from tests.faults.scene import RIDES as DATASET\n")
    with closing(connect(url)) as connection:
        ensure_tables(connection, RIDES)  # so that readers may be there before the first load
    return Scene(loaders=loaders, folder=folder, source=source or folder / "source", url=url)


def look(connection: psycopg2.extensions.connection, months: tuple[Month, ...]) -> dict[Month, Sight]:
    """What a transaction sees of each of these months, in one statement."""
    found: dict[Month, set[tuple[str, float, int]]] = {month: set() for month in months}
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {"months": [month.first_day for month in months]})
        for day, kind, price, count in cursor.fetchall():
            found[Month.of(day)].add((kind, price, count))
    return {month: frozenset(sight) for month, sight in found.items()}
