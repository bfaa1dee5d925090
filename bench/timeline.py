"""Draws where the seconds of loads went: a lane for each month, a colour for each stage. Runs in ``.bench/picture``."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]  # it is only in its own environment

mpl.use("svg")

import matplotlib.pyplot as plt  # type: ignore[import-not-found]  # the same
from matplotlib.patches import Patch  # type: ignore[import-not-found]  # the same

FOLDER = Path(__file__).parents[1] / ".bench" / "profile"
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "profile.svg"
# the point at which a stage ends, in the order of a load; what is before it belongs to the stage
ENDS = {
    "FETCHING": "waiting, Prefect",
    "STORED": "fetch",
    "STAGED": "stage",
    "AUDITED": "audit",
    "INDEXED": "index, ANALYZE",
    "PUBLISHED": "publish",
}
COLOURS = {
    "waiting, Prefect": "#b8bfc6",
    "fetch": "#4c9fd6",
    "stage": "#2f7d5b",
    "audit": "#e08a1e",
    "index, ANALYZE": "#8e63b5",
    "publish": "#c8413b",
}
Span = tuple[str, float, float]  # stage, from and to, in seconds since the run began


def main() -> int:
    """Draw every kept trail that there is; returns the exit status."""
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 11, "svg.fonttype": "none", "svg.hashsalt": "t"})
    trails = {name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in ("month", "backfill")}
    figure, axes = plt.subplots(2, 1, figsize=(10, 6.2), height_ratios=(1, 4), layout="constrained", facecolor="white")
    for ax, (name, trail) in zip(axes, trails.items(), strict=True):
        _draw(ax, name, trail)
    figure.legend(
        handles=[Patch(color=colour, label=stage) for stage, colour in COLOURS.items()],
        loc="outside lower center", ncols=len(COLOURS), frameon=False,
    )  # fmt: skip
    figure.savefig(PICTURE, metadata={"Date": None})
    print(f"{PICTURE.name}, {FOLDER.name}/command.svg")  # noqa: T201 - a program of its own
    return 0


def _draw(ax: Any, name: str, trail: dict[str, Any]) -> None:
    lanes = _lanes(trail["passed"], trail["window"])
    took: dict[str, float] = defaultdict(float)
    for place, partition in enumerate(sorted(lanes)):
        for stage, begin, end in lanes[partition]:
            ax.barh(place, end - begin, left=begin, color=COLOURS[stage], height=0.72)
            took[stage] += end - begin
    total = sum(took.values())
    shares = ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in took.items())
    months = "one month" if len(lanes) == 1 else f"{len(lanes)} months, {trail['window']} at a time,"
    ax.set_title(
        f"{months} of {trail['rows']:,} rows{'' if len(lanes) == 1 else ' each'} in {trail['seconds']:.1f} s\n",
        loc="left",
        fontsize=12,
        fontweight="bold",
    )
    ax.text(0, 1.02, shares, transform=ax.transAxes, fontsize=9, color="#444444")
    ax.set_yticks(range(len(lanes)), [partition.split()[1] for partition in sorted(lanes)])
    ax.invert_yaxis()
    ax.set_xlim(0, trail["seconds"])
    ax.set_xlabel("seconds" if name == "backfill" else "")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _lanes(passed: list[tuple[float, str, str]], window: int) -> dict[str, list[Span]]:
    """Cut each month's trail into the stages that it went through; it begins when the window has a place for it."""
    lanes: dict[str, list[Span]] = {}
    places = [0.0] * window
    for seconds, partition, point in passed:
        if point not in ENDS:
            continue
        lane = lanes.setdefault(partition, [])
        begin = lane[-1][2] if lane else places.pop(0)
        lane.append((ENDS[point], begin, seconds))
        if point == "PUBLISHED":
            places.append(seconds)
    return lanes


if __name__ == "__main__":
    sys.exit(main())
