"""Charts as inline SVG: the month's days against those of the months before, and one number month by month."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 170, 64, 22, 10


def day_chart(days: Sequence[int], usual: Sequence[tuple[int, int]]) -> str:
    """Draw the rows of each day as bars, before the range that such weekdays had in the months before, if there is one.

    ``usual``: the least and the most of each day, as long as ``days``, or empty.
    """
    most = max([*days, *(high for _, high in usual), 1])
    step = (WIDTH - LEFT) / len(days)
    parts = [_frame(most, 0, "1", str(len(days)))]
    for place, (low, high) in enumerate(usual):
        top = _y(high, 0, most)
        parts.append(_rectangle("band", LEFT + place * step, top, step, max(_y(low, 0, most) - top, 1)))
    for place, count in enumerate(days):
        top = _y(count, 0, most)
        parts.append(
            f"<g><title>day {place + 1}: {count:,} rows</title>"
            + _rectangle("bar", LEFT + place * step + step * 0.2, top, step * 0.6, HEIGHT - BOTTOM - top)
            + "</g>"
        )
    return _svg("rows of each day of the month", parts)


def month_chart(values: Sequence[tuple[str, float]], what: str) -> str:
    """Draw a number month by month, the oldest first; the last one is the month that was judged."""
    numbers = [value for _, value in values]
    low, high = min(*numbers, 0.0), max(*numbers, 0.0)
    high = high if high > low else low + 1
    step = (WIDTH - LEFT - 24) / max(len(values) - 1, 1)
    points = [(LEFT + 12 + place * step, _y(value, low, high)) for place, value in enumerate(numbers)]
    parts = [_frame(high, low, values[0][0], values[-1][0])]
    parts.append(f'<polyline class="curve" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
    for place, ((x, y), (month, value)) in enumerate(zip(points, values, strict=True)):
        kind, radius = ("now", 5) if place == len(points) - 1 else ("dot", 3)
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">'
            f"<title>{escape(month)}: {number(value)}</title></circle>"
        )
    return _svg(what, parts)


def number(value: float) -> str:
    """Return a number for people: whole ones whole, others with three digits that count."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def _y(value: float, low: float, high: float) -> float:
    return TOP + (high - value) / (high - low) * (HEIGHT - BOTTOM - TOP)


def _frame(high: float, low: float, first: str, last: str) -> str:
    base = HEIGHT - BOTTOM
    return (
        f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH}" y2="{base}"/>'
        f'<text x="{LEFT - 6}" y="{TOP + 8}" text-anchor="end">{number(high)}</text>'
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">{number(low)}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">{escape(first)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 6}" text-anchor="end">{escape(last)}</text>'
    )


def _rectangle(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0):.1f}"/>'


def _svg(what: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(what)}">{"".join(parts)}</svg>'
