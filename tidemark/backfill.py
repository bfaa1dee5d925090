"""A backfill, before and after its months are loaded: the plan and the report, made from the ledger."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from tidemark import ledger
from tidemark.ask import ask_source
from tidemark.datasets.base import Dataset
from tidemark.errors import Unreachable, UsageError
from tidemark.evidence import sweep_pages
from tidemark.facts import Facts, State, Versions, attempted_months, read_facts
from tidemark.months import Month, expected_by, months_between
from tidemark.partition import Partition
from tidemark.plan import Action, Mode, Plan, Step, make_plan, range_of
from tidemark.postgres import Connection
from tidemark.report import RunReport, report_run
from tidemark.session import Session
from tidemark.source import check_source
from tidemark.warehouse import ensure_tables, sweep

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A dataset and the months of it that somebody asked for."""

    dataset: Dataset
    months: tuple[Month, ...]

    @property
    def title(self) -> str:
        return f"{self.dataset.name} {self.months[0]} to {self.months[-1]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A backfill whose plan is frozen in the ledger."""

    run_id: int
    plan: Plan


def today() -> date:
    """Return the day in UTC: what is due does not depend on where the machine stands."""
    return datetime.now(UTC).date()


def make_range(session: Session, dataset: str, first: str | None, last: str | None) -> Range:
    """Read a range as a person types it: from one month to another, one month alone, or everything that is over.

    Raises ``UsageError`` for an unknown dataset, a malformed month or a range that is none.
    """
    found = session.dataset(dataset)
    begin = Month.parse(first) if first else found.first_month
    end = Month.parse(last or first or str(max(begin, _last_whole_month())))
    return Range(dataset=found, months=range_of(found, begin, end))


def plan_range(
    connection: Connection | None, chosen: Range, mode: Mode, versions: Versions, asked: datetime | None = None
) -> Plan:
    """Make the plan of a range from the ledger alone.

    ``asked``: when the source was asked, if it was; what it did not have then is not taken.
    """
    facts = read_facts(connection, chosen.dataset, chosen.months)
    plan = make_plan(chosen.dataset, facts, mode, versions, today())
    return plan if asked is None else replace(plan, steps=tuple(_still_absent(step, asked) for step in plan.steps))


def ask_for_range(
    connection: Connection, session: Session, chosen: Range, progress: Callable[[int, int], None] | None = None
) -> None:
    """Ask the source for the months of a range that are over; months without an answer are logged."""
    facts = read_facts(connection, chosen.dataset, chosen.months)
    _ask(
        connection, session, chosen.dataset, [f for f in facts if f.partition.month.next.first_day <= today()], progress
    )


def begin_run(connection: Connection, session: Session, chosen: Range, mode: Mode, versions: Versions) -> Run:
    """Check the source's address, make the tables, sweep what killed loads left, and freeze the plan.

    Months that were unavailable or rejected are asked for first: what the source still does not have is not
    taken again, and what it published anew is.
    """
    if session.settings.source is not None:
        check_source(session.settings.source)
    ensure_tables(connection, chosen.dataset)
    sweep(connection, quarantine_days=session.settings.quarantine_days)
    sweep_pages(session.settings.home, days=session.settings.quarantine_days)
    began = datetime.now(UTC)
    _ask_again(connection, session, chosen, mode)
    plan = plan_range(connection, chosen, mode, versions, began)
    return Run(run_id=ledger.open_run(connection, plan), plan=plan)


def frozen_run(connection: Connection, chosen: Range, run_id: int) -> Run:
    """Return a run with the steps that its frozen plan takes.

    Raises ``UsageError`` when there is no such run of this dataset.
    """
    planned = ledger.frozen_plan(connection, run_id, chosen.dataset.name)
    if not planned:
        raise UsageError(
            f"There is no run {run_id} of {chosen.dataset.name}.",
            remedy="Leave run_id empty: the backfill makes its own plan.",
            code="unknown-run",
        )
    facts = read_facts(connection, chosen.dataset, tuple(planned))
    steps = tuple(
        Step(facts=f, action=Action(planned[f.partition.month].action), reason=planned[f.partition.month].reason)
        for f in facts
    )
    mode = Mode(next(iter(planned.values())).mode)
    return Run(run_id=run_id, plan=Plan(dataset=chosen.dataset.name, mode=mode, steps=steps))


def end_run(
    connection: Connection,
    chosen: Range,
    versions: Versions,
    run_id: int,
    *,
    lost: tuple[Partition, ...] = (),
    exit_status: int | None = None,
) -> RunReport:
    """Report the range as it now stands, and note how the run ended.

    ``lost``: months that left no attempt. ``exit_status``: of a run that a signal ended; else the report's.
    """
    facts = read_facts(connection, chosen.dataset, chosen.months)
    report = report_run(chosen.dataset, facts, versions, today(), run_id, lost)
    ledger.end_run(connection, run_id, report.exit_status if exit_status is None else exit_status)
    return report


def known_or_due(connection: Connection | None, dataset: Dataset) -> tuple[Month, ...]:
    """Return the months of a dataset that have an attempt or whose expected date has passed, oldest first."""
    tried = attempted_months(connection, dataset.name) if connection else frozenset()
    newest = max((*tried, _last_whole_month(), dataset.first_month))
    months = months_between(dataset.first_month, newest)
    return tuple(m for m in months if m in tried or expected_by(m, dataset.lag_days) < today())


def _ask_again(connection: Connection, session: Session, chosen: Range, mode: Mode) -> None:
    facts = read_facts(connection, chosen.dataset, chosen.months)
    doubtful = [f for f in facts if _may_have_changed(f, mode)]
    try:
        _ask(connection, session, chosen.dataset, doubtful, None)
    except Unreachable as error:  # the months that are taken will say so, each in its attempt
        logger.warning("%s: %s", chosen.title, error.message)


def _may_have_changed(facts: Facts, mode: Mode) -> bool:
    """Whether what the source has decides if this mode takes the month."""
    if mode is Mode.DUE:
        return facts.state is State.UNAVAILABLE or facts.was_rejected
    return mode is Mode.STALE and facts.state is State.PUBLISHED


def _still_absent(step: Step, since: datetime) -> Step:
    seen = step.facts.seen
    asked = seen is not None and seen.at is not None and seen.at >= since and not seen.available
    if step.action is not Action.LOAD or not asked:
        return step
    return replace(step, action=Action.SKIP, reason="the source still does not have it")


def _ask(
    connection: Connection,
    session: Session,
    dataset: Dataset,
    facts: list[Facts],
    progress: Callable[[int, int], None] | None,
) -> None:
    if not facts:
        return
    for month in ask_source(connection, dataset, session.settings.source, facts, progress):
        logger.warning("%s: the source gave no answer: %s", month.partition, month.reason)


def _last_whole_month() -> Month:
    this = Month.of(today())
    return Month(this.year - 1, 12) if this.number == 1 else Month(this.year, this.number - 1)
