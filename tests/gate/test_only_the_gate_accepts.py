"""No code of the project but the gate makes an ``Accepted``, so no way of the data leads around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
GATE = PROJECT / "checks" / "gate.py"
DEFINITION = PROJECT / "tidemark" / "verdict.py"
NOT_OURS = {"tests", "build"}


def sources() -> Iterator[Path]:
    """Every module of the project; tests may make an ``Accepted`` to publish what no gate has seen."""
    for path in PROJECT.rglob("*.py"):
        rooms = path.relative_to(PROJECT).parts[:-1]
        if not any(room in NOT_OURS or room.startswith(".") for room in rooms):
            yield path


def makes_accepted(source: str) -> bool:
    """Whether a module calls ``Accepted``, or passes it on where it could be called under another name.

    What remains allowed is to name the type: in annotations, imports, ``Callable``, ``isinstance`` and ``match``.
    """
    tree = ast.parse(source)
    allowed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            allowed.update(part for argument in node.args[1:] for part in ast.walk(argument))
        if isinstance(node, ast.MatchClass):
            allowed.add(node.cls)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Callable":
            allowed.update(ast.walk(node))
        for field in ("annotation", "returns"):
            annotation = getattr(node, field, None)
            if annotation is not None:
                allowed.update(ast.walk(annotation))
        if isinstance(node, ast.ImportFrom | ast.Import) and any(
            alias.name == "Accepted" and alias.asname is not None for alias in node.names
        ):
            return True
    return any(_is_accepted(node) for node in ast.walk(tree) if node not in allowed)


def _is_accepted(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "Accepted") or (
        isinstance(node, ast.Attribute) and node.attr == "Accepted"
    )


def test_only_the_gate_makes_an_accepted() -> None:
    makers = [path for path in sources() if makes_accepted(path.read_text(encoding="utf-8"))]
    assert sorted(set(makers) - {DEFINITION}) == [GATE]


def test_the_rule_sees_every_way_around() -> None:
    around = (
        "Accepted(staged=s)",
        "verdict.Accepted(staged=s)",
        "from tidemark.verdict import Accepted as Yes",
        "make = Accepted",
        "object.__new__(Accepted)",
        "def f(kind=Accepted): ...",
    )
    assert [source for source in around if not makes_accepted(source)] == []
    assert not makes_accepted("Gate = Callable[[int], Accepted]")
    allowed = "def f(a: Accepted) -> Accepted | None:\n    b: Accepted\n    return isinstance(a, (Accepted, int))"
    assert not makes_accepted(allowed)
