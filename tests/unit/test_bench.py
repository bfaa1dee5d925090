"""The benchmark's verdicts: ratios against the committed ones, bars, and the page that is made of its results."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import page
from bench.compare import COMMITTED, ratios_of, read_committed, worse
from bench.errors import Broken
from bench.keys import BARS, RATIOS, SMALL_KEYS, WHAT
from bench.results import Results, Spread, read, write
from bench.worker import PROJECT, Worker

RESULTS = PROJECT / "bench" / "results.json"
RATIO = "stage_s/floor_copy_s"


def spread(median: float) -> Spread:
    return Spread(min=median / 2, median=median, max=median * 2, n=5)


def results_with(**medians: float) -> Results:
    return replace(read(RESULTS), measured={key: spread(median) for key, median in medians.items()})


# ---- ratios against the committed ones


@pytest.mark.parametrize("now", [1.0, 2.0, 3.0], ids=["better", "equal", "worse by just what is allowed"])
def test_a_ratio_that_is_not_much_worse_passes(now: float) -> None:
    assert worse({RATIO: now}, {RATIO: 2.0}) == []


def test_a_ratio_that_is_much_worse_fails_with_its_figures() -> None:
    (sentence,) = worse({RATIO: 2.4, "other": 1.0}, {RATIO: 1.2, "other": 1.0})
    assert sentence == f"{RATIO} is 2.40, 2.0 times the committed 1.20; at most 1.5 times is fine."


def test_every_ratio_that_is_much_worse_has_a_sentence_of_its_own() -> None:
    assert len(worse({"a": 4.0, "b": 4.0, "c": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0})) == 2


def test_a_ratio_that_was_not_measured_fails() -> None:
    (sentence,) = worse({}, {RATIO: 1.2})
    assert sentence == f"{RATIO} was not measured; 1.20 is committed."


def test_a_ratio_that_nobody_committed_fails_and_says_how_to_commit_it() -> None:
    (sentence,) = worse({RATIO: 1.2}, {})
    assert "make bench-small COMMIT=1" in sentence


def test_ratios_are_of_medians_and_do_not_depend_on_how_fast_the_machine_is() -> None:
    medians = {key: float(number) for number, key in enumerate(SMALL_KEYS, start=1)}
    slow = {key: spread(10 * median) for key, median in medians.items()}
    ratios = ratios_of({key: spread(median) for key, median in medians.items()})
    assert ratios == ratios_of(slow)
    assert ratios[RATIO] == pytest.approx(medians["stage_s"] / medians["floor_copy_s"], abs=1e-3)


def test_the_committed_file_holds_a_ratio_for_each_that_is_compared_and_no_time() -> None:
    assert set(read_committed()) == {f"{key}/{of}" for key, of in RATIOS}
    assert set(json.loads(COMMITTED.read_text(encoding="utf-8"))) == {"version", "ratios"}


# ---- bars


def test_a_bar_on_a_ratio_is_met_up_to_its_limit_and_missed_above() -> None:
    at, above = results_with(stage_s=1.2, floor_copy_s=1.0), results_with(stage_s=1.21, floor_copy_s=1.0)
    assert [(judged.bar.key, judged.met) for judged in at.judged()] == [("stage_s", True)]
    assert [judged.met for judged in above.judged()] == [False]


def test_a_bar_on_a_figure_is_met_up_to_its_limit_and_missed_above() -> None:
    assert [judged.met for judged in results_with(noop_s=3.0).judged()] == [True]
    assert [judged.met for judged in results_with(noop_s=3.01).judged()] == [False]


def test_what_was_not_measured_has_no_verdict() -> None:
    assert list(results_with(stage_s=1.0).judged()) == []


def test_every_bar_and_ratio_is_of_something_that_is_measured() -> None:
    named = {bar.key for bar in BARS} | {bar.of for bar in BARS if bar.of} | {key for ratio in RATIOS for key in ratio}
    assert named <= set(WHAT)


# ---- the results and their page


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results = read(RESULTS)
    write(tmp_path / "results.json", results)
    assert read(tmp_path / "results.json") == results
    assert (tmp_path / "results.json").read_text(encoding="utf-8") == RESULTS.read_text(encoding="utf-8")


def test_the_committed_results_are_of_a_whole_run() -> None:
    results = read(RESULTS)
    assert set(results.measured) == set(WHAT)
    assert all(found.min <= found.median <= found.max for found in results.measured.values())
    assert {"python", "postgresql", "prefect", "pyarrow"} <= set(results.versions["tidemark"])


def test_the_page_is_what_the_results_say() -> None:
    assert page.TARGET.read_text(encoding="utf-8") == page.render(read(RESULTS)), "run make bench-page"


def test_the_page_names_a_bar_that_is_missed() -> None:
    results = read(RESULTS)
    slow = replace(results, measured={**results.measured, "noop_s": spread(99.0)})
    shown = page.render(slow)
    assert "| `noop_s` | ≤ 3 s | 99.00 s | **missed** |" in shown
    assert re.search(r"missed: .*`noop_s` ≤ 3 s", shown)


# ---- workers


def worker(tmp_path: Path, body: str) -> Worker:
    """A worker whose program is made for a test."""
    (tmp_path / "made_for_a_test.py").write_text(f"from bench.answering import answer\n{body}\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    return Worker(Path(sys.executable), "made_for_a_test", environment, tmp_path / "log")


def test_what_a_library_prints_does_not_get_into_a_reply(tmp_path: Path) -> None:
    body = "def load(rows):\n    print('hello')\n    return {'seconds': rows / 2}\nanswer({'load': load}, ())"
    with worker(tmp_path, body) as asked:
        assert asked.seconds("load", rows=3) == 1.5
        assert asked.seconds("load", rows=4) == 2.0


def test_a_worker_that_fails_breaks_the_run_with_its_last_words(tmp_path: Path) -> None:
    body = "def load():\n    raise RuntimeError('no rows came')\nanswer({'load': load}, ())"
    with worker(tmp_path, body) as asked, pytest.raises(Broken, match="no rows came"):
        asked.ask("load")


def test_the_peak_of_a_worker_is_its_own_and_not_that_of_the_process_that_started_it(tmp_path: Path) -> None:
    body = "def hold(mb):\n    return {'held': len(b'x' * (mb * 10**6))}\nanswer({'hold': hold}, ())"
    ballast = b"x" * 300_000_000
    with worker(tmp_path, body) as asked:
        born_with = asked.ask("peak")["mb"]
        asked.ask("hold", mb=100)
        grown_to = asked.ask("peak")["mb"]
    assert born_with < 100 < len(ballast) / 1e6
    assert 95 < grown_to - born_with < 110


def test_the_one_who_leads_imports_nothing_heavy() -> None:
    program = "import sys, bench.__main__; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    heavy = {"prefect", "great_expectations", "pandas", "pyarrow", "numpy", "pgpq", "sqlalchemy", "dlt"}
    assert heavy & set(done.stdout.split()) == set()


def test_the_locks_pin_every_library_by_its_hash_and_name_no_address() -> None:
    locks = sorted((PROJECT / "bench" / "environments").glob("*.txt"))
    assert {"dlt", "picture", "to_sql"} <= {lock.stem for lock in locks}
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        pinned = re.findall(r"^[A-Za-z0-9_.\[\]-]+==\S+.*\n((?:    --hash=.*\n?)*)", text, re.MULTILINE)
        assert pinned
        assert all("--hash=sha256:" in hashes for hashes in pinned)
        assert "://" not in text
