"""Make ``docs/pictures/demo.svg``: what a terminal shows after ``make demo``. Run it again with ``make picture``.

The commands run for real, in a pseudo-terminal, on the home that the demo leaves behind.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tidemark.embedded import stop_server

WIDTH = 100
ROOT = Path(__file__).parents[2]
HOME = ROOT / ".tidemark" / "demo"
COMMANDS = (
    ("status", "yellow", "2023-01", "2023-12"),
    ("status", "green", "2023-01", "2023-12"),
    ("explain", "green", "2023-05"),
)
LINES = 37
FRAME = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    if not HOME.exists():
        sys.exit("Run make demo first: the picture is of what it leaves behind.")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    try:
        lines = [line for command in COMMANDS for line in (_prompt(command), *_run(command))]
    finally:
        stop_server(HOME)
    for line in lines[:LINES]:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis", crop=True)
    target = Path(__file__).with_name("demo.svg")
    target.write_text(console.export_svg(title="tidemark", code_format=FRAME, unique_id="demo"), encoding="utf-8")
    print(f"wrote {target.relative_to(ROOT)}")  # noqa: T201 - a script


def _prompt(command: tuple[str, ...]) -> str:
    return f"\x1b[1m$ tidemark {' '.join(command)}\x1b[0m"


def _run(command: tuple[str, ...]) -> list[str]:
    """Run a command of tidemark in a terminal of its own and return its lines, colours included."""
    main_end, command_end = pty.openpty()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(Path.home()),
        "TERM": "xterm-256color",
        "COLUMNS": str(WIDTH),
        "LANG": "C.UTF-8",
        "TIDEMARK_HOME": str(HOME),
    }
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "commands.main", *command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=command_end,
        stderr=command_end,
    )
    os.close(command_end)
    pieces = []
    while True:
        try:
            piece = os.read(main_end, 65_536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        pieces.append(piece)
    process.wait()
    os.close(main_end)
    return [*b"".join(pieces).decode().replace("\r\n", "\n").rstrip("\n").split("\n"), ""]


if __name__ == "__main__":
    main()
