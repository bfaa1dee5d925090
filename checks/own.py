"""What the gate itself makes sure of, beside the suite and the history of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tidemark.verdict import Check, Finding, Severity

GATE = "gate: "
HISTORY = "the month compared with those before it, by each check once"

# word of the code: what is expected, how bad it is when it is not so, and why
_CHECKS: Mapping[str, tuple[str, Severity, str]] = MappingProxyType(
    {
        "suite": (
            "one answer from each check",
            Severity.REJECT,
            "What nobody has checked is not published.",
        ),
        "staged-rows": (
            "the rows that were staged, before and after the audit",
            Severity.REJECT,
            "A verdict holds only for the rows that it was given for.",
        ),
        "profile": (
            "a profile of exactly the rows that were staged",
            Severity.REJECT,
            "What nobody has compared is not published.",
        ),
        "history": (
            HISTORY,
            Severity.REJECT,
            "What nobody has compared is not published.",
        ),
        "columns-new": (
            "the columns of the contract, and those that other months have brought",
            Severity.WARN,
            "A column that nobody knows is loaded as it is; what it means is for its dataset's module to say.",
        ),
    }
)


def own_check(dataset: str, word: str) -> Check:
    said, severity, reason = _CHECKS[word]
    return Check(
        code=f"{dataset}-{word}".replace("_", "-").upper(),
        expectation=GATE + said,
        arguments=(),
        severity=severity,
        reason=reason,
    )


def own_checks(dataset: str) -> tuple[Check, ...]:
    """Return what the gate makes sure of for every month of a dataset."""
    return tuple(own_check(dataset, word) for word in _CHECKS)


def own_finding(
    dataset: str, word: str, observed: str, *, passed: bool = False, column: str | None = None, gravity: float = 0.0
) -> Finding:
    """Return what one of these checks found; one that rejects speaks of the gate, not of the data."""
    check = own_check(dataset, word)
    return Finding(
        code=check.code,
        severity=check.severity,
        passed=passed,
        errored=not passed and check.severity is Severity.REJECT,
        column=column,
        expected=check.expectation.removeprefix(GATE),
        observed=observed,
        reason=check.reason,
        gravity=gravity,
    )
