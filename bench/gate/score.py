"""From what was judged to the scores: recall, false alarms, guilty columns, for the gate and those beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.gate.cases import Case, Group, Said
from bench.gate.catalogue import CASES
from bench.gate.pandemic import BEGINS, FALL, RECOVERED
from bench.gate.results import Part, Result
from bench.gate.rivals import Limits, MadLimits, mad_limits
from bench.gate.seasons import news
from bench.gate.sheet import ROLES

GATE, RULES, KNN, MAD = "gate", "rules", "knn", "mad"
CAUGHT = 0.9  # of the copies: from this share on a magnitude counts as caught
_Z95 = 1.96
_BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @classmethod
    def among(cls, flags: Iterable[bool]) -> Share:
        kept = list(flags)
        return cls(hits=sum(kept), of=len(kept))

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    def interval(self) -> tuple[float, float]:
        """Return Wilson's interval of 95 %."""
        if not self.of:
            return 0.0, 1.0
        share, n, z2 = self.hits / self.of, self.of, _Z95**2
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What one detector said of one result, and the column that it named first."""

    result: Result
    said: Said
    column: str | None

    @property
    def case(self) -> Case:
        return _BY_NAME[self.result.case]

    @property
    def named_guilty(self) -> bool:
        roles = ROLES[self.result.dataset]
        return self.column in {roles.get(role, role) for role in self.case.guilty}


Detector = Callable[[Result], Judged]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How one detector did. ``rejected``: of what a person rejects; ``flagged``: warned of or rejected, of all that
    deserves it.

    ``overdone``: rejected, of what a person warns of. ``false_rejections``: of clean months, and ``false_warnings`` of
    those in which nothing is new. ``guilty``: a guilty column named first, where the month was warned of or rejected
    and a column is to blame. ``harmed``: rejected, of what is benign.
    """

    rejected: Share
    flagged: Share
    overdone: Share
    harmed: Share
    false_rejections: Share
    false_warnings: Share
    guilty: Share


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One magnitude of a kind: how many copies were accepted, warned of and rejected by the gate.

    ``others``: the share of the copies that each other detector warned of or rejected, of generated months.
    """

    magnitude: str
    fair: str
    said: tuple[int, int, int]
    guilty: Share
    others: Mapping[str, float | None]

    @property
    def copies(self) -> int:
        return sum(self.said)

    @property
    def flagged(self) -> float:
        return 1 - self.said[0] / self.copies


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of corruption. ``rejected``: of the copies that a person rejects."""

    name: str
    group: Group
    why: str
    steps: tuple[Step, ...]
    rejected: Share

    @property
    def smallest(self) -> str | None:
        """The smallest magnitude that a person would not accept and the gate does not either; none was caught: none."""
        caught = (step.magnitude or "any" for step in self.steps if "A" not in step.fair and step.flagged >= CAUGHT)
        return next(caught, None)


def in_group(group: Group, results: Iterable[Result]) -> list[Result]:
    """Return the corrupted months whose kind is in a group."""
    return [each for each in results if each.case and _BY_NAME[each.case].group is group]


def has_news(result: Result) -> bool:
    return result.part is not Part.REAL and news(result.dataset, result.month) is not None


# ---- the detectors


def by_gate(result: Result) -> Judged:
    column = result.ruling.named[0].column if result.ruling.named else None
    return Judged(result=result, said=result.ruling.said, column=column)


def by_rules(result: Result) -> Judged:
    return Judged(result=result, said=result.ruling.by_rules, column=result.ruling.rules_column)


def detectors(results: Sequence[Result]) -> Mapping[str, Detector]:
    """Return those that judge generated months; the thresholds of two come from the older clean months among them."""
    older = [each for each in results if each.part is Part.OLDER and not each.case]
    return {GATE: by_gate, RULES: by_rules, KNN: _by_knn(older), MAD: _by_mad(older)}


def _by_knn(older: Sequence[Result]) -> Detector:
    limits = {
        dataset: Limits.of([each.knn for each in months if each.knn is not None])
        for dataset, months in _grouped(older, lambda each: each.dataset)
    }

    def judge(result: Result) -> Judged:
        said = Said.REJECT if result.knn is None else limits[result.dataset].said(result.knn)
        return Judged(result=result, said=said, column=None)

    return judge


def _by_mad(older: Sequence[Result]) -> Detector:
    limits: dict[str, MadLimits] = {}
    for dataset, months in _grouped(older, lambda each: each.dataset):
        by_seed = _grouped(months, lambda each: each.series)
        limits[dataset] = mad_limits([[each.z for each in of if each.z is not None] for _, of in by_seed])

    def judge(result: Result) -> Judged:
        if result.z is None:
            return Judged(result=result, said=Said.REJECT, column=None)
        said, column = limits[result.dataset].judge(result.z)
        return Judged(result=result, said=said, column=column)

    return judge


