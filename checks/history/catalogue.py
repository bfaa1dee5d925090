"""The history checks of a dataset, as its contract implies them, with their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType

from checks.history import limits
from checks.history.limits import Limit
from checks.history.signals import code_of
from tidemark.datasets.base import Column, Dataset, Drift
from tidemark.profile.kinds import is_code, is_number, is_time
from tidemark.profile.related import related
from tidemark.verdict import Check

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "volume": "A month has about the rows that season and trend make expect; half of them are a collapse.",
        "duplicates": "Rows that are the same in every column are one row, loaded twice.",
        "repeats": "Rows that are the same but for one thing are copies that were changed.",
        "stale": "The rows of an earlier month under this month's name are that month's file.",
        "strays": "Times outside of the month are few; many mean another month's rows.",
        "days": "Every day has rows; a day without them was lost, one with twice as many came twice.",
        "hours": "Hours without a row in a busy day were lost.",
        "clock": "The busy hours of a day stay; when they move together, a clock runs in another zone.",
        "silence": "Who has rows every day neither falls silent for days nor doubles.",
        "stretch": "Days are like the other days of their month, about as much as in the months before.",
        "together": "Columns that go together still do, unless values were moved to other rows.",
        "digits": "Numbers have as many digits, and are as many different ones, as before.",
        "minutes": "Times keep their seconds, unless they were cut off.",
        "total": "A total is the sum of its parts about as often as before.",
        "nulls": "A column is empty about as often as before.",
        "shares": "Zeros, negatives and whole numbers are about as many as before.",
        "quantiles": "Values lie where they lay before, unless unit or meaning have changed.",
        "codes": "Codes are about as frequent as before, and none is gone; numbers too many to be codes lie as before.",
        "evolved": "Columns that the file has and the dataset's module does not list are as before.",
        "order": "What begins ends later.",
        "elapsed": "What happens takes about as long as before.",
        "per": "Two amounts of a row keep their relation, unless one of them has changed its unit.",
    }
)
_LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "volume": limits.FEWER_ROWS,
        "duplicates": limits.DUPLICATES,
        "strays": limits.STRAYS,
        "clock": limits.CLOCK,
        "repeats": limits.REPEATS,
        "stretch": limits.STRETCH,
        "together": limits.BOND_LOST,
        "digits": limits.FINER,
        "minutes": limits.MINUTES,
        "total": limits.TOTALS_FAR,
        "nulls": limits.NULLS,
        "shares": limits.ZEROS,
        "quantiles": limits.SHAPE,
        "codes": limits.CODES,
        "evolved": limits.NULLS,
        "order": limits.ORDER,
        "elapsed": limits.SHAPE,
        "per": limits.RATIO_SHAPE,
    }
)


def history_checks(dataset: Dataset) -> tuple[Check, ...]:
    """Return every history check of a dataset; ``arguments`` is what is added to the band of the past."""
    return tuple(_check(dataset, theme, column) for theme, column in dict.fromkeys(_themes(dataset)))


def _check(dataset: Dataset, theme: str, column: str | None) -> Check:
    kind = theme.split("-")[0]
    limit = _LIMITS.get(kind)
    return Check(
        code=code_of(dataset.name, theme, column),
        expectation=f"history: {theme.replace('-', ' ').replace('_', ' ')}",
        arguments=() if limit is None else tuple(asdict(limit).items()),
        column=column,
        reason=REASONS[kind],
    )


def _themes(dataset: Dataset) -> Iterator[tuple[str, str | None]]:
    yield from (("volume", None), ("duplicates", None), ("repeats", None), ("stale", None))
    yield from (("silence", None), ("together", None))
    if dataset.unknown_columns is Drift.EVOLVE:
        yield "evolved", None
    yield from ((theme, dataset.event_column) for theme in ("strays", "days", "hours", "clock"))
    for column in dataset.columns:
        yield from ((theme, column.name) for theme in _of_column(column))
    pairs = related(dataset, dataset.columns)
    for difference in pairs.differences:
        other = difference.end if difference.end != dataset.event_column else difference.start
        yield "order", other
        yield "elapsed", other
    for ratio in pairs.ratios:
        yield f"per-{'elapsed' if ' - ' in ratio.below else ratio.below}", ratio.above
    if pairs.total is not None:
        yield "total", pairs.total.total


def _of_column(column: Column) -> Iterator[str]:
    yield from ("nulls", "stretch")
    if is_time(column):
        yield "minutes"
    if is_number(column):
        yield "shares"
        yield "quantiles"
        yield "digits"
    if is_code(column):
        yield "codes"
