"""The gate and the months before: what the profile and history say counts, and what they cannot say rejects."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks import past
from checks.gate import audit, release
from checks.history import judge
from demo.generate import write_month
from tests.gate.test_gate import failing, run, stage_rides
from tests.months import StagedFile, audit_file, stage_file
from tests.rides import RIDES
from tidemark.datasets import green
from tidemark.datasets.base import Dataset
from tidemark.errors import Stopped
from tidemark.history import Acceptance, History, PastMonth
from tidemark.months import Month
from tidemark.postgres import Connection
from tidemark.profile import Profile, profile_month
from tidemark.remedies import steps_after
from tidemark.settings import Secret
from tidemark.stage import Staged
from tidemark.verdict import Accepted, Finding, Rejected, Severity

OCTOBER = Month(2022, 10)
MONTHS = (Month(2022, 6), Month(2022, 7), Month(2022, 8), Month(2022, 9))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Four generated months of green with 1,500 rows each."""
    folder = tmp_path_factory.mktemp("history")
    paths = {month: write_month(folder, "green", month, rows=1500) for month in MONTHS}
    return History(
        months=tuple(
            PastMonth(month=month, load_id=n, profile=profile_month(green.DATASET, month, path))
            for n, (month, path) in enumerate(paths.items(), start=1)
        )
    )


def staged_green(connection: Connection, folder: Path, *, rows: int = 1500) -> tuple[StagedFile, Path]:
    path = write_month(folder, "green", OCTOBER, rows=rows)
    return stage_file(connection, green.DATASET, OCTOBER, path), path


def accepting(history: History, code: str) -> History:
    known = Acceptance(
        dataset="green",
        code=code,
        first=OCTOBER,
        last=None,
        by="Ada",
        reason="it was a strike",
        at=datetime(2022, 12, 1, tzinfo=UTC),
    )
    return replace(history, acceptances=(known,))


def test_a_month_like_those_before_it_is_accepted_with_its_profile(
    connection: Connection, database_url: Secret, tmp_path: Path, history: History
) -> None:
    staged, path = staged_green(connection, tmp_path)
    verdict = audit(database_url, green.DATASET, staged, raw=path, history=history)
    assert isinstance(verdict, Accepted)
    assert not verdict.warned, failing(verdict)
    assert verdict.profile == profile_month(green.DATASET, OCTOBER, path)
    assert "GREEN-VOLUME" in {finding.code for finding in verdict.findings}


def test_a_collapse_of_volume_is_rejected_and_says_how_to_accept_it(
    connection: Connection, database_url: Secret, tmp_path: Path, history: History
) -> None:
    staged, path = staged_green(connection, tmp_path, rows=500)
    verdict = audit(database_url, green.DATASET, staged, raw=path, history=history)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "GREEN-VOLUME"
    steps = steps_after(staged.partition, verdict.blocking)
    assert any(step.command.startswith("tidemark accept green GREEN-VOLUME --from 2022-10") for step in steps)
    assert dict(verdict.evidence[0].rows[0]).keys() == {"day", "rows"}


def test_an_accepted_change_is_a_warning_that_says_who_accepted_it(
    connection: Connection, database_url: Secret, tmp_path: Path, history: History
) -> None:
    staged, path = staged_green(connection, tmp_path, rows=500)
    verdict = audit(database_url, green.DATASET, staged, raw=path, history=accepting(history, "GREEN-VOLUME"))
    assert isinstance(verdict, Accepted), verdict.blocking
    assert verdict.warned
    volume = failing(verdict)["GREEN-VOLUME"]
    assert volume.severity is Severity.WARN
    assert volume.gravity < 1
    assert volume.reason.endswith("Accepted by Ada: it was a strike.")


def test_a_rule_can_be_accepted_too(
    connection: Connection, database_url: Secret, tmp_path: Path, history: History
) -> None:
    staged, _ = staged_green(connection, tmp_path)
    run(connection, "update {} set vendor_id = 9", staged)
    assert isinstance(audit_file(database_url, green.DATASET, staged), Rejected)
    verdict = audit_file(database_url, green.DATASET, staged, history=accepting(history, "GREEN-VENDOR-KNOWN"))
    assert isinstance(verdict, Accepted)
    assert "Accepted by Ada" in failing(verdict)["GREEN-VENDOR-KNOWN"].reason


def test_a_check_that_could_not_run_is_accepted_by_nobody(
    connection: Connection, database_url: Secret, tmp_path: Path, history: History
) -> None:
    staged, _ = staged_green(connection, tmp_path)
    run(connection, "alter table {} drop column vendor_id", staged)
    verdict = audit_file(database_url, green.DATASET, staged, history=accepting(history, "GREEN-VENDOR-KNOWN"))
    assert isinstance(verdict, Rejected)
    assert failing(verdict)["GREEN-VENDOR-KNOWN"].errored


