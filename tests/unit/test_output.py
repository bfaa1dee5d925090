"""What commands print: data on stdout, all else on stderr, and no text is taken for markup."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from commands.output import counting, err, log_lines, out, print_error, print_json, shown

PROJECT = Path(__file__).parents[2]
LONG = "word " * 100 + "end"


def test_json_is_on_stdout_and_keeps_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"reason": "é ␀ [red]", "rows": 5})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"reason": "é ␀ [red]", "rows": 5}
    assert "é" in captured.out
    assert captured.err == ""


def test_an_error_for_people_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("bad-month", "'x' is not a month.", "Write YYYY-MM.", as_json=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["error: 'x' is not a month.", "  Write YYYY-MM."]


def test_an_error_without_a_remedy_has_no_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("bad-month", "It is not.", "", as_json=False)
    assert capsys.readouterr().err == "error: It is not.\n"


def test_an_error_for_programs_is_on_stdout_key_by_key(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("bad-month", "'x' is not a month.", "Write YYYY-MM.", as_json=True)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == {
        "version": 1,
        "error": {"code": "bad-month", "message": "'x' is not a month.", "remedy": "Write YYYY-MM."},
    }


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "column :x: at :100:", LONG])
def test_a_message_is_printed_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_error("code", text, text, as_json=False)
    assert capsys.readouterr().err == f"error: {text}\n  {text}\n"


def test_lines_are_not_folded_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    out().print(LONG)
    err().print(LONG)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (f"{LONG}\n", f"{LONG}\n")


# ---- what Tidemark logs


def test_log_lines_are_on_stderr_one_each_while_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("tidemark.load")
    with log_lines():
        logger.info("rides 2023-02: %s rows", "1,990")
        logger.warning("rides 2023-02: [red]:x:")
        logger.debug("not this")
        logging.getLogger("elsewhere").error("nor this")
    logger.warning("nor this, it is over")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in captured.err.splitlines()]
    assert lines == ["rides 2023-02: 1,990 rows", "rides 2023-02: [red]:x:"]


def test_log_lines_leave_the_logger_as_it_was() -> None:
    logger = logging.getLogger("tidemark")
    before = (logger.level, list(logger.handlers))
    with pytest.raises(RuntimeError), log_lines():
        raise RuntimeError
    assert (logger.level, list(logger.handlers)) == before


def test_counting_tells_only_the_end_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with counting("asking") as progress:
        for done in range(1, 4):
            progress(done, 3)
    assert capsys.readouterr().err == "asking: 3 of 3\n"


# ---- colour


def printed_on_a_terminal(**environment: str) -> str:
    """What a process writes to a real terminal."""
    code = "from commands.output import err, print_error; print_error('c', 'It failed.', '', as_json=False)"
    master, slave = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env=kept | {"TERM": "xterm-256color"} | environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            check=True,
            timeout=60,
        )
        return os.read(master, 10_000).decode()
    finally:
        os.close(slave)
        os.close(master)


def test_a_terminal_gets_colour_unless_it_asks_for_none() -> None:
    assert "\x1b[1;31merror" in printed_on_a_terminal()
    assert "\x1b[1;31m" not in printed_on_a_terminal(NO_COLOR="1")
    assert "It failed." in printed_on_a_terminal(NO_COLOR="1")


def test_what_comes_from_a_file_is_shown_without_control_characters_or_markup() -> None:
    assert shown("ev\x1b[31mil\nname [bold]") == "ev\\x1b[31mil\\nname \\[bold]"
