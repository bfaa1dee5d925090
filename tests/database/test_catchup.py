"""After an upgrade: months that were published before there were profiles get theirs when a later one is audited."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.depot import Depot, ask
from tidemark import catchup
from tidemark import load as stages
from tidemark.history import History
from tidemark.ledger import Outcome
from tidemark.months import Month, months_between
from tidemark.postgres import Connection
from tidemark.profile import profile_month

MONTHS = months_between(Month(2022, 10), Month(2023, 1))
AUDITED = Month(2023, 2)


@pytest.fixture
def upgraded(depot: Depot, connection: Connection) -> Depot:
    """Four months that were published, and no profile of them."""
    for month in MONTHS:
        depot.write(month, 50, seatless=range(2))
        assert depot.load(month).outcome is Outcome.PUBLISHED
    ask(connection, "delete from tidemark.profile")
    return depot


def history_of(depot: Depot, month: Month = AUDITED) -> History:
    load = depot.open(month, None)
    try:
        return stages.read_history(load)
    finally:
        stages.close(load)


def raw_of(connection: Connection, month: Month) -> Path:
    return Path(ask(connection, "select raw_path from tidemark.attempt where month = %s", month.first_day)[0][0])


def test_they_are_made_from_the_raw_files_recorded_and_told_in_a_line(
    upgraded: Depot, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tidemark.catchup")
    found = history_of(upgraded)
    assert [past.month for past in found.months] == list(MONTHS)
    (newest,) = (past for past in found.months if past.month == MONTHS[-1])
    assert newest.profile == profile_month(upgraded.dataset, MONTHS[-1], raw_of(connection, MONTHS[-1]))
    assert newest.profile.rows == 48
    told = "rides 2023-02: 4 of 4 earlier months without a profile have one now, to be compared with"
    assert caplog.messages == [told]


def test_they_are_made_once(upgraded: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    history_of(upgraded)
    monkeypatch.setattr(catchup, "_make_profile", None)
    assert len(history_of(upgraded).months) == len(MONTHS)


def test_with_enough_to_compare_none_is_made(
    upgraded: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    history_of(upgraded)
    ask(connection, "delete from tidemark.profile where load_id = (select min(load_id) from tidemark.profile)")
    monkeypatch.setattr(catchup, "make_profiles", None)
    assert len(history_of(upgraded).months) == 3


def test_only_the_newest_ones_before_the_month_are_made(
    upgraded: Depot, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "MOST", 1)
    assert [past.month for past in history_of(upgraded, MONTHS[2]).months] == [MONTHS[1]]


def test_a_month_whose_file_is_gone_or_gives_other_rows_stays_without(
    upgraded: Depot, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    raw_of(connection, MONTHS[0]).unlink()
    counts = "update tidemark.attempt set rows_read = {}, rows_published = {} where month = %s"
    ask(connection, counts.format(9, 7), MONTHS[1].first_day)
    try:
        assert [past.month for past in history_of(upgraded).months] == list(MONTHS[2:])
    finally:
        ask(connection, counts.format(50, 48), MONTHS[1].first_day)
    told = "\n".join(caplog.messages)
    assert "rides 2022-10: it has no profile: rides 2022-10: the raw file" in told
    assert "rides 2022-11: it has no profile: its file gives 48 rows today, and 7 are published" in told


def test_a_first_month_has_nothing_to_compare_with_and_says_so_quietly(
    depot: Depot, caplog: pytest.LogCaptureFixture
) -> None:
    depot.write(AUDITED)
    assert depot.load(AUDITED).outcome is Outcome.PUBLISHED
    (attempt,) = depot.history(AUDITED)
    (told,) = (finding for finding in attempt.findings if finding.code == "RIDES-HISTORY")
    assert told.passed
    assert told.observed == "nothing to compare: 0 months before it, and 3 are needed"
    assert "profile" not in caplog.text
