"""Write ``docs/checks.md`` from the suites; ``make docs`` runs it, and a test compares."""

from __future__ import annotations

from pathlib import Path

from checks.listing import Listed, listed, months, thresholds
from tidemark.datasets.registry import BUILT_IN

TARGET = Path(__file__).with_name("checks.md")
HEAD = """# Checks

Made by `make docs` from the suites; `tidemark checks` prints the same, also for a dataset of your own.

A rule looks at each row of a month, and counts those for which it does not hold: above the first share the month is
published with a warning, above the second it is rejected. A check against history compares the month with the months
before it; its numbers are how far beyond their band it may be, as a share of 1 or as the logarithm of a ratio (0.69 is
the double, or half). A check that cannot run rejects the month, and says so. `tidemark accept` lets a check warn where
it would reject, for months that have really changed.
"""


def render() -> str:
    """Return the page: the checks of each dataset that comes with Tidemark."""
    parts = [HEAD]
    for dataset in BUILT_IN:
        parts.append(f"\n## {dataset.name}\n\n| code | expects | verdict | why |\n|---|---|---|---|\n")
        parts += [_row(check) for check in listed(dataset)]
    return "".join(parts)


def _row(check: Listed) -> str:
    when = f" ({months(check)})" if months(check) else ""
    cells = (f"`{check.code}`{when}", check.expects, thresholds(check), check.reason)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
