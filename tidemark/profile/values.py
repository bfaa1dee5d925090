"""What a profile holds, as plain data that goes to JSON and back.

Counts and sums are exact. Quantiles come from histograms with 64 bins to an octave: they are off by at most 0.8 % of
the value, for values from 0.001 to 2 thousand million; smaller and larger ones count as these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

VERSION = 1
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What a column holds in some of the rows, those of one vendor or one day; ``median`` of the numbers but zeros."""

    rows: int
    nulls: int
    zeros: int
    negatives: int
    median: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """The numbers of a column, or those that are computed from the columns ``of``.

    ``whole`` counts those without a fraction. ``quantiles`` are those of ``QUANTILES`` over all numbers,
    ``histogram`` counts by signed bin, eight bins to an octave: see ``bins.bounds``. ``parts`` by the value of the
    slice column, ``days`` by the day of the month. ``nulls`` of a ratio are the rows where a side is not above zero.
    """

    of: tuple[str, ...]
    rows: int
    nulls: int
    not_finite: int
    zeros: int
    negatives: int
    whole: int
    minimum: float | None
    maximum: float | None
    total: float
    quantiles: tuple[float, ...]
    histogram: Mapping[int, int]
    parts: Mapping[str, Part]
    days: Mapping[int, Part]

    @property
    def numbers(self) -> int:
        return self.rows - self.nulls - self.not_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class Codes:
    """How often a column holds each value: the most frequent ones; ``others`` counts the rest.

    ``counts`` is empty where the column has too many values to be one of codes.
    """

    rows: int
    nulls: int
    counts: Mapping[str, int]
    others: int
    distinct: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """When the rows happened: ``hours[24 * (day - 1) + hour]`` counts those in the month, ``outside`` the others.

    ``parts``: the same by the value of the slice column, as counts of each day and counts of each hour of the day.
    ``whole_minutes`` counts, by column, the times without seconds.
    """

    hours: tuple[int, ...]
    outside: int
    nulls: int
    days_of: Mapping[str, tuple[int, ...]]
    hours_of: Mapping[str, tuple[int, ...]]
    whole_minutes: Mapping[str, int]
    times: Mapping[str, int]

    @property
    def days(self) -> tuple[int, ...]:
        return tuple(sum(self.hours[begin : begin + 24]) for begin in range(0, len(self.hours), 24))

    @property
    def hours_of_day(self) -> tuple[int, ...]:
        return tuple(sum(self.hours[hour::24]) for hour in range(24))

    @property
    def inside(self) -> int:
        return sum(self.hours)


@dataclass(frozen=True, kw_only=True, slots=True)
class Total:
    """In how many rows a total is not the sum of its parts.

    ``wrong`` by more than half a cent, ``far`` by more than a fiftieth of the total too.
    """

    column: str
    parts: tuple[str, ...]
    rows: int
    wrong: int
    far: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What a month's rows look like.

    ``slice_column``: the code by which a month is also looked at in parts. ``duplicates``: rows that are the same as
    an earlier one in every column, counted exactly up to ``rowhash.MOST`` rows and estimated above.
    ``fingerprint`` is the same for the same rows in any order, whatever their times.
    """

    rows: int
    slice_column: str | None = None
    nulls: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    codes: Mapping[str, Codes] = field(default_factory=dict)
    grid: Grid | None = None
    total: Total | None = None
    duplicates: int = 0
    fingerprint: str = ""
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold, less than 60 kB of it for the datasets that come with Tidemark."""
        stored = asdict(self)
        stored["numbers"] = {name: _stored(numbers) for name, numbers in self.numbers.items()}
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Profile:
        """Read what ``to_json`` wrote, also after JSON has made texts of the numbers that were keys."""
        grid, total = stored.get("grid"), stored.get("total")
        return cls(
            rows=stored["rows"],
            slice_column=stored.get("slice_column"),
            nulls=dict(stored.get("nulls", {})),
            numbers={name: _numbers(value) for name, value in stored.get("numbers", {}).items()},
            codes={name: Codes(**value) for name, value in stored.get("codes", {}).items()},
            grid=None if grid is None else _grid(grid),
            total=None if total is None else _total(total),
            duplicates=stored.get("duplicates", 0),
            fingerprint=stored.get("fingerprint", ""),
            version=stored.get("version", VERSION),
        )


def _stored(numbers: Numbers) -> dict[str, Any]:
    parts = {name: {key: astuple(part) for key, part in getattr(numbers, name).items()} for name in ("parts", "days")}
    return {**asdict(numbers), **parts}


def _numbers(stored: Mapping[str, Any]) -> Numbers:
    return Numbers(
        **{
            **stored,
            "of": tuple(stored["of"]),
            "quantiles": tuple(stored["quantiles"]),
            "histogram": {int(key): count for key, count in stored["histogram"].items()},
            "parts": {key: _part(part) for key, part in stored["parts"].items()},
            "days": {int(key): _part(part) for key, part in stored["days"].items()},
        }
    )


def _part(stored: Sequence[Any]) -> Part:
    rows, nulls, zeros, negatives, median = stored
    return Part(rows=rows, nulls=nulls, zeros=zeros, negatives=negatives, median=median)


def _grid(stored: Mapping[str, Any]) -> Grid:
    by_part = {name: {key: tuple(counts) for key, counts in stored[name].items()} for name in ("days_of", "hours_of")}
    return Grid(**{**stored, "hours": tuple(stored["hours"]), **by_part})


def _total(stored: Mapping[str, Any]) -> Total:
    return Total(**{**stored, "parts": tuple(stored["parts"])})
