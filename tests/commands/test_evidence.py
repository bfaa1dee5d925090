"""The rows that ``explain --rows`` prints."""

from __future__ import annotations

import io

from rich.console import Console

from commands.evidence import print_evidence
from tests.attempts import RIDES, attempt
from tidemark.ledger import Outcome
from tidemark.verdict import Evidence, Finding, Severity

ROWS = tuple({"at": f"2023-02-0{n}", "note": None, "seats": 2, "price": None} for n in (1, 2))


def finding(code: str, column: str | None = "price", observed: str = "in 5 % (1,500 of 30,000)") -> Finding:
    return Finding(
        code=code, severity=Severity.REJECT, passed=False, column=column, expected="a", observed=observed, reason="So."
    )


def printed(*findings: Finding, evidence: tuple[Evidence, ...]) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    rejected = attempt(Outcome.REJECTED, findings=findings)
    print_evidence(console, RIDES, (rejected,), {rejected.load_id: evidence})
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_the_guilty_column_comes_first_and_the_others_as_in_the_table() -> None:
    _, names, *rows = printed(finding("RIDES-X"), evidence=(Evidence(code="RIDES-X", rows=ROWS),))
    assert names.split() == ["price", "at", "seats", "note"]
    assert len(rows) == 2


def test_the_heading_says_how_many_rows_failed_where_they_were_counted() -> None:
    shown = (Evidence(code="RIDES-X", rows=ROWS),)
    assert printed(finding("RIDES-X"), evidence=shown)[0] == "RIDES-X of load 1: 2 of 1,500 failing rows"
    assert printed(finding("RIDES-X", observed="below 3"), evidence=shown)[0] == "RIDES-X of load 1: 2 rows"


def test_counts_are_no_failing_rows() -> None:
    days = (Evidence(code="RIDES-X", rows=({"day": "2023-02-01", "rows": 7},)),)
    assert printed(finding("RIDES-X"), evidence=days)[0] == "RIDES-X of load 1: 1 row"


def test_the_same_rows_of_one_column_are_shown_once_with_both_codes() -> None:
    codes = ("RIDES-PRICE-PRESENT", "RIDES-PRICE-NULLS", "RIDES-SEATS-NULLS")
    evidence = tuple(Evidence(code=code, rows=ROWS) for code in codes)
    found = printed(*map(finding, codes[:2]), finding(codes[2], "seats"), evidence=evidence)
    heads = [line for line in found if " of load 1: " in line]
    assert [head.partition(" of load")[0] for head in heads] == ["RIDES-PRICE-PRESENT, RIDES-PRICE-NULLS", codes[2]]


def test_a_check_without_rows_says_so_in_one_line() -> None:
    found = printed(finding("RIDES-X"), finding("RIDES-Y"), evidence=(Evidence(code="RIDES-X", rows=ROWS),))
    assert found[-1] == "No rows to show for RIDES-Y."
