"""SIGKILL of a release and of a rejection: what readers see, what the ledger says, and the same command again."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg2 import sql

from tests.conftest import TEMPLATE
from tests.faults.conftest import OLD, _create, _execute
from tests.faults.loaders import Ended, Kill, Loaders
from tests.faults.onlookers import Change, onlookers
from tests.faults.scene import NOTHING, RIDES, Scene, Sight, make_scene
from tidemark.plan import Mode
from tidemark.points import Point

MONTH = OLD.month
BAD = replace(OLD, price=3.0, rows=200, diverted=5, bad=True)
BAD_SIGHT: Sight = frozenset({("rows", 3.0, 195), ("diverted", 3.0, 5)})
RELEASED_RELOAD = tuple(list(Point)[list(Point).index(Point.STAGING_CREATED) :])
RELEASED_RELOAD = tuple(point for point in RELEASED_RELOAD if point is not Point.COPYING)
RELEASED = tuple(point for point in RELEASED_RELOAD if point is not Point.REPLACING)
TAKEN_BACK = (
    Point.STAGING_CREATED,
    Point.STAGED,
    Point.AUDITED,
    Point.PUBLISHING,
    Point.COMMITTING,
    Point.PUBLISHED,
)


def name(point: Point) -> str:
    return point.name


def decide(scene: Scene, command: str, kill: Kill | None = None) -> Ended:
    arguments = (command, RIDES.name, str(MONTH), "--by", "Ana", "--reason", "It is so.", "--json")
    return scene.loaders.run(*arguments, folder=scene.folder, settings=scene.settings, kill=kill)


def kill_and_converge(
    scene: Scene, command: str, *, old: Sight, new: Sight, kill: Point, way: tuple[Point, ...]
) -> None:
    """Kill the command; look; run it again: readers see the old month, then the new one, and nothing is left."""
    before = scene.status(MONTH).json["partitions"][0]["state"]
    with onlookers(scene.url, {MONTH: Change(old=old, new=new)}) as others:
        killed = decide(scene, command, Kill(at=kill))
        assert killed.status == -signal.SIGKILL, killed.stderr
        assert tuple(dict.fromkeys(killed.points)) == way[: way.index(kill) + 1]
        scene.wait_until_let_go()
        scene.check_data()
        done = kill is Point.PUBLISHED
        assert scene.sights(MONTH) == {MONTH: new if done else old}
        (partition,) = scene.status(MONTH).json["partitions"]
        if done:
            assert partition["last_attempt"]["outcome"] != "interrupted"
        else:
            assert (partition["state"], partition["last_attempt"]["outcome"]) == (before, "interrupted")
        again = decide(scene, command)
    assert again.status == (2 if done else 0), again.stderr
    if done:
        assert again.json["error"]["code"] == ("not-rejected" if command == "release" else "not-published")
    assert scene.sights(MONTH) == {MONTH: new}
    scene.check_invariants()
    assert others.violations == []


def reject_bad(scene: Scene) -> None:
    scene.write(BAD)
    ended = scene.backfill(MONTH, mode=Mode.ALL)
    assert ended.status == 3, ended.stderr


@pytest.fixture(scope="session")
def rejected_database(loaders: Loaders, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database where ``BAD`` was rejected, to be cloned."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    reject_bad(make_scene(loaders, tmp_path_factory.mktemp("rejected"), _create(server_url, name, TEMPLATE)))
    return name


@pytest.fixture
def rejected(loaders: Loaders, server_url: str, rejected_database: str, tmp_path: Path) -> Iterator[Scene]:
    """A scene where ``BAD`` was rejected."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield make_scene(loaders, tmp_path, _create(server_url, name, rejected_database))
    _execute(server_url, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.mark.parametrize("point", [Point.STAGED, Point.AUDITED, Point.COMMITTING, Point.PUBLISHED], ids=name)
def test_a_release_that_is_killed_leaves_the_month_rejected_and_is_carried_out_by_the_same_command(
    rejected: Scene, point: Point
) -> None:
    kill_and_converge(rejected, "release", old=NOTHING, new=BAD_SIGHT, kill=point, way=RELEASED)


def test_a_release_over_a_published_month_that_is_killed_leaves_the_old_one(reloading: Scene) -> None:
    scene = replace(reloading, source=reloading.folder / "source")  # the other one is shared
    reject_bad(scene)
    kill_and_converge(scene, "release", old=OLD.sight, new=BAD_SIGHT, kill=Point.REPLACING, way=RELEASED_RELOAD)


@pytest.mark.parametrize("point", [Point.STAGED, Point.COMMITTING, Point.PUBLISHED], ids=name)
def test_a_rejection_that_is_killed_leaves_the_month_published_and_is_carried_out_by_the_same_command(
    reloading: Scene, point: Point
) -> None:
    kill_and_converge(reloading, "reject", old=OLD.sight, new=NOTHING, kill=point, way=TAKEN_BACK)
