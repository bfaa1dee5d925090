"""The docs say what is so: commands, codes, settings and links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands.main import app
from docs.generate_commands import TARGET, render
from tidemark import settings

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in ROOT.rglob("*.md") if not {".venv", ".tidemark", ".bench"} & set(path.parts))
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "deployments" / "RUNBOOK.md").read_text(encoding="utf-8")


def test_the_list_of_commands_is_what_their_help_says() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(), "run make docs"


@pytest.mark.parametrize("name", sorted(set(app.commands) - {"feed"}))
def test_the_readme_names_every_command(name: str) -> None:
    assert f"tidemark {name}" in README


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_every_setting_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = {value for value in vars(settings).values() if isinstance(value, str) and value.startswith("TIDEMARK_")}
    assert names == set(re.findall(r"^#(TIDEMARK_[A-Z_]+)=", example, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_runbook_names_every_code_that_a_failed_or_rejected_month_can_have() -> None:
    """Codes as the modules of the domain write them, less those that end before a month is tried."""
    found: set[str] = set()
    for path in (ROOT / "tidemark").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"""code="([a-z][a-z-]+)["]""", text))
        found |= set(re.findall(r"""_(?:bad|drift|busy|refused)\(\s*"([a-z][a-z-]+)["]""", text))
    usage = {
        "bad-month", "bad-range", "before-first-month", "unknown-dataset", "bad-dataset", "bad-setting", "bad-source",
        "bad-home", "bad-sample", "bad-name", "dataset-exists", "unknown-run", "newer-ledger", "old-postgresql",
    "column-type", "no-folder", "bad-port",
        "database-unreachable", "transaction-pooler", "database-refused", "root",
    }  # fmt: skip
    fine = {"published", "loaded-meanwhile", "nothing-to-do", "same-bytes", "not-at-source"}
    missing = {code for code in found - usage - fine if f"`{code}`" not in RUNBOOK}
    assert not missing
