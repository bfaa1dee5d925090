"""A run of the benchmark: tasks in processes, what is done kept, so that one that was stopped goes on."""

from __future__ import annotations

import fcntl
import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.pool import IMapIterator, Pool
from pathlib import Path
from time import monotonic

from bench.errors import Broken
from bench.gate.plan import Task
from bench.gate.results import Result, append, read
from bench.gate.work import do
from bench.worker import PROJECT
from tidemark import embedded

FOLDER = PROJECT / ".bench" / "gate"
HOME = PROJECT / ".bench" / "gate-home"
_JUDGED_BY = ("tidemark", "checks", "demo", "bench/gate")
_ONLY_TELLS = ("score.py", "report.py", "page.py", "chart.py", "__main__.py")  # judge nothing
LONGEST_TASK_S = 1800
_TASKS_A_PROCESS = 12  # Great Expectations keeps a little of every audit


def run(tasks: Sequence[Task], say: Callable[[str], None]) -> list[Result]:
    """Do what is not done yet and return the results of all tasks.

    What was done by other code than today's, of the product or of the benchmark, is done again. Raises ``Broken`` when
    another run is under way.
    """
    folder = FOLDER / _fingerprint()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.jsonl"
    with _alone():
        _forget_other_code(folder)
        done = {result.task for result in read(path)}
        left = [task for task in tasks if task.name not in done]
        say(f"{len(tasks)} tasks, {len(tasks) - len(left)} of them done before")
        if left:
            _do_all(left, folder, path, say)
    wanted = {task.name for task in tasks}
    return [result for result in read(path) if result.task in wanted]


def _forget_other_code(folder: Path) -> None:
    for other in FOLDER.glob("*"):
        if other != folder:
            shutil.rmtree(other)


def _do_all(tasks: Sequence[Task], folder: Path, path: Path, say: Callable[[str], None]) -> None:
    began = monotonic()
    with _server() as url, _pool() as pool:  # left, the pool ends its processes at once
        finished = pool.imap_unordered(partial(do, server_url=url, folder=folder), tasks)
        for number in range(1, len(tasks) + 1):
            results = _next(finished)
            append(path, results)
            minutes = (monotonic() - began) / 60
            left = minutes / number * (len(tasks) - number)
            say(f"{number}/{len(tasks)} {results[0].task}: {len(results)} months; {left:.0f} minutes left")


def _next(finished: IMapIterator[list[Result]]) -> list[Result]:
    try:
        return finished.next(timeout=LONGEST_TASK_S)
    except multiprocessing.TimeoutError:  # a process that was killed takes its task with it
        raise Broken(f"No task ended within {LONGEST_TASK_S // 60} minutes. Run this again: it goes on.") from None


@contextmanager
def _alone() -> Iterator[None]:
    with HOME.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Broken("Another benchmark of the gate is running.") from None
        yield


@contextmanager
def _server() -> Iterator[str]:
    HOME.mkdir(exist_ok=True)
    embedded.remove_server(HOME)  # of a run that was killed
    HOME.mkdir(exist_ok=True)
    try:
        yield embedded.ensure_server(HOME)
    finally:
        embedded.remove_server(HOME)


def _pool() -> Pool:
    context = multiprocessing.get_context("spawn")
    return context.Pool(os.cpu_count() or 1, maxtasksperchild=_TASKS_A_PROCESS)


def _fingerprint() -> str:
    """Return twelve hex digits that change with any line of the code that makes or judges a month."""
    digest = hashlib.sha256()
    for room in _JUDGED_BY:
        for path in sorted((PROJECT / room).rglob("*")):
            if path.suffix in (".py", ".sql") and not (room == "bench/gate" and path.name in _ONLY_TELLS):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
