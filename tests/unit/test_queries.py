"""The named queries: each there once, described, and none swallowed by the one before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tidemark import queries
from tidemark.queries import QUERIES

PROJECT = Path(__file__).parents[2]
FILES = sorted((PROJECT / "tidemark" / "sql").glob("*.sql"))


def read(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Mapping[str, str]:
    """Read the queries of a project that has these files."""
    (folder / "sql").mkdir()
    for name, content in files.items():
        (folder / "sql" / f"{name}.sql").write_text(content, encoding="utf-8")
    monkeypatch.setattr(queries, "__file__", str(folder / "queries.py"))
    return queries.read_queries.__wrapped__()


def modules() -> Iterator[ast.Module]:
    for room in ("tidemark", "checks", "flows", "deployments", "commands"):
        for path in (PROJECT / room).rglob("*.py"):
            yield ast.parse(path.read_text(encoding="utf-8"))


def asked_for(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "QUERIES":
            yield from (str(part.value) for part in ast.walk(node.slice) if isinstance(part, ast.Constant))


def test_a_query_has_its_name_its_description_and_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "-- A file.\n\n-- name: one\n-- The first.\nselect 1;\n\n-- name: two\n-- The second.\nselect\n    2;\n"
    assert read(tmp_path, monkeypatch, a=text) == {
        "one": "-- The first.\nselect 1;",
        "two": "-- The second.\nselect\n    2;",
    }


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a": "-- name: one\n-- It.\nselect 1;\n-- name: one\n-- It.\nselect 2;\n"}, "one is there twice"),
        ({"a": "-- name: one\n-- It.\nselect 1;\n", "b": "-- name: one\n-- It.\nselect 1;\n"}, "one is there twice"),
        ({"a": "-- name: one\nselect 1;\n"}, "one has no description"),
        ({"a": "-- name: one\n"}, "one has no description"),
    ],
    ids=["in one file", "in two files", "no description", "no text"],
)
def test_a_query_that_is_there_twice_or_not_described_is_refused(
    files: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=says):
        read(tmp_path, monkeypatch, **files)


def test_a_query_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(KeyError):
        QUERIES["no_such_query"]


def test_every_line_that_looks_like_a_name_is_one() -> None:
    """A name that the reader does not recognise would become part of the query before it."""
    named = [line for path in FILES for line in path.read_text(encoding="utf-8").splitlines() if "name:" in line]
    assert named
    assert sorted(named) == sorted(f"-- name: {name}" for name in QUERIES)


def test_every_query_is_named_somewhere_in_the_code() -> None:
    texts = {node.value for tree in modules() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert [name for name in QUERIES if name not in texts] == []


def test_every_query_that_the_code_asks_for_exists() -> None:
    names = {name for tree in modules() for name in asked_for(tree)}
    assert len(names) > 20
    assert sorted(names - set(QUERIES)) == []


def test_sql_files_are_part_of_the_package() -> None:
    assert 'tidemark = ["sql/*.sql"]' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
