"""The small benchmark's verdict: ratios of now against the committed ones. Never a time: machines differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bench.keys import RATIOS
from bench.results import Spread

COMMITTED = Path(__file__).with_name("small.json")
TOLERANCE = 1.5


def ratios_of(measured: Mapping[str, Spread]) -> dict[str, float]:
    """Return the ratios of the medians, named ``dividend/divisor``; more is worse."""
    return {f"{key}/{of}": round(measured[key].median / measured[of].median, 3) for key, of in RATIOS}


def worse(now: Mapping[str, float], committed: Mapping[str, float]) -> list[str]:
    """Return a sentence for each ratio that is much worse than committed, or that one of the two lacks."""
    found = []
    for name in sorted({*now, *committed}):
        if name not in now:
            found.append(f"{name} was not measured; {committed[name]:.2f} is committed.")
        elif name not in committed:
            found.append(f"{name} is {now[name]:.2f} and no ratio is committed: make bench-small COMMIT=1.")
        elif now[name] > TOLERANCE * committed[name]:
            times = now[name] / committed[name]
            found.append(
                f"{name} is {now[name]:.2f}, {times:.1f} times the committed {committed[name]:.2f}; "
                f"at most {TOLERANCE} times is fine."
            )
    return found


def read_committed() -> dict[str, float]:
    """Return the committed ratios; none when there is no file."""
    if not COMMITTED.exists():
        return {}
    ratios: dict[str, float] = json.loads(COMMITTED.read_text(encoding="utf-8"))["ratios"]
    return ratios


def commit(ratios: Mapping[str, float]) -> None:
    COMMITTED.write_text(json.dumps({"version": 1, "ratios": dict(ratios)}, indent=2) + "\n", encoding="utf-8")
