"""Which months are judged, clean and corrupted: the whole benchmark, and a small one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.gate import seasons, series
from bench.gate.catalogue import CASES
from bench.gate.results import Part
from bench.gate.series import HISTORY, Series, generated, real
from tidemark.months import Month

NEWER = Month(2024, 1)  # the first month that is scored; thresholds may be set by those before it
DATASETS = ("yellow", "green", "fhv", "fhvhv")
LEAST_HISTORY = 3  # real months that a real one is compared with, before corrupted copies of it are scored
_CLEAN_AT_ONCE = 8
_CASES_AT_ONCE = 45
_CORRUPTED = {0: Month(2024, 3), 1: Month(2025, 7), 2: Month(2024, 11)}  # for each seed a month of another season


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What one process does at once: some months as they are (no ``cases``), or one month in each of the cases."""

    series: str
    part: Part
    months: tuple[Month, ...]
    cases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.series} {self.months[0]} {self.part}: {self.cases[0] if self.cases else 'clean'}"


def full_plan() -> tuple[Task, ...]:
    """Return the tasks of the whole benchmark, seed by seed."""
    tasks: list[Task] = []
    for seed in series.SEEDS:
        of_seed = [generated(dataset, seed) for dataset in DATASETS]
        for each in of_seed:
            tasks += _clean(each, each.months[HISTORY:])
        for each in of_seed:
            tasks += _corrupted(each, _CORRUPTED[seed], Part.NEWER)
        tasks.append(Task(series=f"yellow-{seed}", part=Part.PANDEMIC, months=seasons.MONTHS[HISTORY:]))
    return (*tasks, *_of_real_months())


def small_plan() -> tuple[Task, ...]:
    """Return the tasks of a run of a few minutes: one seed, one month of each dataset corrupted."""
    tasks: list[Task] = []
    for dataset in DATASETS:
        each = generated(dataset, 0)
        older = tuple(month for month in each.months[HISTORY:] if month < NEWER)
        newer = tuple(month for month in each.months if month >= NEWER)
        tasks += _clean(each, (*older[::2], *newer[::4]))
        tasks += _corrupted(each, _CORRUPTED[0], Part.NEWER)
    return tuple(tasks)


def _clean(of: Series, months: Sequence[Month]) -> Iterator[Task]:
    for part in (Part.OLDER, Part.NEWER):
        chosen = [month for month in months if (month >= NEWER) == (part is Part.NEWER)]
        for first in range(0, len(chosen), _CLEAN_AT_ONCE):
            yield Task(series=of.name, part=part, months=tuple(chosen[first : first + _CLEAN_AT_ONCE]))


def _corrupted(of: Series, month: Month, part: Part) -> Iterator[Task]:
    sheet = of.sheet(month)
    names = [case.name for case in CASES if case.fits(sheet)]
    for first in range(0, len(names), _CASES_AT_ONCE):
        yield Task(series=of.name, part=part, months=(month,), cases=tuple(names[first : first + _CASES_AT_ONCE]))


def _of_real_months() -> Iterator[Task]:
    found = real()
    if found is None:
        return
    yield Task(series=found.name, part=Part.REAL, months=found.months)
    for month in found.months[LEAST_HISTORY:]:
        yield from _corrupted(found, month, Part.REAL)
