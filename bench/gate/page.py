"""Write ``docs/gate-benchmark.md`` and its picture from ``bench/gate.json``; every figure comes from there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from bench.gate.cases import Group
from bench.gate.chart import TITLES, draw
from bench.gate.report import percent
from bench.worker import PROJECT

RESULTS = PROJECT / "bench" / "gate.json"
TARGET = PROJECT / "docs" / "gate-benchmark.md"
PICTURE = PROJECT / "docs" / "pictures" / "gate.svg"
TEMPLATE = Path(__file__).with_name("page.template")

_DETECTORS = {"gate": "**Tidemark's gate**", "rules": "its rules alone", "knn": "average-kNN", "mad": "MAD"}
_SCORES = {
    "rejected": "rejected, of R",
    "rejected_unseen": "of unseen kinds",
    "flagged": "flagged, of W and R",
    "overdone": "W rejected",
    "false_rejections": "clean rejected",
    "false_warnings": "clean warned, without news",
    "guilty": "column first",
}
_GROUP_SCORES = {
    "rejected": "rejected, of R",
    "flagged": "flagged, of W and R",
    "overdone": "W rejected",
    "harmed": "A rejected",
    "guilty": "column first",
}
_MOST_ESCAPES = 40  # the table below has them all


def write(found: Mapping[str, Any]) -> None:
    TARGET.write_text(render(found), encoding="utf-8")
    PICTURE.write_text(draw(found["kinds"]), encoding="utf-8")


def render(found: Mapping[str, Any]) -> str:
    """Return the page."""
    kinds = found["kinds"]
    months = found["months"]
    newer, real = months["newer"], months["real"]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        verdict=_verdict(found["bars"]),
        bars=_bars(found["bars"]),
        groups=_groups(found["groups"]),
        detectors=_detectors(found["detectors"]),
        real=_real(found["real"], real),
        alarms=_alarms(found["alarms"], found["all"]),
        pandemic=_pandemic(found["pandemic"]),
        escapes=_escapes(kinds),
        kinds=_kinds_by_group(kinds),
        reasons="\n".join(f"- {kind['kind']}: {kind['why']}" for kind in kinds if kind["why"]),
        looked_at=found["groups"][Group.LOOKED_AT]["kinds"],
        unseen=found["groups"][Group.UNSEEN]["kinds"],
        clean_months=f"{newer['clean']} newer generated months of four datasets, {real['clean']} real ones of green",
        older=months["older"]["clean"],
        corrupted=f"{newer['corrupted']:,} generated and {real['corrupted']:,} of real months",
        broken=found["broken"],
        machine=_machine(found["run"]),
    )


def _verdict(bars: Sequence[Mapping[str, Any]]) -> str:
    missed = [f"{bar['name']} ({bar['asked']}, found {bar['found']})" for bar in bars if not bar["met"]]
    if not missed:
        return f"All {len(bars)} bars are met."
    return f"{len(bars) - len(missed)} of {len(bars)} bars are met. **Missed**: {'; '.join(missed)}."


def _bars(bars: Iterable[Mapping[str, Any]]) -> str:
    rows = [(bar["name"], bar["asked"], bar["found"], "met" if bar["met"] else "**missed**") for bar in bars]
    return _table(("what", "asked", "found", ""), rows)


def _detectors(scores: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (_DETECTORS[name], *("–" if (name, key) == ("knn", "guilty") else _percent(score[key]) for key in _SCORES))
        for name, score in scores.items()  # kNN names no column
    ]
    return _table(("", *_SCORES.values()), rows)


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (TITLES[Group(name)], str(score["kinds"]), *(_of(score[key]) for key in _GROUP_SCORES))
        for name, score in groups.items()
    ]
    return _table(("", "kinds", *_GROUP_SCORES.values()), rows)


def _percent(share: Mapping[str, Any]) -> str:
    return percent(share["share"])


def _real(score: Mapping[str, Any], months: Mapping[str, int]) -> str:
    if not months["clean"]:
        return "They were not there in this run."
    return (
        f"Of {months['clean']} months of green from 2021 to 2023, each judged against those before it with gaps of a "
        f"year, {score['false_rejections']['hits']} were rejected and {score['false_warnings']['hits']} warned of. The "
        f"later ones, which have no more than six months to be compared with, were corrupted {months['corrupted']:,} "
        f"times: {_of(score['rejected'])} that a person rejects were rejected, {_of(score['flagged'])} that deserve a "
        f"word were warned of or rejected, and {_of(score['overdone'])} that deserve a warning were rejected."
    )


def _of(share: Mapping[str, Any]) -> str:
    return f"{_percent(share)} of {share['of']:,}"


def _alarms(alarms: Sequence[Mapping[str, Any]], score: Mapping[str, Any]) -> str:
    rejections, warnings = score["false_rejections"], score["false_warnings"]
    summary = (
        f"Of {rejections['of']} clean months {rejections['hits']} were rejected (95 % interval by Wilson: "
        f"{percent(rejections['from'])} to {percent(rejections['to'])}). Of the {warnings['of']} in which nothing was "
        f"new {warnings['hits']} were warned of ({percent(warnings['from'])} to {percent(warnings['to'])}). In the "
        "others something was that a person would like to be told of: a new vendor, fee or tariff."
    )
    rows = [
        (each["series"], each["month"], each["said"], ", ".join(each["codes"][:3]), each["news"] or "")
        for each in alarms
    ]
    return f"{summary}\n\n{_table(('months', 'month', 'said', 'checks', 'what was new'), rows)}" if rows else summary


def _pandemic(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "It was not lived through in this run."
    return (
        "Yellow fell from 6.4 million rows to 0.24 million in two months of 2020. Generated months fall as far, stay "
        f"low for as long and come back, in {found['stopped']['of']} seeds. The first month of it was rejected in "
        f"{found['stopped']['hits']}, by the volume first in {found['by_volume']['hits']}. A person then accepts what "
        f"was found until it is over, and had to be asked about {found['asked']} months in all. Of the "
        f"{found['published']['of']} months of the collapse {found['published']['hits']} were published, "
        f"{found['warned']['hits']} of them as warned; the others were like the months of it before them, the ones "
        f"that they are held against. Of the {found['recovered']['of']} months after it {found['recovered']['hits']} "
        "were let through without a word."
    )


# ---- kinds


def _escapes(kinds: Iterable[Mapping[str, Any]]) -> str:
    """Return what a person would not have let pass as it did, the worst first."""
    escaped = [
        (_missed(step), kind["kind"], step)
        for kind in kinds
        for step in kind["steps"]
        if "A" not in step["fair"] and _missed(step) > 0
    ]
    escaped.sort(key=lambda each: (each[2]["fair"] != "R", -each[0]))
    if not escaped:
        return "Nothing did, in this run."
    lines = [
        f"- {kind}{', ' + step['magnitude'] if step['magnitude'] else ''}: {_fate(step)}"
        for _, kind, step in escaped[:_MOST_ESCAPES]
    ]
    more = len(escaped) - len(lines)
    return "\n".join([*lines, *([f"- and {more} more: see below"] if more else [])])


def _missed(step: Mapping[str, Any]) -> float:
    """Return the share of the copies that got a milder verdict than a person's mildest."""
    milder = step["accepted"] + (step["warned"] if step["fair"] == "R" else 0)
    return float(milder / _copies(step))


