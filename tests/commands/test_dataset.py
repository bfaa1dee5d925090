"""``tidemark dataset``: from a sample to a module, and from the module to what is to be mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo.feed import Feed
from tests.commands.conftest import run_here
from tidemark.datasets import conformance
from tidemark.datasets.registry import load_datasets
from tidemark.months import Month, months_between

HEADER = "Ride ID,started at,km"


def write_months(folder: Path, first: str, last: str, *, header: str = HEADER, km: str = "1.5") -> None:
    folder.mkdir(exist_ok=True)
    for month in months_between(Month.parse(first), Month.parse(last)):
        rows = [f"{n},{month}-{1 + n % 28:02d} 10:00:00,{km}" for n in range(50)]
        (folder / f"rides-{month}.csv").write_text("\n".join([header, *rows, ""]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of datasets, which is not there yet."""
    monkeypatch.setenv("TIDEMARK_DATASETS", str(tmp_path / "datasets"))
    return tmp_path / "datasets"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_months(tmp_path / "source", "2024-01", "2024-06")
    return tmp_path / "source"


def new(source: Path, name: str = "rides", month: str = "2024-01") -> int:
    return run_here("dataset", "new", name, str(source / f"rides-{month}.csv"))


def checked(capsys: pytest.CaptureFixture[str], name: str = "rides") -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run_here("dataset", "check", name, "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["exit"] == status
    return status, said


def worst(said: dict[str, Any], level: str) -> list[str]:
    return [point["found"] for point in said["points"] if point["level"] == level]


def test_a_new_dataset_is_written_and_passes_its_check(
    source: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(source) == 0
    said = capsys.readouterr().out
    assert "3 columns, as 50 rows" in said
    assert "'started at'" in said
    assert "tidemark dataset check rides" in said
    assert run_here("dataset", "check", "rides") == 0
    said = capsys.readouterr().out
    assert said.count("✓") == 1 + 2 * conformance.MONTHS
    assert "tidemark backfill rides" in said
    assert list(load_datasets(folder))[-1] == "rides"


def test_new_wants_a_folder_a_free_name_and_a_sample(
    source: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, says in (("Rides", "no lower-case"), ("green", "already a dataset"), ("rides_2024_01", "like the table")):
        assert new(source, name) == 2
        assert says in capsys.readouterr().err
    assert not folder.exists()
    assert new(source) == 0
    assert new(source) == 2
    assert run_here("dataset", "new", "boats", str(source / "nothing-2024-01.csv")) == 2
    monkeypatch.delenv("TIDEMARK_DATASETS")
    capsys.readouterr()
    assert new(source, "boats") == 2
    assert "export TIDEMARK_DATASETS=" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_check_says_what_does_not_fit_and_how_to_mend_it(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(source) == 0
    write_months(source, "2024-02", "2024-02", km="far")
    write_months(source, "2024-03", "2024-03", header="Ride ID,started at,kilometres")
    status, said = checked(capsys)
    assert status == 1
    assert [point["what"] for point in said["points"]] == ["2024-01", "2024-01", "2024-02", "2024-03"]
    lossy, missing = worst(said, "bad")
    assert "'km' holds the text 'far'" in lossy
    assert "lacks km" in missing
    assert all(point["remedy"] for point in said["points"] if point["level"] == "bad")


@pytest.mark.usefixtures("folder")
def test_check_tells_of_another_month_s_rows_new_columns_and_absent_months(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(source) == 0
    (source / "rides-2024-02.csv").write_bytes((source / "rides-2024-01.csv").read_bytes())
    (source / "rides-2024-03.csv").unlink()
    rows = [f"{n},2024-01-10 10:00:00,1.5,new" for n in range(50)]
    (source / "rides-2024-01.csv").write_text("\n".join([f"{HEADER},colour", *rows]))
    status, said = checked(capsys)
    assert status == 1
    assert worst(said, "bad") == ["0.0% of the rows have started_at in their month"]
    unknown, absent = worst(said, "note")
    assert "colour" in unknown
    assert "rides-2024-03.csv" in absent


@pytest.mark.usefixtures("folder")
def test_check_without_any_file_ends_with_1(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert new(source) == 0
    monkeypatch.setenv("TIDEMARK_SOURCE", str(tmp_path))
    status, said = checked(capsys)
    assert status == 1
    assert worst(said, "bad") == ["no file of the first 3 months could be read"]


@pytest.mark.usefixtures("folder")
def test_check_reads_from_the_network_and_stores_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert new(source) == 0
    with Feed(source) as feed:
        monkeypatch.setenv("TIDEMARK_SOURCE", f"{feed.url}/rides-{{month}}.csv")
        monkeypatch.setenv("TIDEMARK_HOME", str(tmp_path / "home"))
        status, said = checked(capsys)
    assert (status, len(worst(said, "ok"))) == (0, 6)
    assert not (tmp_path / "home").exists()


def test_a_module_that_cannot_be_loaded_ends_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    (folder / "rides.py").write_text("DATASET = 1")
    assert run_here("dataset", "check", "rides") == 2
    assert "rides.py cannot be used" in capsys.readouterr().err
    (folder / "rides.py").unlink()
    assert run_here("dataset", "check", "rides") == 2
    assert "no dataset 'rides'" in capsys.readouterr().err


def test_alone_it_says_that_a_command_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("dataset") == 2
    assert "Missing command." in capsys.readouterr().err
