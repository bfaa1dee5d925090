"""The outside of a worker: a warm process that does one kind of load, over and over, when it is asked to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from bench.errors import Broken

PROJECT = Path(__file__).parents[1]
LONGEST_S = 900.0


class Worker:
    """A Python program that answers requests until the end of a ``with`` block.

    It is in a session of its own, so that Ctrl-C reaches only the one who leads.
    """

    def __init__(self, python: Path, module: str, environment: Mapping[str, str], log: Path) -> None:
        self._module = module
        self._log = log
        with log.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - a program of our own
                [str(python), "-m", module],
                cwd=PROJECT,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def ask(self, do: str, **given: object) -> dict[str, Any]:
        """Ask for one thing and wait for the reply.

        Raises ``Broken`` when the worker ends instead, or takes longer than anything here should.
        """
        assert self._process.stdin is not None  # noqa: S101 - both were asked for
        assert self._process.stdout is not None  # noqa: S101
        guard = threading.Timer(LONGEST_S, self._process.kill)
        guard.start()
        try:
            self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            guard.cancel()
        if not line:
            raise Broken(f"{self._module} ended when asked to {do}:\n{self._last_words()}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def seconds(self, do: str, **given: object) -> float:
        """Ask for something that is timed."""
        return float(self.ask(do, **given)["seconds"])

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-15:])
