"""What is measured, and the bars that it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """What a measurement must not exceed: ``at_most`` times the measurement ``of``, or ``at_most`` itself."""

    key: str
    at_most: float
    of: str | None = None


WHAT: Mapping[str, str] = {
    "floor_copy_s": "the floor: a bare COPY of rows that were encoded before",
    "stage_s": "our stage: from the parquet file to a committed staging table",
    "month_s": "our whole month: fetched, staged, audited, indexed, published, under Prefect",
    "month_plain_s": "the same without Prefect",
    "reload_s": "a published month replaced by new bytes, under Prefect",
    "dlt_s": "dlt's fastest way: Arrow batches, parquet, ADBC",
    "to_sql_s": "pandas.read_parquet and to_sql, as in tutorials",
    "peak_rss_mb": "peak memory of a process that loads one month",
    "peak_rss_mb_10x": "peak memory of a process that loads one month of ten times the rows",
    "peak_rss_mb_12": "peak memory of a process that loads twelve months in a row",
    "orchestration_s_per_month": "what Prefect adds to a month, four at a time",
    "noop_s": "tidemark backfill of 200 published months, nothing to do",
    "status_cold_s": "tidemark status on a ledger of 1,000 months",
}

BARS = (
    Bar(key="stage_s", at_most=1.2, of="floor_copy_s"),
    Bar(key="month_s", at_most=3.0, of="floor_copy_s"),
    Bar(key="reload_s", at_most=5.0, of="floor_copy_s"),
    Bar(key="month_s", at_most=0.5, of="dlt_s"),
    Bar(key="month_s", at_most=0.05, of="to_sql_s"),
    Bar(key="peak_rss_mb", at_most=650),
    Bar(key="peak_rss_mb_10x", at_most=650),
    Bar(key="peak_rss_mb_10x", at_most=1.15, of="peak_rss_mb"),
    Bar(key="peak_rss_mb_12", at_most=800),
    Bar(key="orchestration_s_per_month", at_most=0.5),
    Bar(key="noop_s", at_most=3.0),
    Bar(key="status_cold_s", at_most=0.7),
)

# what the small benchmark compares: dividend and divisor; more is worse
RATIOS = (
    ("stage_s", "floor_copy_s"),
    ("month_s", "floor_copy_s"),
    ("month_plain_s", "floor_copy_s"),
    ("reload_s", "floor_copy_s"),
    ("month_s", "to_sql_s"),
    ("peak_rss_mb_10x", "peak_rss_mb"),
)
SMALL_KEYS = tuple(key for key in WHAT if any(key in ratio for ratio in RATIOS))


def unit(key: str) -> str:
    return "MB" if key.startswith("peak_rss_mb") else "s"
