"""Checks of yellow taxis' months."""

from __future__ import annotations

from checks.suites import tlc
from tidemark.datasets.yellow import TEXTS_UNTIL
from tidemark.months import Month

SUITE = (
    *tlc.metered("YELLOW"),
    tlc.hardly_empty("YELLOW", "vendor_id", since=TEXTS_UNTIL.next, until=Month(2022, 4)),
    tlc.known(
        "YELLOW",
        "VENDOR",
        "vendor_id",
        (1, 2, 4, 5, 6),
        until=Month(2022, 12),
        reason="The data dictionary names two providers, and trials of a few others ran until 2022; another one is "
        "news.",
    ),
    tlc.known(
        "YELLOW",
        "VENDOR",
        "vendor_id",
        (1, 2, 6, 7),
        since=Month(2023, 1),
        reason="The data dictionary names four providers; another one is news.",
    ),
)
