"""What a run measured: kept as JSON, held against the bars, shown as a table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bench.keys import BARS, Bar

VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """What a measurement came to in ``n`` repeats."""

    min: float
    median: float
    max: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        middle = statistics.median(values)
        return cls(min=round(min(values), 4), median=round(middle, 4), max=round(max(values), 4), n=len(values))


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A measurement against one of its bars: ``value`` is its median, or the ratio of the medians."""

    bar: Bar
    value: float

    @property
    def met(self) -> bool:
        return self.value <= self.bar.at_most


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """One run on one machine. ``versions``: by environment, then by library. ``machine``: what it is, in words."""

    date: str
    minutes: float
    rows: int
    tenfold_rows: int
    file_mb: float
    to_sql_part: int
    machine: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, str]]
    measured: Mapping[str, Spread]

    def judged(self) -> Iterator[Judged]:
        """Yield the verdict on each bar of what was measured."""
        for bar in BARS:
            if bar.key in self.measured and (bar.of is None or bar.of in self.measured):
                divisor = self.measured[bar.of].median if bar.of else 1.0
                yield Judged(bar=bar, value=self.measured[bar.key].median / divisor)

    def to_json(self) -> dict[str, Any]:
        bars = [{**asdict(j.bar), "value": round(j.value, 4), "met": j.met} for j in self.judged()]
        return {"version": VERSION, **asdict(self), "bars": bars}


def read(path: Path) -> Results:
    said = json.loads(path.read_text(encoding="utf-8"))
    kept = {name: value for name, value in said.items() if name not in ("version", "bars", "measured")}
    return Results(**kept, measured={key: Spread(**spread) for key, spread in said["measured"].items()})


def write(path: Path, results: Results) -> None:
    path.write_text(json.dumps(results.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
