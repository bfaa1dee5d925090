"""The few words of a finding: what programs may read out of them again."""

from __future__ import annotations

import pytest

from checks.wording import failing_rows_in


@pytest.mark.parametrize(
    ("observed", "rows"),
    [
        ("20 % of 50,000 values (10,000) are out of range, e.g. 7", 10_000),
        ("in 5 % (1,500 of 30,000)", 1500),
        ("2,000 of 40,000 rows (5 %) are repeated", None),
        ("10 of 100 (10 %)", 10),
        ("3,000 rows", None),
        ("no rows for 5 hours from 2023-02-03 04:00 on", None),
    ],
)
def test_the_failing_rows_are_told_where_they_were_counted(observed: str, rows: int | None) -> None:
    assert failing_rows_in(observed) == rows
