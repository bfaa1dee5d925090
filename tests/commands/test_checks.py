"""``tidemark checks`` and the page of the docs: every check of the gate, with thresholds and reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.base import every_check
from checks.listing import Listed, listed, months, thresholds
from checks.own import own_checks
from commands.main import run
from docs import generate_checks
from tidemark.datasets import green
from tidemark.datasets.base import Dataset
from tidemark.datasets.registry import BUILT_IN


def found(dataset: Dataset, code: str) -> Listed:
    return next(check for check in listed(dataset) if check.code == code)


def test_the_page_of_the_docs_is_what_the_suites_say() -> None:
    assert generate_checks.TARGET.read_text(encoding="utf-8") == generate_checks.render(), "run make docs"


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_every_check_of_a_dataset_is_listed_with_its_reason(dataset: Dataset) -> None:
    checks = listed(dataset)
    asked = [check.code for check in (*every_check(dataset), *own_checks(dataset.name))]
    assert [check.code for check in checks] == asked
    for check in checks:
        assert check.reason.endswith((".", "…"))
        assert check.expects
        assert "expect_" not in check.expects
        if check.warns is not None and check.rejects is not None:
            assert check.warns < check.rejects


def test_two_thresholds_and_one_read_aloud() -> None:
    assert thresholds(found(green.DATASET, "GREEN-PICKUP-IN-MONTH")) == "warns above 0.15 %, rejects above 2 %"
    assert thresholds(found(green.DATASET, "GREEN-EXTRA-PRESENT")) == "rejects above 99 %"
    assert thresholds(found(green.DATASET, "GREEN-COLUMNS")) == "rejects"
    assert thresholds(found(green.DATASET, "GREEN-COLUMNS-NEW")) == "warns"
    assert thresholds(found(green.DATASET, "GREEN-VOLUME")) == (
        "fewer rows: warns 0.03, rejects 0.45; more rows: warns 0.08, rejects 0.69"
    )
    assert "more, of a column that had none: warns 0.0005, rejects 0.006" in thresholds(
        found(green.DATASET, "GREEN-FARE-AMOUNT-NULLS")
    )
    assert months(found(green.DATASET, "GREEN-PICKUP-LONGITUDE-RANGE")) == "until 2016-06"


def test_what_is_counted_in_days_and_hours_says_both_its_thresholds() -> None:
    days, hours, silence, seconds = (
        thresholds(found(green.DATASET, f"GREEN-{code}"))
        for code in ("PICKUP-DATETIME-DAYS", "PICKUP-DATETIME-HOURS", "SILENCE", "PICKUP-DATETIME-MINUTES")
    )
    assert days == (
        "warns at a day with at most 15 % of its rows or more than 1.6 times as many, "
        "rejects at a day without rows or 5 with so many more"
    )
    assert hours.startswith("warns at 4 hours in a row without rows or more than 5 in all, rejects at 24 in all")
    assert "rejects at 7 more" in silence
    assert seconds == "warns 0.1"


def test_the_command_prints_the_checks_of_one_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "green"]) == 0
    printed = capsys.readouterr().out
    assert "GREEN-PICKUP-IN-MONTH  warns above 0.15 %, rejects above 2 %\n  pickup_datetime in its month." in printed
    assert "YELLOW" not in printed


def test_programs_get_every_dataset_with_thresholds_as_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["version"] == 1
    assert {check["dataset"] for check in printed["checks"]} == {dataset.name for dataset in BUILT_IN}
    (in_month,) = (check for check in printed["checks"] if check["code"] == "GREEN-PICKUP-IN-MONTH")
    assert (in_month["warns"], in_month["rejects"]) == (0.0015, 0.02)
    assert (in_month["severity"], in_month["column"]) == ("reject", "pickup_datetime")


def test_the_acceptances_that_stand_are_listed_until_they_are_withdrawn(
    in_process: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    word = ("--by", "Ana Ruiz", "--reason", "It is so.")
    assert in_process("accept", "rides", "RIDES-VOLUME", "--from", "2023-03", *word) == 0
    assert in_process("accept", "rides", "RIDES-AT-IN-MONTH", "--from", "2023-03", "--to", "2023-04", *word) == 0
    capsys.readouterr()
    assert in_process("checks", "rides") == 0
    *_, first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("RIDES-AT-IN-MONTH  from 2023-03 to 2023-04: accepted by Ana Ruiz on 20")
    assert second.startswith("RIDES-VOLUME  from 2023-03 on: accepted by Ana Ruiz on 20")
    assert second.endswith(": It is so.")
    assert in_process("accept", "rides", "RIDES-VOLUME", "--withdraw", "--by", "Bo", "--reason", "It is over.") == 0
    told = capsys.readouterr().out
    assert told.startswith("RIDES-VOLUME from 2023-03 on: withdrawn by Bo; what was published under it stays as it is")
    assert in_process("checks", "rides", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    (standing,), (withdrawn,) = printed["acceptances"], printed["withdrawn"]
    assert (withdrawn["code"], withdrawn["from"], withdrawn["by"]) == ("RIDES-VOLUME", "2023-03", "Ana Ruiz")
    assert withdrawn["withdrawn"].pop("at").endswith("Z")
    assert withdrawn["withdrawn"] == {"by": "Bo", "reason": "It is over."}
    at = standing.pop("at")
    assert at.endswith("Z")
    assert standing == {
        "dataset": "rides", "code": "RIDES-AT-IN-MONTH", "from": "2023-03", "to": "2023-04", "by": "Ana Ruiz",
        "reason": "It is so.",
    }  # fmt: skip


def test_what_was_withdrawn_is_listed_with_who_and_why(
    in_process: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    word = ("--by", "Ana Ruiz", "--reason", "It is so.")
    assert in_process("accept", "rides", "RIDES-VOLUME", "--from", "2023-03", *word) == 0
    assert in_process("accept", "rides", "RIDES-VOLUME", "--withdraw", "--by", "Bo", "--reason", "It is over.") == 0
    assert in_process("checks", "rides") == 0
    head, told = capsys.readouterr().out.splitlines()[-2:]
    assert head == "Withdrawn, and judged by no more:"
    assert told.startswith("RIDES-VOLUME  from 2023-03 on: withdrawn by Bo on 20")
    assert ": It is over. (accepted by Ana Ruiz on 20" in told


def test_a_dataset_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "gren"]) == 2
    assert "green" in capsys.readouterr().err


def test_no_database_is_started_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["checks", "green"])
    assert not (tmp_path / "postgres").exists()
    assert list(tmp_path.iterdir()) == []
