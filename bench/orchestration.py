"""What Prefect adds: many tiny months by the backfill flow, less the same months by the same stages in threads."""

from __future__ import annotations

from datetime import date

from bench.database import expect_published, forget, settle
from bench.results import Spread
from bench.scale import Scale
from bench.stand import Stand
from bench.worker import Worker
from tidemark.months import Month, months_between

KEYS = ("orchestration_s_per_month",)
FIRST = Month(2023, 1)


def measure(stand: Stand, scale: Scale) -> dict[str, Spread]:
    years, months = divmod(scale.tiny_months - 1, 12)
    last = Month(FIRST.year + years, FIRST.number + months)
    for file in stand.make("tiny", str(FIRST), str(last), scale.tiny_rows):
        stand.serve(file)
    days = [month.first_day for month in months_between(FIRST, last)]
    added = []
    with stand.worker("bench.ours") as worker:
        for number in range(scale.repeats + 1):
            flow, plain = (_seconds(stand, scale, worker, how, last, days) for how in ("under_prefect", "plain"))
            of = f"{number} of {scale.repeats}" if number else "to warm up"
            stand.say(f"{scale.tiny_months} tiny months {flow:.2f} under Prefect, {plain:.2f} without ({of})")
            if number:
                added.append((flow - plain) / scale.tiny_months)
    return {"orchestration_s_per_month": Spread.of(added)}


def _seconds(stand: Stand, scale: Scale, worker: Worker, how: str, last: Month, days: list[date]) -> float:
    settle(stand)
    took = worker.seconds(how, dataset="yellow", first=str(FIRST), last=str(last), window=scale.tiny_window)
    expect_published(stand, days, scale.tiny_rows)
    forget(stand)
    return took
