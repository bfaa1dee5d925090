"""Checks of high-volume services' months."""

from __future__ import annotations

from checks import kinds
from checks.suites import tlc

SUITE = (
    *tlc.never_empty("FHVHV", "hvfhs_license_num", "dropoff_datetime", "pu_location_id", "do_location_id"),
    tlc.trip_order("FHVHV"),
    *tlc.zones("FHVHV"),
    kinds.between(
        "FHVHV-TRIP-MILES-RANGE",
        "trip_miles",
        0,
        300,
        mostly=tlc.USUAL_DIRT,
        reason="A few are absurd; many mean another unit, or another column's values.",
    ),
    kinds.between(
        "FHVHV-TRIP-TIME-RANGE",
        "trip_time",
        0,
        86_400,
        mostly=tlc.USUAL_DIRT,
        reason="A trip takes less than a day of seconds; many that do not mean another unit.",
    ),
    tlc.amount("FHVHV", "base_passenger_fare", most=1000),
    tlc.amount("FHVHV", "driver_pay", most=1000),
    tlc.known(
        "FHVHV",
        "LICENSE",
        "hvfhs_license_num",
        ("HV0002", "HV0003", "HV0004", "HV0005"),
        reason="The TLC has licensed four services; another one is news.",
    ),
)
