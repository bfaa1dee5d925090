"""Attempts that cannot begin, a Prefect server that goes away, and a stop that its engine swallows."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.feed import Feed
from demo.generate import write_month
from deployments import prefect_server
from tests.depot import ask
from tests.flows.shell import Shell
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.settings import Secret

pytestmark = pytest.mark.long

REFUSE_ATTEMPTS = """
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no room for attempts'; end $$;
create trigger refuse before insert on tidemark.attempt for each row execute function refuse();
"""


def test_a_month_that_leaves_no_attempt_is_a_failure_all_the_same(
    make_shell: Callable[[Secret], Shell], database_url: Secret
) -> None:
    shell = make_shell(database_url)
    source = shell.folder / "source"
    source.mkdir()
    write_month(source, "green", Month(2023, 1), rows=100)
    connection = connect(database_url)
    ask(connection, REFUSE_ATTEMPTS)
    ended = shell.run("backfill", "green", "2023-01", "--json", TIDEMARK_SOURCE=str(source))
    assert (ended.status, ended.json["exit"]) == (1, 1)
    assert ended.json["summary"] == {"missing": 1}
    assert "no room for attempts" in ended.stderr
    assert ask(connection, "select exit_status from tidemark.run") == [(1,)]
    connection.close()


def test_a_stop_between_two_stages_takes_no_further_month(
    make_shell: Callable[[Secret], Shell], database_url: Secret
) -> None:
    """Of months that the source does not have, a flow is nearly always somewhere in Prefect's engine."""
    shell = make_shell(database_url)
    source = shell.folder / "source"
    source.mkdir()
    with Feed(source) as feed:
        shell.settings["TIDEMARK_SOURCE"] = feed.url
        with shell.start("backfill", "green", "2018-01", "2020-12", "--json") as running:
            running.until("unavailable")
            running.process.send_signal(signal.SIGINT)
            ended = running.ended()
    assert (ended.status, ended.json["exit"]) == (130, 130)
    connection = connect(database_url)
    ((attempts,),) = ask(connection, "select count(*) from tidemark.attempt")
    connection.close()
    assert 0 < attempts <= 12
    after = ended.stderr.split("stopping:", 1)[1]
    assert "Traceback" not in after


@pytest.fixture
def own_server(tmp_path: Path) -> Path:
    home = tmp_path / "prefect-home"
    home.mkdir()
    return home


def test_a_prefect_server_that_goes_away_is_said_so_and_no_month_is_lost(
    make_shell: Callable[[Secret], Shell], database_url: Secret, own_server: Path
) -> None:
    shell = make_shell(database_url)
    source = shell.folder / "source"
    source.mkdir()
    for number in (1, 2, 3):
        write_month(source, "green", Month(2023, number), rows=100)
    api_url = prefect_server.ensure_server(own_server, api_url=None)
    shell.settings |= {"TIDEMARK_SOURCE": str(source), "PREFECT_API_URL": api_url}
    try:
        with shell.start("backfill", "green", "2023-01", "2023-03", "--window", "1") as running:
            running.until("2023-01: stage:")
            prefect_server.stop_server(own_server)
            ended = running.ended()
    finally:
        prefect_server.stop_server(own_server)
    assert ended.status == 1
    assert "Traceback" not in ended.stderr, ended.stderr
    assert "Error logging" not in ended.stderr, ended.stderr
    assert "no further month is begun" in ended.stderr
    assert "green 2023-02 to 2023-03 (2 months): no attempt was begun" in ended.stdout
    assert "2023    !    ○    ○" in ended.stdout
    connection = connect(database_url)
    assert ask(connection, "select count(*) from tidemark.attempt where outcome is null") == [(0,)]
    assert ask(connection, "select exit_status from tidemark.run") == [(1,)]
    connection.close()
