"""The gate: a staged month, judged by the rules of its suite and against its own past, and the verdict that follows.

It fails closed: a check that raised, gave no answer or gave two rejects the month, and its finding says that the
check failed, not the data.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import psycopg2.errors

from checks.asking import Answer, ask, import_early, lost
from checks.base import suite_of, suite_version
from checks.evidence import gather
from checks.history import history_checks
from checks.own import own_finding
from checks.past import compare, make_profile
from checks.weighing import WARNED, gravity_of, released, severity_of, with_acceptances
from checks.wording import expected
from tidemark.datasets.base import Dataset
from tidemark.errors import Unreachable
from tidemark.history import History
from tidemark.months import Month
from tidemark.postgres import Connection, connect
from tidemark.profile import Profile
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Accepted, Check, Evidence, Finding, Rejected, Verdict, gravest_first
from tidemark.warehouse import count_rows

__all__ = ["audit", "findings_of", "import_early", "release"]


def audit(
    url: Secret,
    dataset: Dataset,
    staged: Staged,
    *,
    raw: Path,
    history: History = History(),  # noqa: B008 - frozen
    stop: threading.Event | None = None,
) -> Verdict:
    """Judge a staged table by every check of its dataset's suite, and against the months before it.

    ``raw``: the file that was staged; its profile is made while PostgreSQL answers the suite.
    Raises ``Transient`` with the code ``database-lost`` when the database does not answer, ``Stopped`` when ``stop``
    was set.
    """
    stop = stop or threading.Event()
    checks = tuple(check for check in suite_of(dataset) if check.applies_to(staged.partition.month))
    with ThreadPoolExecutor(1, "profile") as pool, _counting(url, staged) as count:
        profiling = pool.submit(make_profile, dataset, staged, raw, stop)
        before = count()
        answers = ask(url, staged, checks, stop)
        after = count()
    by_rule = (*findings_of(staged, checks, answers), _finding_of_counts(staged, before, after), *_new_columns(staged))
    profile, by_history = compare(dataset, staged, history, profiling)
    findings = gravest_first((*with_acceptances(by_rule, history, staged.partition.month), *by_history))
    evidence = gather(url, dataset, staged, (*checks, *history_checks(dataset)), findings, profile)
    return _verdict(dataset, staged, findings, profile, evidence)


def release(
    staged: Staged,
    findings: Iterable[Finding],
    *,
    suite_version: str,
    profile: Profile | None,
    by: str,
    reason: str,
) -> Accepted:
    """Let a rejected month through on a person's word: what blocked it becomes warnings that say whose word it was.

    ``staged``: the quarantined rows, staged again and counted; ``suite_version``: the one of the verdict.
    """
    return Accepted(
        staged=staged,
        rows=staged.rows,
        suite_version=suite_version,
        findings=gravest_first(released(findings, by=by, reason=reason)),
        profile=profile,
    )


def findings_of(staged: Staged, checks: Sequence[Check], answers: Iterable[Answer]) -> tuple[Finding, ...]:
    """Return one finding a check, and one more when there is no check or an answer that belongs to none."""
    given: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        given[answer.code].append(answer)
    findings = [_finding(check, staged.partition.month, given.pop(check.code, [])) for check in checks]
    if not checks:
        findings.append(_suite_finding(staged, "there is no check for this month"))
    if given:
        findings.append(_suite_finding(staged, f"there are answers to checks that were not asked: {', '.join(given)}"))
    return tuple(findings)


def _finding(check: Check, month: Month, answers: list[Answer]) -> Finding:
    answer = answers[0] if len(answers) == 1 else Answer(code=check.code, error=f"it gave {len(answers)} answers")
    return Finding(
        code=check.code,
        severity=severity_of(check, answer.failing),
        passed=answer.passed and answer.error is None,
        errored=answer.error is not None,
        column=check.column or dict(check.arguments).get("column_A"),  # type: ignore[arg-type]  # the name of a column
        expected=expected(check, month),
        observed=answer.error or answer.observed or ("as expected" if answer.passed else "otherwise"),
        reason=check.reason,
        gravity=0.0 if answer.passed or answer.error else gravity_of(check, answer.failing),
    )


def _suite_finding(staged: Staged, problem: str) -> Finding:
    return own_finding(staged.partition.dataset, "suite", problem)


def _verdict(
    dataset: Dataset,
    staged: Staged,
    findings: tuple[Finding, ...],
    profile: Profile | None,
    evidence: tuple[Evidence, ...],
) -> Verdict:
    kind = Rejected if any(finding.blocks for finding in findings) else Accepted
    return kind(
        staged=staged,
        rows=staged.rows,
        suite_version=suite_version(dataset),
        findings=findings,
        profile=profile,
        evidence=evidence,
    )


# ---- counting, on a connection of our own


@contextmanager
def _counting(url: Secret, staged: Staged) -> Iterator[Callable[[], int | None]]:
    """Give a function that counts the staged rows; it returns None when there is no such table."""
    try:
        connection = connect(url)
    except Unreachable as error:
        raise lost(staged) from error
    try:
        yield lambda: _count(connection, staged.table)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise lost(staged) from error
    finally:
        connection.close()


def _count(connection: Connection, table: str) -> int | None:
    try:
        return count_rows(connection, "staging", table)
    except psycopg2.errors.UndefinedTable:
        return None


def _finding_of_counts(staged: Staged, before: int | None, after: int | None) -> Finding:
    right = before == after == staged.rows
    told = (
        "as expected" if right else f"{_rows(before)} before it, {_rows(after)} after it; staged were {staged.rows:,}"
    )
    return own_finding(staged.partition.dataset, "staged-rows", told, passed=right)


def _new_columns(staged: Staged) -> Iterator[Finding]:
    """Tell once of the columns that nobody knew, with the month whose file brought them first."""
    if staged.added:
        names = [column.name for column in staged.added]
        told = f"also {', '.join(names)}"
        yield own_finding(staged.partition.dataset, "columns-new", told, column=names[0], gravity=WARNED)


def _rows(count: int | None) -> str:
    return "no table" if count is None else f"{count:,}"
