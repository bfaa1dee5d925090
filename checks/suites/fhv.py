"""Checks of for-hire vehicles' months. Bases report by hand, and zones are empty in most rows."""

from __future__ import annotations

from checks.suites import tlc
from tidemark.months import Month

# The files of 2017 have these columns from January on; in the first months they hold hardly a value.
REPORTED_SINCE = Month(2017, 7)
COMPLETE_SINCE = Month(2019, 1)  # the CSV files of 2018 have two columns for the base, and each is empty in part

SUITE = (
    *tlc.complete("FHV", "pickup_datetime"),
    tlc.hardly_empty("FHV", "dispatching_base_num", until=Month(2017, 12)),
    *tlc.complete("FHV", "dispatching_base_num", since=COMPLETE_SINCE),
    tlc.bases("FHV", "dispatching_base_num"),
    tlc.trip_order("FHV"),
    *tlc.zones("FHV"),
    tlc.hardly_empty("FHV", "dropoff_datetime", since=REPORTED_SINCE, until=Month(2018, 12)),
    *tlc.complete("FHV", "dropoff_datetime", since=COMPLETE_SINCE),
    tlc.hardly_empty("FHV", "pu_location_id", since=REPORTED_SINCE),
    tlc.hardly_empty("FHV", "do_location_id", since=REPORTED_SINCE),
)
