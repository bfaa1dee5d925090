"""The versions of contract and suite that a load of today uses."""

from __future__ import annotations

from checks.base import suite_version
from tidemark.datasets.base import Dataset
from tidemark.facts import Versions


def versions_of(dataset: Dataset) -> Versions:
    return Versions(contract=dataset.contract_version, suite=suite_version(dataset))
