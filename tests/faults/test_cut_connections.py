"""The way to the server is cut: at any byte of a COPY, at any COMMIT, loudly or in silence."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from time import monotonic

import pytest

from tests.cutting_proxy import COPY_DONE, Break, Cut, CuttingProxy, cutting_proxy
from tests.depot import FEBRUARY, JANUARY, MARCH, Depot, ask, rides_of
from tests.invariants import check_data
from tests.waiting import eventually
from tidemark import load as stages
from tidemark import postgres
from tidemark.ledger import Outcome
from tidemark.load import LoadResult
from tidemark.months import Month
from tidemark.postgres import Connection, held_months
from tidemark.settings import Secret

OLD, NEW = {(1.0, 300)}, {(2.0, 200)}
APRIL = Month(2023, 4)
SIGNATURE = 5 + 19  # the head of the first message, and what COPY's binary format begins with
TRIES = 6  # bytes that are cut at by chance, beside those that are special


def load_through(depot: Depot, month: Month, through: Secret) -> LoadResult:
    load = depot.open(month, depot.plan(month), url=through)
    try:
        return depot.ended(load, lambda: depot._attempt(load))
    finally:
        stages.close(load)


def wait_until_free(connection: Connection) -> None:
    """Wait until the server has noticed that whoever held a month is gone."""
    eventually(lambda: held_months(connection) == 0, "no month is held")


def told(depot: Depot, month: Month) -> tuple[Outcome | None, str | None]:
    last = depot.history(month)[0]
    return last.outcome, last.code


def borders(copy: bytes) -> list[int]:
    """Where the messages of a COPY end."""
    found, at = [], 0
    while at < len(copy):
        at += 1 + int(struct.unpack(">I", copy[at + 1 : at + 5])[0])
        found.append(at)
    return found


def places(copy: bytes, seed: int) -> Iterable[int]:
    """The bytes of a COPY to cut after: its borders, beside them, and some by chance."""
    special = {0, 1, 4, 5, SIGNATURE, len(copy) - len(COPY_DONE) - 1}
    special |= {at + beside for at in borders(copy) for beside in (-1, 0, 1)} - {len(copy) + 1}
    return sorted(special | set(random.Random(seed).sample(range(len(copy)), TRIES)))  # noqa: S311 - not a secret


# ---- in the COPY


@pytest.mark.parametrize("before", [set(), OLD], ids=["first load", "reload"])
def test_a_copy_that_is_cut_at_any_byte_changes_nothing(
    depot: Depot, connection: Connection, before: set[tuple[float, int]]
) -> None:
    if before:
        depot.write(FEBRUARY, 300)
        depot.load(FEBRUARY)
    depot.write(JANUARY, 207, price=2.0, seatless=range(7))
    depot.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    with cutting_proxy(depot.url) as (proxy, through):
        assert load_through(depot, JANUARY, through).outcome is Outcome.PUBLISHED
        rows = proxy.copies[0]
        assert rows.endswith(COPY_DONE)
        for place, how in zip(places(rows, seed=len(before)), cycle([Break.FIN, Break.RST]), strict=False):
            proxy.cut_copy(place, how)
            result = load_through(depot, FEBRUARY, through)
            assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost"), (place, how)
            assert told(depot, FEBRUARY) == (Outcome.FAILED, "connection-lost"), (place, how)
            assert rides_of(connection, FEBRUARY) == before, (place, how)
            check_data(depot.url, "rides")
            wait_until_free(connection)
        assert proxy.cuts > TRIES
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW


def test_a_connection_that_falls_silent_is_given_up_at_both_ends(
    depot: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SILENCE_S", 4)
    cuts: dict[Month, Callable[[CuttingProxy], None]] = {
        JANUARY: lambda proxy: proxy.cut_copy(2000, Break.SILENCE),
        FEBRUARY: lambda proxy: proxy.cut_copy(2000, Break.HALF),  # only the server is left to wait
        MARCH: lambda proxy: proxy.cut_at_commit(Cut.BEFORE, Break.SILENCE, of=b"attach partition"),
        APRIL: lambda proxy: proxy.cut_at_commit(Cut.AFTER, Break.SILENCE, of=b"attach partition"),
    }
    expected = dict.fromkeys(cuts, (Outcome.FAILED, "connection-lost")) | {APRIL: (Outcome.PUBLISHED, "published")}
    began = monotonic()
    with ExitStack() as proxies, ThreadPoolExecutor(len(cuts)) as pool:
        running = {}
        for month, arm in cuts.items():
            depot.write(month, 207, price=2.0, seatless=range(7))
            proxy, through = proxies.enter_context(cutting_proxy(depot.url))
            arm(proxy)
            running[month] = pool.submit(load_through, depot, month, through)
        results = {month: result.result(60) for month, result in running.items()}
        wait_until_free(connection)  # while the ways are still silent: the server finds out by itself
    assert monotonic() - began < 45  # an unpatched connection would wait for minutes, a server's for hours
    assert {month: (result.outcome, result.code) for month, result in results.items()} == expected
    assert {month: told(depot, month) for month in cuts} == expected
    check_data(depot.url, "rides")
    for month in cuts:
        depot.load(month)
        assert rides_of(connection, month) == NEW


def test_both_ends_of_a_connection_are_told_when_to_give_up(connection: Connection) -> None:
    for setting, value in (
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "30"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "120000"),
    ):
        assert ask(connection, f"show {setting}") == [(value,)]
    assert connection.info.dsn_parameters["tcp_user_timeout"] == "120000"


# ---- at the COMMITs of the ledger

LEDGER_COMMITS = {
    "begin_attempt": b"insert into tidemark.attempt",
    "record_raw": b"set source_url = ",
    "record_verdict": b"insert into tidemark.finding",
}
LEDGER_STATEMENTS = {"record_source": b"set source_url = ", "record_staged": b"set rows_read = "}


def arm(proxy: CuttingProxy, what: str, cut: Cut) -> None:
    if what in LEDGER_COMMITS:
        proxy.cut_at_commit(cut, of=LEDGER_COMMITS[what])
    else:
        proxy.cut_at(LEDGER_STATEMENTS[what], cut)


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name.lower())
def test_a_cut_at_any_entry_of_the_ledger_fails_the_load_and_the_next_one_converges(
    depot: Depot, connection: Connection, cut: Cut
) -> None:
    depot.write(FEBRUARY, 300)
    depot.load(FEBRUARY)
    depot.write(FEBRUARY, 207, price=2.0, seatless=range(7))
    with cutting_proxy(depot.url) as (proxy, through):
        for tries, what in enumerate((*LEDGER_COMMITS, *LEDGER_STATEMENTS), start=1):
            arm(proxy, what, cut)
            result = load_through(depot, FEBRUARY, through)
            assert proxy.cuts == tries, what
            assert (result.outcome, result.code) == (Outcome.FAILED, "connection-lost"), what
            wait_until_free(connection)
            if what == "begin_attempt":  # nobody knows its number: it counts as interrupted, or never was
                assert result.load_id is None
            else:
                assert told(depot, FEBRUARY) == (Outcome.FAILED, "connection-lost"), what
            assert rides_of(connection, FEBRUARY) == OLD
            check_data(depot.url, "rides")
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW


@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.name.lower())
def test_a_cut_at_the_end_of_an_attempt_puts_it_on_record_all_the_same(
    depot: Depot, connection: Connection, cut: Cut
) -> None:
    with cutting_proxy(depot.url) as (proxy, through):
        proxy.cut_at(b"set ended_at = clock_timestamp(), outcome = 'unavailable'", cut)
        result = load_through(depot, FEBRUARY, through)
        assert proxy.cuts == 1
    assert result.outcome is Outcome.UNAVAILABLE
    assert told(depot, FEBRUARY) == (Outcome.UNAVAILABLE, result.code)
    wait_until_free(connection)


@pytest.mark.parametrize("before", [set(), OLD], ids=["first load", "reload"])
@pytest.mark.parametrize(
    ("cut", "expected"), [(Cut.BEFORE, Outcome.FAILED), (Cut.AFTER, Outcome.REJECTED)], ids=["before", "after"]
)
def test_a_cut_at_the_commit_of_a_quarantine_is_told_as_the_ledger_has_it(
    depot: Depot, connection: Connection, cut: Cut, expected: Outcome, before: set[tuple[float, int]]
) -> None:
    if before:
        depot.write(FEBRUARY, 300)
        depot.load(FEBRUARY)
    depot.write(JANUARY, 200, price=2.0)
    spoilt = depot.source / depot.dataset.file_name(FEBRUARY)
    (depot.source / depot.dataset.file_name(JANUARY)).rename(spoilt)  # the rows of another month
    with cutting_proxy(depot.url) as (proxy, through):
        proxy.cut_at_commit(cut, of=b'set schema "quarantine"')
        result = load_through(depot, FEBRUARY, through)
        assert proxy.cuts == 1
    wait_until_free(connection)
    there = ask(connection, "select count(*) from pg_tables where schemaname = 'quarantine'")
    assert there == [(2 * (expected is Outcome.REJECTED),)]  # the rows, and the diverted ones
    assert told(depot, FEBRUARY) == (result.outcome, result.code)
    assert result.outcome is expected
    assert rides_of(connection, FEBRUARY) == before
    depot.write(FEBRUARY, 200, price=2.0)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == NEW
