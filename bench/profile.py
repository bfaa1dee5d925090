"""``make profile``: where the seconds of a month and of a backfill go; ``bench/timeline.py`` draws what is kept here.

A flame graph of the whole command, from the start of its process on, is drawn by py-spy, beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from bench.database import forget, settle
from bench.errors import Broken
from bench.scale import FULL
from bench.stand import FOLDER, Stand, open_stand
from bench.worker import PROJECT, Worker
from tidemark.errors import TidemarkError

TARGET = FOLDER / "profile"
FIRST, LAST, WINDOW = "2023-01", "2023-06", 4
SAMPLES_PER_SECOND = 100


def main() -> int:
    """Profile one month, a backfill of six, and a whole command; returns the exit status."""
    console = Console(highlight=False)
    TARGET.mkdir(parents=True, exist_ok=True)
    try:
        with open_stand(lambda text: console.print(text, markup=False)) as stand:
            for file in stand.make("months", FIRST, LAST, FULL.rows):
                stand.serve(file)
            with stand.worker("bench.trail") as worker:
                _follow(stand, worker, "warm", FIRST, FIRST)
                _follow(stand, worker, "month", FIRST, FIRST)
                _follow(stand, worker, "backfill", FIRST, LAST)
            stand.say("one month by the whole command, sampled by py-spy")
            _sample(stand, TARGET / "command.svg")
    except KeyboardInterrupt:
        return 130
    except (Broken, TidemarkError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


def _follow(stand: Stand, worker: Worker, name: str, first: str, last: str) -> None:
    """Load months in a warm process and keep their trail as ``<name>.json``."""
    forget(stand)
    settle(stand)
    reply = worker.ask("under_prefect", dataset="yellow", first=first, last=last, window=WINDOW)
    stand.say(f"{name}: {reply['seconds']:.2f} s")
    (TARGET / f"{name}.json").write_text(json.dumps({"rows": FULL.rows, "window": WINDOW, **reply}), encoding="utf-8")


def _sample(stand: Stand, target: Path) -> None:
    forget(stand)
    settle(stand)
    command = (sys.executable, "-m", "commands.main", "backfill", "yellow", FIRST, "--mode", "all")
    sampler = (FOLDER / "picture" / "bin" / "py-spy", "record", "--rate", str(SAMPLES_PER_SECOND), "--threads")
    done = subprocess.run(  # noqa: S603 - programs of our own environments
        [*map(str, sampler), "--output", str(target), "--", *command],
        cwd=PROJECT,
        env=stand.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Broken(f"py-spy ended with {done.returncode}: {done.stderr[-500:]}")


if __name__ == "__main__":
    sys.exit(main())
