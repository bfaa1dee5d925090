"""The history checks of a dataset, as its contract implies them, with their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
# the limits of each theme: the first is the one for most, the others are those of its special cases
_LIMITS: Mapping[str, Mapping[str, Limit]] = MappingProxyType(
    {
        "volume": {"fewer rows": limits.FEWER_ROWS, "more rows": limits.MORE_ROWS},
        "duplicates": {
            "": limits.DUPLICATES,
            "without history": limits.DUPLICATES_ALONE,
            "without history, nearly all rows there twice": limits.DOUBLED,
        },
        "repeats": {"": limits.REPEATS},
        "strays": {"": limits.STRAYS},
        "clock": {
            "": limits.CLOCK,
            "all rows turned by whole hours": limits.TURNED_WHOLE_CLOCK,
            "some rows turned": limits.TURNED_CLOCK,
        },
        "stretch": {
            "a week or more": limits.STRETCH,
            "fewer days": limits.SHORT_STRETCH,
            "hours of the day": limits.STRETCH_OF_HOURS,
        },
        "together": {
            "lost": limits.BOND_LOST,
            "lost in a quarter": limits.BOND_LOST_IN_A_QUARTER,
            "lost, of fixed amounts": limits.BOND_OF_FIXED,
            "new": limits.BOND_NEW,
            "new, of codes and amounts": limits.BOND_NEW_WITH_CODES,
        },
        "digits": {
            "more digits": limits.FINER,
            "rounded": limits.ROUNDED,
            "one number": limits.ONE_NUMBER,
            "as in the row before": limits.AGAIN,
            "fewer numbers": limits.FEWER_NUMBERS,
        },
        "minutes": {"": limits.MINUTES},
        "total": {
            "by a fiftieth": limits.TOTALS_FAR,
            "by a cent": limits.TOTALS,
            "without history": limits.TOTALS_ALONE,
        },
        "nulls": {
            "more": limits.NULLS,
            "more, of a column that had none": limits.NEW_NULLS,
            "fewer": limits.FEWER_NULLS,
            "more, over some months": limits.CREEPING_NULLS,
        },
        "shares": {
            "zeros": limits.ZEROS,
            "zeros, where there were hardly any": limits.NEW_ZEROS,
            "below zero": limits.NEGATIVES,
            "below zero, where nothing was": limits.NEW_NEGATIVES,
            "whole": limits.WHOLE,
            "not finite": limits.NOT_FINITE,
        },
        "quantiles": {
            "shape": limits.SHAPE,
            "median": limits.MEDIAN,
            "tails": limits.TAIL,
            "cut off above": limits.CUT_OFF,
            "a few fixed amounts": limits.FIXED_AMOUNTS,
            "a part's median": limits.PART_MEDIAN,
            "a part's shares": limits.PART_SHARES,
            "a day's median": limits.DAY_MEDIAN,
        },
        "codes": {
            "": limits.CODES,
            "new ones": limits.NEW_CODE,
            "a lost one": limits.LOST_CODE,
            "one": limits.ONE_CODE,
        },
        "evolved": {"more nulls": limits.NULLS, "until three months have it": limits.UNLISTED_NULLS},
        "order": {"": limits.ORDER, "without history": limits.ORDER_ALONE},
        "elapsed": {
            "shape": limits.SHAPE,
            "median": limits.MEDIAN,
            "tails": limits.RATIO_TAIL,
            "no time": limits.NO_TIME,
        },
        "per": {
            "shape": limits.RATIO_SHAPE,
            "median": limits.MEDIAN,
            "tails": limits.RATIO_TAIL,
            "far tails": limits.FAR_TAIL,
            "the other way round": limits.SWAPPED,
        },
    }
)
NEVER = 9.0  # a limit that nothing reaches: such a check only warns


def history_checks(dataset: Dataset) -> tuple[Check, ...]:
    """Return every history check of a dataset; ``arguments`` are its limits by case, beyond the band of the past."""
    return tuple(_check(dataset, theme, column) for theme, column in dict.fromkeys(_themes(dataset)))


def _check(dataset: Dataset, theme: str, column: str | None) -> Check:
    kind = theme.split("-")[0]
    return Check(
        code=code_of(dataset.name, theme, column),
        expectation=f"history: {theme.replace('-', ' ').replace('_', ' ')}",
        arguments=tuple((case, words(limit)) for case, limit in _LIMITS.get(kind, {}).items()),
        column=column,
        reason=REASONS[kind],
    )


def words(limit: Limit) -> str:
    return f"warns {limit.warn:g}" + (f", rejects {limit.reject:g}" if limit.reject < NEVER else "")


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
