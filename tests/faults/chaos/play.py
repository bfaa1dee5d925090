"""A round, played: the command is killed once or more, then let end, and everybody looks all the time."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import psycopg2

from tests.faults.chaos.plan import MOST_ROWS, WINDOW_MONTHS, Kind, Moment, Round, Span
from tests.faults.loaders import Ended, Kill
from tests.faults.onlookers import Change, onlookers
from tests.faults.scene import NOTHING, File, Scene, Sight
from tidemark.months import Month
from tidemark.plan import Mode

BEFORE_ANY_POINT = "none yet"
TOO_LATE = "it had ended"
SOON_S = 0.02  # after a point; between the last ones of a load are milliseconds

COMMITTED_SINCE = """
    select count(*) from tidemark.attempt
    where load_id > %s and outcome in ('published', 'rejected') and month = any(%s)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """A kill: the last point that the loader had passed, and how many of its months were committed by then."""

    point: str
    committed: int
    months: int

    @property
    def when(self) -> str:
        if self.committed == 0:
            return "before"
        return "after" if self.committed == self.months else "between"


@dataclass(kw_only=True)
class Played:
    """What came of a round; ``wrong`` is empty when everything held."""

    round: Round
    deaths: list[Death] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    looks: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """What a command takes that nobody kills, in seconds from its begin."""

    first_point: float
    end: float

    def kill(self, moment: Moment) -> Kill:
        if moment.span is Span.POINT:
            return Kill(at=moment.point, after_s=moment.share * SOON_S)
        begin = self.first_point if moment.span is Span.LOAD else 0.0
        return Kill(after_s=begin + moment.share * (self.end - begin))


@dataclass(frozen=True, kw_only=True, slots=True)
class Durations:
    """What commands take that nobody kills: those of a few rows, and those of many."""

    few: Mapping[Kind, Duration]
    many: Mapping[Kind, Duration]

    def of(self, planned: Round) -> Duration:
        few, many = self.few[planned.kind], self.many[planned.kind]
        more = max(0.0, many.end - few.end) * planned.rows / MOST_ROWS
        return Duration(first_point=few.first_point, end=few.end + more)


@dataclass(kw_only=True)
class World:
    """A scene, and what is published in it."""

    scene: Scene
    published: dict[Month, Sight] = field(default_factory=dict)

    def play(self, planned: Round, durations: Durations) -> Played:
        played = Played(round=planned)
        try:
            self._play(played, durations.of(planned))
        except Exception as error:  # noqa: BLE001 - whatever it is, the round did not hold
            played.wrong.append(f"{type(error).__name__}: {error}")
        return played

    def let_end(self, planned: Round) -> Duration:
        """Run the command of a round that nobody kills."""
        self._set_out(planned)
        ended = self._converge(planned)
        assert ended.first_point_s is not None
        return Duration(first_point=ended.first_point_s, end=ended.seconds)

    def _play(self, played: Played, duration: Duration) -> None:
        planned = played.round
        self._set_out(planned)
        changes = {file.month: self._change(file) for file in planned.files}
        with onlookers(self.scene.url, changes) as others:
            for moment in planned.kills:
                before = self._latest_load()
                ended = self._backfill(planned, duration.kill(moment))
                self._look_after_kill(planned, changes)
                played.deaths.append(self._death(ended, planned, before))
            self._converge(planned)
        played.wrong += others.violations
        played.looks = others.looks

    def _set_out(self, planned: Round) -> None:
        self.scene.forget_the_past()
        for file in planned.files:
            self.scene.write(file)

    def _look_after_kill(self, planned: Round, changes: Mapping[Month, Change]) -> None:
        if not planned.at_once:
            self.scene.wait_until_let_go()
        self.scene.check_data()
        for month, sight in self.scene.sights(*changes).items():
            assert sight in (changes[month].old, changes[month].new), f"{month} is neither the old nor the new one"
        self.scene.let_time_pass()

    def _converge(self, planned: Round) -> Ended:
        ended = self._backfill(planned)
        status = 3 if any(file.rejected for file in planned.files) else 0
        assert ended.status == status, f"it ended with {ended.status} instead of {status}:\n{ended.stderr}"
        for file in planned.files:
            self.published[file.month] = self._change(file).new
        expected = {file.month: self.published[file.month] for file in planned.files}
        assert self.scene.sights(*expected) == expected, "it ended, and readers do not see what it was to publish"
        self.scene.check_invariants()
        return ended

    def _backfill(self, planned: Round, kill: Kill | None = None) -> Ended:
        first, last = planned.files[0].month, planned.files[-1].month
        return self.scene.backfill(first, last, mode=planned.mode, kill=kill)

    def _change(self, file: File) -> Change:
        old = self.published.get(file.month, NOTHING)
        return Change(old=old, new=old if file.rejected else file.sight)

    def _death(self, ended: Ended, planned: Round, before: int) -> Death:
        point = ended.points[-1].name if ended.points else BEFORE_ANY_POINT
        if ended.status != -signal.SIGKILL:
            point = TOO_LATE
        months = [file.month.first_day for file in planned.files]
        (committed,) = self._ask(COMMITTED_SINCE, before, months)
        return Death(point=point, committed=committed, months=len(months))

    def _latest_load(self) -> int:
        (latest,) = self._ask("select coalesce(max(load_id), 0) from tidemark.attempt")
        return latest

    def _ask(self, query: str, *parameters: object) -> tuple[int, ...]:
        with closing(psycopg2.connect(self.scene.url.reveal())) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            row = cursor.fetchone()
            assert row is not None
            return row


def measure(make_world: Callable[[], World]) -> Durations:
    """Run a command of each kind with few rows and with many, in a world of their own."""
    world = make_world()
    world.let_end(_sample(Kind.FIRST, 100, 16))  # the first command of all takes longer
    few = {kind: world.let_end(_sample(kind, 100, number)) for number, kind in enumerate(Kind)}
    many = {kind: world.let_end(_sample(kind, MOST_ROWS, number + 8)) for number, kind in enumerate(Kind)}
    return Durations(few=few, many=many)


def _sample(kind: Kind, rows: int, number: int) -> Round:
    """A round without kills; a reload is of the month that the first sample loads."""
    months = WINDOW_MONTHS if kind is Kind.WINDOW else 1
    year = 2000 if kind in (Kind.RELOAD, Kind.REJECTED_RELOAD) else 2000 + number
    bad = kind in (Kind.REJECTED, Kind.REJECTED_RELOAD)
    files = tuple(
        File(month=Month(year, 1 + n), price=number + n / 8, rows=rows // months, bad=bad) for n in range(months)
    )
    return Round(number=number, kind=kind, files=files, mode=Mode.ALL, kills=(), at_once=False)


def tally(rounds: list[Played]) -> Counter[tuple[str, str]]:
    """Count the kills by the last point passed and by what was committed then."""
    return Counter((death.point, death.when) for played in rounds for death in played.deaths)
