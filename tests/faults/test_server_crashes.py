"""The server is killed while months are at every point of their way: what was there stays, and a new try converges."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.depot import FEBRUARY, RIDES, Depot, ask, make_depot, opened
from tests.faults.servers import Server, on_the_way, once_at, orphans, server_in
from tests.invariants import check_data, check_invariants
from tests.waiting import PATIENCE_S, eventually
from tidemark.facts import State
from tidemark.ledger import Outcome
from tidemark.load import Load, LoadResult
from tidemark.points import Point
from tidemark.postgres import Connection
from tidemark.settings import Secret

OLD, NEW = {(1.0, 300)}, {(2.0, 200)}
# the points at which loads stand when the server dies; two stand in the COMMIT itself, before it is decided and after
POINTS = {
    "copying": Point.COPYING,
    "publishing": Point.PUBLISHING,
    "replacing": Point.REPLACING,
    "committing": Point.COMMITTING,
}
UNDECIDED, DECIDED = "undecided", "decided"
RELOADS = tuple(f"reload_{at}" for at in (*POINTS, UNDECIDED, DECIDED))
FIRST_LOADS = tuple(f"first_{at}" for at in (*POINTS, UNDECIDED, DECIDED) if at != "replacing")
ALL = (*FIRST_LOADS, *RELOADS)
SOME = ("first_copying", "first_committing", "first_decided", "reload_copying", "reload_replacing", "reload_undecided")

# a COMMIT waits before it is decided for a deferred trigger, and after it for a standby that there is none of
SLOW_COMMITS = """
    create function public.hold() returns trigger language plpgsql as $$
    begin
        if new.dataset like '%undecided' then perform pg_sleep(60); end if;
        return null;
    end $$;
    create constraint trigger hold after insert or update on tidemark.partition deferrable initially deferred
        for each row execute function public.hold();
"""
END_ALL = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = %s"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server_in(tmp_path_factory.mktemp("crashes")) as made:
        with opened(made.url) as connection:
            ask(connection, "alter role current_user set synchronous_commit = local")
            ask(connection, "alter system set synchronous_standby_names = 'nobody'")
            ask(connection, "select pg_reload_conf()")
        yield made


@pytest.fixture(scope="module")
def template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database where the months that will be reloaded are published."""
    url = server.new_database("template_crashes")
    for name in RELOADS:
        depot = make_depot(tmp_path_factory.mktemp(name), url, replace(RIDES, name=name))
        depot.write(FEBRUARY, 310, seatless=range(10))
        assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    with opened(url) as connection:
        ask(connection, SLOW_COMMITS)
    return "template_crashes"


_names = count()


@pytest.fixture
def warehouse(server: Server, template: str) -> Iterator[Secret]:
    name = f"crash_{next(_names)}"
    made = server.new_database(name, template=template)
    with opened(made) as connection:
        ask(connection, "checkpoint")  # else a crash sets the sequences of a copy back
    yield made
    server.drop_database(name)


@dataclass(kw_only=True)
class Standing:
    """Loads that go to their points, each in a thread, and stand there until they are let go."""

    depots: dict[str, Depot]
    pool: ThreadPoolExecutor
    loads: dict[str, Load] = field(default_factory=dict)
    arrived: set[str] = field(default_factory=set)
    go_on: threading.Event = field(default_factory=threading.Event)

    def start(self) -> dict[str, Future[LoadResult]]:
        return {name: self.pool.submit(self._load, depot) for name, depot in self.depots.items()}

    def told(self, name: str, point: Point) -> None:
        if self.go_on.is_set():
            return
        at = name.partition("_")[2]
        if point is Point.COMMITTING and at == DECIDED:
            ask(self.loads[name].connection, "set local synchronous_commit = on")
        elif POINTS.get(at) is point and name not in self.arrived:
            self.arrived.add(name)
            assert self.go_on.wait(PATIENCE_S), "nobody let it go on"

    def _load(self, depot: Depot) -> LoadResult:
        load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
        self.loads[depot.dataset.name] = load
        return depot.ended(load, lambda: depot._attempt(load))


@pytest.fixture
def standing(server: Server, warehouse: Secret, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Standing]:
    """The loads of a test; ``request.param`` says of which."""
    depots = {}
    for name in request.param:
        (tmp_path / name).mkdir()
        depots[name] = make_depot(tmp_path / name, warehouse, replace(RIDES, name=name))
        depots[name].write(FEBRUARY, 207, price=2.0, seatless=range(7))
    with ThreadPoolExecutor(len(depots)) as pool:
        made = Standing(depots=depots, pool=pool)
        with on_the_way(made.told):
            yield made
            made.go_on.set()
        server.wait_until_ready()
        with opened(warehouse) as connection:  # a test that failed left some in their COMMIT
            ask(connection, END_ALL)
    for depot in depots.values():
        depot.close()


