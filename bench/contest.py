"""The loads that are compared with each other: one of each in turn, round after round, in warm processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from psycopg2 import sql

from bench.database import ask, count, expect, expect_published, forget, settle
from bench.results import Spread
from bench.scale import Scale
from bench.stand import Stand
from bench.worker import Worker

MONTH = "2023-01"
FIRST_DAY = date(2023, 1, 1)
KEYS = ("floor_copy_s", "stage_s", "month_s", "reload_s", "month_plain_s", "dlt_s", "to_sql_s")
SCHEMA = "bench"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One kind of load. ``prepare`` and ``check`` are not timed; ``run`` returns the seconds that it took."""

    prepare: Callable[[], None]
    run: Callable[[], float]
    check: Callable[[], None]


@dataclass(kw_only=True)
class Contest:
    """Compares loads of one month; ``versions`` of the libraries of others are told by their workers."""

    stand: Stand
    scale: Scale
    keys: tuple[str, ...]
    versions: dict[str, Mapping[str, str]] = field(default_factory=dict)
    file_mb: float = 0.0

    def hold(self) -> dict[str, Spread]:
        """Let each load run in turn: a round that warms up, then the rounds that count."""
        seconds: dict[str, list[float]] = {key: [] for key in self.keys}
        with self._contenders() as contenders:
            for number in range(self.scale.repeats + 1):
                for key in self.keys:
                    took = self._time(contenders[key])
                    of = f"{number} of {self.scale.repeats}" if number else "to warm up"
                    self.stand.say(f"{key} {took:.2f} ({of})")
                    if number:
                        seconds[key].append(took)
        return {key: Spread.of(values) for key, values in seconds.items()}

    def _time(self, contender: Contender) -> float:
        contender.prepare()
        settle(self.stand)
        took = contender.run()
        contender.check()
        return took

    @contextmanager
    def _contenders(self) -> Iterator[dict[str, Contender]]:
        """Start the workers that the chosen keys need, and no others."""
        (file,) = self.stand.make("month", MONTH, MONTH, self.scale.rows)
        self.file_mb = round(file.stat().st_size / 1e6, 1)
        (other,) = self.stand.make("changed", MONTH, MONTH, self.scale.rows, seed=1)
        ask(self.stand.connection, sql.SQL("create schema {}").format(sql.Identifier(SCHEMA)))
        with ExitStack() as stack:

            def worker(module: str, own: str | None = None) -> Worker:
                return stack.enter_context(self.stand.worker(module, own=own))

            ours = worker("bench.ours")
            self.stand.serve(file)
            ours.ask("plain", dataset="yellow", first=MONTH, last=MONTH, window=1)  # makes the tables
            made: dict[str, Contender] = self._of_ours(ours, file, other)
            if "floor_copy_s" in self.keys:
                made["floor_copy_s"] = self._floor(worker("bench.floor"), file)
            if "dlt_s" in self.keys:
                made["dlt_s"] = self._dlt(worker("bench.rivals.dlt_adbc", "dlt"), file)
            if "to_sql_s" in self.keys:
                made["to_sql_s"] = self._to_sql(worker("bench.rivals.to_sql", "to_sql"))
            yield made

    def _floor(self, worker: Worker, file: Path) -> Contender:
        stand, encoded = self.stand, self.stand.made / "encoded"
        columns = worker.ask("encode", dataset="yellow", month=MONTH, source=str(file), target=str(encoded))["columns"]
        table = sql.Identifier(SCHEMA, "floor")

        def prepare() -> None:
            forget(stand)
            ask(stand.connection, sql.SQL("drop table if exists {}").format(table))
            ask(stand.connection, sql.SQL("create table {} (like trips.yellow)").format(table))
            defaults = "alter table {} alter column month set default %s, alter column load_id set default 1"
            ask(stand.connection, sql.SQL(defaults).format(table), FIRST_DAY)

        def check() -> None:
            expect("rows of the floor", count(stand, SCHEMA, "floor"), self.scale.rows)
            ask(stand.connection, sql.SQL("drop table {}").format(table))

        def run() -> float:
            return worker.seconds("copy", source=str(encoded), schema=SCHEMA, table="floor", columns=columns)

        return Contender(prepare=prepare, run=run, check=check)

    def _of_ours(self, worker: Worker, file: Path, other: Path) -> dict[str, Contender]:
        stand, rows = self.stand, self.scale.rows
        month = {"dataset": "yellow", "first": MONTH, "last": MONTH, "window": 1}

        def fresh() -> None:
            forget(stand)
            stand.serve(file)

        def published() -> None:
            fresh()
            worker.ask("plain", **month)
            stand.serve(other)

        def stage() -> float:
            reply = worker.ask("stage", dataset="yellow", month=MONTH)
            expect("rows staged", reply["rows_read"], rows)
            return float(reply["seconds"])

        return {
            "stage_s": Contender(prepare=fresh, run=stage, check=lambda: forget(stand)),
            "month_s": self._month(fresh, lambda: worker.seconds("under_prefect", **month), file),
            "month_plain_s": self._month(fresh, lambda: worker.seconds("plain", **month), file),
            "reload_s": self._month(published, lambda: worker.seconds("under_prefect", **month), other),
        }

    def _month(self, prepare: Callable[[], None], run: Callable[[], float], file: Path) -> Contender:
        def check() -> None:
            expect_published(self.stand, [FIRST_DAY], self.scale.rows, file)
            forget(self.stand)  # else autovacuum would work on it while others are timed

        return Contender(prepare=prepare, run=run, check=check)

    def _dlt(self, worker: Worker, file: Path) -> Contender:
        stand = self.stand
        schema = sql.Identifier("dlt")
        self.versions["dlt"] = worker.ask("versions")["versions"]

        def prepare() -> None:
            ask(stand.connection, sql.SQL("drop schema if exists {} cascade").format(schema))

        def check() -> None:
            expect("rows loaded by dlt", count(stand, "dlt", "yellow"), self.scale.rows)
            prepare()

        return Contender(prepare=prepare, run=_numbered(worker, stand, file), check=check)

    def _to_sql(self, worker: Worker) -> Contender:
        stand, rows = self.stand, self.scale.rows // self.scale.to_sql_part
        (part,) = stand.make("part", MONTH, MONTH, rows)
        self.versions["to_sql"] = worker.ask("versions")["versions"]
        table = sql.Identifier(SCHEMA, "to_sql")

        def prepare() -> None:
            ask(stand.connection, sql.SQL("drop table if exists {}").format(table))

        def run() -> float:
            took = worker.seconds("load", source=str(part), url=_for_sqlalchemy(stand), schema=SCHEMA, table="to_sql")
            return took * self.scale.rows / rows

        def check() -> None:
            expect("rows loaded by to_sql", count(stand, SCHEMA, "to_sql"), rows)
            prepare()

        return Contender(prepare=prepare, run=run, check=check)


def _numbered(worker: Worker, stand: Stand, file: Path) -> Callable[[], float]:
    """Give each run of dlt a folder of its own: it would go on with the state of the one before."""
    number = iter(range(1_000))

    def run() -> float:
        folder = stand.home / "dlt" / str(next(number))
        return worker.seconds(
            "load", source=str(file), url=stand.url.reveal(), folder=str(folder), schema="dlt", table="yellow"
        )

    return run


def _for_sqlalchemy(stand: Stand) -> str:
    return stand.url.reveal().replace("postgresql://", "postgresql+psycopg2://", 1)
