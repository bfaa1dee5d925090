"""What ``tidemark doctor`` looks at: settings and where they came from, and everything that has to be reachable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg2

from deployments import prefect_server
from tidemark import embedded, settings
from tidemark.errors import TidemarkError
from tidemark.months import Month
from tidemark.postgres import Connection, connect
from tidemark.queries import QUERIES
from tidemark.schema import SCHEMA_VERSION, schema_version
from tidemark.settings import Secret, Settings, masked

Level = Literal["ok", "note", "bad"]
LITTLE_DISK_BYTES = 5 * 1024**3
LOOK_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSetting:
    """A setting as it may be shown: secrets and credentials masked."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One thing that was looked at; ``remedy`` when there is something to do."""

    what: str
    level: Level
    found: str
    remedy: str = ""


def settings_shown(given: Settings) -> tuple[ShownSetting, ...]:
    """Return every setting with its value as it may be shown and where it came from."""
    values: dict[str, object] = {
        settings.DATABASE_URL: masked(given.database_url.reveal()) if given.database_url else "embedded PostgreSQL",
        settings.HOME: given.home,
        settings.SOURCE: masked(given.source) if given.source else "each dataset's public home",
        settings.LAKE: given.lake,
        settings.DATASETS: given.datasets or "none",
        settings.SLACK_WEBHOOK: given.slack_webhook or "none",
        settings.SLACK_TOKEN: given.slack_token or "none",
        settings.SLACK_CHANNEL: given.slack_channel or "none",
        settings.SOURCE_LIMIT: given.source_limit,
        settings.WAREHOUSE_LIMIT: given.warehouse_limit,
        settings.FETCH_SECONDS: given.fetch_seconds,
        settings.FETCH_BYTES: given.fetch_bytes,
        settings.QUARANTINE_DAYS: given.quarantine_days,
        settings.PREFECT_API_URL: masked(given.prefect_api_url) if given.prefect_api_url else "a server of our own",
    }
    return tuple(ShownSetting(name=name, value=str(value), origin=given.origin(name)) for name, value in values.items())


def diagnose(given: Settings) -> Iterator[Point]:
    """Look at everything that a backfill needs, without starting or changing anything."""
    yield _folder("home", given.home, settings.HOME)
    yield _folder("lake", given.lake, settings.LAKE)
    yield from _database(given)
    yield _prefect(given)
    yield from _source(given)
    yield _slack(given)


def _bad(what: str, error: TidemarkError) -> Point:
    return Point(what=what, level="bad", found=error.message, remedy=error.remedy)


def _folder(what: str, folder: Path, setting: str) -> Point:
    there = next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Point(what=what, level="bad", found=f"{there} is not writable", remedy=f"Point {setting} elsewhere.")
    free = shutil.disk_usage(there).free
    found = f"{folder}, {free / 1e9:.0f} GB free"
    if free < LITTLE_DISK_BYTES:
        return Point(what=what, level="bad", found=found, remedy=f"Make room there, or point {setting} elsewhere.")
    return Point(what=what, level="ok", found=found)


def _database(given: Settings) -> Iterator[Point]:
    url = given.database_url
    try:
        if url is None:
            running = embedded.running_url(given.home)
            if running is None:
                yield Point(what="database", level="note", found="embedded PostgreSQL, starts when a command needs it")
                return
            url = Secret(running)
        connection = connect(url)
    except TidemarkError as error:
        yield _bad("database", error)
        return
    try:
        version = connection.server_version
        where = "" if given.database_url else _where(connection, given.home)
        found = f"PostgreSQL {version // 10000}.{version % 10000} answers{where}"
        yield Point(what="database", level="ok", found=found)
        yield _sessions(connection, url)
        yield _ledger(connection)
    except TidemarkError as error:
        yield _bad("database", error)
    except psycopg2.Error as error:
        yield Point(
            what="database",
            level="bad",
            found=f"it answers, and then fails ({type(error).__name__})",
            remedy=f"Check the rights of the user in {settings.DATABASE_URL} and the server's log.",
        )
    finally:
        connection.close()


