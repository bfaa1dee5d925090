"""``tidemark doctor``: what is configured and from where, what is reachable, what is wrong and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands import options
from commands.output import out, print_json, shown

if TYPE_CHECKING:
    from deployments.diagnosis import Point

MARKS = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "bad": "[bold red]✗[/]"}


@click.command()
@options.as_json
def doctor(as_json: bool) -> int:
    """Say what is configured and from where, what is reachable, what is wrong and how to mend it. Starts nothing."""
    from deployments.diagnosis import diagnose, settings_shown
    from tidemark.settings import read_settings

    settings = read_settings()
    configured = settings_shown(settings)
    points = list(diagnose(settings))
    status = 1 if any(point.level == "bad" for point in points) else 0
    if as_json:
        print_json(
            {
                "version": 1,
                "settings": [{"name": s.name, "value": s.value, "origin": s.origin} for s in configured],
                "points": [_point_json(point) for point in points],
                "exit": status,
            }
        )
        return status
    console = out()
    for setting in configured:
        console.print(f"  {setting.name:<26}{shown(setting.value):<48} [dim]{setting.origin}[/]")
    console.print()
    for point in points:
        console.print(f"{MARKS[point.level]} {point.what}: {shown(point.found)}")
        if point.remedy:
            console.print(f"    {shown(point.remedy)}")
    return status


def _point_json(point: Point) -> dict[str, object]:
    return {"what": point.what, "level": point.level, "found": point.found, "remedy": point.remedy}