# ---- what goes wrong there


def test_a_file_that_is_not_the_one_that_was_staged_rejects(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged, _ = staged_green(connection, tmp_path)
    (tmp_path / "other").mkdir()
    other = write_month(tmp_path / "other", "green", OCTOBER, rows=1499)
    verdict = audit(database_url, green.DATASET, staged, raw=other)
    assert isinstance(verdict, Rejected)
    assert verdict.profile is None
    assert failing(verdict)["GREEN-PROFILE"].errored
    assert failing(verdict)["GREEN-PROFILE"].observed == "the profile is of 1,499 rows, and 1,500 were staged"


def test_there_is_no_audit_without_the_raw_file() -> None:
    assert inspect.signature(audit).parameters["raw"].default is inspect.Parameter.empty


def test_a_file_that_is_gone_rejects_and_leaves_no_profile(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged, path = staged_green(connection, tmp_path)
    path.unlink()
    verdict = audit(database_url, green.DATASET, staged, raw=path)
    assert isinstance(verdict, Rejected)
    assert verdict.profile is None
    assert failing(verdict).keys() == {"GREEN-PROFILE"}
    assert failing(verdict)["GREEN-PROFILE"].errored


def test_a_file_that_cannot_be_read_again_rejects_and_says_that_the_check_failed(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged, path = staged_green(connection, tmp_path)
    path.write_bytes(b"gone")
    verdict = audit(database_url, green.DATASET, staged, raw=path)
    assert isinstance(verdict, Rejected)
    assert verdict.reason.startswith("the check GREEN-PROFILE could not run (")


Judge = Callable[[Dataset, Month, Profile, History], tuple[Finding, ...]]


def raising(*_: object) -> tuple[Finding, ...]:
    raise ZeroDivisionError("division by zero")


def silent(*_: object) -> tuple[Finding, ...]:
    return ()


def forgetful(dataset: Dataset, month: Month, profile: Profile, history: History) -> tuple[Finding, ...]:
    return judge(dataset, month, profile, history)[1:]


def repeating(dataset: Dataset, month: Month, profile: Profile, history: History) -> tuple[Finding, ...]:
    findings = judge(dataset, month, profile, history)
    return (*findings, findings[0])


@pytest.mark.parametrize("broken", [raising, silent, forgetful, repeating])
def test_a_comparison_that_gives_no_whole_answer_rejects(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Judge
) -> None:
    monkeypatch.setattr(past, "judge", broken)
    staged, path = staged_green(connection, tmp_path)
    verdict = audit(database_url, green.DATASET, staged, raw=path)
    assert isinstance(verdict, Rejected)
    assert failing(verdict)["GREEN-HISTORY"].errored


def test_a_profile_that_was_stopped_is_no_verdict(
    connection: Connection, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def stopping(dataset: Dataset, staged: Staged, raw: Path, given: threading.Event) -> Profile:
        assert given is stop
        raise Stopped("So.", remedy="")

    monkeypatch.setattr("checks.gate.make_profile", stopping)
    staged, path = staged_green(connection, tmp_path)
    with pytest.raises(Stopped):
        audit(database_url, green.DATASET, staged, raw=path, stop=stop)


# ---- a person's word


def test_a_released_month_keeps_its_findings_as_warnings_with_the_word_of_the_one_who_released_it(
    connection: Connection, database_url: Secret, tmp_path: Path
) -> None:
    staged = stage_rides(connection, tmp_path, outside=50)
    rejected = audit_file(database_url, RIDES, staged)
    assert isinstance(rejected, Rejected)
    broken = replace(rejected.findings[-1], passed=False, errored=True, observed="it raised")
    accepted = release(
        staged,
        (*rejected.findings[:-1], broken),
        suite_version=rejected.suite_version,
        profile=None,
        by="Ada",
        reason="the source confirmed it",
    )
    assert accepted.warned
    assert not any(finding.blocks for finding in accepted.findings)
    assert (accepted.staged, accepted.rows, accepted.suite_version) == (staged, 100, rejected.suite_version)
    warned = failing(accepted)
    assert warned.keys() == {"RIDES-AT-IN-MONTH", "RIDES-AT-STRAYS", broken.code}
    assert warned["RIDES-AT-IN-MONTH"].reason.endswith("Released by Ada: the source confirmed it.")
    assert warned[broken.code].observed == "the check could not run (it raised)"
