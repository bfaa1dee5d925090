"""Write ``docs/performance.md`` from ``bench/results.json``; every figure in it comes from there. A test compares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from bench.keys import WHAT, unit
from bench.results import Judged, Results, read
from bench.scale import SMALL
from bench.table import bar, number, spread, value
from bench.trials import TRIALS

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "performance.md"


def render(results: Results) -> str:
    """Return the page."""
    template = Template((HERE / "page.template").read_text(encoding="utf-8"))
    return template.substitute(
        measured=_measured(results),
        bars=_bars(results),
        verdict=_verdict(list(results.judged())),
        rows=f"{results.rows:,}",
        tenfold_rows=f"{results.tenfold_rows:,}",
        small_rows=f"{SMALL.rows:,}",
        file_mb=f"{results.file_mb:.0f}",
        minutes=f"{results.minutes:.0f}",
        to_sql_part=results.to_sql_part,
        dlt_floors=f"{results.measured['dlt_s'].median / results.measured['floor_copy_s'].median:.1f}",
        half_dlt=f"{results.measured['dlt_s'].median / results.measured['floor_copy_s'].median / 2:.1f}",
        dlt_version=results.versions["dlt"]["dlt"],
        machine=_machine(results),
        versions=_versions(results),
        tried=_tried(json.loads((HERE / "trials.json").read_text(encoding="utf-8"))),
    )


def _tried(trials: Mapping[str, Any]) -> str:
    """Return the section on what was tried, with the ratios of ``bench.trials``."""
    rows = []
    for way, ratio in trials["ratios"].items():
        rows.append((way, TRIALS[way], f"{ratio:.2f}", str(trials["measured"][way]["n"])))
    table = _table(("tried", "beside", "ratio of the medians", "n"), rows)
    template = Template((HERE / "tried.md").read_text(encoding="utf-8").rstrip())
    return template.substitute(trials=table, trial_rows=f"{trials['rows']:,}")


def _measured(results: Results) -> str:
    rows = []
    for key, what in WHAT.items():
        if key in results.measured:
            found = results.measured[key]
            rows.append(
                (f"`{key}`", what, f"{number(key, found.median)} {unit(key)}", spread(key, found), str(found.n))
            )
    return _table(("key", "what", "median", "min – max", "n"), rows)


def _bars(results: Results) -> str:
    rows = [
        (f"`{judged.bar.key}`", bar(judged.bar), value(judged.bar, judged.value), "met" if judged.met else "**missed**")
        for judged in results.judged()
    ]
    return _table(("key", "bar", "found", ""), rows)


def _verdict(judged: Sequence[Judged]) -> str:
    missed = [f"`{each.bar.key}` {bar(each.bar)}" for each in judged if not each.met]
    if not missed:
        return f"All {len(judged)} bars are met."
    return f"{len(judged) - len(missed)} of {len(judged)} bars are met; missed: {'; '.join(missed)}."


def _machine(results: Results) -> str:
    machine = results.machine
    return (
        f"{results.date}, {machine['cpus']} CPUs ({machine['model']}), {machine['memory_gb']} GB of memory, "
        f"{machine['system']}; PostgreSQL and everything else on the same machine."
    )


def _versions(results: Results) -> str:
    rows = [
        (environment, ", ".join(f"{name} {version}" for name, version in versions.items()))
        for environment, versions in results.versions.items()
    ]
    return _table(("environment", "versions"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    TARGET.write_text(render(read(HERE / "results.json")), encoding="utf-8")
