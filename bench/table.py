"""The table that a run ends with."""

from __future__ import annotations

from rich.table import Table

from bench.keys import WHAT, Bar, unit
from bench.results import Results, Spread


def number(key: str, value: float) -> str:
    return f"{value:,.0f}" if unit(key) == "MB" else f"{value:.2f}"


def spread(key: str, measured: Spread) -> str:
    return f"{number(key, measured.min)} – {number(key, measured.max)}"


def bar(asked: Bar) -> str:
    """Say a bar in words: ``≤ 1.2 × floor_copy_s``."""
    return f"≤ {asked.at_most:g} × {asked.of}" if asked.of else f"≤ {asked.at_most:g} {unit(asked.key)}"


def value(asked: Bar, found: float) -> str:
    """Say what was found, in the bar's own measure."""
    return f"{found:.3g} ×" if asked.of else f"{number(asked.key, found)} {unit(asked.key)}"


def table(results: Results, *, against_bars: bool) -> Table:
    """Return the table of a run; the bars are those of a month of full size."""
    bars = ("bar", "found", "") if against_bars else ()
    shown = Table("what", "median", "min – max", "n", *bars, title=f"{results.rows:,} rows", title_style="")
    verdicts = list(results.judged()) if against_bars else []
    for key in WHAT:
        if key not in results.measured:
            continue
        measured = results.measured[key]
        ends = (f"{number(key, measured.median)} {unit(key)}", spread(key, measured), str(measured.n))
        mine = [judged for judged in verdicts if judged.bar.key == key]
        for place, judged in enumerate(mine or [None]):
            about = (key, *ends) if place == 0 else ("", "", "", "")
            if judged is None:
                shown.add_row(*about)
            else:
                met = "[green]met[/]" if judged.met else "[red]missed[/]"
                shown.add_row(*about, bar(judged.bar), value(judged.bar, judged.value), met)
    return shown
