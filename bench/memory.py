"""Peak memory: each measurement is of a fresh process that loads under Prefect, with everything that it imports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from bench.database import expect_published, forget, settle
from bench.results import Spread
from bench.scale import Scale
from bench.stand import Stand

KEYS = ("peak_rss_mb", "peak_rss_mb_10x", "peak_rss_mb_12")
FIRST, LAST = "2023-01", "2023-12"


def measure(stand: Stand, scale: Scale, keys: tuple[str, ...]) -> dict[str, Spread]:
    """Measure the chosen ones of ``KEYS``."""
    shapes: Mapping[str, Callable[[], tuple[list[Path], int]]] = {
        "peak_rss_mb": lambda: (stand.make("month", FIRST, FIRST, scale.rows), scale.rows),
        "peak_rss_mb_10x": lambda: (stand.make("tenfold", FIRST, FIRST, scale.tenfold_rows), scale.tenfold_rows),
        "peak_rss_mb_12": lambda: (stand.make("year", FIRST, LAST, scale.rows), scale.rows),
    }
    return {key: _measure(stand, scale, key, *shapes[key]()) for key in keys}


def _measure(stand: Stand, scale: Scale, key: str, files: list[Path], rows: int) -> Spread:
    for file in files:
        stand.serve(file)
    peaks = []
    for number in range(1, scale.memory_repeats + 1):
        peaks.append(_peak(stand, len(files), rows))
        stand.say(f"{key} {peaks[-1]:.0f} ({number} of {scale.memory_repeats})")
    for file in files:
        file.unlink()
    return Spread.of(peaks)


def _peak(stand: Stand, months: int, rows: int) -> float:
    settle(stand)
    with stand.worker("bench.ours") as worker:
        worker.ask("under_prefect", dataset="yellow", first=FIRST, last=f"2023-{months:02}", window=1)
        peak = float(worker.ask("peak")["mb"])
    expect_published(stand, [date(2023, number, 1) for number in range(1, months + 1)], rows)
    forget(stand)
    return peak
