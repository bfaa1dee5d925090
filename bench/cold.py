"""Whole commands, as fresh processes, on a large ledger."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.database import ask, expect
from bench.errors import Broken
from bench.results import Spread
from bench.scale import Scale
from bench.stand import Stand
from bench.worker import PROJECT
from checks.versions import versions_of
from tidemark import ledger
from tidemark.datasets.registry import load_datasets
from tidemark.months import Month
from tidemark.postgres import connect

KEYS = ("noop_s", "status_cold_s")
MODEL = "2023-01"

# every month of a dataset as the one month that was really loaded left it in the ledger
_ATTEMPTS = """
insert into tidemark.attempt (
    dataset, month, run_id, began_at, ended_at, outcome, code, reason, remedy, contract_version, suite_version,
    source_url, sha256, file_bytes, etag, last_modified, raw_path, rows_read, rows_published, rows_diverted, diverted,
    dropped_columns, verdict)
select %(dataset)s, (%(first)s::date + make_interval(months => n))::date, a.run_id, a.began_at, a.ended_at, a.outcome,
       a.code, a.reason, a.remedy, %(contract)s, %(suite)s, a.source_url, a.sha256, a.file_bytes, a.etag,
       a.last_modified, a.raw_path, a.rows_read, a.rows_published, a.rows_diverted, a.diverted, a.dropped_columns,
       a.verdict
from tidemark.attempt a, generate_series(0, %(months)s - 1) n
where a.load_id = %(model)s
"""
_FINDINGS = """
insert into tidemark.finding (load_id, code, severity, passed, errored, column_name, expected, observed, reason)
select a.load_id, f.code, f.severity, f.passed, f.errored, f.column_name, f.expected, f.observed, f.reason
from tidemark.attempt a, tidemark.finding f
where f.load_id = %(model)s and a.load_id <> f.load_id
"""
_PARTITIONS = """
insert into tidemark.partition (dataset, month, current_load)
select dataset, month, max(load_id) from tidemark.attempt group by 1, 2
on conflict (dataset, month) do update set current_load = excluded.current_load
"""
_SEEN = """
insert into tidemark.source_seen (dataset, month, url, available, etag, last_modified, file_bytes, sha256)
select p.dataset, p.month, a.source_url, true, a.etag, a.last_modified, a.file_bytes, a.sha256
from tidemark.partition p join tidemark.attempt a on a.load_id = p.current_load
on conflict (dataset, month) do nothing
"""


def measure(stand: Stand, scale: Scale, keys: tuple[str, ...]) -> dict[str, Spread]:
    """Measure the chosen ones of ``KEYS``, in turn."""
    _fill_ledger(stand, scale)
    measured: dict[str, list[float]] = {key: [] for key in keys}
    for number in range(scale.repeats + 1):
        for key in keys:
            took = _noop(stand, scale) if key == "noop_s" else _status(stand, scale)
            stand.say(f"{key} {took:.2f} ({f'{number} of {scale.repeats}' if number else 'to warm up'})")
            if number:
                measured[key].append(took)
    return {key: Spread.of(values) for key, values in measured.items()}


def _noop(stand: Stand, scale: Scale) -> float:
    first = load_datasets(None)["yellow"].first_month
    years, months = divmod(first.number - 1 + scale.noop_months - 1, 12)
    last = Month(first.year + years, months + 1)
    promise = f"0 of {scale.noop_months} months to load"
    return _time(stand, ["backfill", "yellow", str(first), str(last)], promise)


def _status(stand: Stand, scale: Scale) -> float:
    return _time(stand, ["status"], f"{4 * scale.ledger_months} published")


def _time(stand: Stand, command: list[str], promise: str) -> float:
    """Run a command to its end; what it prints must hold what it promises."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "commands.main", *command],
        cwd=PROJECT,
        env=stand.environment(embedded_database=True),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode != 0 or promise not in done.stdout + done.stderr:
        raise Broken(f"tidemark {' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def _fill_ledger(stand: Stand, scale: Scale) -> None:
    """Load one month for real, and write as many others into the ledger as if they had been loaded like it."""
    (file,) = stand.make("model", MODEL, MODEL, scale.tiny_rows)
    stand.serve(file)
    with stand.worker("bench.ours", embedded_database=True) as worker:
        worker.ask("plain", dataset="yellow", first=MODEL, last=MODEL, window=1)
    connection = connect(stand.embedded_url)
    try:
        ((model,),) = ask(connection, "select current_load from tidemark.partition")
        with connection.cursor() as cursor:
            for dataset in load_datasets(None).values():
                ledger.dataset_number(connection, dataset.name)
                versions = versions_of(dataset)
                parameters = {
                    "dataset": dataset.name,
                    "first": dataset.first_month.first_day,
                    "months": scale.ledger_months,
                    "contract": versions.contract,
                    "suite": versions.suite,
                    "model": model,
                }
                cursor.execute(_ATTEMPTS, parameters)
            for statement in (_FINDINGS, _PARTITIONS, _SEEN, "analyze"):
                cursor.execute(statement, {"model": model})
        there = ask(connection, "select count(*), count(distinct dataset) from tidemark.partition")
        expect("months in the ledger", there, [(4 * scale.ledger_months, 4)])
    finally:
        connection.close()
