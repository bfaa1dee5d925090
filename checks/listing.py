"""Every check of a dataset as people and programs read it: what it expects, from where on it warns and rejects, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from checks.base import every_check
from checks.history import history_checks, limits
from checks.own import own_checks
from checks.wording import expectation
from tidemark.datasets.base import Dataset
from tidemark.months import Month
from tidemark.verdict import Check, Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A check. ``warns`` and ``rejects``: from where on; none: it never does, or as soon as it does not hold.

    They are shares of the rows for which a rule does not hold, from 0 to 1. ``limits``: of what is held against
    history, by case how far a month may be beyond the months before it, as a share or as the logarithm of a ratio.
    """

    dataset: str
    code: str
    column: str | None
    severity: Severity
    expects: str
    warns: float | None
    rejects: float | None
    limits: tuple[tuple[str, str], ...]
    against_history: bool
    since: Month | None
    until: Month | None
    reason: str


def listed(dataset: Dataset) -> tuple[Listed, ...]:
    """Return the rules of a dataset, what is compared with its history, and what the gate itself makes sure of."""
    history = {check.code for check in history_checks(dataset)}
    return tuple(_listed(dataset, history))


def _listed(dataset: Dataset, history: set[str]) -> Iterator[Listed]:
    for check in (*every_check(dataset), *own_checks(dataset.name)):
        against_history = check.code in history
        warns, rejects = (None, None) if against_history else _shares(check)
        yield Listed(
            dataset=dataset.name,
            code=check.code,
            column=check.column,
            severity=check.severity,
            expects=expectation(check),
            warns=warns,
            rejects=rejects,
            limits=tuple((case, str(limit)) for case, limit in check.arguments) if against_history else (),
            against_history=against_history,
            since=check.since,
            until=check.until,
            reason=check.reason,
        )


# what is counted in days and hours, of a day's own rows, and has no one number for its limits
_COUNTED: Mapping[str, str] = MappingProxyType(
    {
        "days": f"warns at a day with at most {100 * limits.DAY_LOW:g} % of its rows or more than {limits.DAY_HIGH:g} "
        f"times as many, rejects at a day without rows or {limits.HIGH_DAYS} with so many more",
        "hours": f"warns at {limits.GAP_HOURS} hours in a row without rows or more than {limits.HOURS_LOST.warn:g} in "
        f"all, rejects at {limits.HOURS_LOST.reject:g} in all on more than {limits.DAYS_OF_A_STORM} days, at those of "
        "a day in a row, or at an hour that is gone from every day",
        "silence": f"warns at a day in a row more than ever before, rejects at {limits.LONG_STRETCH} more",
    }
)


def _shares(check: Check) -> tuple[float | None, float | None]:
    mostly = _number(dict(check.arguments).get("mostly"))
    if mostly is None:
        return None, None
    failing = round(1 - mostly, 6)
    if check.reject_mostly is not None:
        return failing, round(1 - check.reject_mostly, 6)
    return (failing, None) if check.severity is Severity.WARN else (None, failing)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def thresholds(check: Listed) -> str:
    """Say from where on a check warns and rejects: ``warns above 0.05 % of rows, rejects above 0.5 %``."""
    counted = _COUNTED.get(check.code.rsplit("-", 1)[-1].lower()) if check.against_history else None
    if counted:
        return counted
    if check.limits:
        return "; ".join(f"{case}: {limit}" if case else limit for case, limit in check.limits)
    said = [
        f"{verb} above {100 * value:.4g} %"
        for verb, value in (("warns", check.warns), ("rejects", check.rejects))
        if value is not None
    ]
    if said:
        return ", ".join(said)
    return "rejects" if check.severity is Severity.REJECT else "warns"


def months(check: Listed) -> str:
    """Say of which months a check speaks; empty: of all."""
    since = f"from {check.since}" if check.since else ""
    until = f"until {check.until}" if check.until else ""
    return " ".join(filter(None, (since, until)))
