"""The gate: every check of a suite on one staged table, and the verdict that follows.

It fails closed: a check that raised, gave no answer or gave two rejects the month, and its finding says that the
check failed, not the data.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, time
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import psycopg2
import psycopg2.errors

from checks.base import code_of, suite_of, suite_version
from checks.wording import EXAMPLES, expected, observed, one_line
from tidemark.datasets.base import Dataset
from tidemark.errors import Stopped, Transient, Unreachable
from tidemark.months import Month
from tidemark.postgres import Connection, connect
from tidemark.schema import sqlalchemy_url
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Accepted, Check, Finding, MonthBound, Rejected, Severity, Verdict
from tidemark.warehouse import count_rows

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.core.result_format import ResultFormatUnion
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation

# Great Expectations keeps its current context in a variable of the process: one audit at a time.
_ONE_AT_A_TIME = threading.Lock()
_ENGINE = {"pool_size": 1, "max_overflow": 1}
_CREDENTIALS = re.compile(r"://[^/@\s]*@")
LONGEST_ERROR = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one check said: it holds, it does not and ``observed`` says why, or ``error`` kept it from running."""

    code: str
    passed: bool = False
    observed: str = ""
    error: str | None = None


def import_early() -> None:
    """Import Great Expectations, which takes seconds, before anything is audited; the audit tells what is wrong."""
    with suppress(Exception):
        _great_expectations()


def audit(url: Secret, dataset: Dataset, staged: Staged, *, stop: threading.Event | None = None) -> Verdict:
    """Judge a staged table by every check of its dataset's suite that speaks of its month.

    Raises ``Transient`` with the code ``database-lost`` when the database does not answer, ``Stopped`` when ``stop``
    was set before its turn came.
    """
    month = staged.partition.month
    checks = tuple(check for check in suite_of(dataset) if check.applies_to(month))
    with _counting(url, staged) as count:
        before = count()
        answers = _ask(url, staged, checks, stop or threading.Event())
        after = count()
    findings = (*findings_of(staged, checks, answers), _finding_of_counts(staged, before, after))
    if any(finding.blocks for finding in findings):
        return Rejected(staged=staged, rows=staged.rows, suite_version=suite_version(dataset), findings=findings)
    return Accepted(staged=staged, rows=staged.rows, suite_version=suite_version(dataset), findings=findings)


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
        severity=check.severity,
        passed=answer.passed and answer.error is None,
        errored=answer.error is not None,
        column=check.column,
        expected=expected(check, month),
        observed=answer.error or answer.observed or ("as expected" if answer.passed else "otherwise"),
        reason=check.reason,
    )


def _suite_finding(staged: Staged, problem: str) -> Finding:
    return Finding(
        code=code_of(staged.partition.dataset, "suite"),
        severity=Severity.REJECT,
        passed=False,
        errored=True,
        expected="one answer from each check",
        observed=problem,
        reason="What nobody has checked is not published.",
    )


# ---- counting, on a connection of our own


@contextmanager
def _counting(url: Secret, staged: Staged) -> Iterator[Callable[[], int | None]]:
    """Give a function that counts the staged rows; it returns None when there is no such table."""
    try:
        connection = connect(url)
    except Unreachable as error:
        raise _lost(staged) from error
    try:
        yield lambda: _count(connection, staged.table)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise _lost(staged) from error
    finally:
        connection.close()


def _lost(staged: Staged) -> Transient:
    return Transient(
        f"The database was lost while {staged.partition} was audited.", remedy="Run this again.", code="database-lost"
    )


def _count(connection: Connection, table: str) -> int | None:
    try:
        return count_rows(connection, "staging", table)
    except psycopg2.errors.UndefinedTable:
        return None


def _finding_of_counts(staged: Staged, before: int | None, after: int | None) -> Finding:
    right = before == after == staged.rows
    return Finding(
        code=code_of(staged.partition.dataset, "staged", "rows"),
        severity=Severity.REJECT,
        passed=right,
        errored=not right,
        expected=f"the {staged.rows:,} rows that were staged, before and after the audit",
        observed="as expected" if right else f"{_rows(before)} before it, {_rows(after)} after it",
        reason="A verdict holds only for the rows that it was given for.",
    )


def _rows(count: int | None) -> str:
    return "no table" if count is None else f"{count:,}"


# ---- asking Great Expectations


def _ask(url: Secret, staged: Staged, checks: Sequence[Check], stop: threading.Event) -> list[Answer]:
    lost: list[Unreachable] = []

    def opened() -> Connection:
        try:
            return connect(url)
        except Unreachable as error:
            lost.append(error)
            raise

    try:
        with _ONE_AT_A_TIME:
            if stop.is_set():
                raise Stopped("The audit was stopped.", remedy="Run the same command again to go on.")
            with _batch(url, opened, staged.table) as batch:
                answers = _answers(batch, checks, staged.partition.month)
    except Stopped:
        raise
    except Exception as error:
        if lost:
            raise _lost(staged) from error
        answers = [Answer(code=check.code, error=_described(error)) for check in checks]
    return [replace(answer, error=_without_secrets(answer.error, url)) for answer in answers]


