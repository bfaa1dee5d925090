"""SIGKILL of a loader at every point of a load: what readers see, what the ledger says, and the same command again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.faults.conftest import OLD, Published
from tests.faults.killing_proxy import killing_proxy
from tests.faults.loaders import Ended, Kill
from tests.faults.onlookers import Change, onlookers
from tests.faults.scene import NOTHING, File, Scene, Sight
from tests.faults.ways import FIRST_LOAD, REJECTED, RELOAD
from tidemark.plan import Mode
from tidemark.points import Point

MONTH = OLD.month
NEW = replace(OLD, price=2.0, rows=500, diverted=11)
BAD = replace(OLD, price=3.0, rows=200, diverted=0, bad=True)

HALF_FETCHED = (Point.FETCHING, Point.FETCHED)  # the file is on its way, and in nobody's way
COMMITTED = (Point.PUBLISHED,)


def name(point: Point) -> str:
    return point.name


def assert_killed_at(ended: Ended, point: Point, way: tuple[Point, ...]) -> None:
    """What follows proves nothing unless the loader died at this very point, when it had come the whole way there."""
    assert ended.status == -signal.SIGKILL, ended.stderr
    assert ended.points[-1] is point
    assert tuple(dict.fromkeys(ended.points)) == way[: way.index(point) + 1]
    assert ended.stdout == ""


def assert_told(scene: Scene, state: str, outcome: str) -> None:
    """``tidemark status`` says how the month stands and how its last attempt ended; 1 asks for something to be done."""
    ended = scene.status(MONTH)
    (partition,) = ended.json["partitions"]
    assert (partition["state"], partition["last_attempt"]["outcome"]) == (state, outcome)
    assert ended.status == (1 if outcome == "interrupted" else 0)
    if outcome == "interrupted":
        assert partition["last_attempt"]["code"] == "interrupted"
        assert "killed" in partition["last_attempt"]["reason"]


def kill_and_converge(
    scene: Scene, file: File, *, old: Sight, kill: Kill, after_kill: Callable[[Ended], Sight], mode: Mode, status: int
) -> None:
    """Kill a backfill; look; run it again: readers see the old month, then the new one, and nothing is left."""
    new = old if file.rejected else file.sight
    scene.write(file)
    with onlookers(scene.url, {MONTH: Change(old=old, new=new)}) as others:
        killed = scene.backfill(MONTH, mode=mode, kill=kill)
        scene.wait_until_let_go()
        scene.check_data()
        assert scene.sights(MONTH) == {MONTH: after_kill(killed)}
        scene.let_time_pass()
        again = scene.backfill(MONTH, mode=mode)
    assert again.status == status, again.stderr
    assert scene.sights(MONTH) == {MONTH: new}
    scene.check_invariants()
    assert others.violations == []
    assert others.looks > 10


# ---- an end at every point


@pytest.mark.parametrize("point", FIRST_LOAD, ids=name)
def test_a_first_load_that_is_killed_is_published_by_the_same_command(scene: Scene, point: Point) -> None:
    def look(killed: Ended) -> Sight:
        assert_killed_at(killed, point, FIRST_LOAD)
        assert len(scene.half_fetched()) == (point in HALF_FETCHED)
        if point in COMMITTED:
            assert_told(scene, "published", "published")
            return NEW.sight
        assert_told(scene, "failed", "interrupted")
        return NOTHING

    kill_and_converge(scene, NEW, old=NOTHING, kill=Kill(at=point), after_kill=look, mode=Mode.DUE, status=0)


@pytest.mark.parametrize("point", Point, ids=name)
def test_a_reload_that_is_killed_leaves_the_old_month_and_is_published_by_the_same_command(
    reloading: Scene, point: Point
) -> None:
    def look(killed: Ended) -> Sight:
        assert_killed_at(killed, point, RELOAD)
        assert len(reloading.half_fetched()) == (point in HALF_FETCHED)
        if point in COMMITTED:
            assert_told(reloading, "published", "published")
            return NEW.sight
        assert_told(reloading, "published", "interrupted")
        return OLD.sight

    kill_and_converge(reloading, NEW, old=OLD.sight, kill=Kill(at=point), after_kill=look, mode=Mode.STALE, status=0)


def test_a_first_load_passes_every_point_in_order_but_those_of_reloads(published: Published) -> None:
    passed = tuple(dict.fromkeys(published.ended.points))
    assert passed == FIRST_LOAD


# ---- a month that the gate rejects


def test_a_rejected_month_whose_quarantine_is_killed_is_rejected_by_the_same_command(scene: Scene) -> None:
    def look(killed: Ended) -> Sight:
        assert_killed_at(killed, Point.COMMITTING, REJECTED)
        assert_told(scene, "failed", "interrupted")
        return NOTHING

    kill_and_converge(scene, BAD, old=NOTHING, kill=Kill(at=Point.COMMITTING), after_kill=look, mode=Mode.DUE, status=3)


def test_a_rejected_reload_whose_quarantine_is_killed_leaves_the_old_month(reloading: Scene) -> None:
    def look(killed: Ended) -> Sight:
        assert_killed_at(killed, Point.COMMITTING, REJECTED)
        assert_told(reloading, "published", "interrupted")
        return OLD.sight

    kill_and_converge(
        reloading, BAD, old=OLD.sight, kill=Kill(at=Point.COMMITTING), after_kill=look, mode=Mode.STALE, status=3
    )


# ---- in the commit


def kill_and_wait(pid: int) -> None:
    """Kill a process of the warm parent, which waits for it."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.001)


@pytest.mark.parametrize("reload", [False, True], ids=["first load", "reload"])
def test_a_loader_that_is_killed_before_its_commit_is_answered_has_published(
    reload: bool, request: pytest.FixtureRequest
) -> None:
    scene: Scene = request.getfixturevalue("reloading" if reload else "scene")
    mode, old = (Mode.STALE, OLD.sight) if reload else (Mode.DUE, NOTHING)
    scene.write(NEW)
    with onlookers(scene.url, {MONTH: Change(old=old, new=NEW.sight)}) as others:
        with killing_proxy(scene.url, kill_and_wait) as (proxy, url):
            killed = scene.backfill(MONTH, mode=mode, url=url, on_begin=proxy.know)
        assert proxy.kills == 1, killed.stderr
        assert_killed_at(killed, Point.COMMITTING, RELOAD if reload else FIRST_LOAD)
        scene.wait_until_let_go()
        assert_told(scene, "published", "published")
        scene.check_invariants()
        assert scene.sights(MONTH) == {MONTH: NEW.sight}
        again = scene.backfill(MONTH, mode=mode)
    assert (again.status, again.points) == (0, ())
    assert scene.sights(MONTH) == {MONTH: NEW.sight}
    scene.check_invariants()
    assert others.violations == []
