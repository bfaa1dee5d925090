"""Checks of green taxis' months."""

from __future__ import annotations

from checks.suites import tlc
from tidemark.months import Month

SUITE = (
    *tlc.metered("GREEN"),
    tlc.hardly_empty("GREEN", "vendor_id", until=Month(2022, 4)),
    tlc.known(
        "GREEN",
        "VENDOR",
        "vendor_id",
        (1, 2, 6),
        reason="The data dictionary names three providers; another one is news.",
    ),
    tlc.known("GREEN", "TRIP-TYPE", "trip_type", (1, 2), reason="The data dictionary names two ways to find a taxi."),
)
