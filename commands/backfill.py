"""``tidemark backfill``: loads what a range lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from commands import options
from commands.coverage import print_coverage, print_odd_months
from commands.output import err, log_lines, out, print_json
from tidemark.errors import Unreachable
from tidemark.plan import Mode

if TYPE_CHECKING:
    from tidemark.backfill import Range, Run
    from tidemark.partition import Partition
    from tidemark.report import RunReport
    from tidemark.session import Session


@click.command()
@options.dataset
@options.first
@options.last
@options.mode
@click.option("--window", type=click.IntRange(1, 32), default=4, show_default=True, help="Months at work at once.")
@click.option("--newest-first", is_flag=True, help="Begin with the newest month.")
@click.option("--stop-after", type=click.IntRange(1), metavar="N", help="End after N failed months.")
@options.as_json
def backfill(
    dataset: str,
    first: str | None,
    last: str | None,
    mode: Mode,
    window: int,
    newest_first: bool,
    stop_after: int | None,
    as_json: bool,
) -> int:
    """Load the months from FROM to TO that are due; the same command again goes on where it ended.

    Months are written YYYY-MM. Without TO it is FROM alone, without FROM every month that is over.
    """
    from checks.versions import versions_of
    from deployments.local import Pace, run_backfill
    from deployments.runner import Interrupted
    from tidemark import backfill as plans
    from tidemark.report import backfill_json
    from tidemark.session import open_session
    from tidemark.settings import read_settings

    session = open_session(read_settings())
    chosen = plans.make_range(session, dataset, first, last)
    versions = versions_of(chosen.dataset)
    status = None
    with log_lines():
        with session.writing() as connection:
            run = plans.begin_run(connection, session, chosen, mode, versions)
        taken = len(run.plan.taken)
        err().print(f"{chosen.title}: {taken} of {len(run.plan.steps)} months to load (run {run.run_id})")
        try:
            if taken:
                pace = Pace(window=window, newest_first=newest_first, stop_after=stop_after)
                report = run_backfill(session.settings, chosen, run, pace, on_wait=_Wait(), on_signal=_say_stopping)
            else:
                report = _end(session, chosen, run, None)
        except Interrupted as interrupted:
            status = interrupted.status
            report = _end(session, chosen, run, status)
        except Unreachable:
            report = _end(session, chosen, run, 1)
            if not as_json:
                _print(chosen, replace(report, lost=_never_begun(report, run)))
            raise
    if as_json:
        print_json(backfill_json(report) | ({"exit": status} if status else {}))
    else:
        _print(chosen, report)
    return status or report.exit_status


def _end(session: Session, chosen: Range, run: Run, exit_status: int | None) -> RunReport:
    from checks.versions import versions_of
    from tidemark import backfill as plans

    with session.writing() as connection:
        return plans.end_run(connection, chosen, versions_of(chosen.dataset), run.run_id, exit_status=exit_status)


def _never_begun(report: RunReport, run: Run) -> tuple[Partition, ...]:
    begun = {p.partition for p in report.partitions if p.last and p.last.run_id == run.run_id}
    return tuple(step.partition for step in run.plan.taken if step.partition not in begun)


class _Wait:
    """Says once that the Prefect server is being started, which takes its time."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, _seconds: float) -> None:
        if not self._told:
            err().print("starting the Prefect server (10 to 20 s; the next command reuses it)")
            self._told = True


def _say_stopping() -> None:
    err().print("stopping: what runs is ended cleanly; the same command goes on later (once more: end at once)")


def _print(chosen: Range, report: RunReport) -> None:
    from tidemark.report import silent_source_message

    print_coverage(out(), report)
    print_odd_months(out(), report)
    if report.silent_source:
        out().print(f"\n{silent_source_message(chosen.dataset)}", markup=False)
    if report.lost:
        first, last = min(report.lost).month, max(report.lost).month
        months = str(first) if first == last else f"{first} to {last} ({len(report.lost)} months)"
        said = f"{chosen.dataset.name} {months}: no attempt was begun; run the same command again"
        out().print(f"\n{said}", markup=False)
