"""The real command in processes of its own, and what the Prefect server tells of its runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
LONGEST_RUN_S = 240


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Running:
    """A command that runs, and what it has said on stderr so far."""

    def __init__(self, process: subprocess.Popen[str], stdout: Path) -> None:
        self.process = process
        self._stdout = stdout
        self._said: list[str] = []

    def until(self, *texts: str) -> None:
        """Read on until each of these texts was said."""
        assert self.process.stderr is not None
        missing = set(texts) - {text for text in texts for line in self._said if text in line}
        for line in self.process.stderr:
            self._said.append(line)
            missing -= {text for text in missing if text in line}
            if not missing:
                return
        assert not missing, f"it ended and did not say {missing}:\n{''.join(self._said)}"

    def ended(self) -> Ended:
        """Wait for its end."""
        assert self.process.stderr is not None
        self._said += self.process.stderr.readlines()
        status = self.process.wait()
        return Ended(status=status, stdout=self._stdout.read_text(encoding="utf-8"), stderr="".join(self._said))


@dataclass(kw_only=True)
class Shell:
    """Where commands run: a folder, and the settings that they get and no others."""

    folder: Path
    settings: dict[str, str]
    _commands: int = field(default=0, init=False)

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "PREFECT_"))}
        paths = {"PYTHONPATH": str(PROJECT), "TIDEMARK_HOME": str(self.folder / "home"), "TMPDIR": str(self.temporary)}
        return {**kept, **paths, **self.settings, **settings}

    @property
    def temporary(self) -> Path:
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def run(self, *arguments: str, python: tuple[str, ...] = (), **settings: str) -> Ended:
        """Run one ``tidemark`` command to its end; ``python``: options of the interpreter."""
        with self.start(*arguments, python=python, **settings) as running:
            return running.ended()

    @contextmanager
    def start(self, *arguments: str, python: tuple[str, ...] = (), **settings: str) -> Iterator[Running]:
        self._commands += 1
        stdout = self.folder / f"stdout-{self._commands}"
        with stdout.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, *python, "-m", "commands.main", *arguments],
                cwd=self.folder,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        guard = threading.Timer(LONGEST_RUN_S, process.kill)  # so that a test fails instead of hanging
        guard.start()
        try:
            yield Running(process, stdout)
        finally:
            guard.cancel()
            process.kill()
            process.communicate()


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefectApi:
    """The API of the Prefect server that the commands under test use."""

    url: str

    def ask(self, path: str, given: object = None) -> Any:
        body = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(  # noqa: S310 - the address of our own server
            f"{self.url}{path}", data=body, headers={"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            return json.load(response)

    def runs_named(self, name: str) -> list[dict[str, Any]]:
        """The flow runs of this name, the first one first."""
        given = {"flow_runs": {"name": {"any_": [name]}}, "sort": "START_TIME_ASC"}
        return list(self.ask("/flow_runs/filter", given))

    def months_of(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """The flow runs of the months of a backfill."""
        parent = {"flow_runs": {"parent_flow_run_id": {"any_": [run["id"]]}}}
        return list(self.ask("/flow_runs/filter", {**parent, "sort": "START_TIME_ASC"}))

    def tasks_of(self, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(self.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"] for run in runs]}}}))

    def logs_of(self, runs: list[dict[str, Any]]) -> list[str]:
        given = {"logs": {"flow_run_id": {"any_": [run["id"] for run in runs]}}, "limit": 200}
        return [log["message"] for log in self.ask("/logs/filter", given)]

    def artifacts_of(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}))
