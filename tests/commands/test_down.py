"""The embedded server that commands start when no database is given, and ``tidemark down``, which stops it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.commands.conftest import Tidemark
from tests.depot import ask
from tidemark import embedded
from tidemark.postgres import connect
from tidemark.settings import Secret


@pytest.fixture
def alone(tidemark: Tidemark) -> Iterator[Tidemark]:
    """The command with no database; the server that it starts is removed."""
    yield tidemark
    embedded.remove_server(tidemark.home)


def test_a_server_is_started_used_again_and_stopped(alone: Tidemark) -> None:
    assert alone("doctor", "--json").json["settings"][0]["value"] == "embedded PostgreSQL"
    assert embedded.running_url(alone.home) is None  # the doctor starts nothing

    first = alone("status", "green", "2023-01", "--json")
    assert (first.status, first.json["summary"], first.err) == (0, {"missing": 1}, "")
    url = embedded.running_url(alone.home)
    assert url is not None
    begun = started_at(url)

    assert alone("plan", "green", "2023-01").status == 0
    assert embedded.running_url(alone.home) == url
    assert started_at(url) == begun
    found = {point["what"]: point for point in alone("doctor", "--json").json["points"]}
    assert (found["database"]["level"], found["ledger"]["level"]) == ("ok", "note")
    assert str(urlsplit(url).password) not in alone("doctor").out
    assert sorted(path.name for path in alone.home.iterdir()) == ["postgres"]  # neither a Prefect server nor a lake

    ran = alone("down")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == ["the Prefect server: was not running", "PostgreSQL: stopped"]
    assert embedded.running_url(alone.home) is None
    assert "PostgreSQL: was not running" in alone("down").out


def test_nothing_is_stopped_under_a_loader(alone: Tidemark) -> None:
    assert alone("status", "green", "2023-01").status == 0
    url = embedded.running_url(alone.home)
    assert url is not None
    loader = connect(Secret(url))
    ask(loader, "select pg_advisory_lock(1, 202301)")
    ran = alone("down")
    assert (ran.status, ran.out) == (1, "")
    assert "A backfill is at work here, on 1 month" in ran.err
    assert "Ctrl-C" in ran.err
    ask(loader, "select pg_advisory_unlock(1, 202301)")
    loader.close()
    assert "PostgreSQL: stopped" in alone("down").out


def started_at(url: str) -> object:
    connection = connect(Secret(url))
    try:
        return ask(connection, "select pg_postmaster_start_time()")
    finally:
        connection.close()


def test_where_nothing_runs_there_is_nothing_to_stop(alone: Tidemark) -> None:
    ran = alone("down")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == ["the Prefect server: was not running", "PostgreSQL: was not running"]
    assert not alone.home.exists()


def test_a_home_that_is_no_folder(alone: Tidemark) -> None:
    alone.home.write_text("not a folder")
    ran = alone("status")
    assert (ran.status, ran.out) == (2, "")
    assert "TIDEMARK_HOME" in ran.err
    assert alone("status", "--json").json["error"]["code"] == "bad-home"
    assert alone.home.read_text() == "not a folder"
    assert alone("down").status == 0
