"""The named queries of ``sql/*.sql``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

_HEADER = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


class _Queries(Mapping[str, str]):
    """Reads the files at the first use of a query, not at import."""

    def __getitem__(self, name: str) -> str:
        return read_queries()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(read_queries())

    def __len__(self) -> int:
        return len(read_queries())


QUERIES = _Queries()


@cache
def read_queries() -> Mapping[str, str]:
    """Return every query by its name; a query begins with ``-- name: its_name`` and a line that describes it.

    Raises ``ValueError`` when a name is there twice or a query has no description.
    """
    queries: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "sql").glob("*.sql")):
        parts = _HEADER.split(path.read_text(encoding="utf-8"))[1:]
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            if name in queries:
                raise ValueError(f"{path.name}: the query {name} is there twice")
            if not body.lstrip("\n").startswith("-- "):
                raise ValueError(f"{path.name}: the query {name} has no description")
            queries[name] = body.strip()
    return queries
