"""``python -m tests.faults.warm_parent``: a process that has imported all that a backfill imports, and forks commands.

A request is a line of JSON on stdin, answered with two lines on stdout: the child's pid when it has begun, and what
became of it. The child runs the real command, exit and all, and starts in milliseconds instead of seconds.

What is forked is one thread: none of the imports starts another one in Python, and the threads of the libraries in C
(OpenBLAS, jemalloc) are restarted by handlers of their own. Prefect reads its settings when it is imported, so all
commands of one parent use one Prefect server; of its state nothing has to be reset.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import select
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

LONGEST_RUN_S = 90.0  # so that a test fails instead of hanging
IMPORTS = (
    "anyio._backends._asyncio",
    "checks.versions",
    "commands.main",
    "deployments.local",
    "fastapi",
    "flows.backfill",
    "great_expectations.expectations",
    "pgpq",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.utilities.visualization",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "tests.faults.scene",  # where the dataset of the scenes is
)


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer the requests one after another, until there are no more."""
    for line in requests:
        request = json.loads(line)
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            passed, passing = os.pipe()
            began = time.monotonic()
            pid = os.fork()
            if pid == 0:
                os.close(passed)
                become(request, passing, stdout, stderr)
            os.close(passing)
            _answer(answers, {"pid": pid})
            answer = watch(pid, passed, began, request["kill_at"], request["kill_after_s"])
            _answer(answers, {**answer, "stdout": _text(stdout), "stderr": _text(stderr)})


def become(request: dict[str, Any], passing: int, stdout: IO[bytes], stderr: IO[bytes]) -> None:
    """Be the command; ends the process, as the command's own entry does."""
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # the parent has looked it up in its own environment
    points = logging.getLogger("tidemark.points")
    points.setLevel(logging.DEBUG)
    points.propagate = False  # nobody else is to see more than without us
    itself = request["kill_after_s"] is None
    points.addHandler(Trail(passing, request["kill_at"] if itself else None))
    sys.argv = ["tidemark", *request["arguments"]]

    from commands.main import main

    main()


class Trail(logging.Handler):
    """Writes the name of each point that a load passes to a pipe; kills this process at the one that was chosen."""

    def __init__(self, pipe: int, kill_at: str | None) -> None:
        super().__init__()
        self._pipe = pipe
        self._kill_at = kill_at

    def emit(self, record: logging.LogRecord) -> None:
        name = record.__dict__["point"].name
        os.write(self._pipe, f"{name}\n".encode())
        if name == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(pid: int, passed: int, began: float, kill_at: str | None, kill_after_s: float | None) -> dict[str, Any]:
    """Read the child's trail until its end; kill it when its time has come, or when it hangs."""
    trail, first_point_s, killed = b"", None, False
    deadline, due = began + LONGEST_RUN_S, False
    if kill_after_s is not None and kill_at is None:
        deadline, due = began + kill_after_s, True
    while True:
        if not killed and not select.select([passed], [], [], max(0.0, deadline - time.monotonic()))[0]:
            os.kill(pid, signal.SIGKILL)
            killed = True
        piece = os.read(passed, 4096)  # nothing: the child, who alone has the other end, is gone
        if not piece:
            break
        first_point_s = first_point_s or time.monotonic() - began
        trail += piece
        if kill_after_s is not None and not due and kill_at in trail.decode().split():
            deadline, due = time.monotonic() + kill_after_s, True
    os.close(passed)
    _, status = os.waitpid(pid, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - began,
        "points": trail.decode().split(),
        "first_point_s": first_point_s,
        "hung": killed and not due,
    }


def warm_up() -> None:
    """Import what a backfill imports on its way; raises when an import has left a thread behind."""
    for name in IMPORTS:
        importlib.import_module(name)
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, every page of every child


def _answer(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()  # also so that no child inherits half a line


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command; without requests this one ends too
    warm_up()
    serve(sys.stdin, sys.stdout)
