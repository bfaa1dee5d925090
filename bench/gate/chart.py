"""The picture of ``docs/gate-benchmark.md``: for each kind and magnitude, what the gate said of its copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any

from bench.gate.cases import Group

TITLES = MappingProxyType(
    {
        Group.LISTED: "kinds on the list",
        Group.LOOKED_AT: "kinds looked at while the gate was made",
        Group.UNSEEN: "kinds never seen",
    }
)
PAPER, INK, FAINT = "#ffffff", "#1f2933", "#66717d"
_COLOURS = {"accepted": "#d5dbe1", "warned": "#e3a31a", "rejected": "#b3362b"}
_LINE, _LABEL, _CELL, _GAP, _LETTERS = 17, 262, 46, 5, 22
_COLUMN = _LABEL + 4 * (_CELL + _GAP) + 2 * _LETTERS
_TOP = 74
_BETWEEN = 2  # lines between the groups of a side
_Kinds = Sequence[Mapping[str, Any]]


def draw(kinds: _Kinds) -> str:
    """Return the picture as SVG: the kinds that were known on the left, those never seen on the right."""
    lines = {group: [kind for kind in kinds if kind["group"] == group] for group in Group}
    above = len(lines[Group.LISTED]) + _BETWEEN
    height = _TOP + _LINE * max(above + len(lines[Group.LOOKED_AT]), len(lines[Group.UNSEEN])) + 14
    width = 2 * _COLUMN + 30
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" role="img" '
        'aria-label="What the gate said of each kind and magnitude of corruption">'
    )
    parts = [
        opening,
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        _text(14, 24, "What the gate said, by kind; from left to right larger magnitudes", INK, size=14, bold=True),
        *_legend(14, 44),
    ]
    parts += _group(Group.LISTED, lines[Group.LISTED], 14, _TOP)
    parts += _group(Group.LOOKED_AT, lines[Group.LOOKED_AT], 14, _TOP + _LINE * above)
    parts += _group(Group.UNSEEN, lines[Group.UNSEEN], 14 + _COLUMN, _TOP)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _group(group: Group, kinds: _Kinds, left: int, top: int) -> Iterator[str]:
    yield _text(left, top - 8, TITLES[group], FAINT)
    for row, kind in enumerate(kinds):
        yield from _kind(kind, left, top + row * _LINE)


def _legend(left: int, middle: int) -> Iterator[str]:
    for word, colour in _COLOURS.items():
        yield f'<rect x="{left}" y="{middle - 9}" width="11" height="11" fill="{colour}"/>'
        yield _text(left + 16, middle, word, INK)
        left += 84
    yield _text(left, middle, "the letter is what a person would say: A, W or R", FAINT)


def _kind(kind: Mapping[str, Any], left: int, top: int) -> Iterator[str]:
    yield _text(left, top + 11, kind["kind"], INK)
    x = left + _LABEL
    for step in kind["steps"]:
        yield from _step(step, x, top)
        x += _CELL + _GAP


def _step(step: Mapping[str, Any], left: int, top: int) -> Iterator[str]:
    copies = sum(step[word] for word in _COLOURS)
    bar = _CELL - _LETTERS
    x = float(left + _LETTERS)
    for word, colour in _COLOURS.items():
        width = bar * step[word] / copies
        if width:
            yield f'<rect x="{x:.1f}" y="{top + 2}" width="{width:.1f}" height="{_LINE - 5}" fill="{colour}"/>'
        x += width
    yield _text(left + _LETTERS - 3, top + 11, "/".join(step["fair"]), FAINT, anchor="end", size=9)


def _text(
    x: float, y: float, text: str, colour: str, *, size: int = 11, bold: bool = False, anchor: str = "start"
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
    )
