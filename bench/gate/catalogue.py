"""Every case of the benchmark, by group: the list, what was looked at, and what nobody had seen."""

from __future__ import annotations

from bench.gate.cases import Case
from bench.gate.corrupt import (
    benign,
    files,
    looked_at_columns,
    looked_at_pipelines,
    looked_at_rows,
    looked_at_values,
    rows,
    unseen,
    unseen_benign,
    unseen_values,
    values,
)

CASES: tuple[Case, ...] = (
    *files.CASES,
    *rows.CASES,
    *values.CASES,
    *benign.CASES,
    *looked_at_rows.CASES,
    *looked_at_values.CASES,
    *looked_at_pipelines.CASES,
    *looked_at_columns.CASES,
    *unseen.CASES,
    *unseen_values.CASES,
    *unseen_benign.CASES,
)