def _where(connection: Connection, home: Path) -> str:
    """Say how a person connects to the embedded server."""
    told = connection.info
    password = home / "postgres" / "password"
    return f" at {told.host}:{told.port}, user {told.user}, database {told.dbname}, password in {password}"


def _sessions(connection: Connection, url: Secret) -> Point:
    """See whether a session keeps its backend, on which the months' locks depend: a transaction pooler breaks that."""
    other = connect(url)
    try:
        backends = {_backend(connection)}
        for _ in range(5):
            with other.cursor() as cursor:  # an open transaction takes the pooler's idle backend away
                cursor.execute("begin")
                backends.add(_backend(connection))
                cursor.execute("rollback")
    finally:
        other.close()
    if len(backends) > 1:
        return Point(
            what="sessions",
            level="bad",
            found="the connection changes its backend between statements: there is a transaction pooler",
            remedy=f"Point {settings.DATABASE_URL} straight to the server, or to a pool in session mode.",
        )
    return Point(what="sessions", level="ok", found="a connection keeps its session: advisory locks hold")


def _backend(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["backend"])
        return int(cursor.fetchone()[0])  # type: ignore[index]  # a function's one row


def _ledger(connection: Connection) -> Point:
    version = schema_version(connection)
    if version is None:
        return Point(what="ledger", level="note", found="none yet; the first backfill makes it")
    if version == SCHEMA_VERSION:
        return Point(what="ledger", level="ok", found=f"version {version}")
    return Point(
        what="ledger",
        level="note" if version < SCHEMA_VERSION else "bad",
        found=f"version {version}, this Tidemark knows {SCHEMA_VERSION}",
        remedy="The next backfill upgrades an older one; for a newer one install the Tidemark that wrote it.",
    )


def _prefect(given: Settings) -> Point:
    if given.prefect_api_url is None:
        running = prefect_server.running_url(given.home)
        if running is None:
            return Point(what="prefect", level="note", found="our own server, starts when a backfill needs it")
        return Point(what="prefect", level="ok", found=f"our own server answers: {prefect_server.ui_url(running)}")
    try:
        prefect_server.ensure_server(given.home, api_url=given.prefect_api_url)
    except TidemarkError as error:
        return _bad("prefect", error)
    return Point(what="prefect", level="ok", found=f"{masked(given.prefect_api_url)} answers")


def _source(given: Settings) -> Iterator[Point]:
    """Ask the source for a month that every dataset has had for long."""
    from tidemark.datasets.registry import load_datasets
    from tidemark.fetch import look
    from tidemark.source import locate

    try:
        datasets = load_datasets(given.datasets)
        for dataset in datasets.values():
            month = Month(dataset.first_month.year + 1, dataset.first_month.number)
            location = locate(dataset, month, given.source)
            answer = look(location, seen=None, timeout=LOOK_TIMEOUT_S)
            has = "has" if answer.available else "answers, and does not have"
            yield Point(
                what=f"source of {dataset.name}",
                level="ok" if answer.available else "note",
                found=f"it {has} {month}: {location.shown}",
                remedy="" if answer.available else f"If it should be there, check {settings.SOURCE}.",
            )
    except TidemarkError as error:
        yield _bad("source", error)


def _slack(given: Settings) -> Point:
    if given.slack_webhook is not None and not given.slack_webhook.reveal().startswith(("https://", "http://")):
        return Point(
            what="slack",
            level="bad",
            found="the webhook is no address",
            remedy=f"Set {settings.SLACK_WEBHOOK} to the address that Slack gave, which begins with https://.",
        )
    if given.slack_webhook is not None:
        return Point(what="slack", level="ok", found="a webhook is set; nothing was sent to try it")
    if given.slack_token is not None and given.slack_channel is not None:
        return Point(what="slack", level="ok", found=f"a token is set, for {given.slack_channel}; nothing was sent")
    if given.slack_token is not None or given.slack_channel is not None:
        return Point(
            what="slack",
            level="bad",
            found="a token and a channel go together, and one is missing",
            remedy=f"Set both {settings.SLACK_TOKEN} and {settings.SLACK_CHANNEL}.",
        )
    return Point(what="slack", level="note", found="nobody is told", remedy=f"Set {settings.SLACK_WEBHOOK}.")