def _grouped(results: Iterable[Result], key: Callable[[Result], str]) -> Iterator[tuple[str, list[Result]]]:
    for name, group in groupby(sorted(results, key=key), key):
        yield name, list(group)


# ---- the scores


def score(judged: Sequence[Judged]) -> Score:
    """Return the scores of one detector over clean months and corrupted copies."""
    clean = [each for each in judged if not each.result.case]
    cases = [each for each in judged if each.result.case]
    wrong = [each for each in cases if each.case.gravest is Said.REJECT]
    odd = [each for each in cases if each.case.gravest is Said.WARN]
    fine = [each for each in cases if each.case.gravest is Said.ACCEPT]
    blamed = [each for each in (*wrong, *odd) if each.said is not Said.ACCEPT and each.case.guilty]
    return Score(
        rejected=_rejected(wrong),
        flagged=Share.among(each.said is not Said.ACCEPT for each in (*wrong, *odd)),
        overdone=_rejected(odd),
        harmed=_rejected(fine),
        false_rejections=_rejected(clean),
        false_warnings=Share.among(each.said is Said.WARN for each in clean if not has_news(each.result)),
        guilty=Share.among(each.named_guilty for each in blamed),
    )


def kinds(scored: Sequence[Result], others: Mapping[str, Detector]) -> tuple[Kind, ...]:
    """Return what the gate said of each kind and magnitude, and how often the other detectors said something."""
    names = dict.fromkeys(case.kind for case in CASES)
    corrupted = [result for result in scored if result.case]
    made = (_kind(name, [each for each in corrupted if _BY_NAME[each.case].kind == name], others) for name in names)
    return tuple(kind for kind in made if kind.steps)


def _kind(name: str, results: Sequence[Result], others: Mapping[str, Detector]) -> Kind:
    cases = [case for case in CASES if case.kind == name]
    steps = [(case, [each for each in results if each.case == case.name]) for case in cases]
    wrong = [by_gate(each) for each in results if _BY_NAME[each.case].gravest is Said.REJECT]
    return Kind(
        name=name,
        group=cases[0].group,
        why=cases[0].why,
        steps=tuple(_step(case, copies, others) for case, copies in steps if copies),
        rejected=_rejected(wrong),
    )


def _step(case: Case, copies: Sequence[Result], others: Mapping[str, Detector]) -> Step:
    judged = [by_gate(each) for each in copies]
    generated = [each for each in copies if each.part is not Part.REAL]
    accepted, warned, rejected = (sum(each.said is said for each in judged) for said in Said)
    return Step(
        magnitude=case.magnitude,
        fair="".join(said.letter for said in sorted(case.fair)),
        said=(accepted, warned, rejected),
        guilty=Share.among(each.named_guilty for each in judged if each.said is not Said.ACCEPT and case.guilty),
        others={
            name: Share.among(judge(each).said is not Said.ACCEPT for each in generated).value
            for name, judge in others.items()
        },
    )


def _rejected(judged: Iterable[Judged]) -> Share:
    return Share.among(each.said is Said.REJECT for each in judged)


# ---- the collapse of 2020, apart


@dataclass(frozen=True, kw_only=True, slots=True)
class Pandemic:
    """``stopped``: first months of the collapse that were rejected, by the volume first: ``by_volume``.

    ``published``: months of it that were let through in the end, on a person's word or without; ``warned``: so many of
    these with a warning; ``asked``: those that needed a word. ``recovered``: months after it that were not rejected.
    """

    stopped: Share
    by_volume: Share
    published: Share
    warned: Share
    asked: int
    recovered: Share


def pandemic(results: Sequence[Result]) -> Pandemic | None:
    """Score the generated collapse; none when it was not lived through."""
    if not results:
        return None
    first = [each for each in results if each.case == FALL and each.month == BEGINS]
    during = [each for each in results if each.case != RECOVERED]
    last_word = list({(each.series, each.month): each for each in during}.values())  # the last ruling of each month
    return Pandemic(
        stopped=Share.among(each.ruling.said is Said.REJECT for each in first),
        by_volume=Share.among(
            bool(each.ruling.named) and each.ruling.named[0].code.endswith("-VOLUME") for each in first
        ),
        published=Share.among(each.ruling.said is not Said.REJECT for each in last_word),
        warned=Share.among(each.ruling.said is Said.WARN for each in last_word if each.ruling.said is not Said.REJECT),
        asked=sum(each.case == FALL and each.ruling.said is Said.REJECT for each in during),
        recovered=Share.among(each.ruling.said is not Said.REJECT for each in results if each.case == RECOVERED),
    )
