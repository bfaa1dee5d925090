"""Long stages say how far they are; short ones keep quiet."""

from __future__ import annotations

import logging

import pytest

from tidemark import progress
from tidemark.months import Month
from tidemark.partition import Partition
from tidemark.progress import Progress

GREEN = Partition("green", Month(2023, 2))


def test_a_stage_that_takes_its_time_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    caplog.set_level(logging.INFO)
    Progress(GREEN, "fetch", "MB", size=1_000_000)(120_500_000, 480_000_000)
    Progress(GREEN, "fetch", "MB", size=1_000_000)(2_000_000, None)
    Progress(GREEN, "stage", "rows")(65_536, 1_369_769)
    assert [record.getMessage() for record in caplog.records] == [
        "green 2023-02: fetch: 120 of 480 MB",
        "green 2023-02: fetch: 2 MB",
        "green 2023-02: stage: 65,536 of 1,369,769 rows",
    ]


def test_a_stage_that_is_soon_over_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told = Progress(GREEN, "stage", "rows")
    for done in range(1000):
        told(done, 1000)
    assert not caplog.records
