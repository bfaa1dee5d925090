"""``python -m tests.faults.chaos``: kill loaders at random moments, on servers of its own, and tell what came of it.

Ends with 0 when everything held in every round, with 1 and the rounds where it did not otherwise.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from rich.console import Console

from deployments import prefect_server
from tests.faults.chaos.plan import Round, plan_rounds
from tests.faults.chaos.play import Durations, Played, World, measure
from tests.faults.chaos.record import Record, render, write
from tests.faults.loaders import Loaders, warm_loaders
from tests.faults.scene import make_scene
from tidemark import embedded
from tidemark.postgres import connect
from tidemark.schema import ensure_schema
from tidemark.settings import Secret

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run it; returns the exit status."""
    arguments = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--rounds", type=int, default=50)
    arguments.add_argument("--record", type=Path, help="a page whose table is renewed, if everything held")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _home() as home:
            record = _run(home, given.seed, given.rounds)
    except KeyboardInterrupt:
        return 130
    console.print(f"\n{render(record)}", markup=False)
    if record.failed:
        console.print(f"\nseed {given.seed}: not held in the rounds {', '.join(map(_number, record.failed))}")
        return 1
    if given.record is not None:
        write(given.record, render(record))
    return 0


@contextmanager
def _home() -> Iterator[Path]:
    """Give a folder for servers and worlds; at the end nothing is left of them."""
    home = Path(tempfile.mkdtemp(prefix="tidemark-chaos-"))
    try:
        yield home
    finally:
        prefect_server.stop_server(home)
        embedded.remove_server(home)
        shutil.rmtree(home)


def _run(home: Path, seed: int, rounds: int) -> Record:
    console.print(f"seed {seed}: {rounds} rounds; starting PostgreSQL and Prefect")
    server = embedded.ensure_server(home)
    with closing(psycopg2.connect(server)) as connection:
        version = str(connection.info.parameter_status("server_version"))
    api_url = prefect_server.ensure_server(home, api_url=None)
    with warm_loaders(home, api_url) as loaders:
        make_world = _worlds(home, server, loaders)
        began = time.monotonic()
        durations = measure(make_world)
        told = ", ".join(
            f"{kind} {few.end:.1f} to {durations.many[kind].end:.1f} s" for kind, few in durations.few.items()
        )
        console.print(f"what commands take that nobody kills: {told}")
        played = list(_play(plan_rounds(seed, rounds), durations, make_world))
        return Record(
            seed=seed,
            rounds=played,
            seconds=time.monotonic() - began,
            postgresql=version,
            day=datetime.now(UTC).date(),
        )


def _play(planned: tuple[Round, ...], durations: Durations, make_world: Callable[[], World]) -> Iterator[Played]:
    world = None
    for each in planned:
        if world is None or each.begins_world:
            world = make_world()
        began = time.monotonic()
        played = world.play(each, durations)
        played.seconds = time.monotonic() - began
        _tell(played)
        yield played
        if played.wrong:
            world = None  # what is published in this one is not known any more


def _worlds(home: Path, server: str, loaders: Loaders) -> Callable[[], World]:
    """Return what makes worlds, one after another: each a database and a folder."""
    numbers = count(1)

    def make() -> World:
        name = f"world_{next(numbers)}"
        with closing(connect(Secret(server))) as connection, connection.cursor() as cursor:
            cursor.execute(f"create database {name}")
        url = Secret(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
        with closing(connect(url)) as connection:
            ensure_schema(connection, url)
        folder = home / name
        folder.mkdir()
        return World(scene=make_scene(loaders, folder, url))

    return make


def _tell(played: Played) -> None:
    planned = played.round
    deaths = ", ".join(f"{death.point} ({death.when})" for death in played.deaths)
    what = f"{planned.number:>4}  {planned.kind} {planned.files[0].month}, {planned.rows:,} rows, --mode {planned.mode}"
    console.print(f"{what}: killed at {deaths}; {played.seconds:.1f} s", markup=False)
    for wrong in played.wrong:
        console.print(f"      WRONG: {wrong}", markup=False)


def _number(played: Played) -> str:
    return str(played.round.number)


if __name__ == "__main__":
    sys.exit(main())
