"""Yellow taxis of New York City.

The parquet files of 2009 and 2010 have names of their own, coordinates instead of zones, and other kinds of values: a
text for the vendor, the payment and in 2010 the rate, a number for the store-and-forward flag in 2009. The CSV files,
which were published before, kept that for longer: texts until the end of 2014, coordinates until June 2016. A text
does not become a code by guessing, so each of these has a column of its own that is null later; the kind of the field
in a parquet file, and the month of a CSV file, say which of the two columns it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidemark.datasets import tlc
from tidemark.datasets.base import Column, ColumnType, Dataset, RowRule
from tidemark.months import Month

if TYPE_CHECKING:
    import pandas

CODES_AND_ZONES_SINCE = Month(2011, 1)  # in parquet
TEXTS_UNTIL = Month(2014, 12)  # in CSV
TAX_SINCE = Month(2009, 11)  # the column is there before, and empty


def coordinate(name: str, names: tuple[str, ...], comment: str) -> Column:
    return Column(
        name=name,
        type=ColumnType.DOUBLE,
        names=names,
        comment=comment,
        unit="degrees",
        unless="pu_location_id",
        until=tlc.COORDINATES_UNTIL,
    )


def without_passengers(rows: pandas.DataFrame) -> pandas.Series[bool]:
    return (rows["passenger_count"] == 0).fillna(value=False)


DATASET = Dataset(
    name="yellow",
    title="NYC TLC yellow taxi trip records",
    home=tlc.HOME,
    first_month=Month(2009, 1),
    lag_days=tlc.LAG_DAYS,
    event_column="pickup_datetime",
    columns=(
        replace(tlc.VENDOR_ID, since=CODES_AND_ZONES_SINCE, unless="vendor_name"),
        Column(
            name="vendor_name",
            type=ColumnType.TEXT,
            names=("vendor_name", "vendor_id"),
            comment="Provider of the record where it is a text, in 2009 and 2010 and in CSV files until 2014: CMT, VTS "
            "or DDS; else see vendor_id.",
            unless="vendor_id",
            until=TEXTS_UNTIL,
        ),
        Column(
            name="pickup_datetime",
            type=ColumnType.TIMESTAMP,
            names=("tpep_pickup_datetime", "Trip_Pickup_DateTime", "pickup_datetime"),
            comment="When the meter was engaged.",
            unit=tlc.NEW_YORK_TIME,
        ),
        Column(
            name="dropoff_datetime",
            type=ColumnType.TIMESTAMP,
            names=("tpep_dropoff_datetime", "Trip_Dropoff_DateTime", "dropoff_datetime"),
            comment="When the meter was disengaged.",
            unit=tlc.NEW_YORK_TIME,
        ),
        replace(tlc.PASSENGER_COUNT, names=("passenger_count", "Passenger_Count")),
        replace(tlc.TRIP_DISTANCE, names=("trip_distance", "Trip_Distance")),
        replace(
            tlc.RATECODE_ID,
            names=("RatecodeID", "Rate_Code", "rate_code"),
            since=CODES_AND_ZONES_SINCE,
        ),
        Column(
            name="rate_code",
            type=ColumnType.TEXT,
            names=("rate_code", "Rate_Code"),
            comment="Rate in effect at the end of the trip where 2009 and 2010 have it as a text; see ratecode_id.",
            required=False,
            until=Month(2010, 12),
        ),
        replace(
            tlc.STORE_AND_FWD_FLAG,
            names=("store_and_fwd_flag", "store_and_forward"),
            since=CODES_AND_ZONES_SINCE,
        ),
        Column(
            name="store_and_forward",
            type=ColumnType.INTEGER,
            names=("store_and_forward", "store_and_fwd_flag"),
            comment="The store-and-forward flag where 2009 and 2010 have it as a number: 1 or 0; see "
            "store_and_fwd_flag.",
            required=False,
            until=Month(2009, 12),
        ),
        replace(tlc.PU_LOCATION_ID, since=CODES_AND_ZONES_SINCE, unless="pickup_longitude"),
        replace(tlc.DO_LOCATION_ID, since=CODES_AND_ZONES_SINCE, unless="dropoff_longitude"),
        coordinate("pickup_longitude", ("Start_Lon", "pickup_longitude"), "Longitude where the trip began."),
        coordinate("pickup_latitude", ("Start_Lat", "pickup_latitude"), "Latitude where the trip began."),
        coordinate("dropoff_longitude", ("End_Lon", "dropoff_longitude"), "Longitude where the trip ended."),
        coordinate("dropoff_latitude", ("End_Lat", "dropoff_latitude"), "Latitude where the trip ended."),
        replace(tlc.PAYMENT_TYPE, since=CODES_AND_ZONES_SINCE, unless="payment_method"),
        Column(
            name="payment_method",
            type=ColumnType.TEXT,
            names=("Payment_Type", "payment_type"),
            comment="How the passenger paid where it is a text, in 2009 and 2010 and in CSV files until 2014: CASH, "
            "CAS, Credit, CRD and others; else see payment_type.",
            unless="payment_type",
            until=TEXTS_UNTIL,
        ),
        replace(tlc.FARE_AMOUNT, names=("fare_amount", "Fare_Amt")),
        replace(tlc.EXTRA, names=("extra", "surcharge")),
        replace(tlc.MTA_TAX, since=TAX_SINCE),
        replace(tlc.TIP_AMOUNT, names=("tip_amount", "Tip_Amt")),
        replace(tlc.TOLLS_AMOUNT, names=("tolls_amount", "Tolls_Amt")),
        tlc.IMPROVEMENT_SURCHARGE,
        replace(tlc.TOTAL_AMOUNT, names=("total_amount", "Total_Amt")),
        tlc.CONGESTION_SURCHARGE,
        replace(
            tlc.money("airport_fee", "Fee for a pickup at LaGuardia or John F. Kennedy airport.", required=False),
            names=("airport_fee", "Airport_fee"),
        ),
        tlc.CBD_CONGESTION_FEE,
        tlc.REQUEST_SOURCE,
    ),
    row_rules=(
        RowRule(
            code="YELLOW-NO-PASSENGERS",
            column="passenger_count",
            reason="A trip that carried nobody is a mistake of the driver or a test of the meter.",
            takes=without_passengers,
        ),
    ),
    indexes=(tlc.BY_PICKUP_TIME,),
)
