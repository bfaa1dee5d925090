"""The plan of the house, held: who imports whom, who reads the environment, where SQL lives, what starts fast."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tidemark.schema import SCHEMA_VERSION
from tidemark.settings import Secret

PROJECT = Path(__file__).parents[1]
THIS = Path(__file__).relative_to(PROJECT)

# ---- who imports whom

MAY_IMPORT = {
    "tidemark": {"tidemark"},
    "checks": {"checks", "tidemark"},
    "flows": {"flows", "checks", "tidemark"},
    "deployments": {"deployments", "flows", "checks", "tidemark"},
    "commands": {"commands", "deployments", "flows", "checks", "tidemark", "demo"},
    "demo": {"demo", "commands", "deployments", "tidemark"},
    "bench": {"bench", "demo", "deployments", "checks", "tidemark"},
}
ONLY_IN = {
    "prefect": {"flows", "deployments", "commands"},
    "great_expectations": {"checks"},
    "alembic": {"tidemark"},
    "rich": {"commands", "demo", "bench"},
    "click": {"commands"},
}
ROOMS = tuple(MAY_IMPORT)


@cache
def modules() -> dict[Path, ast.Module]:
    paths = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py"))
    return {path.relative_to(PROJECT): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the full name of every import, wherever in a module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("__import__", "importlib.import_module"):
            yield node.lineno, ast.unparse(node.args[0]).strip("'\"")


def strays(room: str, tree: ast.AST) -> list[str]:
    """The imports of a module that its room may not have."""
    found = []
    for _, name in imports(tree):
        top = name.partition(".")[0]
        wrong_room = top in ROOMS and top not in MAY_IMPORT[room]
        if wrong_room or top == "tests" or not top or room not in ONLY_IN.get(top, {room}):
            found.append(name)
    return found


def test_the_rule_sees_imports_wherever_they_stand() -> None:
    around = (
        "import prefect.flows",
        "from great_expectations import x",
        "from checks.gate import audit",
        "def f():\n    import flows",
        "if TYPE_CHECKING:\n    import commands.main",
        "from .. import checks",
        "importlib.import_module('prefect')",
        "from tests.months import x",
    )
    assert [source for source in around if not strays("tidemark", ast.parse(source))] == []
    assert strays("tidemark", ast.parse("import json\nfrom tidemark.months import Month\nimport prefectly")) == []


def test_every_room_of_the_house_is_there() -> None:
    assert {path.parts[0] for path in modules()} == set(ROOMS)


def test_imports_point_one_way() -> None:
    wrong = [f"{path} imports {name}" for path, tree in modules().items() for name in strays(path.parts[0], tree)]
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path, tree in modules().items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


# ---- who reads the environment

ENVIRONMENT = {
    "tidemark/settings.py": "the one reader of settings",
    "checks/asking.py": "turns off Great Expectations' analytics before it is imported",
    "deployments/local.py": "tells the Prefect of this process where its server is, before it is imported",
    "deployments/prefect_server.py": "makes the environment of the server's process; keeps proxies off localhost",
    "demo/__main__.py": "gives the commands that it runs a home and a source of its own",
    "bench/stand.py": "gives what it measures an environment without the settings of the one who runs it",
    "bench/rivals/dlt_adbc.py": "turns off dlt's telemetry before it is imported",
}


def touches_environment(tree: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names:
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names}:
            return True
    return False


def test_the_rule_sees_every_way_to_the_environment() -> None:
    around = (
        "os.environ['A']",
        "import os as o\no.getenv('A')",
        "from os import environ as e",
        "os.environb.get(b'A')",
    )
    assert [source for source in around if not touches_environment(ast.parse(source))] == []


def test_only_the_settings_read_the_environment_and_few_others_touch_it() -> None:
    found = {path.as_posix() for path, tree in modules().items() if touches_environment(tree)}
    assert found == set(ENVIRONMENT)


# ---- where SQL lives

WITH_SQL = ("tidemark", "checks", "flows", "commands", "deployments")
MIGRATIONS = Path("tidemark", "migrations", "versions")  # the ledger's schema, in Alembic's own words
ELSEWHERE = {
    "begin": "controls a transaction and asks for nothing",
    "rollback": "the same",
    "f'CREATE DATABASE {DATABASE}'": "a constant, for a server in single-user mode, which takes no parameters",
}
STATEMENT = re.compile(
    r"\s*(select\b.*|insert\s+into|update\s+\S+\s+set|delete\s+from|create\s+(unique\s+)?(table|index|schema|database)"
    r"|alter\s+(table|index|schema)|drop\s+(table|index|schema|database)|copy\s+\S+\s+(from|to)|truncate\s|analyze\s"
    r"|with\s+\w+\s+as|lock\s+table|set\s+(local\s+)?\w+\s*(=|to))",
    re.IGNORECASE | re.DOTALL,
)


HANDED_OVER = {"execute", "executemany", "copy_expert", "mogrify", "SQL"}
QUOTING = {"Identifier", "Literal", "CreateSchema"}


def literals(node: ast.AST) -> Iterator[str]:
    """The texts in an expression that could be SQL: not the names of queries, of tables and of columns."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "QUERIES":
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in QUOTING:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield ast.unparse(node)
        return
    for child in ast.iter_child_nodes(node):
        yield from literals(child)


