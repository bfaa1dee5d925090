"""A disk fills up: the database's, the lake's or the one for temporary files. The month fails and says so, nothing is
left on the disk, other months go on, and with room again the same load converges."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg2.errors
import pytest

from tests.depot import FEBRUARY, JANUARY, RIDES, Depot, ask, make_depot, opened, rides_of
from tests.faults.disks import Disk, files_of_at_most, limit_files, needs_mount, small_disk
from tests.faults.servers import Server, once_at, server_in
from tests.invariants import check_invariants
from tidemark import load as stages
from tidemark import stage
from tidemark.datasets.base import Index
from tidemark.facts import State
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.months import Month
from tidemark.points import Point
from tidemark.postgres import Connection

MANY = 40_000  # rows, some 3 MB of table
ROOM = 1 << 20
INDEXED = replace(RIDES, indexes=(Index(columns=("at",), method="btree", purpose="Which rides began then?"),))


def load(depot: Depot, month: Month) -> LoadResult:
    """Load a month; an error of the system ends the attempt as it would in the flow."""
    begun = depot.open(month, depot.plan(month))
    try:
        return depot.ended(begun, lambda: depot._attempt(begun))
    except OSError as error:
        return stages.end(begun, stages.ending_of(error))
    finally:
        stages.close(begun)


def prices(depot: Depot, month: Month) -> set[float]:
    with opened(depot.url) as connection:
        return {price for price, _ in rides_of(connection, month)}


def assert_failed(depot: Depot, result: LoadResult, code: str, *, remedy: str, before: set[float]) -> None:
    """Assert that February failed on record, that nothing of it is there and that its old rows are."""
    assert (result.outcome, result.code) == (Outcome.FAILED, code), result
    assert remedy in result.remedy
    last = depot.facts(FEBRUARY).last
    assert last is not None
    assert (last.outcome, last.code, last.remedy) == (Outcome.FAILED, code, result.remedy)
    assert depot.facts(FEBRUARY).state is (State.PUBLISHED if before else State.FAILED)
    assert prices(depot, FEBRUARY) == before
    assert list((depot.settings.lake / "incoming").iterdir()) == []
    check_invariants(depot.url, "rides")


def assert_converges(depot: Depot) -> None:
    assert load(depot, FEBRUARY).outcome is Outcome.PUBLISHED
    assert prices(depot, FEBRUARY) == {2.0}
    check_invariants(depot.url, "rides")


# ---- the database's disk


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server_in(tmp_path_factory.mktemp("disks")) as made:
        yield made


@pytest.fixture
def disk(server: Server) -> Iterator[Disk]:
    with small_disk(server.data.parent / f"disk_{secrets.token_hex(4)}", size="40m") as made:
        server.own(made.folder)
        yield made


@pytest.fixture
def cramped(server: Server, disk: Disk, tmp_path: Path) -> Iterator[Depot]:
    """A depot whose database lies on a small disk."""
    url = server.new_database(disk.folder.name, folder=disk.folder)
    made = make_depot(tmp_path, url, INDEXED)
    yield made
    made.close()
    server.drop_database(disk.folder.name)


@needs_mount
@pytest.mark.parametrize(
    ("point", "leaving", "before"),
    [
        (Point.STAGING_CREATED, ROOM, set()),
        (Point.STAGING_CREATED, ROOM, {1.0}),
        (Point.AUDITED, ROOM // 2, set()),
        (Point.REPLACING, ROOM // 2, {1.0}),
    ],
    ids=["the COPY", "the COPY of a reload", "the index", "the INSERT of a reload"],
)
def test_a_full_disk_of_the_database_fails_the_month_until_there_is_room(
    cramped: Depot, disk: Disk, point: Point, leaving: int, before: set[float]
) -> None:
    if before:
        cramped.write(FEBRUARY, 300)
        load(cramped, FEBRUARY)
    cramped.write(FEBRUARY, MANY, price=2.0)
    with once_at(point, lambda: disk.fill(leaving=leaving)):
        result = load(cramped, FEBRUARY)
    assert_failed(cramped, result, "database-full", remedy="Make room on the database server's disk", before=before)
    cramped.write(JANUARY, 50)
    assert load(cramped, JANUARY).outcome is Outcome.PUBLISHED  # there is room for a small month
    disk.free()
    assert_converges(cramped)


@needs_mount
def test_temporary_files_of_the_database_that_fill_its_disk_are_gone_afterwards(cramped: Depot, disk: Disk) -> None:
    with opened(cramped.url) as connection:
        ask(connection, f"alter database {disk.folder.name} set maintenance_work_mem = '1MB'")
    cramped.write(FEBRUARY, MANY, price=2.0)
    with once_at(Point.AUDITED, lambda: disk.fill(leaving=ROOM // 4)):
        result = load(cramped, FEBRUARY)
    assert "pgsql_tmp" in result.reason
    assert_failed(cramped, result, "database-full", remedy="Make room on the database server's disk", before=set())
    assert not {name for name in disk.files() if name.startswith("pgsql_tmp")}
    disk.free()
    assert_converges(cramped)


def crowd(connection: Connection, table: str, row: str) -> None:
    """Add rows to a table until the disk has no room for another one, be it in a page that is there."""
    with suppress(psycopg2.errors.DiskFull):
        while True:
            ask(connection, f"insert into {table} {row}")


FINDING = """
    (load_id, code, severity, passed, errored, expected, observed, reason)
    select min(load_id), gen_random_uuid()::text, 'warn', true, false, '', '', '' from tidemark.attempt
