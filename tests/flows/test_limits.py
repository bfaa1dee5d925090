"""The concurrency limits, held by a real server against real flows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from deployments import prefect_server

PROJECT = Path(__file__).parents[2]

APPLY = """
import asyncio, json, sys
from flows.limits import ensure_limits
from prefect.client.orchestration import get_client

async def main() -> None:
    for limits in json.loads(sys.argv[1]):
        await ensure_limits(*limits)
    async with get_client() as client:
        found = await client.read_global_concurrency_limits(limit=50, offset=0)
    print(json.dumps(sorted([limit.name, limit.limit, limit.active, str(limit.id)] for limit in found)))

asyncio.run(main())
"""

RUN = """
import asyncio, json, sys, time
from flows.limits import WAREHOUSE_TAG, ensure_limits
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

limit, runs, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
spans = []

@task(tags=[WAREHOUSE_TAG], cache_policy=NO_CACHE)
async def load() -> None:
    began = time.monotonic()
    await asyncio.sleep(seconds)
    spans.append([began, time.monotonic()])

@flow
async def month() -> None:
    await load()

@flow
async def backfill() -> None:
    await asyncio.gather(*(month() for _ in range(runs)))

async def main() -> None:
    await ensure_limits(2, limit)
    await backfill()

asyncio.run(main())
print(json.dumps(sorted(spans)))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process that runs flows on a server of this module's own."""
    home = tmp_path_factory.mktemp("limits")
    try:
        url = prefect_server.ensure_server(home, api_url=None)
        yield {**os.environ, **prefect_server.client_environment(home, url)}
    finally:
        prefect_server.stop_server(home)
        shutil.rmtree(home)


def run(environment: dict[str, str], script: str, *arguments: str) -> list[list[float]]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environment, cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def most_at_once(spans: Sequence[Sequence[float]]) -> int:
    steps = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    return max(accumulate(step for _, step in steps))


def test_limits_are_made_once_and_changed_in_place(environment: dict[str, str]) -> None:
    once = run(environment, APPLY, "[[2, 3]]")
    assert [limit[:3] for limit in once] == [["tag:tlc-source", 2, True], ["tag:warehouse", 3, True]]
    assert run(environment, APPLY, "[[2, 3], [2, 3]]") == once
    changed = run(environment, APPLY, "[[1, 5]]")
    assert [limit[1] for limit in changed] == [1, 5]
    assert [limit[3] for limit in changed] == [limit[3] for limit in once]


def test_no_more_tasks_run_at_once_than_the_limit(environment: dict[str, str]) -> None:
    spans = run(environment, RUN, "2", "8", "0.3")
    assert len(spans) == 8
    assert most_at_once(spans) == 2


def test_a_freed_slot_is_taken_soon(environment: dict[str, str]) -> None:
    spans = run(environment, RUN, "1", "4", "3")
    gaps = [began - ended for (_, ended), (began, _) in pairwise(spans)]
    assert most_at_once(spans) == 1
    assert sorted(gaps)[1] < 1.5, gaps