def glued_statements(tree: ast.AST) -> list[str]:
    """The SQL of a module that is not from ``sql/*.sql``: handed over, or standing there like a statement."""
    found = []
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            _, is_method, called = ast.unparse(node.func).rpartition(".")
            if called in HANDED_OVER or (is_method and called == "text"):
                found += [text for text in literals(node.args[0]) if text.strip(", \n")]
            elif called == "execute_values":
                found += list(literals(node.args[1]))
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts
        if is_text or isinstance(node, ast.JoinedStr):
            found += [text for text in literals(node) if STATEMENT.match(text.removeprefix("f").lstrip("'\""))]
    return [text for text in found if text not in ELSEWHERE]


def test_the_rule_sees_glued_sql() -> None:
    around = (
        "cursor.execute('vacuum')",
        "cursor.execute(f'vacuum {table}')",
        "cursor.execute('vacuum ' + table)",
        "cursor.execute(sql.SQL('vacuum {}').format(table))",
        "statement = 'select 1'",
        "statement = f'drop table {name}'",
        "statement = f'{verb} from trips' if x else f\"delete from '{table}'\"",
        "SELECT = 'SELECT count(*)\\nFROM trips'",
        "execute_values(cursor, 'vacuum %s', rows)",
        "cursor.copy_expert('vacuum', file)",
    )
    assert [source for source in around if not glued_statements(ast.parse(source))] == []
    fine = (
        "cursor.execute(QUERIES['one'], {'name': 'x'})",
        "cursor.execute(sql.SQL(QUERIES['one']).format(table=sql.Identifier('trips', f'x_{name}')))",
        "columns = sql.SQL(', ').join(names)",
        "cursor.execute('begin')",
        "raise Failed('select another month')",
    )
    assert [found for source in fine[:-1] if (found := glued_statements(ast.parse(source)))] == []


def test_every_statement_is_a_named_query() -> None:
    glued = {
        path.as_posix(): found
        for path, tree in modules().items()
        if path.parts[0] in WITH_SQL and path.parent != MIGRATIONS and (found := glued_statements(tree))
    }
    assert glued == {}


# ---- what no file may name

FORBIDDEN = {
    "a package registry": re.compile(
        # written so that this file does not name them
        r"py[p]i\.|python[h]osted|anaconda[.]org|conda[-]forge|npm[j]s|crates[.]io|proxy[.]golang|artifactor[y]|devp[i]|"
        r"(?<!-no-emit-)(?:extra-)?index-url|find-links\s*[=:]?\s*http",
        re.IGNORECASE,
    ),
    "a path of somebody's machine": re.compile(r"(?<![\w.}])/(?:work|root|Users)/|/home/(?!me/)\w+/"),
}


def files_of_the_project() -> list[Path]:
    """What git tracks, and what it would track if it were added now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    paths = [Path(os.fsdecode(name)) for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path != THIS and (PROJECT / path).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{path}: {match[0]}"
        for path in files_of_the_project()
        for match in FORBIDDEN[what].finditer((PROJECT / path).read_bytes().decode("utf-8", "replace"))
    ]
    assert found == []


def test_the_lock_file_is_among_them_and_pins_every_line_by_its_hash() -> None:
    assert Path("requirements.lock") in files_of_the_project()
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^[A-Za-z0-9_.\[\]-]+==\S+.*\n((?:    --hash=.*\n?)*)", lock, re.MULTILINE)
    assert len(pinned) > 50
    assert all("--hash=sha256:" in hashes for hashes in pinned)
    assert "://" not in lock


# ---- the ledger's schema


def test_the_schema_that_the_code_knows_is_the_last_one_of_the_migrations() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(PROJECT / "tidemark" / "migrations").replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


# ---- what starts fast

HEAVY = {"prefect", "great_expectations", "sqlalchemy", "alembic", "pandas", "pyarrow", "numpy", "pgpq", "fastapi"}
RUN = """
import contextlib, io, json, sys
from commands.main import run
with contextlib.redirect_stdout(io.StringIO()) as printed:
    status = run(sys.argv[1:])
print(json.dumps([status, printed.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize(
    ("arguments", "prints"),
    [
        (["status"], " missing"),
        (["status", "green", "2023-01", "2023-03", "--json"], '"missing": 3'),
        (["plan", "green", "2023-01", "2023-03"], "3 of 3 months to load"),
        (["explain", "green", "2023-01", "--json"], '"attempts": []'),
        (["doctor"], "PostgreSQL"),
        (["down"], "was not running"),
        (["--help"], "backfill"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_only_reads_loads_nothing_heavy(
    arguments: list[str], prints: str, database_url: Secret, tmp_path: Path
) -> None:
    """The real command, in a process of its own, on a ledger without a month."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "PREFECT_"))}
    environment |= {
        "TIDEMARK_DATABASE_URL": database_url.reveal(),
        "TIDEMARK_HOME": str(tmp_path / "home"),
        "TIDEMARK_SOURCE": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    status, printed, loaded = json.loads(done.stdout.splitlines()[-1])
    assert status in (0, 1)
    assert prints in printed
    assert HEAVY & set(loaded) == set()
