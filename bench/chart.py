"""Draw the chart of ``docs/performance.md``; runs in an environment of its own: ``.bench/picture``.

Reads ``bench/results.json`` as plain JSON, as nothing of Tidemark is installed there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]  # it is only in its own environment

RESULTS = Path(__file__).with_name("results.json")
TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "performance.svg"

PAPER, INK, FAINT = "#ffffff", "#1f2933", "#66717d"
OURS, OTHERS, FLOOR = "#1a7f5a", "#6b7681", "#b4bcc4"
BARS = (
    ("floor_copy_s", "a bare COPY of encoded rows", "the floor", FLOOR),
    ("stage_s", "Tidemark: stage", "read, check the contract, encode, COPY", OURS),
    ("month_s", "Tidemark: the whole month", "fetch, stage, audit, index, publish", OURS),
    ("dlt_s", "dlt, parquet through ADBC", "load only", OTHERS),
    ("to_sql_s", "pandas to_sql", "load only", OTHERS),
)
CUT = "to_sql_s"  # its bar would leave the others a few pixels each


def main() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    mpl.rcParams.update({"font.size": 11, "font.family": "DejaVu Sans", "svg.fonttype": "path", "svg.hashsalt": "x"})
    from matplotlib.figure import Figure  # type: ignore[import-not-found]  # the same

    figure = Figure(figsize=(9, 4.2), facecolor=PAPER)
    axes = figure.add_axes((0.31, 0.13, 0.64, 0.71))
    _draw(axes, results["measured"])
    figure.text(0.02, 0.93, _title(results), color=INK, fontsize=13, fontweight="bold")
    figure.savefig(TARGET, metadata={"Date": None}, facecolor=PAPER)


def _title(results: dict[str, Any]) -> str:
    machine = results["machine"]
    return f"Seconds to load a month of {results['rows']:,} rows × 19 columns, {machine['cpus']} CPUs"


def _draw(axes: Any, measured: dict[str, dict[str, float]]) -> None:
    end = 1.45 * max(measured[key]["max"] for key, *_ in BARS if key != CUT)
    for place, (key, name, about, color) in enumerate(BARS):
        spread = measured[key]
        is_cut = key == CUT and spread["median"] > end
        length = end if is_cut else spread["median"]
        axes.barh(place, length, height=0.62, color=color)
        if is_cut:
            _cut(axes, end, place)
            times = spread["median"] / measured["month_s"]["median"]
            said = f"{spread['median']:.0f} s, {times:.0f} times Tidemark's whole month"
            axes.text(end * 0.03, place, said, va="center", color=PAPER, fontweight="bold")
        else:
            axes.plot([spread["min"], spread["max"]], [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")
            axes.text(spread["max"] + end * 0.015, place, f"{spread['median']:.2f} s", va="center", color=INK)
        axes.text(-end * 0.015, place - 0.14, name, ha="right", va="center", color=INK)
        axes.text(-end * 0.015, place + 0.2, about, ha="right", va="center", color=FAINT, fontsize=8.5)
    _dress(axes, end)


def _cut(axes: Any, end: float, place: int) -> None:
    """Show that a bar goes on: two slanted gaps near its end."""
    for begin in (0.9, 0.93):
        left = end * begin
        axes.fill(
            [left, left + end * 0.012, left + end * 0.032, left + end * 0.02],
            [place + 0.36, place + 0.36, place - 0.36, place - 0.36],
            color=PAPER,
            linewidth=0,
        )


def _dress(axes: Any, end: float) -> None:
    axes.set_xlim(0, end)
    axes.set_ylim(len(BARS) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlabel("seconds: median of the runs; the line is from the fastest to the slowest", color=FAINT, fontsize=9)
    axes.tick_params(axis="x", colors=FAINT, labelsize=9)
    axes.set_facecolor(PAPER)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)


if __name__ == "__main__":
    main()
