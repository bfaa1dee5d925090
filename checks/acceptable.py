"""Which checks an acceptance can help with: those that judge the data of a month, and reject it."""

from __future__ import annotations

from checks.base import code_of, every_check
from checks.kinds import Kind
from checks.own import GATE, own_checks
from tidemark.acceptances import Change
from tidemark.datasets.base import Dataset
from tidemark.errors import UsageError
from tidemark.verdict import Check, Severity


def check_acceptable(dataset: Dataset, change: Change) -> None:
    """Refuse a change that no judgement would ever heed; whether there is such a check at all is not asked here.

    Raises ``UsageError`` (``not-acceptable``) for what is refused before the gate or by the gate itself, for a check
    that never rejects, and for one that does not speak of these months.
    """
    checks = (*every_check(dataset), *own_checks(dataset.name))
    found = next((each for each in checks if each.code == change.code), None)
    if found is None:
        _check_judges_rows(dataset.name, change.code)
        return
    if found.expectation == Kind.COLUMNS:
        raise _refused(
            f"{found.code} cannot be accepted: rows without a column of the contract cannot be published.",
            f"Mend the columns in the module of {dataset.name}, or ask the publisher for a right file.",
        )
    if found.severity is Severity.WARN:
        raise _refused(
            f"{found.code} only warns: no month is ever rejected for it.",
            f"Nothing needs to be accepted. What rejects a month: tidemark explain {dataset.name} {change.first}.",
        )
    if found.expectation.startswith(GATE):
        raise _refused(
            f"{found.code} says how the month was judged, not what is in it, so it cannot be accepted.",
            f"See what it says in tidemark explain {dataset.name} {change.first}; when that is mended: "
            f"tidemark backfill {dataset.name} {change.first} --mode rejected.",
        )
    _check_months(dataset.name, found, change)


def _check_judges_rows(dataset: str, code: str) -> None:
    if code == code_of(dataset, "rejected"):
        raise _refused(
            f"{code} is a person's word, not a check, so it cannot be accepted.",
            f'To publish that month again: tidemark release {dataset} MONTH --by NAME --reason "…".',
        )
    if code.islower() and not code.upper().startswith(code_of(dataset, "")):
        raise _refused(
            f"{code[:80]} is no check of the gate: such a file is refused before its rows can be judged.",
            f"Ask the publisher for a right file, or adapt the columns in the module of {dataset}; "
            f"tidemark explain {dataset} MONTH says what is wrong with it.",
        )


def _check_months(dataset: str, check: Check, change: Change) -> None:
    late = check.until is not None and check.until < change.first
    early = check.since is not None and change.last is not None and change.last < check.since
    if late or early:
        spoken = f"until {check.until}" if late else f"from {check.since} on"
        raise _refused(
            f"{check.code} speaks of the months {spoken}; it rejects none of these.",
            f"Choose other months, or another check: tidemark explain {dataset} {change.first} says what rejects it.",
        )


def _refused(message: str, remedy: str) -> UsageError:
    return UsageError(message, remedy=remedy, code="not-acceptable")
