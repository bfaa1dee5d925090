"""What the gate says about a staged month: plain data.

Only ``checks/gate.py`` constructs ``Accepted``; a test holds that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tidemark.months import Month
from tidemark.stage import Staged

if TYPE_CHECKING:
    from tidemark.profile import Profile


class Severity(StrEnum):
    REJECT = "reject"
    WARN = "warn"


class MonthBound(StrEnum):
    """What stands in a check's arguments for the first moment of the audited month, and of the one after it."""

    START = "month start"
    END = "month end"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One rule of a suite, as data: what is expected, how bad it is when it does not hold, and why.

    ``expectation`` is the name of a Great Expectations expectation in snake case, ``arguments`` its keyword
    arguments beside the column. ``since``, ``until``: the months that it speaks of; none: no bound.
    ``reject_mostly``: where it is set, a share below ``mostly`` warns, and one below this rejects.
    """

    code: str
    expectation: str
    arguments: tuple[tuple[str, object], ...]
    column: str | None = None
    severity: Severity = Severity.REJECT
    since: Month | None = None
    until: Month | None = None
    reject_mostly: float | None = None
    reason: str

    def applies_to(self, month: Month) -> bool:
        after = self.since is None or self.since <= month
        before = self.until is None or month <= self.until
        return after and before


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one check on one staged month.

    ``errored`` says that the check itself could not run: then the finding speaks of the check, not of the data.
    ``expected`` and ``observed`` are short texts for people. ``gravity``: how many times over its rejecting threshold
    a failed one is: 1 has just been rejected, less is a warning, 0 is not known. ``softened``: it would have rejected
    the month, had nobody accepted or released it.
    """

    code: str
    severity: Severity
    passed: bool
    errored: bool = False
    column: str | None = None
    expected: str
    observed: str
    reason: str
    gravity: float = 0.0
    softened: bool = False

    @property
    def blocks(self) -> bool:
        """Whether this finding alone rejects the month."""
        return self.errored or (not self.passed and self.severity is Severity.REJECT)


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings: those that block the month, then warnings, then what passed; the graver the earlier.

    A check that could not run is told after those about the data.
    """
    return tuple(sorted(findings, key=lambda f: (not f.blocks, f.errored, f.passed, -f.gravity, f.code)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Rows that show why a check failed: at most 50, with values that JSON can hold, and no secret in them."""

    code: str
    rows: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The gate lets this staged table through, as it stood with this many rows.

    ``findings``: the gravest first. ``profile``: none when the gate was given no raw file to make it from.
    """

    staged: Staged
    rows: int
    suite_version: str
    findings: tuple[Finding, ...]
    profile: Profile | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def warned(self) -> bool:
        """Whether something is odd about the month all the same."""
        return any(not finding.passed for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """The gate stops this staged table; ``findings`` say why, the gravest first."""

    staged: Staged
    rows: int
    suite_version: str
    findings: tuple[Finding, ...]
    profile: Profile | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that stop the month, the gravest first; what could not run is told after those of the data."""
        return gravest_first(finding for finding in self.findings if finding.blocks)

    @property
    def code(self) -> str:
        return self.blocking[0].code

    @property
    def reason(self) -> str:
        """One sentence for people: the first finding that blocks, and how many more there are."""
        blocking = self.blocking
        first = blocking[0]
        if first.errored:
            text = f"the check {first.code} could not run ({first.observed}); this says nothing about the data"
        else:
            text = f"{first.code}: expected {first.expected}, found {first.observed}"
        return text + (f" (+{len(blocking) - 1} more)" if len(blocking) > 1 else "")


Verdict = Accepted | Rejected