def _fate(step: Mapping[str, Any]) -> str:
    asked = "should be rejected" if step["fair"] == "R" else "should be warned of"
    said = ", ".join(f"{step[word]} {word}" for word in ("accepted", "warned", "rejected") if step[word])
    return f"{asked}; of {_copies(step)} copies {said}"


def _copies(step: Mapping[str, Any]) -> int:
    return int(step["accepted"] + step["warned"] + step["rejected"])


def _kinds_by_group(kinds: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for group, title in TITLES.items():
        table = _kinds(kind for kind in kinds if kind["group"] == group)
        parts.append(f"### {title[0].upper()}{title[1:]}\n\n{table}")
    return "\n\n".join(parts)


def _kinds(kinds: Iterable[Mapping[str, Any]]) -> str:
    head = ("kind", "magnitude", "asked", "A", "W", "R", "column", "rules", "kNN", "MAD", "smallest caught")
    return _table(head, [row for kind in kinds for row in _steps(kind)])


def _steps(kind: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for number, step in enumerate(kind["steps"]):
        yield (
            kind["kind"] if not number else "",
            step["magnitude"],
            " or ".join(step["fair"]),
            *(str(step[word]) for word in ("accepted", "warned", "rejected")),
            _whole(step["guilty"]["share"]),
            *(_whole(step["others"][name]) for name in ("rules", "knn", "mad")),
            (kind["smallest"] or "none") if not number and _deserves(kind) else "",
        )


def _deserves(kind: Mapping[str, Any]) -> bool:
    return any("A" not in step["fair"] for step in kind["steps"])


def _whole(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def _machine(run: Mapping[str, Any]) -> str:
    machine = run["machine"]
    return (
        f"{run['date']}, {machine['cpus']} CPUs ({machine['model']}), {machine['memory_gb']} GB of memory: "
        f"{run['judged']:,} judgements, {run['minutes_of_judging']:.0f} minutes of work of the gate in all."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text(encoding="utf-8")))