def _great_expectations() -> ModuleType:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # it looks there when it is imported
    import great_expectations
    import great_expectations.expectations

    return great_expectations


@contextmanager
def _batch(url: Secret, opened: Callable[[], Connection], table: str) -> Iterator[Batch]:
    great_expectations = _great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.datasource.fluent.interfaces import GxDatasourceWarning

    warnings.filterwarnings("ignore", category=GxDatasourceWarning)  # it prefers its add_postgres, which wants a host
    warnings.filterwarnings("ignore", "`schema_name` is deprecated")  # what is to replace it is not for add_sql
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql(
        "warehouse",
        connection_string=sqlalchemy_url(url).replace("$", "%24"),  # it would take $NAME for a variable
        # with our own session, so that a limit which the role has for its statements rejects no good month
        kwargs={**_ENGINE, "creator": opened},
    )
    try:
        asset = source.add_table_asset("staged", table_name=table, schema_name="staging")
        batch = asset.add_batch_definition_whole_table("month").get_batch()
        with closing(batch.data.execution_engine):
            yield batch
    finally:
        source.get_engine().dispose()


def _answers(batch: Batch, checks: Sequence[Check], month: Month) -> list[Answer]:
    """Ask every check for yes or no, which few scans tell; then ask those that said no what they saw."""
    answers, expectations = _build(checks, month)
    answers += [_answer(result) for result in _results(batch, expectations.values(), "BOOLEAN_ONLY")]
    failed = {answer.code for answer in answers if not answer.passed and answer.error is None}
    if not failed:
        return answers
    detailed: ResultFormatUnion = {"result_format": "BASIC", "partial_unexpected_count": EXAMPLES}
    results = _results(batch, [expectations[code] for code in failed], detailed)
    by_code = {check.code: check for check in checks}
    return [answer for answer in answers if answer.code not in failed] + [_why(result, by_code) for result in results]


def _build(checks: Sequence[Check], month: Month) -> tuple[list[Answer], dict[str, Expectation]]:
    """Make the expectations by code, and answers for the checks of which none can be made."""
    answers, expectations = [], {}
    for check in checks:
        try:
            expectations[check.code] = _expectation(check, month)
        except Exception as error:  # noqa: BLE001 - a check that cannot be built cannot run
            answers.append(Answer(code=check.code, error=_described(error)))
    return answers, expectations


def _expectation(check: Check, month: Month) -> Expectation:
    import great_expectations.expectations

    name = "".join(word.capitalize() for word in check.expectation.split("_"))
    arguments = {argument: _argument(value, month) for argument, value in check.arguments}
    if check.column is not None:
        arguments["column"] = check.column
    kind = getattr(great_expectations.expectations, name)
    expectation: Expectation = kind(**arguments, meta={"code": check.code})
    return expectation


def _argument(value: object, month: Month) -> object:
    if value is MonthBound.START:
        return datetime.combine(month.first_day, time.min)
    if value is MonthBound.END:
        return datetime.combine(month.next.first_day, time.min)
    return list(value) if isinstance(value, tuple) else value


def _results(
    batch: Batch, expectations: Iterable[Expectation], result_format: ResultFormatUnion
) -> list[ExpectationValidationResult]:
    from great_expectations import ExpectationSuite

    suite = ExpectationSuite(name="suite", expectations=list(expectations))
    return batch.validate(suite, result_format=result_format).results


def _answer(result: ExpectationValidationResult) -> Answer:
    return Answer(code=_code(result), passed=result.success is True, error=_raised(result))


def _why(result: ExpectationValidationResult, checks: Mapping[str, Check]) -> Answer:
    answer = _answer(result)
    if answer.passed:
        return replace(answer, passed=False, error="it failed when it was asked first, and passed when asked again")
    if answer.error is not None:
        return answer
    return replace(answer, observed=observed(checks[answer.code], result.result or {}))


def _code(result: ExpectationValidationResult) -> str:
    return str(result.expectation_config.meta["code"])  # type: ignore[union-attr]  # _expectation() set it


def _raised(result: ExpectationValidationResult) -> str | None:
    """Return what was raised while a check ran: told once for the check, or once for each metric that it needs."""
    info: Mapping[str, Any] = result.exception_info or {}
    for told in (info, *(value for value in info.values() if isinstance(value, Mapping))):
        if told.get("raised_exception"):
            return _first_line(str(told.get("exception_message")))
    return None


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {_first_line(str(error))}"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def _without_secrets(text: str | None, url: Secret) -> str | None:
    if text is None:
        return None
    password = urlsplit(url.reveal()).password or ""
    for secret in {url.reveal(), password, unquote(password)} - {""}:
        text = text.replace(secret, "***")
    return one_line(_CREDENTIALS.sub("://***@", text), LONGEST_ERROR)
