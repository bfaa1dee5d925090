"""The questions to Great Expectations: every check of a suite, asked of one staged table.

A first pass asks for yes or no, which few scans of the table tell; a second one asks the checks that said no what they
saw. A check that raised, or could not be made, answers with an error.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from checks.failing import bound
from checks.wording import EXAMPLES, observed, one_line
from tidemark.errors import Stopped, Transient, Unreachable
from tidemark.months import Month
from tidemark.postgres import Connection, connect
from tidemark.schema import sqlalchemy_url
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Check

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.core.result_format import ResultFormatUnion
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation

# Great Expectations keeps its current context in a variable of the process: one audit at a time.
ONE_AT_A_TIME = threading.Lock()
_ENGINE = {"pool_size": 1, "max_overflow": 1}
_CREDENTIALS = re.compile(r"://[^/@\s]*@")
LONGEST_ERROR = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one check said: it holds, it does not and ``observed`` says why, or ``error`` kept it from running.

    ``failing``: the share of rows, or of values that are not null, for which it does not hold, where it counts them.
    """

    code: str
    passed: bool = False
    observed: str = ""
    failing: float | None = None
    error: str | None = None


def import_early() -> None:
    """Import Great Expectations, which takes seconds, before anything is audited; the audit tells what is wrong."""
    with suppress(Exception):
        _great_expectations()


def lost(staged: Staged) -> Transient:
    """Return the error of an audit whose database does not answer."""
    return Transient(
        f"The database was lost while {staged.partition} was audited.", remedy="Run this again.", code="database-lost"
    )


def ask(url: Secret, staged: Staged, checks: Sequence[Check], stop: threading.Event) -> list[Answer]:
    """Return what each check says of a staged table.

    Raises ``Transient`` with the code ``database-lost`` when the database does not answer, ``Stopped`` when ``stop``
    was set before its turn came.
    """
    unreachable: list[Unreachable] = []

    def opened() -> Connection:
        try:
            return connect(url)
        except Unreachable as error:
            unreachable.append(error)
            raise

    try:
        with ONE_AT_A_TIME:
            if stop.is_set():
                raise Stopped("The audit was stopped.", remedy="Run the same command again to go on.")
            with _batch(url, opened, staged.table) as batch:
                answers = _answers(batch, checks, staged.partition.month)
    except Stopped:
        raise
    except Exception as error:
        if unreachable:
            raise lost(staged) from error
        answers = [Answer(code=check.code, error=described(error)) for check in checks]
    return [replace(answer, error=without_secrets(answer.error, url)) for answer in answers]


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
            answers.append(Answer(code=check.code, error=described(error)))
    return answers, expectations


def _expectation(check: Check, month: Month) -> Expectation:
    import great_expectations.expectations

    name = "".join(word.capitalize() for word in check.expectation.split("_"))
    arguments = {argument: bound(value, month) for argument, value in check.arguments}
    if check.column is not None:
        arguments["column"] = check.column
    kind = getattr(great_expectations.expectations, name)
    expectation: Expectation = kind(**arguments, meta={"code": check.code})
    return expectation


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
    found: Mapping[str, Any] = result.result or {}
    return replace(answer, observed=observed(checks[answer.code], found), failing=_failing(found))


def _failing(found: Mapping[str, Any]) -> float | None:
    if "unexpected_count" not in found:
        return None
    asked = found["element_count"] - found.get("missing_count", 0)
    return float(found["unexpected_count"] / asked) if asked else 0.0


def _code(result: ExpectationValidationResult) -> str:
    return str(result.expectation_config.meta["code"])  # type: ignore[union-attr]  # _expectation() set it


def _raised(result: ExpectationValidationResult) -> str | None:
    """Return what was raised while a check ran: told once for the check, or once for each metric that it needs."""
    info: Mapping[str, Any] = result.exception_info or {}
    for told in (info, *(value for value in info.values() if isinstance(value, Mapping))):
        if told.get("raised_exception"):
            return _first_line(str(told.get("exception_message")))
    return None


def described(error: BaseException) -> str:
    return f"{type(error).__name__}: {_first_line(str(error))}"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def without_secrets(text: str | None, url: Secret) -> str | None:
    if text is None:
        return None
    password = urlsplit(url.reveal()).password or ""
    for secret in {url.reveal(), password, unquote(password)} - {""}:
        text = text.replace(secret, "***")
    return one_line(_CREDENTIALS.sub("://***@", text), LONGEST_ERROR)
