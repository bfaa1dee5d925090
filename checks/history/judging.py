"""From what the parts report to one finding a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from checks.history.blame import FIRST_LISTED, blamed
from checks.history.catalogue import history_checks
from checks.history.codes import code_signals
from checks.history.columns import column_signals
from checks.history.days import day_signals
from checks.history.rows import row_signals
from checks.history.signals import Case, Signal, code_of
from checks.history.values import value_signals
from tidemark.datasets.base import Dataset
from tidemark.history import History, command_to_accept, may_be_known
from tidemark.months import Month
from tidemark.profile import Profile
from tidemark.verdict import Check, Finding, Severity

NEVER_SOFTENED = ("volume", "duplicates", "stale", "order")  # the first is accepted by itself, with its reason
SOFTENED = "The volume of this month is a known change, which moves other things too; so this only warns."
SLIGHTLY = 3.0  # times over its limit; what follows from an accepted collapse of the volume is no more


def findings(dataset: Dataset, month: Month, profile: Profile, history: History) -> tuple[Finding, ...]:
    """Return one finding for each history check of the dataset."""
    case = Case(dataset=dataset, month=month, profile=profile, history=history)
    signals = [*row_signals(case), *day_signals(case), *column_signals(case), *code_signals(case), *value_signals(case)]
    worst = _worst(dataset, blamed(dataset, signals))
    accepted = history.acceptance_of(code_of(dataset.name, "volume"), month) is not None
    return tuple(_finding(case, check, worst.get(check.code), softened=accepted) for check in history_checks(dataset))


def _worst(dataset: Dataset, signals: Iterable[Signal]) -> dict[str, Signal]:
    worst: dict[str, Signal] = {}
    for each in signals:
        code = code_of(dataset.name, each.theme, each.column)
        if code not in worst or (each.gravity, each.warn) > (worst[code].gravity, worst[code].warn):
            worst[code] = each
    return worst


def _finding(case: Case, check: Check, worst: Signal | None, *, softened: bool) -> Finding:
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
    finding = Finding(
        code=check.code,
        severity=Severity.REJECT if rejects else Severity.WARN,
        passed=bool(worst.warn < 1 and not rejects),
        column=worst.guilty or check.column,
        expected=worst.expected,
        observed=worst.observed,
        reason=_reason(case, check, rejects=rejects),
        gravity=_gravity(case.dataset, worst),
    )
    if softened and rejects and worst.theme not in NEVER_SOFTENED and worst.reject < SLIGHTLY:
        return replace(finding, severity=Severity.WARN, gravity=0.9, reason=f"{check.reason} {SOFTENED}")
    return finding


def _gravity(dataset: Dataset, worst: Signal) -> float:
    """Of several columns that are as odd, the one that the contract lists first is told first."""
    names = [column.name for column in dataset.columns]
    listed_first = FIRST_LISTED * (len(names) - names.index(worst.column)) if worst.column in names else 0.0
    return round(float(worst.gravity) + listed_first, 4) if worst.gravity else 0.0


def _reason(case: Case, check: Check, *, rejects: bool) -> str:
    if not rejects or not may_be_known(check.code):
        return check.reason
    return f"{check.reason} If this is what happened: {command_to_accept(case.dataset.name, check.code, case.month)}"
