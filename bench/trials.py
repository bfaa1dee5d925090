"""``make bench-trials``: other ways to do what Tidemark does, measured beside ours in turn; kept in ``trials.json``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.console import Console

from bench.database import expect, forget, settle
from bench.errors import Broken
from bench.results import Spread
from bench.scale import FULL
from bench.stand import Stand, open_stand
from tidemark.errors import TidemarkError

KEPT = Path(__file__).with_name("trials.json")
MONTH = "2023-01"
# what was tried, and beside what: both are done in turn
TRIALS = {
    "two streams": "one stream",
    "every column": "one stream",
    "unlogged": "one stream",
    "csv": "one stream",
    "audit beside index": "audit, then index",
}


def main() -> int:
    """Measure every trial and keep what came of it; returns the exit status."""
    console = Console(highlight=False)
    try:
        with open_stand(lambda text: console.print(text, markup=False)) as stand:
            found = _measure(stand)
    except KeyboardInterrupt:
        return 130
    except (Broken, TidemarkError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    KEPT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def _measure(stand: Stand) -> dict[str, object]:
    ways = tuple(dict.fromkeys(("ours", *TRIALS.values(), *TRIALS)))
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    (file,) = stand.make("month", MONTH, MONTH, FULL.rows)
    stand.serve(file)
    with stand.worker("bench.alternatives") as worker:
        for number in range(FULL.repeats + 1):
            for way in ways:
                forget(stand)
                settle(stand)
                reply = worker.ask(way, month=MONTH)
                expect(f"rows staged by {way}, at most the file's", reply["rows"] <= FULL.rows, True)
                stand.say(f"{way} {reply['seconds']:.2f} ({number or 'to warm up'})")
                if number:
                    seconds[way].append(reply["seconds"])
    return {
        "rows": FULL.rows,
        "measured": {way: asdict(Spread.of(values)) for way, values in seconds.items()},
        "ratios": {way: round(median(seconds[way]) / median(seconds[beside]), 3) for way, beside in TRIALS.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
