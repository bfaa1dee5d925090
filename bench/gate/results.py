"""What a run keeps of every month that it judged, one line of JSON each, so that a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bench.gate.cases import Said
from bench.gate.court import Named, Ruling
from tidemark.months import Month


class Part(StrEnum):
    """What a month is there for: thresholds may be set by the older ones; scores come from the others."""

    OLDER = "older"
    NEWER = "newer"
    REAL = "real"
    PANDEMIC = "pandemic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One month judged. ``case``: how it was corrupted, empty for a clean one; ``task``: what it was judged in.

    ``knn``, ``z``: the scores of the two other detectors, none where the file could not be read.
    """

    task: str
    series: str
    dataset: str
    month: Month
    part: Part
    case: str
    ruling: Ruling
    knn: float | None
    z: Mapping[str, float] | None


def append(path: Path, results: Iterable[Result]) -> None:
    """Add the results of a task, in one write: after a kill they are there or not."""
    lines = "".join(f"{json.dumps(_to_json(result))}\n" for result in results)
    with path.open("a", encoding="utf-8") as file:
        file.write(lines)


def read(path: Path) -> list[Result]:
    if not path.exists():
        return []
    return [_from_json(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _to_json(result: Result) -> dict[str, Any]:
    return asdict(result) | {"month": str(result.month)}


def _from_json(said: dict[str, Any]) -> Result:
    ruling = said["ruling"]
    kept = ruling | {
        "said": Said(ruling["said"]),
        "by_rules": Said(ruling["by_rules"]),
        "named": tuple(Named(**each) for each in ruling["named"]),
    }
    return Result(**said | {"month": Month.parse(said["month"]), "part": Part(said["part"]), "ruling": Ruling(**kept)})
