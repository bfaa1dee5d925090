"""A collapse as yellow had it in 2020, from 6.4 million rows to 0.24 million in two months, and what came after it.

A month that is rejected is accepted by a person, check by check, for the months until it is over; the months after that
are judged without anybody's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from bench.gate import seasons
from bench.gate.cases import Said
from bench.gate.corrupt.files import as_published
from bench.gate.court import Court, Ruling
from bench.gate.plan import Task
from bench.gate.results import Part, Result
from bench.gate.series import Series, series_named
from tidemark.history import Acceptance, History, PastMonth
from tidemark.months import Month, months_between
from tidemark.profile import profile_month

BEGINS = Month(2023, 3)
# What was left of the usual traffic, month by month: as the TLC's monthly totals of yellow from 2020-03 to 2021-06 have
# it, 6.4 million being all.
LEFT = (0.47, 0.037, 0.055, 0.086, 0.125, 0.157, 0.21, 0.26, 0.235, 0.23, 0.21, 0.21, 0.3, 0.34, 0.39, 0.44)
ENDS = seasons.MONTHS[seasons.MONTHS.index(BEGINS) + len(LEFT) - 1]
AFTER = 6  # months that are judged when it is over
MOST_ROUNDS = 5  # a person who is asked about one month more often than that gives up
FALL, ACCEPTED, RECOVERED = "collapse", "collapse, accepted", "recovered"
_LAST = seasons.MONTHS[seasons.MONTHS.index(ENDS) + AFTER]


def live_through(task: Task, court: Court) -> list[Result]:
    """Judge month after month, each with those before it as history and with what was accepted until then."""
    series = series_named(task.series)
    results: list[Result] = []
    history = History(months=tuple(_past(series, month, court) for month in series.before(BEGINS)))
    for month in months_between(BEGINS, _LAST):
        content = as_published(_table(series, month))
        rulings, history = _insist(series, month, content, history, court)
        results += [_result(task, series, month, number, ruling) for number, ruling in enumerate(rulings)]
        history = replace(history, months=(*history.months, _past(series, month, court)))
    return results


def _insist(
    series: Series, month: Month, content: bytes, history: History, court: Court
) -> tuple[list[Ruling], History]:
    """Judge a month, and while it is rejected accept what was found; returns each ruling and what was accepted."""
    rulings = [court.judge(series.dataset, month, content, history)]
    while rulings[-1].said is Said.REJECT and month <= ENDS and len(rulings) <= MOST_ROUNDS:
        codes = [each.code for each in rulings[-1].named if each.rejects]
        history = replace(history, acceptances=(*history.acceptances, *_acceptances(series, month, codes)))
        rulings.append(court.judge(series.dataset, month, content, history))
    return rulings, history


def _acceptances(series: Series, month: Month, codes: Sequence[str]) -> tuple[Acceptance, ...]:
    return tuple(
        Acceptance(
            dataset=series.dataset.name,
            code=code,
            first=month,
            last=ENDS,
            by="benchmark",
            reason="the city stays at home",
            at=datetime.now(UTC),
        )
        for code in codes
    )


def _table(series: Series, month: Month) -> pa.Table:
    left = LEFT[seasons.MONTHS.index(month) - seasons.MONTHS.index(BEGINS)] if BEGINS <= month <= ENDS else 1.0
    assert series.seed is not None  # noqa: S101 - it is generated
    return seasons.clean_month(series.dataset, month, series.seed, volume=left).table


def _past(series: Series, month: Month, court: Court) -> PastMonth:
    path = court.folder / f"past-{month}.parquet"
    path.write_bytes(as_published(_table(series, month)))
    profile = profile_month(series.dataset, month, path)
    path.unlink()
    return PastMonth(month=month, load_id=month.yyyymm, profile=profile)


def _result(task: Task, series: Series, month: Month, number: int, ruling: Ruling) -> Result:
    case = RECOVERED if month > ENDS else ACCEPTED if number else FALL
    return Result(
        task=task.name,
        series=series.name,
        dataset=series.dataset.name,
        month=month,
        part=Part.PANDEMIC,
        case=case,
        ruling=ruling,
        knn=None,
        z=None,
    )
