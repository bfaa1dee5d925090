"""``make bench-gate`` and ``make bench-gate-small``: judge clean months and corrupted copies, and keep the scores."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import machine
from bench.errors import Broken
from bench.gate import page
from bench.gate.cases import Group
from bench.gate.plan import full_plan, small_plan
from bench.gate.report import report
from bench.gate.results import Result
from bench.gate.run import run
from tidemark.errors import TidemarkError

WIDTH = 120  # where there is no terminal
# What a small run must keep: it has too few months for the bars themselves.
SMALL = (
    (Group.LISTED, "rejected", "least", 0.95),
    ("all", "rejected", "least", 0.8),
    ("all", "overdone", "most", 0.1),
    ("all", "false_rejections", "most", 0.0),
)

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def main() -> int:
    """Run what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few minutes; keeps nothing, fails when the gate is bad")
    small = parser.parse_args().small
    signal.signal(signal.SIGTERM, _stop)
    try:
        results = run(small_plan() if small else full_plan(), _say_since(monotonic()))
    except KeyboardInterrupt:
        return 130
    except (Broken, TidemarkError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    found = {"run": _described(results), **report(results)}
    console.print(_table(found["bars"]))
    console.print(_groups(found["groups"]))
    return judge_small(found) if small else _keep(found)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say_since(began: float) -> Any:
    def say(text: str) -> None:
        minutes, seconds = divmod(int(monotonic() - began), 60)
        console.print(f"{minutes:02}:{seconds:02} {text}", markup=False)

    return say


def _described(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.describe(),
        "judged": len(results),
        "minutes_of_judging": round(sum(each.ruling.seconds for each in results) / 60, 1),
    }


def _table(bars: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("what", "asked", "found", "")
    for bar in bars:
        table.add_row(bar["name"], bar["asked"], bar["found"], "met" if bar["met"] else "missed")
    return table


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> Table:
    names = {"rejected": "rejected, of R", "flagged": "flagged, of W and R", "overdone": "W rejected"}
    table = Table("kinds", *names.values(), "column first")
    for group, score in groups.items():
        table.add_row(group, *(f"{score[name]['hits']} of {score[name]['of']}" for name in (*names, "guilty")))
    return table


def _keep(found: Mapping[str, Any]) -> int:
    page.RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write(found)
    console.print(f"kept in {page.RESULTS.name} and {page.TARGET.name}", markup=False)
    return 0


def judge_small(found: Mapping[str, Any]) -> int:
    """Say what a small run did not keep, and return its exit status."""
    groups = {"all": found["all"], **found["groups"]}
    worse = [
        f"{name} of {group} is {share['share']} ({share['hits']} of {share['of']}); it must be at {which} {limit}."
        for group, name, which, limit in SMALL
        if not _kept(share := groups[group][name], which, limit)
    ]
    for sentence in worse:
        console.print(sentence, style="red", markup=False)
    return 1 if worse else 0


def _kept(share: Mapping[str, Any], which: str, limit: float) -> bool:
    value = share["share"]
    return value is not None and bool(value >= limit if which == "least" else value <= limit)


if __name__ == "__main__":
    sys.exit(main())
