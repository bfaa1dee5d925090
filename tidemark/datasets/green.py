"""Green taxis of New York City, which may be hailed outside the centre of Manhattan.

The CSV files until June 2016 have coordinates instead of zones; these are columns that are null in all other files.
"""

from __future__ import annotations

from dataclasses import replace

from tidemark.datasets import tlc
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month


def coordinate(name: str, comment: str) -> Column:
    return Column(
        name=name,
        type=ColumnType.DOUBLE,
        names=(name.capitalize(),),
        comment=comment,
        unit="degrees",
        required=False,
        until=tlc.COORDINATES_UNTIL,
    )


DATASET = Dataset(
    name="green",
    title="NYC TLC green taxi trip records",
    home=tlc.HOME,
    first_month=Month(2013, 8),
    lag_days=tlc.LAG_DAYS,
    event_column="pickup_datetime",
    columns=(
        tlc.VENDOR_ID,
        Column(
            name="pickup_datetime",
            type=ColumnType.TIMESTAMP,
            names=("lpep_pickup_datetime",),
            comment="When the meter was engaged.",
            unit=tlc.NEW_YORK_TIME,
        ),
        Column(
            name="dropoff_datetime",
            type=ColumnType.TIMESTAMP,
            names=("lpep_dropoff_datetime",),
            comment="When the meter was disengaged.",
            unit=tlc.NEW_YORK_TIME,
        ),
        tlc.STORE_AND_FWD_FLAG,
        tlc.RATECODE_ID,
        replace(tlc.PU_LOCATION_ID, unless="pickup_longitude"),
        replace(tlc.DO_LOCATION_ID, unless="dropoff_longitude"),
        coordinate("pickup_longitude", "Longitude where the trip began."),
        coordinate("pickup_latitude", "Latitude where the trip began."),
        coordinate("dropoff_longitude", "Longitude where the trip ended."),
        coordinate("dropoff_latitude", "Latitude where the trip ended."),
        tlc.PASSENGER_COUNT,
        tlc.TRIP_DISTANCE,
        tlc.FARE_AMOUNT,
        tlc.EXTRA,
        tlc.MTA_TAX,
        tlc.TIP_AMOUNT,
        tlc.TOLLS_AMOUNT,
        tlc.money("ehail_fee", "Fee for a trip hailed with an app; empty in nearly every file.", required=False),
        tlc.IMPROVEMENT_SURCHARGE,
        tlc.TOTAL_AMOUNT,
        tlc.PAYMENT_TYPE,
        Column(
            name="trip_type",
            type=ColumnType.INTEGER,
            names=("trip_type",),
            comment="How the trip came about: 1 = hailed in the street, 2 = dispatched.",
            since=Month(2014, 3),  # before, the column is there and hardly filled
        ),
        tlc.CONGESTION_SURCHARGE,
        tlc.CBD_CONGESTION_FEE,
        tlc.REQUEST_SOURCE,
    ),
    indexes=(tlc.BY_PICKUP_TIME,),
)
