"""Running something in this process until a signal comes: real processes, real signals, no Prefect."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deployments.runner import run_flow
from tests.flows.shell import PROJECT

PROGRAM = """
import asyncio, signal, sys, threading
from deployments.runner import Interrupted, run_flow

def say(*words):
    print(*words, flush=True)

async def patient():
    say("runs in", threading.current_thread().name)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        say("cancelled")
        raise

async def stubborn():
    while True:
        try:
            say("runs")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            say("goes on")

before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
try:
    run_flow({"patient": patient, "stubborn": stubborn}[sys.argv[1]], lambda: say("stopping"))
except Interrupted as interrupted:
    say("handlers are back:", before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)])
    sys.exit(interrupted.status)
"""


@contextmanager
def started(work: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, work],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_work_and_is_told_by_the_status(number: signal.Signals, status: int) -> None:
    with started("patient") as process:
        assert said(process) == "runs in flow"
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
    assert stdout.splitlines() == ["stopping", "cancelled", "handlers are back: True"]
    assert (process.returncode, stderr) == (status, "")


def test_a_second_signal_ends_the_process_at_once() -> None:
    with started("stubborn") as process:
        assert said(process) == "runs"
        process.send_signal(signal.SIGINT)
        assert [said(process) for _ in range(3)] == ["stopping", "goes on", "runs"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143


def test_a_result_and_an_error_come_back_from_the_thread() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> int:
        raise ValueError("of the work")

    assert run_flow(answer, lambda: None) == 42
    with pytest.raises(ValueError, match="of the work"):
        run_flow(fail, lambda: None)


def test_handlers_are_as_before_when_the_work_is_done() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def look() -> bool:
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before

    assert run_flow(look, lambda: None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
