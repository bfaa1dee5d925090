"""How grave a failed check is, and what a person's word makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tidemark.history import Acceptance, History
from tidemark.months import Month
from tidemark.verdict import Check, Finding, Severity

WARNED = 0.3  # the gravity from which on warnings are; below 1, where rejections begin
HARDLY_ANY = 0.0001  # the share that a check without tolerance is measured by
WHOLE_TABLE = 1000.0  # a table without a column, or without a row, is graver than anything about its values


def severity_of(check: Check, failing: float | None) -> Severity:
    """Return how bad it is that a check does not hold for this share of the rows; none: it does not count them."""
    if check.reject_mostly is None or failing is None or 1 - failing < check.reject_mostly:
        return check.severity
    return Severity.WARN


def gravity_of(check: Check, failing: float | None) -> float:
    """Return how many times over its rejecting threshold a failed check is; less than 1 for one that warns."""
    times = WHOLE_TABLE if failing is None else failing / max(1 - _rejecting(check), HARDLY_ANY)
    if severity_of(check, failing) is Severity.REJECT:
        return max(times, 1.0)
    return as_warning(times)


def as_warning(gravity: float) -> float:
    return min(max(gravity, WARNED), 0.99)


def with_acceptances(findings: Iterable[Finding], history: History, month: Month) -> tuple[Finding, ...]:
    """Turn a failed rule that is a known change on record into a warning that says who accepted it, and why.

    What history says has heard of it already: there an accepted change has a level, and is its own measure.
    """
    return tuple(_with(finding, history.acceptance_of(finding.code, month)) for finding in findings)


def released(findings: Iterable[Finding], *, by: str, reason: str) -> tuple[Finding, ...]:
    """Turn every finding that blocks into a warning that says who released the month, and why."""
    return tuple(
        _forgiven(each, _sentence(f"Released by {by}: {reason}")) if each.blocks else each for each in findings
    )


def _with(finding: Finding, acceptance: Acceptance | None) -> Finding:
    if acceptance is None or finding.passed or finding.errored:
        return finding
    return _forgiven(finding, word_of(acceptance))


def word_of(acceptance: Acceptance) -> str:
    return _sentence(f"Accepted by {acceptance.by}: {acceptance.reason}")


def _sentence(word: str) -> str:
    return f"{word.removesuffix('.')}."


def _forgiven(finding: Finding, word: str) -> Finding:
    failure = f"the check could not run ({finding.observed})" if finding.errored else finding.observed
    return replace(
        finding,
        severity=Severity.WARN,
        errored=False,
        observed=failure,
        reason=f"{finding.reason} {word}",
        gravity=as_warning(finding.gravity),
        softened=finding.softened or finding.blocks,
    )


def _rejecting(check: Check) -> float:
    if check.reject_mostly is not None:
        return check.reject_mostly
    return float(str(dict(check.arguments).get("mostly", 1)))
