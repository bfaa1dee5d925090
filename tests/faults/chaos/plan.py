"""The rounds of a run, drawn from its seed: the same seed gives the same rounds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.scene import RIDES, File
from tests.faults.ways import FIRST_LOAD, REJECTED, RELOAD
from tidemark.months import Month
from tidemark.plan import Mode
from tidemark.points import Point

WORLD_ROUNDS = 50  # after so many rounds a new database begins, so that looking at it stays quick
WINDOW_MONTHS = 3  # a fourth would be held against three before it, which it is not like
MOST_ROWS = 100_000
MOST_ROWS_OF_WINDOW = 20_000


class Kind(StrEnum):
    """What a command is to do."""

    FIRST = "first load"
    REJECTED = "rejected load"
    RELOAD = "reload"
    REJECTED_RELOAD = "rejected reload"
    WINDOW = "months at once"


WEIGHTS = {Kind.FIRST: 6, Kind.REJECTED: 1, Kind.RELOAD: 7, Kind.REJECTED_RELOAD: 3, Kind.WINDOW: 4}
MODES = {
    Kind.FIRST: (Mode.DUE, Mode.ALL),
    Kind.REJECTED: (Mode.DUE, Mode.ALL),
    Kind.RELOAD: (Mode.STALE, Mode.ALL),
    Kind.REJECTED_RELOAD: (Mode.STALE, Mode.ALL),
    Kind.WINDOW: (Mode.DUE, Mode.ALL),
}


class Span(StrEnum):
    """The time over which a kill is drawn."""

    COMMAND = "the whole command"
    LOAD = "from the first point to the end"
    POINT = "the first moments after a point"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """When a command is killed: after a share of a span, which is that after ``point`` if there is one."""

    span: Span
    share: float
    point: Point | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One command: what it finds at the source, and when it is killed, each time that it is run, but the last.

    ``at_once``: it is run again without waiting for the server to notice that the loader is gone.
    """

    number: int
    kind: Kind
    files: tuple[File, ...]
    mode: Mode
    kills: tuple[Moment, ...]
    at_once: bool

    @property
    def begins_world(self) -> bool:
        return self.number % WORLD_ROUNDS == 1

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def plan_rounds(seed: int, count: int) -> tuple[Round, ...]:
    dice = random.Random(seed)  # noqa: S311 - to be drawn again, not to be secret
    return tuple(_Months(dice).rounds(count))


@dataclass
class _Months:
    """Which months of a world are published when all rounds so far have converged, and which is the next new one."""

    dice: random.Random
    published: list[Month] = field(default_factory=list)
    new: Month = RIDES.first_month

    def rounds(self, count: int) -> list[Round]:
        return [self.round(number) for number in range(1, count + 1)]

    def round(self, number: int) -> Round:
        if number % WORLD_ROUNDS == 1:
            self.published, self.new = [], RIDES.first_month
        kind = self._kind()
        files = self._files(number, kind)
        drawn = Round(
            number=number,
            kind=kind,
            files=files,
            mode=self.dice.choice(MODES[kind]),
            kills=tuple(self._moment(files) for _ in range(self.dice.choices((1, 2, 3), (7, 2, 1))[0])),
            at_once=self.dice.random() < 0.3,
        )
        self.published += [f.month for f in files if not f.rejected and f.month not in self.published]
        return drawn

    def _moment(self, files: tuple[File, ...]) -> Moment:
        """Draw from each span alike: most of a command's time is Prefect's, most of a load's is before its commit."""
        span = self.dice.choice(tuple(Span))
        way = FIRST_LOAD if files[0].month not in self.published else RELOAD
        way = REJECTED if all(file.rejected for file in files) else way
        return Moment(span=span, share=self.dice.random(), point=self.dice.choice(way) if span is Span.POINT else None)

    def _kind(self) -> Kind:
        (kind,) = self.dice.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))
        return kind if self.published or kind not in (Kind.RELOAD, Kind.REJECTED_RELOAD) else Kind.FIRST

    def _files(self, number: int, kind: Kind) -> tuple[File, ...]:
        if kind is Kind.WINDOW:
            bad = self.dice.randrange(4 * WINDOW_MONTHS)  # one of them, one time in four
            return tuple(
                self._file(self._next_month(), number + n / 8, MOST_ROWS_OF_WINDOW, bad=n == bad)
                for n in range(WINDOW_MONTHS)
            )
        reloads = kind in (Kind.RELOAD, Kind.REJECTED_RELOAD)
        month = self.dice.choice(self.published) if reloads else self._next_month()
        return (self._file(month, number, MOST_ROWS, bad=kind in (Kind.REJECTED, Kind.REJECTED_RELOAD)),)

    def _file(self, month: Month, price: float, most: int, *, bad: bool) -> File:
        """Draw a file, small ones more often; one in three has rows to be diverted, one bad one in four has no rows."""
        rows = int(most ** self.dice.random())
        diverted = self.dice.randrange(rows) // 5 if self.dice.random() < 1 / 3 else 0
        if bad and self.dice.random() < 1 / 4:
            rows = diverted = 0
        return File(month=month, price=float(price), rows=rows, diverted=diverted, bad=bad)

    def _next_month(self) -> Month:
        month, self.new = self.new, self.new.next
        return month
