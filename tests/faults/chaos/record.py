"""What a run has shown, as the table that stands in the docs."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tests.faults.chaos.plan import Kind
from tests.faults.chaos.play import BEFORE_ANY_POINT, TOO_LATE, Played, tally
from tidemark.points import Point

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
WHEN = ("before", "between", "after")


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A run that is over."""

    seed: int
    rounds: list[Played]
    seconds: float
    postgresql: str
    day: date

    @property
    def failed(self) -> list[Played]:
        return [played for played in self.rounds if played.wrong]

    @property
    def violations(self) -> int:
        return sum(len(played.wrong) for played in self.rounds)


def render(record: Record) -> str:
    """Return the table as Markdown."""
    rounds = record.rounds
    kinds = Counter(played.round.kind for played in rounds)
    kills = sum(len(played.deaths) for played in rounds)
    several = sum(len(played.deaths) > 1 for played in rounds)
    made_of = (
        f"Tidemark {version('tidemark')}, PostgreSQL {record.postgresql}, Prefect {version('prefect')}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    return f"""\
`make chaos SEED={record.seed} N={len(rounds)}` on {record.day.isoformat()}: \
**{record.violations} violations** in {len(rounds)} rounds, {record.seconds / 60:.0f} minutes.

- Rounds: {", ".join(f"{kind}: {kinds[kind]}" for kind in Kind)}; {sum(p.round.rows for p in rounds):,} rows in all.
- Kills: {kills}; in {several} rounds the command that was to converge was killed too.
- Readers looked {sum(played.looks for played in rounds):,} times.
- {made_of}.

| the last point that the loader had passed | kills | nothing committed | some months of several | all committed |
|---|---:|---:|---:|---:|
{_lines(rounds)}"""


def write(path: Path, table: str) -> None:
    """Put the table between the two marks of a page, in the place of an older one."""
    page = path.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{path} has no {BEGIN} … {END}"
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def _lines(rounds: list[Played]) -> str:
    counts = tally(rounds)
    names = {BEFORE_ANY_POINT: "none yet: the command begins"}
    names |= {point.name: f"{point.name}: {point}" for point in Point}
    names |= {TOO_LATE: "the command had ended before it was to be killed"}
    lines = [(name, [counts[point, when] for when in WHEN]) for point, name in names.items()]
    lines.append(("all", [sum(column) for column in zip(*(each for _, each in lines), strict=True)]))
    return "\n".join(f"| {name} | {sum(each)} | {' | '.join(map(str, each))} |" for name, each in lines)
