"""What a profile holds, as plain data that goes to JSON and back.

Counts and sums are exact. Quantiles come from histograms with 64 bins to an octave: they are off by at most 0.8 % of
the value, for values from 0.001 to 2 thousand million; smaller and larger ones count as these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

VERSION = 2
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
    ``total`` none: no float holds it.
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
    total: float | None
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
class Levels:
    """Where the numbers of a column lie, none of them NaN or infinite; ``quantiles`` are those of ``QUANTILES``."""

    numbers: int
    zeros: int
    negatives: int
    minimum: float | None
    maximum: float | None
    quantiles: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlisted:
    """A column that the file has and the dataset's module does not list; codes or levels, as its type is."""

    nulls: int
    codes: Codes | None
    levels: Levels | None


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
class Stretch:
    """So many ``days`` in a row, from day ``first`` on, whose share of values in other places than on all other days is
    ``distance``, less what chance makes expect."""

    days: int
    first: int
    distance: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Texture:
    """How numbers other than zero are written: how many are multiples of a tenth, have more digits than cents, are
    different ones, are the most frequent one, and are the same as the one before."""

    values: int
    tenths: int
    finer: int
    distinct: int
    most: int
    again: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """What at most ``sample.MOST`` of the rows look like, evenly taken from the file.

    ``stretches`` by column and by time between two, ``hours`` those of the hours of the day; ``bonds`` by
    ``"one & other"``, in the month and in its quarters, for those that are close in any; none where a side
    is the same in all rows, or the rows are too few.
    """

    rows: int
    hours: tuple[Stretch, ...]
    stretches: Mapping[str, tuple[Stretch, ...]]
    bonds: Mapping[str, tuple[float | None, ...]]
    textures: Mapping[str, Texture]


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What a month's rows look like.

    ``slice_column``: the code by which a month is also looked at in parts. ``duplicates``: rows that are the same as
    an earlier one in every column, counted exactly up to ``rowhash.MOST`` rows and estimated above. ``doubled``: rows
    that are there an even number of times.
    ``repeats``: rows that are the same as an earlier one but for something, by what it is. ``sketch``: the smallest
    hashes of the rows' values, of which two months share as many as they share rows. Profiles of version 1 have none
    of these, nor looks.
    ``levels``: of whole numbers without a unit that are too many to be codes. ``unlisted``: by the name that the table
    would give them, if no word of SQL were in its way; they are in none of the others.
    """

    rows: int
    slice_column: str | None = None
    nulls: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    codes: Mapping[str, Codes] = field(default_factory=dict)
    grid: Grid | None = None
    total: Total | None = None
    duplicates: int = 0
    doubled: int = 0
    repeats: Mapping[str, int] = field(default_factory=dict)
    sketch: tuple[int, ...] = ()
    looks: Looks | None = None
    levels: Mapping[str, Levels] = field(default_factory=dict)
    unlisted: Mapping[str, Unlisted] = field(default_factory=dict)
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold, less than 60 kB of it for the datasets that come with Tidemark."""
        stored = asdict(self)
        stored["numbers"] = {name: _stored(numbers) for name, numbers in self.numbers.items()}
        if self.looks is not None:
            stored["looks"] |= _stored_looks(self.looks)
        return stored

    @staticmethod
    def is_readable(stored: Mapping[str, Any]) -> bool:
        """Whether ``from_json`` understands what was stored: a later version of Tidemark may have written it."""
        return stored.get("version") in range(1, VERSION + 1)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Profile:
        """Read what ``to_json`` wrote, also after JSON has made texts of the numbers that were keys."""
        grid, total, looks = stored.get("grid"), stored.get("total"), stored.get("looks")
        return cls(
            rows=stored["rows"],
            slice_column=stored.get("slice_column"),
            nulls=dict(stored.get("nulls", {})),
            numbers={name: _numbers(value) for name, value in stored.get("numbers", {}).items()},
            codes={name: Codes(**value) for name, value in stored.get("codes", {}).items()},
            grid=None if grid is None else _grid(grid),
            total=None if total is None else _total(total),
            duplicates=stored.get("duplicates", 0),
            doubled=stored.get("doubled", 0),
            repeats=dict(stored.get("repeats", {})),
            sketch=tuple(stored.get("sketch", ())),
            looks=None if looks is None else _looks(looks),
            levels={name: _levels(value) for name, value in stored.get("levels", {}).items()},
            unlisted={name: _unlisted(value) for name, value in stored.get("unlisted", {}).items()},
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


def _levels(stored: Mapping[str, Any]) -> Levels:
    return Levels(**{**stored, "quantiles": tuple(stored["quantiles"])})


def _unlisted(stored: Mapping[str, Any]) -> Unlisted:
    codes, levels = stored["codes"], stored["levels"]
    return Unlisted(
        nulls=stored["nulls"],
        codes=None if codes is None else Codes(**codes),
        levels=None if levels is None else _levels(levels),
    )


def _total(stored: Mapping[str, Any]) -> Total:
    return Total(**{**stored, "parts": tuple(stored["parts"])})


def _stored_looks(looks: Looks) -> dict[str, Any]:
    return {
        "hours": [astuple(each) for each in looks.hours],
        "stretches": {name: [astuple(each) for each in odd] for name, odd in looks.stretches.items()},
        "textures": {name: astuple(texture) for name, texture in looks.textures.items()},
    }


def _looks(stored: Mapping[str, Any]) -> Looks:
    return Looks(
        rows=stored["rows"],
        hours=_stretches(stored["hours"]),
        stretches={name: _stretches(odd) for name, odd in stored["stretches"].items()},
        bonds={name: tuple(strengths) for name, strengths in stored["bonds"].items()},
        textures={name: Texture(**dict(zip(_TEXTURE, each, strict=True))) for name, each in stored["textures"].items()},
    )


def _stretches(stored: Sequence[Sequence[Any]]) -> tuple[Stretch, ...]:
    return tuple(Stretch(days=days, first=first, distance=distance) for days, first, distance in stored)


_TEXTURE = tuple(Texture.__dataclass_fields__)
