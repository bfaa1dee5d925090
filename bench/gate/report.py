"""The report of a run: its scores against the bars, as the JSON that the page and the picture are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.gate.cases import Group
from bench.gate.results import Part, Result
from bench.gate.score import (
    GATE,
    Detector,
    Kind,
    Pandemic,
    Score,
    Share,
    by_gate,
    detectors,
    has_news,
    in_group,
    kinds,
    pandemic,
    score,
)
from bench.gate.seasons import news

VERSION = 1
LEAST_CLEAN = 180  # dataset-months that are judged for false alarms


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """What was asked of the gate, and what was found."""

    name: str
    asked: str
    found: str
    met: bool


def report(results: Sequence[Result]) -> dict[str, Any]:
    """Return everything that a run found, as plain JSON.

    ``detectors`` are scored on the newer generated months; ``real``, ``all`` and ``groups`` speak of the gate alone.
    """
    of = {part: [each for each in results if each.part is part] for part in Part}
    scored = [*of[Part.NEWER], *of[Part.REAL]]
    judging = detectors([*of[Part.OLDER], *of[Part.NEWER]])
    others = {name: judge for name, judge in judging.items() if name != GATE}
    everything, found = score([by_gate(each) for each in scored]), kinds(scored, others)
    return {
        "version": VERSION,
        "months": {part.value: _counted(of[part]) for part in Part},
        "bars": [_bar(bar) for bar in bars(everything, found)],
        "detectors": {name: _detector(judge, of[Part.NEWER]) for name, judge in judging.items()},
        "real": _score(score([by_gate(each) for each in of[Part.REAL]])),
        "all": _score(everything),
        "groups": {group.value: _group(group, scored, found) for group in Group},
        "broken": sum(each.ruling.broken for each in results),
        "alarms": [_alarm(each) for each in scored if not each.case and each.ruling.named],
        "pandemic": _pandemic(pandemic(of[Part.PANDEMIC])),
        "kinds": [_kind(kind) for kind in found],
    }


def bars(found: Score, by_kind: Iterable[Kind]) -> tuple[Bar, ...]:
    """Hold the scores against what was asked."""
    worst = min(
        (kind for kind in by_kind if kind.rejected.of), key=lambda kind: kind.rejected.value or 0.0, default=None
    )
    clean = found.false_rejections
    return (
        _least("rejected of what a person rejects", found.rejected, 0.98),
        Bar(
            name="the same, of each kind",
            asked="≥ 90 %",
            found="none was judged" if worst is None else f"{percent(worst.rejected.value)} ({worst.name})",
            met=worst is not None and (worst.rejected.value or 0.0) >= 0.9,
        ),
        _least("warned of or rejected, of what deserves it", found.flagged, 0.95),
        _most("rejected, of what a person only warns of", found.overdone, 0.05),
        Bar(
            name=f"clean months rejected, of at least {LEAST_CLEAN}",
            asked="0",
            found=f"{clean.hits} of {clean.of}",
            met=clean.hits == 0 and clean.of >= LEAST_CLEAN,
        ),
        _most("clean months warned of, without news", found.false_warnings, 0.05),
        _least("a guilty column named first", found.guilty, 0.9),
    )


def _least(name: str, share: Share, least: float) -> Bar:
    met = share.value is not None and share.value >= least
    return Bar(name=name, asked=f"≥ {least:.0%}".replace("%", " %"), found=shown(share), met=met)


def _most(name: str, share: Share, most: float) -> Bar:
    met = share.value is not None and share.value <= most
    return Bar(name=name, asked=f"≤ {most:.0%}".replace("%", " %"), found=shown(share), met=met)


def shown(share: Share) -> str:
    return f"{percent(share.value)} ({share.hits:,} of {share.of:,})"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


# ---- as JSON


def _counted(results: Sequence[Result]) -> Mapping[str, int]:
    clean = sum(not each.case for each in results)
    return {"clean": clean, "corrupted": len(results) - clean}


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval()
    value = None if share.value is None else round(share.value, 4)
    return {"hits": share.hits, "of": share.of, "share": value, "from": round(low, 4), "to": round(high, 4)}


def _score(found: Score) -> dict[str, Any]:
    return {name: _share(getattr(found, name)) for name in Score.__dataclass_fields__}


def _detector(judge: Detector, results: Sequence[Result]) -> dict[str, Any]:
    unseen = score([judge(each) for each in in_group(Group.UNSEEN, results)])
    return _score(score([judge(each) for each in results])) | {"rejected_unseen": _share(unseen.rejected)}


def _group(group: Group, results: Sequence[Result], by_kind: Sequence[Kind]) -> dict[str, Any]:
    kinds_of_it = sum(kind.group is group for kind in by_kind)
    return {"kinds": kinds_of_it, **_score(score([by_gate(each) for each in in_group(group, results)]))}


def _bar(bar: Bar) -> dict[str, Any]:
    return {"name": bar.name, "asked": bar.asked, "found": bar.found, "met": bar.met}


def _alarm(result: Result) -> dict[str, Any]:
    codes = [named.code for named in result.ruling.named]
    return {
        "series": result.series,
        "month": str(result.month),
        "said": result.ruling.said.letter,
        "codes": codes,
        "news": news(result.dataset, result.month) if has_news(result) else None,
    }


def _pandemic(found: Pandemic | None) -> dict[str, Any] | None:
    if found is None:
        return None
    names = ("stopped", "by_volume", "published", "warned", "recovered")
    return {name: _share(getattr(found, name)) for name in names} | {"asked": found.asked}


def _kind(kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "group": kind.group.value,
        "why": kind.why,
        "rejected": _share(kind.rejected),
        "smallest": kind.smallest,
        "steps": [
            {
                "magnitude": step.magnitude,
                "fair": step.fair,
                "accepted": step.said[0],
                "warned": step.said[1],
                "rejected": step.said[2],
                "guilty": _share(step.guilty),
                "others": {name: None if share is None else round(share, 3) for name, share in step.others.items()},
            }
            for step in kind.steps
        ],
    }
