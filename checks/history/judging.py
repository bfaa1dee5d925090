"""From what the parts report to one finding a check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from checks.history.accepting import accepted, after_collapse
from checks.history.blame import FIRST_LISTED, blamed
from checks.history.catalogue import history_checks
from checks.history.clock import clock_signals
from checks.history.codes import code_signals
from checks.history.columns import column_signals
from checks.history.days import day_signals
from checks.history.digits import digit_signals
from checks.history.exchanged import exchanged_signals
from checks.history.hours import hour_signals
from checks.history.levels import level_signals
from checks.history.rows import row_signals
from checks.history.signals import Case, Signal, code_of
from checks.history.silence import silence_signals
from checks.history.stretches import stretch_signals
from checks.history.together import together_signals
from checks.history.unlisted import unlisted_signals
from checks.history.values import value_signals
from tidemark.datasets.base import Dataset
from tidemark.history import History
from tidemark.months import Month
from tidemark.profile import Profile
from tidemark.verdict import Check, Finding, Severity

_JUDGES: tuple[Callable[[Case], Iterator[Signal]], ...] = (
    row_signals,
    day_signals,
    clock_signals,
    hour_signals,
    silence_signals,
    column_signals,
    code_signals,
    level_signals,
    unlisted_signals,
    value_signals,
    exchanged_signals,
    digit_signals,
    stretch_signals,
    together_signals,
)


def findings(dataset: Dataset, month: Month, profile: Profile, history: History) -> tuple[Finding, ...]:
    """Return one finding for each history check of the dataset."""
    case = Case(dataset=dataset, month=month, profile=profile, history=history)
    checks, volume = history_checks(dataset), code_of(dataset.name, "volume")
    signals = usual = _signals(case)
    if any(history.months_of_change(check.code, month) for check in checks):
        usual = _signals(replace(case, usual=True))
    worst_usual = _worst(dataset, usual)
    collapse = accepted(case, volume, _worst(dataset, signals).get(volume), worst_usual.get(volume))
    worst = _worst(dataset, after_collapse(signals, collapse))
    left = {
        check.code: accepted(case, check.code, worst.get(check.code), worst_usual.get(check.code)) for check in checks
    }
    return tuple(_finding(case, check, left[check.code]) for check in checks)


def _signals(case: Case) -> list[Signal]:
    signals = blamed(case.dataset, [each for judged in _JUDGES for each in judged(case)])
    _assert_listed(case.dataset, signals)
    return signals


def _assert_listed(dataset: Dataset, signals: Iterable[Signal]) -> None:
    """Raise where a signal belongs to no check: nobody would hear of it."""
    codes = {check.code for check in history_checks(dataset)}
    unheard = {code for each in signals if (code := code_of(dataset.name, each.theme, each.column)) not in codes}
    if unheard:
        raise LookupError(f"what was compared belongs to no check of {dataset.name}: {', '.join(sorted(unheard))}")


def _worst(dataset: Dataset, signals: Iterable[Signal]) -> dict[str, Signal]:
    """Return the worst signal of each check: one that rejects, else one that would have, had nobody accepted it."""
    worst: dict[str, Signal] = {}
    for each in signals:
        code = code_of(dataset.name, each.theme, each.column)
        if code not in worst or _weight(each) > _weight(worst[code]):
            worst[code] = each
    return worst


def _weight(each: Signal) -> tuple[bool, bool, float, float]:
    return each.reject >= 1, bool(each.word), each.gravity, each.warn


def _finding(case: Case, check: Check, worst: Signal | None) -> Finding:
    if worst is None:
        return Finding(
            code=check.code,
            severity=check.severity,
            passed=True,
            column=check.column,
            expected="as in the months before",
            observed="nothing to compare",
            reason=check.reason,
        )
    rejects = worst.reject >= 1
    return Finding(
        code=check.code,
        severity=Severity.REJECT if rejects else Severity.WARN,
        passed=bool(worst.warn < 1 and not rejects),
        column=worst.guilty or check.column,
        expected=worst.expected,
        observed=worst.observed,
        reason=f"{check.reason} {worst.word}" if worst.word else check.reason,
        gravity=_gravity(case.dataset, worst),
        softened=bool(worst.word),
    )


def _gravity(dataset: Dataset, worst: Signal) -> float:
    """Of several columns that are as odd, the one that the contract lists first is told first."""
    names = [column.name for column in dataset.columns]
    listed_first = FIRST_LISTED * (len(names) - names.index(worst.column)) if worst.column in names else 0.0
    return round(float(worst.gravity) + listed_first, 4) if worst.gravity else 0.0