"""
ATTEMPT = "(dataset, month, contract_version, suite_version) values ('filler', '2020-01-01', '', '')"


@needs_mount
@pytest.mark.parametrize("before", [set(), {1.0}], ids=["first load", "reload"])
def test_a_ledger_that_has_no_room_for_what_the_gate_said_fails_the_month(
    cramped: Depot, disk: Disk, before: set[float]
) -> None:
    if before:
        cramped.write(FEBRUARY, 300)
        load(cramped, FEBRUARY)
    cramped.write(FEBRUARY, MANY, price=2.0)

    def fill() -> None:
        disk.fill()
        with opened(cramped.url) as connection:
            crowd(connection, "tidemark.finding", FINDING)

    with once_at(Point.STAGED, fill):
        result = load(cramped, FEBRUARY)
    assert_failed(cramped, result, "database-full", remedy="Make room on the database server's disk", before=before)
    disk.free()
    assert_converges(cramped)


@needs_mount
def test_a_ledger_that_has_no_room_at_all_gets_it_from_what_was_staged(cramped: Depot, disk: Disk) -> None:
    cramped.write(FEBRUARY, MANY, price=2.0)

    def fill() -> None:
        disk.fill()
        with opened(cramped.url) as connection:
            crowd(connection, "tidemark.finding", FINDING)
            crowd(connection, "tidemark.attempt", ATTEMPT)

    with once_at(Point.STAGED, fill):
        result = load(cramped, FEBRUARY)
    assert_failed(cramped, result, "database-full", remedy="Make room on the database server's disk", before=set())
    disk.free()
    assert_converges(cramped)


def test_a_table_that_may_not_grow_is_told_as_a_full_disk(depot: Depot) -> None:
    depot.write(FEBRUARY, 300)
    load(depot, FEBRUARY)
    depot.write(FEBRUARY, 300_000, price=2.0)
    begun = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    limit_files(begun.connection.info.backend_pid, 17 << 20)  # above the 16 MB of a segment of its log
    result = depot.ended(begun, lambda: depot._attempt(begun))
    stages.close(begun)
    assert_failed(depot, result, "database-full", remedy="Make room on the database server's disk", before={1.0})
    depot.write(FEBRUARY, 300, price=2.0)
    assert_converges(depot)


# ---- the lake's disk


@needs_mount
@pytest.mark.parametrize("before", [set(), {1.0}], ids=["first load", "reload"])
def test_a_full_lake_fails_the_month_until_there_is_room(depot: Depot, before: set[float]) -> None:
    with small_disk(depot.settings.lake, size="1m") as disk:
        if before:
            depot.write(FEBRUARY, 300)
            load(depot, FEBRUARY)
        depot.write(FEBRUARY, MANY, price=2.0)
        disk.fill(leaving=64 << 10)
        there = disk.files()
        result = load(depot, FEBRUARY)
        assert_failed(depot, result, "lake-full", remedy="TIDEMARK_LAKE", before=before)
        assert disk.files() == there
        depot.write(JANUARY, 50)
        assert load(depot, JANUARY).outcome is Outcome.PUBLISHED
        disk.free()
        assert_converges(depot)


@needs_mount
@pytest.mark.parametrize("inodes", [2, 3, 5])  # the root, incoming, a temporary file, raw, its dataset, its month
def test_a_lake_without_inodes_fails_the_month_until_there_are_some(depot: Depot, inodes: int) -> None:
    depot.write(FEBRUARY, 300, price=2.0)
    with small_disk(depot.settings.lake, size="1m", nr_inodes=inodes):
        depot.settings.lake.joinpath("incoming").mkdir()
        result = load(depot, FEBRUARY)
        assert_failed(depot, result, "lake-full", remedy="TIDEMARK_LAKE", before=set())
    assert_converges(depot)


def test_a_file_that_is_too_large_for_the_lakes_disk_leaves_nothing(depot: Depot) -> None:
    depot.write(FEBRUARY, MANY, price=2.0)
    with files_of_at_most(64 << 10):
        result = load(depot, FEBRUARY)
    assert_failed(depot, result, "lake-full", remedy="TIDEMARK_LAKE", before=set())
    assert_converges(depot)


# ---- the disk for temporary files


@pytest.fixture
def diverting(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> Depot:
    """A depot whose next month of February has so many diverted rows that they go to the disk."""
    monkeypatch.setattr(stage, "SPOOL_BYTES", 10_000)
    depot.write(FEBRUARY, 300)
    load(depot, FEBRUARY)
    depot.write(FEBRUARY, MANY, price=2.0, seatless=range(MANY - 10))
    return depot


@needs_mount
def test_a_full_disk_for_temporary_files_fails_the_month_until_there_is_room(diverting: Depot) -> None:
    temporary = diverting.settings.home / "tmp"
    temporary.rmdir()
    with small_disk(temporary, size="1m") as disk:
        result = load(diverting, FEBRUARY)
        assert_failed(diverting, result, "disk-full", remedy="TIDEMARK_HOME", before={1.0})
        assert disk.files() == set()
    assert_converges(diverting)


@needs_mount
def test_a_disk_for_temporary_files_without_inodes_fails_the_month(diverting: Depot) -> None:
    temporary = diverting.settings.home / "tmp"
    temporary.rmdir()
    with small_disk(temporary, size="9m", nr_inodes=1):
        result = load(diverting, FEBRUARY)
        assert_failed(diverting, result, "disk-full", remedy="TIDEMARK_HOME", before={1.0})
    assert_converges(diverting)


def test_temporary_files_that_may_not_grow_fail_the_month(diverting: Depot) -> None:
    size = (diverting.source / diverting.dataset.file_name(FEBRUARY)).stat().st_size
    with files_of_at_most(2 * size):  # its raw file gets into the lake
        result = load(diverting, FEBRUARY)
    assert_failed(diverting, result, "disk-full", remedy="TIDEMARK_HOME", before={1.0})
    assert list((diverting.settings.home / "tmp").iterdir()) == []
    assert_converges(diverting)
