"""The shell that commands run in, the Prefect server's API, and scenarios that are played once a run."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.flows.shell import PrefectApi, Shell
from tidemark.settings import Secret

T = TypeVar("T")
Once = Callable[[str, Callable[[], T]], T]


@pytest.fixture(scope="session")
def prefect(prefect_url: str) -> PrefectApi:
    return PrefectApi(url=prefect_url)


@pytest.fixture(scope="session")
def make_shell(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Secret], Shell]:
    """Makes a shell with a folder of its own, for a database.

    All shells have the same limits, one of them not the default, as the Prefect server is one for all.
    """

    def make(database: Secret) -> Shell:
        settings = {
            "PREFECT_API_URL": prefect_url,
            "TIDEMARK_DATABASE_URL": database.reveal(),
            "TIDEMARK_SOURCE_LIMIT": "3",
        }
        return Shell(folder=tmp_path_factory.mktemp("shell"), settings=settings)

    return make


@pytest.fixture(scope="session")
def once(shared_home: Path) -> Once[T]:
    """Plays a scenario once for all workers, which then read what came of it: a value that can be pickled."""

    def play(name: str, scenario: Callable[[], T]) -> T:
        played = shared_home / f"{name}.scenario"
        with played.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not played.exists():
                played.write_bytes(pickle.dumps(scenario()))
        found: T = pickle.loads(played.read_bytes())  # noqa: S301 - our own file
        return found

    return play
