"""Checks of green taxis' months."""

from __future__ import annotations

from checks import kinds
from checks.suites import tlc
from tidemark.months import Month

SUITE = (
    *tlc.metered("GREEN"),
    *tlc.never_empty("GREEN", "vendor_id", "pu_location_id", "do_location_id"),
    tlc.known("GREEN", "TRIP-TYPE", "trip_type", (1, 2), reason="The data dictionary names two ways to find a taxi."),
    kinds.present(
        "GREEN-TRIP-TYPE-PRESENT",
        "trip_type",
        mostly=0.01,
        since=Month(2014, 3),
        reason="A required column that is all but empty is as good as missing; the first files had no values in it.",
    ),
)
