"""What the datasets that come with Tidemark add to the suite that their contracts imply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from checks.suites import fhv, fhvhv, green, yellow
from tidemark.verdict import Check

SUITES: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {"yellow": yellow.SUITE, "green": green.SUITE, "fhv": fhv.SUITE, "fhvhv": fhvhv.SUITE}
)
