"""Checks of high-volume services' months."""

from __future__ import annotations

from checks import kinds
from checks.suites import tlc

MEASURED_SINCE = tlc.PARQUET_SINCE  # the CSV files before have no distance, time or amount

SUITE = (
    *tlc.complete(
        "FHVHV",
        "hvfhs_license_num",
        "dispatching_base_num",
        "pickup_datetime",
        "dropoff_datetime",
        "pu_location_id",
        "do_location_id",
    ),
    *tlc.complete(
        "FHVHV", "trip_miles", "trip_time", "base_passenger_fare", "driver_pay", "tips", since=MEASURED_SINCE
    ),
    tlc.bases("FHVHV", "dispatching_base_num"),
    tlc.trip_order("FHVHV"),
    kinds.not_before(
        "FHVHV-PICKUP-AFTER-REQUEST",
        "pickup_datetime",
        "request_datetime",
        mostly=0.95,
        reject_mostly=0.8,
        reason="Trips begin after they were asked for, but for some that were booked ahead; many that do not mean "
        "that the times were swapped or shifted.",
    ),
    *tlc.zones("FHVHV"),
    tlc.quantity(
        "FHVHV",
        "trip_miles",
        most=200,
        reason="A few are absurd; more of them mean another unit, or another column's values.",
    ),
    tlc.quantity(
        "FHVHV",
        "trip_time",
        most=86_400,
        reason="A trip takes less than a day of seconds; those that do not mean another unit.",
    ),
    *tlc.amounts("FHVHV", base_passenger_fare=1000, driver_pay=1000, tips=200, tolls=200, sales_tax=100, bcf=50),
    *tlc.flags("FHVHV", "shared_request_flag", "shared_match_flag", "wav_request_flag", "wav_match_flag"),
    tlc.known(
        "FHVHV",
        "LICENSE",
        "hvfhs_license_num",
        ("HV0002", "HV0003", "HV0004", "HV0005"),
        reason="The TLC has licensed four services; another one is news.",
    ),
)
