"""Commands that begin at once, forked from a warm parent, and may be killed at any point of a load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployments.prefect_server import client_environment
from tidemark.points import Point

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kill:
    """When a command is sent SIGKILL: when it passes a point for the first time, or so many seconds after its begin.

    With both, it is so many seconds after it has passed the point for the first time.
    """

    at: Point | None = None
    after_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A command that has ended; ``points`` are those that its load passed, ``status`` is below 0 after a signal."""

    status: int
    seconds: float
    first_point_s: float | None
    points: tuple[Point, ...]
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Loaders:
    """Forks commands, one at a time, from a process that has imported everything; all use one Prefect server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self,
        *arguments: str,
        folder: Path,
        settings: Mapping[str, str],
        kill: Kill | None = None,
        on_begin: Callable[[int], None] | None = None,
    ) -> Ended:
        """Run one ``tidemark`` command to its end, whatever that is; ``on_begin`` is told its process id.

        ``settings``: variables of its environment.
        """
        kill = kill or Kill()
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(settings),
            "kill_at": kill.at.name if kill.at else None,
            "kill_after_s": kill.after_s,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        pid = self._read()["pid"]
        if on_begin is not None:
            on_begin(pid)
        answer = self._read()
        assert not answer.pop("hung"), f"tidemark {' '.join(arguments)} did not end:\n{answer['stderr']}"
        return Ended(**answer | {"points": tuple(Point[name] for name in answer["points"])})

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the warm parent is gone"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def warm_loaders(home: Path, api_url: str) -> Iterator[Loaders]:
    """Start a warm parent whose commands use the Prefect server at ``api_url``, and end it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "PREFECT_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.warm_parent"],
        cwd=PROJECT,
        env={**kept, "OPENBLAS_NUM_THREADS": "1", **client_environment(home, api_url)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield Loaders(process)
    finally:
        process.communicate()  # no more requests: it ends after the one at hand
