"""What commands print: data on stdout, all else on stderr; colour follows NO_COLOR and the terminal."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

WIDEST = 1000  # of a line that no terminal folds
LONGEST_ERROR = 800  # more than any sentence of our own has; what was typed may stand in it
LONGEST = 2000  # of a text that came from outside


def out() -> Console:
    """Return the console for data; where there is no terminal, nothing is folded."""
    return _console(stderr=False, terminal=sys.stdout.isatty())


def err() -> Console:
    return _console(stderr=True, terminal=sys.stderr.isatty())


def shown(text: str) -> str:
    """Return text of a file, a source or a database as it may be shown: no markup, no control characters, an end."""
    return escape(plain(text))


def plain(text: str, *, kept: str = "", longest: int = LONGEST) -> str:
    """Return a text with its control characters written out, except those that are ``kept``, and cut where it is long.

    Those that turn the direction of writing count as control characters.
    """
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in cut)


def print_table(console: Console, table: Table) -> None:
    """Print a table; where there is no terminal, without the blanks that fill its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.print(line.rstrip(), markup=False)


def print_json(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # a terminal obeys some characters that JSON leaves as they are
    sys.stdout.write("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text) + "\n")


def print_error(code: str, message: str, remedy: str, *, as_json: bool) -> None:
    """Say what went wrong and what mends it: on stderr for people, on stdout for programs."""
    message, remedy = plain(message, longest=LONGEST_ERROR), plain(remedy, longest=LONGEST_ERROR)
    if as_json:
        print_json({"version": 1, "error": {"code": code, "message": message, "remedy": remedy}})
    else:
        console = err()
        console.print(f"[bold red]error[/]: {escape(message)}")
        if remedy:
            console.print(f"  {escape(remedy)}")


@contextmanager
def log_lines() -> Iterator[None]:
    """Show what Tidemark logs as lines on stderr, one per month and stage."""
    logger = logging.getLogger("tidemark")
    handler = _Lines()
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows ``n of m`` on a terminal's last line of stderr; elsewhere only the end is told.

    A terminal that shall get no escape sequences counts as elsewhere.
    """
    console = err()
    if console.color_system:
        with console.status(what) as line:
            yield lambda done, total: line.update(f"{what}: {done} of {total}")
    else:
        yield lambda done, total: console.print(f"{what}: {done} of {total}") if done == total else None


def _console(*, stderr: bool, terminal: bool) -> Console:
    plain = Console(stderr=stderr).no_color  # NO_COLOR is set: rich would still write bold and dim
    return Console(
        stderr=stderr,
        color_system=None if plain else "auto",
        highlight=False,
        emoji=False,
        soft_wrap=not terminal,
        width=None if terminal else WIDEST,
    )


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._console = err()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            style = {logging.INFO: None, logging.WARNING: "yellow"}.get(record.levelno, "red")
            at = time.strftime("%H:%M:%S", time.localtime(record.created))
            self._console.print(f"{at} {shown(record.getMessage())}", style=style)  # a traceback stays in Prefect's log
        except Exception:  # noqa: BLE001 - logging's own way with a stream that is gone
            self.handleError(record)
