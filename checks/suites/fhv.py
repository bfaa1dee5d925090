"""Checks of for-hire vehicles' months. Bases report by hand, and zones are empty in most rows."""

from __future__ import annotations

from checks import kinds
from checks.suites import tlc
from tidemark.months import Month

# The files of 2017 have these columns from January on; in the first months they hold hardly a value.
REPORTED_SINCE = Month(2017, 7)
REASON = "A required column that is all but empty is as good as missing; bases report it since the middle of 2017."

SUITE = (
    *tlc.never_empty("FHV", "dispatching_base_num"),
    tlc.trip_order("FHV"),
    *tlc.zones("FHV"),
    kinds.present("FHV-DROPOFF-DATETIME-PRESENT", "dropoff_datetime", mostly=0.01, since=REPORTED_SINCE, reason=REASON),
    kinds.present("FHV-PU-LOCATION-ID-PRESENT", "pu_location_id", mostly=0.01, since=REPORTED_SINCE, reason=REASON),
    kinds.present("FHV-DO-LOCATION-ID-PRESENT", "do_location_id", mostly=0.01, since=REPORTED_SINCE, reason=REASON),
)
