"""``make bench`` and ``make bench-small``: measures everything in one run, prints it and keeps it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import cold, compare, contest, machine, memory, orchestration
from bench.errors import Broken
from bench.keys import SMALL_KEYS, WHAT
from bench.results import Results, Spread, write
from bench.scale import FULL, SMALL, Scale
from bench.stand import Stand, open_stand
from bench.table import table
from tidemark.errors import TidemarkError

RESULTS = Path(__file__).with_name("results.json")
WIDTH = 120  # where there is no terminal

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def main() -> int:
    """Run what was asked for; returns the exit status."""
    arguments = _arguments()
    scale, keys = (SMALL, SMALL_KEYS) if arguments.small else (FULL, tuple(WHAT))
    chosen = _chosen(keys, arguments.only)
    try:
        results = _measure(scale, chosen)
    except KeyboardInterrupt:
        return 130
    except (Broken, TidemarkError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    console.print(table(results, against_bars=not arguments.small))
    if chosen != keys:
        console.print("only a part was measured: nothing is kept")
        return 0
    return _judge_small(results, commit=arguments.commit) if arguments.small else _keep(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--small", action="store_true", help="compare the ratios of a small run with the committed ones"
    )
    parser.add_argument("--commit", action="store_true", help="with --small: make its ratios the committed ones")
    parser.add_argument("--only", metavar="KEYS", default="", help="measure only these, e.g. floor,month; keep nothing")
    return parser.parse_args()


def _chosen(keys: Sequence[str], only: str) -> tuple[str, ...]:
    """Return the keys that begin with one of the words; all of them when there is none."""
    words = tuple(word for word in only.split(",") if word)
    unknown = [word for word in words if not any(key.startswith(word) for key in keys)]
    if unknown:
        sys.exit(f"There is no measurement {', '.join(unknown)}; there are {', '.join(keys)}.")
    return tuple(key for key in keys if not words or key.startswith(words))


def _measure(scale: Scale, keys: tuple[str, ...]) -> Results:
    began = time.monotonic()

    def say(text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        console.print(f"{minutes:02}:{seconds:02} {text}", markup=False)

    with open_stand(say) as stand:
        versions = {"tidemark": machine.versions(stand)}
        measured, of_others, file_mb = _measured(stand, scale, keys)
    return Results(
        date=datetime.now(UTC).date().isoformat(),
        minutes=round((time.monotonic() - began) / 60, 1),
        rows=scale.rows,
        tenfold_rows=scale.tenfold_rows,
        file_mb=file_mb,
        to_sql_part=scale.to_sql_part,
        machine=machine.describe(),
        versions=versions | of_others,
        measured={key: measured[key] for key in WHAT if key in measured},
    )


def _measured(
    stand: Stand, scale: Scale, keys: tuple[str, ...]
) -> tuple[dict[str, Spread], dict[str, Mapping[str, str]], float]:
    """Measure the chosen keys; returns also the versions of others, and the size of the month's file in MB."""

    def of(all_of_them: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(key for key in all_of_them if key in keys)

    measured: dict[str, Spread] = {}
    held = contest.Contest(stand=stand, scale=scale, keys=of(contest.KEYS))
    if held.keys:
        measured |= held.hold()
    if of(orchestration.KEYS):
        measured |= orchestration.measure(stand, scale)
    if of(cold.KEYS):
        measured |= cold.measure(stand, scale, of(cold.KEYS))
    measured |= memory.measure(stand, scale, of(memory.KEYS))
    return measured, held.versions, held.file_mb


def _keep(results: Results) -> int:
    write(RESULTS, results)
    console.print(f"kept in bench/{RESULTS.name}; it took {results.minutes:.0f} minutes")
    return 0


def _judge_small(results: Results, *, commit: bool) -> int:
    now = compare.ratios_of(results.measured)
    if commit:
        compare.commit(now)
        console.print(f"these ratios are now the committed ones, in bench/{compare.COMMITTED.name}")
        return 0
    problems = compare.worse(now, compare.read_committed())
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if not problems:
        console.print(f"no ratio is more than {compare.TOLERANCE} times worse than the committed one")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
