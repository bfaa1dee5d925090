"""Every case of the benchmark: the kinds that those who made the gate knew, then the others."""

from __future__ import annotations

from bench.gate.cases import Case
from bench.gate.corrupt import (
    benign,
    codes,
    files,
    mixed,
    rows,
    times,
    unlisted_codes,
    unlisted_rows,
    unlisted_times,
    unlisted_values,
    values,
)

CASES: tuple[Case, ...] = (
    *files.CASES,
    *rows.CASES,
    *times.CASES,
    *values.CASES,
    *codes.CASES,
    *mixed.CASES,
    *benign.CASES,
    *unlisted_rows.CASES,
    *unlisted_times.CASES,
    *unlisted_values.CASES,
    *unlisted_codes.CASES,
)
