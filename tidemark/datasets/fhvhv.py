"""High-volume for-hire services of New York City: Uber, Lyft and, while they ran, Via and Juno.

The CSV files, which were published before parquet, have only the first few columns, and one that no later file has.
"""

from __future__ import annotations

from dataclasses import replace

from tidemark.datasets import tlc
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month

PARQUET_ALONE = "sr_flag"  # a file that has this one is a CSV file, and lacks all that parquet brought


def time(name: str, comment: str, *, required: bool = True, unless: str = "") -> Column:
    return Column(
        name=name,
        type=ColumnType.TIMESTAMP,
        names=(name,),
        comment=comment,
        unit=tlc.NEW_YORK_TIME,
        required=required,
        unless=unless,
    )


def text(name: str, comment: str, *, required: bool = True, unless: str = "") -> Column:
    return Column(name=name, type=ColumnType.TEXT, names=(name,), comment=comment, required=required, unless=unless)


def paid(name: str, comment: str) -> Column:
    return replace(tlc.money(name, comment), unless=PARQUET_ALONE)


DATASET = Dataset(
    name="fhvhv",
    title="NYC TLC high-volume for-hire vehicle trip records",
    home=tlc.HOME,
    first_month=Month(2019, 2),
    lag_days=tlc.LAG_DAYS,
    event_column="pickup_datetime",
    columns=(
        text(
            "hvfhs_license_num",
            "TLC licence number of the service: HV0002 = Juno, HV0003 = Uber, HV0004 = Via, HV0005 = Lyft.",
        ),
        text("dispatching_base_num", "TLC licence number of the base that dispatched the trip, e.g. B02867."),
        text("originating_base_num", "Number of the base that received the request for the trip.", required=False),
        time("request_datetime", "When the passenger asked to be picked up.", unless=PARQUET_ALONE),
        time("on_scene_datetime", "When the driver arrived; accessible vehicles only.", required=False),
        time("pickup_datetime", "When the trip began."),
        time("dropoff_datetime", "When the trip ended."),
        tlc.PU_LOCATION_ID,
        tlc.DO_LOCATION_ID,
        Column(
            name="trip_miles",
            type=ColumnType.DOUBLE,
            names=("trip_miles",),
            comment="Distance with the passenger in the vehicle.",
            unit=tlc.MILES,
            unless=PARQUET_ALONE,
        ),
        Column(
            name="trip_time",
            type=ColumnType.INTEGER,
            names=("trip_time",),
            comment="Time with the passenger in the vehicle.",
            unit=tlc.SECONDS,
            unless=PARQUET_ALONE,
        ),
        paid("base_passenger_fare", "Fare before tolls, tips, taxes and fees."),
        paid("tolls", "All tolls paid during the trip."),
        paid("bcf", "Amount collected for the Black Car Fund."),
        paid("sales_tax", "Amount collected for the sales tax of New York State."),
        tlc.CONGESTION_SURCHARGE,
        tlc.money(
            "airport_fee",
            "Fee for a pickup or a drop-off at LaGuardia, Newark or John F. Kennedy airport.",
            required=False,
        ),
        paid("tips", "All tips received from the passenger."),
        paid("driver_pay", "Pay of the driver, without tolls and tips, net of commission, surcharges and taxes."),
        text(
            "shared_request_flag",
            "Whether the passenger agreed to share the ride, matched or not: Y or N.",
            unless=PARQUET_ALONE,
        ),
        text(
            "shared_match_flag",
            "Whether the passenger did share it with one who booked separately: Y or N.",
            unless=PARQUET_ALONE,
        ),
        text(
            "access_a_ride_flag",
            "Whether the trip was made for the Metropolitan Transportation Authority's Access-A-Ride: Y, N or blank.",
            required=False,
        ),
        text(
            "wav_request_flag",
            "Whether the passenger asked for a wheelchair-accessible vehicle: Y or N.",
            unless=PARQUET_ALONE,
        ),
        text("wav_match_flag", "Whether the vehicle was wheelchair-accessible: Y or N.", unless=PARQUET_ALONE),
        tlc.CBD_CONGESTION_FEE,
        Column(
            name="sr_flag",
            type=ColumnType.INTEGER,
            names=("SR_Flag",),
            comment="1 when the trip was part of a shared ride, otherwise empty; in CSV files alone.",
            required=False,
            until=Month(2022, 4),  # the month after, the TLC went from CSV to parquet
        ),
    ),
    indexes=(tlc.BY_PICKUP_TIME,),
)
