"""What a process of the benchmark does: make a month, corrupt it, have it judged by the gate and by the others."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pyarrow as pa

from bench.gate.catalogue import CASES
from bench.gate.corrupt.files import as_published
from bench.gate.court import Court, open_court
from bench.gate.pandemic import live_through
from bench.gate.plan import Task
from bench.gate.results import Part, Result
from bench.gate.rivals import Features, features_of, knn_score, z_scores
from bench.gate.series import Series, series_named
from tidemark.errors import BadFile
from tidemark.history import History, PastMonth
from tidemark.months import Month
from tidemark.profile import Profile, profile_month

_CASES = {case.name: case for case in CASES}


@dataclass(slots=True)
class Past:
    """The clean months of a series as later ones see them: profiles for the gate, features for the others.

    Kept in a folder, for all processes; ``seen``: what this one has read or made.
    """

    series: Series
    folder: Path
    seen: dict[Month, tuple[Profile, Features]] = field(default_factory=dict)

    def history(self, month: Month) -> History:
        months = self.series.before(month)
        return History(
            months=tuple(
                PastMonth(month=past, load_id=number, profile=self._of(past)[0])
                for number, past in enumerate(months, start=1)
            )
        )

    def features(self, month: Month) -> list[Features]:
        return [self._of(past)[1] for past in self.series.before(month)]

    def _of(self, month: Month) -> tuple[Profile, Features]:
        if month not in self.seen:
            self.seen[month] = self._read(month)
        return self.seen[month]

    def _read(self, month: Month) -> tuple[Profile, Features]:
        kept = self.folder / f"{self.series.name}-{month}.json"
        if kept.exists():
            said = json.loads(kept.read_text(encoding="utf-8"))
            return Profile.from_json(said["profile"]), said["features"]
        content = as_published(self.series.table(month))
        made = profile_of(self.series, month, content), features_of(self.series.dataset, month, content)
        part = kept.with_suffix(f".{id(made)}.part")
        part.write_text(json.dumps({"profile": made[0].to_json(), "features": made[1]}), encoding="utf-8")
        part.replace(kept)
        return made


def profile_of(series: Series, month: Month, content: bytes) -> Profile:
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(content)
        file.flush()
        return profile_month(series.dataset, month, Path(file.name))


@cache
def _court(server_url: str, folder: Path) -> Court:
    return open_court(server_url, Path(tempfile.mkdtemp(prefix="court-", dir=folder)))


@cache
def _past(series: str, folder: Path) -> Past:
    return Past(series=series_named(series), folder=folder)


def do(task: Task, server_url: str, folder: Path) -> list[Result]:
    """Do a task and return its results; runs in a process of its own, which keeps its database and what it has read."""
    court = _court(server_url, folder)
    if task.part is Part.PANDEMIC:
        return live_through(task, court)
    past = _past(task.series, folder)
    if not task.cases:
        return [_judged(task, past, month, "", court) for month in task.months]
    (month,) = task.months
    return [_judged(task, past, month, case, court) for case in task.cases]


def _judged(task: Task, past: Past, month: Month, case: str, court: Court) -> Result:
    dataset = past.series.dataset
    content = corrupted(past.series, month, case) if case else as_published(past.series.table(month))
    ruling = court.judge(dataset, month, content, past.history(month))
    knn, z = None, None
    if task.part is not Part.REAL:  # the others' thresholds come from older months, and there are no older real ones
        knn, z = _others(past, month, content)
    return Result(
        task=task.name,
        series=past.series.name,
        dataset=dataset.name,
        month=month,
        part=task.part,
        case=case,
        ruling=ruling,
        knn=knn,
        z=z,
    )


def corrupted(series: Series, month: Month, case: str) -> bytes:
    """Return the bytes of a month's file in one of the cases."""
    made = _CASES[case].make(series.sheet(month, salt=case))
    return made if isinstance(made, bytes) else as_published(made.table)


def _others(past: Past, month: Month, content: bytes) -> tuple[float | None, dict[str, float] | None]:
    try:
        features = features_of(past.series.dataset, month, content)
    except (BadFile, pa.ArrowException):
        return None, None
    history = past.features(month)
    return knn_score(features, history), {name: float(f"{z:.4g}") for name, z in z_scores(features, history).items()}