def wait_until_all_stand(standing: Standing, warehouse: Secret) -> None:
    expected = {name for name in standing.depots if name.partition("_")[2] in POINTS}
    with opened(warehouse) as watcher:
        eventually(lambda: standing.arrived == expected, "every load stands at its point")
        for at, event in ((UNDECIDED, "PgSleep"), (DECIDED, "SyncRep")):
            many = sum(name.endswith(f"_{at}") for name in standing.depots)
            eventually(partial(waits, watcher, event, many), f"{many} wait for {event}")


def waits(watcher: Connection, event: str, many: int) -> bool:
    return ask(watcher, WAITING, event) == [(many,)]


def lose_power(server: Server, standing: Standing) -> None:
    server.kill_everything()
    standing.go_on.set()
    server.start()


def lose_postmaster(server: Server, standing: Standing) -> None:
    server.kill_postmaster()
    server.start()
    standing.go_on.set()


def lose_a_backend(server: Server, standing: Standing) -> None:
    server.kill_one_backend(standing.loads["reload_copying"].connection.info.backend_pid)
    standing.go_on.set()


def stop_immediately(server: Server, standing: Standing) -> None:
    server.stop_at_once()
    standing.go_on.set()
    server.start()


def held_rows(warehouse: Secret, name: str) -> set[tuple[float, int]]:
    with opened(warehouse) as connection:
        return set(ask(connection, f"select price, count(*) from trips.{name} group by 1"))


@pytest.mark.parametrize(
    ("crash", "standing"),
    [(lose_power, ALL), (lose_postmaster, SOME), (lose_a_backend, SOME), (stop_immediately, SOME)],
    indirect=["standing"],
    ids=["power", "postmaster", "backend", "immediate"],
)
def test_a_server_that_dies_leaves_every_month_as_it_was_or_as_it_became(
    server: Server, warehouse: Secret, standing: Standing, crash: Callable[[Server, Standing], None]
) -> None:
    results = standing.start()
    wait_until_all_stand(standing, warehouse)
    crash(server, standing)
    ended = {name: result.result(PATIENCE_S) for name, result in results.items()}
    server.wait_until_ready()
    for name, result in ended.items():
        assert_ended_as_it_had_to(standing.depots[name], name, result)
    with opened(warehouse) as connection:
        ask(connection, "checkpoint")  # deletes the files of the tables that were dropped
        assert orphans(connection) == set()
        ask(connection, "drop trigger hold on tidemark.partition")
    for name, depot in standing.depots.items():
        depot.close()
        assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED, name
        assert held_rows(warehouse, name) == NEW
        check_invariants(warehouse, name)
    with opened(warehouse) as connection:
        ask(connection, "checkpoint")
        assert orphans(connection) == set()


def assert_ended_as_it_had_to(depot: Depot, name: str, result: LoadResult) -> None:
    check_data(depot.url, name)
    facts = depot.facts(FEBRUARY)
    assert facts.last is not None
    if name.endswith(f"_{DECIDED}"):
        assert (result.outcome, facts.last.outcome) == (Outcome.PUBLISHED, Outcome.PUBLISHED), name
        assert held_rows(depot.url, name) == NEW
        return
    assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost"), (name, result)
    assert held_rows(depot.url, name) == (OLD if name in RELOADS else set()), name
    assert facts.state is (State.PUBLISHED if name in RELOADS else State.FAILED)
    assert facts.last.load_id == result.load_id
    assert facts.last.code in ("connection-lost", "interrupted")
    assert "again" in result.remedy


def test_a_server_that_is_restarted_while_a_file_is_fetched_fails_the_load_on_record(
    server: Server, warehouse: Secret, tmp_path: Path
) -> None:
    def restart() -> None:
        server.stop_at_once()
        server.start()

    depot = make_depot(tmp_path, warehouse)
    depot.write(FEBRUARY)
    with once_at(Point.FETCHING, restart):
        result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost")
    assert [(attempt.outcome, attempt.code) for attempt in depot.history(FEBRUARY)] == [(result.outcome, result.code)]
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    check_invariants(warehouse, "rides")
