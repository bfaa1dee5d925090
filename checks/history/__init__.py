"""The month against the months before it: thresholds that they set, and the findings of a month that is beyond them.

How it judges is told in docs/gate.md, the limits and their reasons stand in ``limits``.
"""

from __future__ import annotations

from checks.history.catalogue import history_checks
from tidemark.datasets.base import Dataset
from tidemark.history import History
from tidemark.months import Month
from tidemark.profile import Profile
from tidemark.verdict import Finding

__all__ = ["history_checks", "judge"]


def judge(dataset: Dataset, month: Month, profile: Profile, history: History) -> tuple[Finding, ...]:
    """Compare a month's profile with those of the months before it; one finding for each check of the dataset.

    With fewer than three months of history only what a month tells by itself is judged.
    """
    from checks.history.judging import findings

    return findings(dataset, month, profile, history)
