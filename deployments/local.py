"""A backfill in this process, on the server that ``PREFECT_API_URL`` names or on our own below the home."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from deployments.prefect_server import client_environment, ensure_server
from deployments.runner import run_flow
from tidemark.backfill import Range, Run
from tidemark.errors import TidemarkError, Unreachable
from tidemark.report import RunReport
from tidemark.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How a backfill goes through its months."""

    window: int
    newest_first: bool
    stop_after: int | None


def run_backfill(
    settings: Settings,
    chosen: Range,
    run: Run,
    pace: Pace,
    *,
    on_wait: Callable[[float], None],
    on_signal: Callable[[], None],
) -> RunReport:
    """Make sure of the server, run the backfill flow to its end and return its report.

    Raises ``Unreachable`` when the Prefect server does not answer or the flow ended without a report,
    ``Interrupted`` after a signal.
    """
    api_url = ensure_server(settings.home, api_url=settings.prefect_api_url, on_wait=on_wait)
    os.environ.update(client_environment(settings.home, api_url))  # read once, when prefect is imported below

    logging.raiseExceptions = False  # what Prefect cannot send to its server it would print in the midst of our lines

    async def work() -> object:
        from prefect.logging.handlers import APILogHandler

        from flows.backfill import backfill

        state = await backfill(
            dataset=chosen.dataset.name,
            first=str(chosen.months[0]),
            last=str(chosen.months[-1]),
            mode=run.plan.mode.value,
            window=pace.window,
            newest_first=pace.newest_first,
            stop_after=pace.stop_after,
            run_id=run.run_id,
            return_state=True,
        )
        await APILogHandler.aflush()
        return await state.aresult(raise_on_failure=False)

    outcome = run_flow(_caught(work), on_signal)
    if isinstance(outcome, RunReport):
        return outcome
    if isinstance(outcome, TidemarkError):
        raise outcome
    raise Unreachable(
        f"The backfill of {chosen.title} ended without a report ({type(outcome).__name__}).",
        remedy="The ledger is right: see tidemark status. Run the same command again; tidemark doctor says what is "
        "reachable, the Prefect server among it.",
        code="no-report",
    ) from (outcome if isinstance(outcome, BaseException) else None)


def _caught(work: Callable[[], Coroutine[object, object, object]]) -> Callable[[], Coroutine[object, object, object]]:
    """Give back what the flow raised: Prefect raises errors of its client, of every kind, past the flow's state."""

    async def run() -> object:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - it is told as the cause of the missing report
            return error

    return run
