"""Canaries: secrets that are looked for in everything that a fault leaves behind, in every way they may be written."""

from __future__ import annotations

import base64
import json
import sqlite3
import traceback
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from psycopg2 import sql

from tidemark.postgres import connect
from tidemark.settings import Secret

PART = 8  # characters from the beginning of a canary, which no other text has by chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """A secret of one setting; its first eight characters are its own."""

    name: str
    text: str

    @property
    def forms(self) -> tuple[bytes, ...]:
        """How it may be written: as it is, in part, in an address, in JSON, in Python, and in base64."""
        encodings = {
            self.text[:PART],
            quote(self.text),
            quote(self.text, safe=""),
            quote_plus(self.text),
            json.dumps(self.text)[1:-1],
            repr(self.text)[1:-1],
        }
        return (*(form.encode() for form in encodings), *self._in_base64())

    def _in_base64(self) -> Iterator[bytes]:
        """Its middle in base64, for each of the three places where it may begin within a group of three bytes."""
        for before in range(3):
            for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
                encoded = alphabet(b"\0" * before + self.text.encode())
                yield encoded[4 : len(encoded) // 4 * 4 - 4]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A canary that was found, and where."""

    canary: str
    where: str
    beside: str


def search(canaries: Iterable[Canary], where: str, data: bytes | str) -> list[Hit]:
    """Look for every form of every canary in some data."""
    content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    hits = []
    for canary in canaries:
        places = [place for form in canary.forms if (place := content.find(form)) >= 0]
        if places:
            around = content[max(0, min(places) - 150) : min(places) + 150]
            hits.append(Hit(canary=canary.name, where=where, beside=around.decode("utf-8", "replace")))
    return hits


def search_files(canaries: tuple[Canary, ...], *folders: Path) -> list[Hit]:
    """Look into every file below the folders, and at their names."""
    hits = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        hits += search(canaries, f"the name of {path}", str(path))
        if path.is_file():
            hits += search(canaries, str(path), path.read_bytes())
    return hits


def search_sqlite(canaries: tuple[Canary, ...], path: Path) -> list[Hit]:
    """Look into every row of an SQLite database, as its file may keep a long text in pieces."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return [hit for line in database.iterdump() for hit in search(canaries, str(path), line)]


def search_postgres(canaries: tuple[Canary, ...], url: Secret) -> list[Hit]:
    """Look into every row of every table of a database, whatever the types of its columns."""
    hits = []
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema not in ('pg_catalog', 'information_schema')"
        )
        tables = cursor.fetchall()
        for table in tables:
            cursor.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(*table)))
            rows = "\n".join(row for (row,) in cursor.fetchall())
            hits += search(canaries, ".".join(table), rows)
        # what is said of tables, columns and functions
        for catalog in ("pg_description", "pg_constraint", "pg_proc", "pg_db_role_setting"):
            cursor.execute(sql.SQL("select t::text from {} t").format(sql.Identifier("pg_catalog", catalog)))
            hits += search(canaries, catalog, "\n".join(row for (row,) in cursor.fetchall()))
    return hits


def activity(url: Secret) -> str:
    """Return what everybody who may ask sees of the server's sessions."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select t::text from pg_stat_activity t where pid <> pg_backend_pid()")
        return "\n".join(row for (row,) in cursor.fetchall())


def command_lines() -> str:
    """Return what everybody on this machine sees of its processes."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:  # it has ended
            continue
    return "\n".join(lines)


def everything_of(error: BaseException) -> str:
    """Return all that an exception tells whoever holds it: its texts, its fields, its trace and those of its causes."""
    told = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        told += [str(seen), repr(seen), repr(seen.args), repr(vars(seen)), *getattr(seen, "__notes__", ())]
        seen = seen.__cause__
    return "\n".join(told)
