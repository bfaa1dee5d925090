"""The month against its own past: its profile, what history says of it, and what went wrong there."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

from checks.asking import LONGEST_ERROR, described
from checks.history import history_checks, judge
from checks.own import own_finding
from checks.wording import one_line
from tidemark.datasets.base import Dataset
from tidemark.errors import Stopped
from tidemark.history import ENOUGH, History
from tidemark.profile import Profile
from tidemark.stage import Staged
from tidemark.verdict import Finding


def make_profile(dataset: Dataset, staged: Staged, raw: Path, stop: threading.Event) -> Profile:
    """Read the raw file again and return the profile of its rows; raises what ``profile_month`` raises."""
    from tidemark.profile import profile_month

    return profile_month(dataset, staged.partition.month, raw, stop=stop)


def compare(
    dataset: Dataset, staged: Staged, history: History, profiling: Future[Profile]
) -> tuple[Profile | None, tuple[Finding, ...]]:
    """Return the profile and what history says of it; where either could not be had, a finding that says so.

    Raises ``Stopped`` when the profile was stopped.
    """
    try:
        profile = profiling.result()
    except Stopped:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody has compared the month
        return None, (_failed(staged, "profile", described(error)),)
    if profile.rows != staged.rows:
        problem = f"the profile is of {profile.rows:,} rows, and {staged.rows:,} were staged"
        return None, (_failed(staged, "profile", problem),)
    return profile, _judged(dataset, staged, profile, history)


def _judged(dataset: Dataset, staged: Staged, profile: Profile, history: History) -> tuple[Finding, ...]:
    try:
        findings = judge(dataset, staged.partition.month, profile, history)
    except Exception as error:  # noqa: BLE001 - the same
        return (_failed(staged, "history", described(error)),)
    asked, answered = (Counter(each.code for each in given) for given in (history_checks(dataset), findings))
    odd = sorted((asked - answered) | (answered - asked))
    if odd:
        return (*findings, _failed(staged, "history", f"not one finding for each of {', '.join(odd)}"))
    return (*findings, own_finding(dataset.name, "history", _compared(history), passed=True))


def _compared(history: History) -> str:
    months = [past.month for past in history.months]
    if len(months) < ENOUGH:
        return f"nothing to compare: {len(months)} months before it, and {ENOUGH} are needed"
    return f"compared with {len(months)} months, {months[0]} to {months[-1]}"


def _failed(staged: Staged, word: str, problem: str) -> Finding:
    return own_finding(staged.partition.dataset, word, one_line(problem, LONGEST_ERROR))
