"""What a check expects and what was found instead, in a few words for people, on one line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from checks.kinds import Kind
from tidemark.months import Month
from tidemark.verdict import Check, MonthBound

EXAMPLES = 3
LONGEST_EXAMPLE = 40

_COUNT = re.compile(r"of [\d,]+ values \(([\d,]+)\)|\(([\d,]+) of [\d,]+\)|^([\d,]+) of [\d,]+ \(")

_FAULTS = {
    Kind.PRESENT: "are empty",
    Kind.BETWEEN: "are out of range",
    Kind.ONE_OF: "are something else",
    Kind.LIKE: "are something else",
    Kind.NOT_BEFORE: "are the other way round",
}


def expected(check: Check, month: Month) -> str:
    """Say what a rule expects of a month, with its thresholds."""
    try:
        return _described(check, str(month), _share(check)) + _rejecting(check)
    except (KeyError, TypeError, ValueError):  # its arguments make no sense: the gate says so when it cannot run
        return _by_name(check)


def expectation(check: Check) -> str:
    """Say what a check expects of any month, without its thresholds."""
    kind, _, what = check.expectation.partition(": ")
    if kind == "history":
        return " ".join(filter(None, (check.column, f"({what})" if check.column else what, "as in the months before")))
    return what or _described(check, "its month", "")


def _share(check: Check) -> str:
    return f" in at least {100 * float(str(dict(check.arguments).get('mostly', 1))):.4g} % of"


def _described(check: Check, month: str, share: str) -> str:
    arguments: dict[str, Any] = dict(check.arguments)
    values, rows = (f"{share} values", f"{share} rows") if share else ("", "")
    match check.expectation:
        case Kind.COLUMNS:
            return "every column of the contract"
        case Kind.ROWS:
            return f"at least {_counted(arguments['min_value'], 'row')}"
        case Kind.PRESENT:
            return f"{check.column} filled{rows}"
        case Kind.BETWEEN if arguments["min_value"] is MonthBound.START:
            return f"{check.column} in {month}{values}"
        case Kind.BETWEEN:
            return f"{check.column} from {arguments['min_value']:,} to {arguments['max_value']:,}{values}"
        case Kind.ONE_OF:
            return f"{check.column} one of {', '.join(map(str, arguments['value_set']))}{values}"
        case Kind.LIKE:
            return f"{check.column} like {arguments['regex']}{values}"
        case Kind.NOT_BEFORE:
            return f"{arguments['column_A']} not before {arguments['column_B']}{rows}"
        case _:
            return _by_name(check)


def _rejecting(check: Check) -> str:
    return f" (below {100 * check.reject_mostly:.4g} % it is rejected)" if check.reject_mostly is not None else ""


def _by_name(check: Check) -> str:
    words = check.expectation.removeprefix("expect_").replace("_", " ")
    return " ".join([words, *(f"{name}={value}" for name, value in check.arguments)])


def observed(check: Check, result: Mapping[str, Any]) -> str:
    """Say what a failed check found; ``result`` is the ``result`` of Great Expectations in the format BASIC."""
    if "unexpected_count" in result:
        return _counts(check, result) + _examples(result.get("partial_unexpected_list") or ())
    if check.expectation == Kind.COLUMNS:
        missing = result.get("details", {}).get("mismatched", {}).get("missing", ())
        return f"no {', '.join(map(str, missing))}"
    if check.expectation == Kind.ROWS:
        return _counted(result["observed_value"], "row")
    return one_line(str(result.get("observed_value", "something else")), 100)


def failing_rows_in(observed: str) -> int | None:
    """Return the number of failing rows that such a text tells; none when it tells none."""
    found = _COUNT.search(observed)
    return int(next(filter(None, found.groups())).replace(",", "")) if found else None


def one_line(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _counts(check: Check, result: Mapping[str, Any]) -> str:
    unexpected = result["unexpected_count"]
    values = result["element_count"] - result.get("missing_count", 0)
    fault = next((fault for kind, fault in _FAULTS.items() if kind == check.expectation), "are not as expected")
    return f"{_percent(unexpected, values)} of {values:,} values ({unexpected:,}) {fault}"


def _percent(part: int, whole: int) -> str:
    """Rounded down, so that 100 % are all of them, but never to nothing."""
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.2g} %" if percent < 1 else f"{math.floor(percent * 100) / 100:g} %"


def _examples(values: Iterable[object]) -> str:
    shown = dict.fromkeys(one_line(_shown(value), LONGEST_EXAMPLE) for value in values if value is not None)
    return f", e.g. {', '.join(list(shown)[:EXAMPLES])}" if shown else ""


def _shown(value: object) -> str:
    return " and ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
