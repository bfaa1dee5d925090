"""The profile of a month: statistics of exactly the rows that staging loads, from which the gate knows an odd month.

Memory does not grow with the month: what is kept of a batch are counts, sums, histograms and, for at most
``rowhash.MOST`` rows, a hash, and ``sample.MOST`` rows themselves.
"""

from __future__ import annotations

import threading
from pathlib import Path

from tidemark.datasets.base import Dataset
from tidemark.months import Month
from tidemark.profile.values import (
    Codes,
    Grid,
    Levels,
    Looks,
    Numbers,
    Part,
    Profile,
    Stretch,
    Texture,
    Total,
    Unlisted,
)

__all__ = [
    "Codes",
    "Grid",
    "Levels",
    "Looks",
    "Numbers",
    "Part",
    "Profile",
    "Stretch",
    "Texture",
    "Total",
    "Unlisted",
    "profile_month",
]


def profile_month(dataset: Dataset, month: Month, path: Path, *, stop: threading.Event | None = None) -> Profile:
    """Read a raw file as staging does, with the same contract and row rules, and return what its rows look like.

    Raises what staging raises: ``BadFile`` when the file is bad, ``Stopped`` when ``stop`` was set.
    """
    from tidemark.profile.measure import measure

    return measure(dataset, month, path, stop or threading.Event())
