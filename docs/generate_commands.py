"""Write ``docs/commands.md`` from the help texts; ``make docs`` runs it, and a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from commands.main import app

TARGET = Path(__file__).with_name("commands.md")
WIDTH = 100


def render() -> str:
    """Return the page: the help of the command and of each of its subcommands."""
    parts = ["# Commands\n\nMade by `make docs` from the help texts.\n"]
    widths: dict[str, Any] = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(app, info_name="tidemark", **app.context_settings, **widths)
    for name in sorted(app.commands):
        command = app.commands[name]
        inner = click.Context(command, info_name=name, parent=context, **widths)
        parts.append(f"## tidemark {name}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
