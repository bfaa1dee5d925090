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
    for name, command in sorted(app.commands.items()):
        parts += _parts(command, click.Context(command, info_name=name, parent=context, **widths), widths)
    return "\n".join(parts)


def _parts(command: click.Command, context: click.Context, widths: dict[str, Any]) -> list[str]:
    """Return the part of a command, and after it those of the commands that it has."""
    parts = [f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"]
    for name, inner in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        parts += _parts(inner, click.Context(inner, info_name=name, parent=context, **widths), widths)
    return parts


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
