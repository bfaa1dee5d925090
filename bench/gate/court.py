"""The real way of a month to its verdict: its file, staged into PostgreSQL, audited by the gate."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from bench.gate.cases import Said
from checks.gate import audit
from checks.history import history_checks
from tidemark.datasets.base import Dataset
from tidemark.errors import BadFile
from tidemark.fetch import RawFile
from tidemark.history import History
from tidemark.months import Month
from tidemark.postgres import Connection, connect
from tidemark.schema import ensure_schema
from tidemark.settings import Secret
from tidemark.stage import Staged, drop_staged, stage
from tidemark.verdict import Accepted, Finding, Severity, Verdict
from tidemark.warehouse import ensure_tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A check that failed: ``past`` says that it compared with history."""

    code: str
    column: str | None
    rejects: bool
    gravity: float
    past: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the gate made of a file. ``named``: the checks that failed, the gravest first.

    ``broken``: it was stopped only by checks that could not run, which says nothing about the data.
    ``by_rules``: the verdict without what compared with history, and ``rules_column`` the column named first there.
    """

    said: Said
    broken: bool
    named: tuple[Named, ...]
    by_rules: Said
    rules_column: str | None
    seconds: float


@dataclass(slots=True)
class Court:
    """A database of its own, and a folder for files."""

    url: Secret
    connection: Connection
    folder: Path
    load_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def judge(self, dataset: Dataset, month: Month, content: bytes, history: History) -> Ruling:
        """Judge the bytes of a month's file as a load would."""
        began = monotonic()
        path = self.folder / dataset.file_name(month)
        path.write_bytes(content)
        try:
            staged = self._stage(dataset, month, path, content)
        except BadFile as error:
            return _refused(dataset, error, monotonic() - began)
        try:
            verdict = audit(self.url, dataset, staged, raw=path, history=history)
        finally:
            with suppress(psycopg2.errors.LockNotAvailable):
                drop_staged(self.connection, staged.table)
        return _ruling(dataset, verdict, monotonic() - began)

    def _stage(self, dataset: Dataset, month: Month, path: Path, content: bytes) -> Staged:
        ensure_tables(self.connection, dataset)
        raw = RawFile(
            partition=dataset.partition(month),
            path=path,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            url=path.as_uri(),
            etag=None,
            last_modified=None,
            downloaded=True,
        )
        load_id = next(self.load_ids)
        return stage(self.connection, dataset, raw, load_id, temporary=self.folder, stop=threading.Event())


def open_court(server_url: str, folder: Path) -> Court:
    """Make a fresh database with a ledger on a server; it stays until the server goes."""
    name = f"gate_{uuid.uuid4().hex[:12]}"
    server = connect(Secret(server_url))
    with closing(server), server.cursor() as cursor:
        cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = Secret(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")))
    connection = connect(url)
    ensure_schema(connection, url)
    return Court(url=url, connection=connection, folder=folder)


# ---- what was said


def _refused(dataset: Dataset, error: BadFile, seconds: float) -> Ruling:
    """The contract stopped the file; it names the column in its message, if one is to blame."""
    words = set(re.findall(r"\w+", str(error)))
    canonical = [column.name for column in dataset.columns if column.name in words]
    published = [column.name for column in dataset.columns if words.intersection(column.names)]
    column = next(iter((*canonical, *published)), None)
    return Ruling(
        said=Said.REJECT,
        broken=False,
        named=(Named(code=error.code, column=column, rejects=True, gravity=0.0, past=False),),
        by_rules=Said.REJECT,
        rules_column=column,
        seconds=seconds,
    )


def _ruling(dataset: Dataset, verdict: Verdict, seconds: float) -> Ruling:
    failed = [finding for finding in verdict.findings if not finding.passed]
    past = {check.code for check in history_checks(dataset)}
    by_rule = [finding for finding in failed if finding.code not in past]
    said = _said(failed)
    if isinstance(verdict, Accepted) != (said is not Said.REJECT):
        raise AssertionError("The verdict is not what its findings say.")
    return Ruling(
        said=said,
        broken=said is Said.REJECT and all(finding.errored for finding in failed if finding.blocks),
        named=tuple(_named(finding, past) for finding in failed),
        by_rules=_said(by_rule),
        rules_column=by_rule[0].column if by_rule else None,
        seconds=seconds,
    )


def _said(failed: list[Finding]) -> Said:
    if any(finding.blocks for finding in failed):
        return Said.REJECT
    return Said.WARN if failed else Said.ACCEPT


def _named(finding: Finding, past: set[str]) -> Named:
    return Named(
        code=finding.code,
        column=finding.column,
        rejects=finding.severity is Severity.REJECT,
        gravity=round(float(finding.gravity), 3),
        past=finding.code in past,
    )
