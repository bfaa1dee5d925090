"""Files that would take gigabytes to decode: rejected by name, in a process that does not have them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.depot import FEBRUARY, Depot, rides_of
from tests.faults.bomb_files import BOMBS, sound
from tidemark.ledger import Outcome
from tidemark.postgres import Connection

PROJECT = Path(__file__).parents[2]
MOST_GROWN = 450 << 20  # bytes; the worst of the bombs took 7.5 GB, six of them 2 GB and more


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is only limited on Linux")
def test_bombs_are_rejected_in_little_memory_and_leave_a_published_month_as_it_was(
    depot: Depot, connection: Connection, tmp_path: Path
) -> None:
    sound(depot.source / depot.dataset.file_name(FEBRUARY))
    assert depot.load(FEBRUARY).code == "RIDES-DUPLICATES"  # it was read whole: bombs are like it but for one column
    depot.write(FEBRUARY, 500)
    published = depot.load(FEBRUARY)
    assert published.outcome is Outcome.PUBLISHED, published
    rides = rides_of(connection, FEBRUARY)
    folder = tmp_path / "bombs"
    folder.mkdir()
    for bomb in BOMBS:
        bomb.write(folder / bomb.name)

    command = [sys.executable, "-m", "tests.faults.bomb_load", str(folder), str(tmp_path), depot.url.reveal()]
    told = json.loads(subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, timeout=120).stdout)

    assert {name: code for name, (_, code, _) in told["ended"].items()} == {bomb.name: bomb.code for bomb in BOMBS}
    assert {outcome for outcome, _, _ in told["ended"].values()} == {Outcome.REJECTED}
    reasons = {name: reason for name, (_, _, reason) in told["ended"].items()}
    assert [bomb.name for bomb in BOMBS if bomb.column and f"'{bomb.column}'" not in reasons[bomb.name]] == []
    assert told["grown"] < MOST_GROWN
    assert rides_of(connection, FEBRUARY) == rides
    facts = depot.facts(FEBRUARY)
    assert facts.current is not None
    assert facts.current.load_id == published.load_id
    assert facts.last is not None
    assert facts.last.outcome is Outcome.REJECTED
