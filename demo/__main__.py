"""``make demo``: a year of two datasets, loaded for real by the real command, on this machine alone.

Ends with 0 if and only if every month ended as planned.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg2 import sql
from rich.console import Console
from rich.markup import escape

from commands.main import run
from demo.feed import Feed, Request
from demo.planned import BAD, ROWS, STUMBLES, STUMBLING, YEAR, make_source, planned_faults, planned_months
from deployments import prefect_server
from tidemark import embedded
from tidemark.facts import Facts, State, read_facts
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.session import Session, open_session
from tidemark.settings import HOME, SOURCE, Settings, read_settings

FOLDER = Path(".tidemark") / "demo"

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def main() -> int:
    """Run the demo; returns its exit status."""
    arguments = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    arguments.add_argument("--keep", action="store_true", help="leave everything up until Ctrl-C")
    keep = arguments.parse_args().keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    settings = _fresh_settings()
    refused: list[Request] = []
    try:
        with _feed(settings.home / "source", refused) as feed:
            os.environ[SOURCE] = feed.url
            with _prefect_starting(settings):
                console.print(f"A feed of generated trips, as the TLC serves its own: {feed.url}")
            for dataset in ROWS:
                _command("backfill", dataset, str(YEAR[0]), str(YEAR[-1]))
            faults = _differences(open_session(read_settings()), refused)
            _tell(settings, faults, time.monotonic() - began, keep=keep)
            if keep:
                _wait_for_ctrl_c()
    except KeyboardInterrupt:
        return 130
    else:
        return 1 if faults else 0
    finally:
        prefect_server.stop_server(settings.home)
        embedded.stop_server(settings.home)


def _fresh_settings() -> Settings:
    """Begin anew in a home of the demo's own, whatever the environment says about other ones."""
    home = FOLDER.absolute()
    for name in [name for name in os.environ if name.startswith(("TIDEMARK_", "PREFECT_"))]:
        del os.environ[name]
    os.environ[HOME] = str(home)
    prefect_server.stop_server(home)
    embedded.remove_server(home)
    shutil.rmtree(home, ignore_errors=True)
    return read_settings()


@contextmanager
def _feed(folder: Path, refused: list[Request]) -> Iterator[Feed]:
    make_source(folder)

    def note(request: Request) -> None:
        if request.status == 503:
            refused.append(request)

    with Feed(folder, faults=planned_faults(), on_request=note) as feed:
        yield feed


@contextmanager
def _prefect_starting(settings: Settings) -> Iterator[None]:
    """Start the Prefect server, which takes its time, beside PostgreSQL."""
    console.print("Starting PostgreSQL and a Prefect server …")
    errors: list[BaseException] = []

    def start() -> None:
        try:
            prefect_server.ensure_server(settings.home, api_url=None)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    embedded.ensure_server(settings.home)
    yield
    thread.join()
    if errors:
        raise errors[0]


def _command(*arguments: str) -> None:
    console.print(f"\n[bold]$ tidemark {' '.join(arguments)}[/]")
    sys.stdout.flush()
    status = run(list(arguments))
    if status == 130:
        raise KeyboardInterrupt
    console.print(f"[dim](exit status {status})[/]")


def _differences(session: Session, refused: list[Request]) -> list[str]:
    """Compare the ledger and the tables with the plan; returns a line for each difference."""
    found: list[str] = []
    with session.writing() as connection, connection.cursor() as cursor:
        facts = {f.partition: f for name in ROWS for f in read_facts(connection, session.dataset(name), YEAR)}
        for planned in planned_months():
            fact = facts[planned.partition]
            if fact.state is not planned.state:
                found.append(f"{planned.partition} is {fact.state}, not {planned.state}")
            elif fact.state is State.PUBLISHED and _rows(fact) != planned.rows:
                found.append(f"{planned.partition} accounts for {_rows(fact)} rows, not {planned.rows}")
        for name in ROWS:
            rows_by_month = sql.SQL("select month, count(*) from {} group by month")
            cursor.execute(rows_by_month.format(sql.Identifier("trips", name)))
            for day, rows in cursor.fetchall():
                current = facts[Partition(name, Month.of(day))].current
                if current is None or current.rows_published != rows:
                    found.append(f"{name} {Month.of(day)} holds {rows} rows that the ledger does not know")
    if len(refused) != STUMBLING.unavailable:
        found.append(f"the feed refused {len(refused)} requests, not {STUMBLING.unavailable}")
    return found


def _rows(facts: Facts) -> int:
    """Return the rows that a published month accounts for: published and diverted."""
    current = facts.current
    return (current.rows_published or 0) + (current.rows_diverted or 0) if current else 0


def _tell(settings: Settings, faults: list[str], seconds: float, *, keep: bool) -> None:
    console.print("\n[bold]What happened to the odd months[/]")
    console.print(f"  {STUMBLES}: its source answered 503 twice; it was tried again, and is published")
    console.print(f"  {BAD}: its file holds last year's rows; the gate rejected it, and nobody sees them")
    console.print("  yellow 2023-12: not published by the source yet; the next backfill asks again")
    home = Path(os.path.relpath(settings.home))
    console.print(f"Look closer: [bold]{HOME}={home} .venv/bin/tidemark explain {BAD}[/]")
    address = prefect_server.running_url(settings.home)
    if address:
        stays = "" if keep else ", until this ends in a moment; make demo KEEP=1 leaves it up"
        console.print(f"Prefect UI: [bold]{prefect_server.ui_url(address)}[/]{stays}")
    for fault in faults:
        console.print(f"[bold red]not as planned[/]: {escape(fault)}")
    if not faults:
        console.print(f"\nEvery month ended as planned, in {seconds:.0f} s.")


def _wait_for_ctrl_c() -> None:
    console.print("Everything stays up until Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("stopping")


if __name__ == "__main__":
    sys.exit(main())
