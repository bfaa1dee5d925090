"""For-hire vehicles of New York City: liveries, black cars and luxury cars, as their bases reported the trips."""

from __future__ import annotations

from dataclasses import replace

from tidemark.datasets import tlc
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month

# Until the end of 2016 a base reported its number, the pickup time and at most the pickup zone.
DROPOFFS_SINCE = Month(2017, 1)

DATASET = Dataset(
    name="fhv",
    title="NYC TLC for-hire vehicle trip records",
    home=tlc.HOME,
    first_month=Month(2015, 1),
    lag_days=tlc.LAG_DAYS,
    event_column="pickup_datetime",
    columns=(
        Column(
            name="dispatching_base_num",
            type=ColumnType.TEXT,
            names=("dispatching_base_num",),
            comment="TLC licence number of the base that dispatched the trip, e.g. B00013.",
            unless="dispatching_base_number",
        ),
        Column(
            name="dispatching_base_number",
            type=ColumnType.TEXT,
            names=("Dispatching_base_number",),
            comment="The CSV files of 2018 have two columns for the base, and say nothing of the difference: this one "
            "is filled where dispatching_base_num is empty.",
            required=False,
            since=Month(2018, 1),
            until=Month(2018, 12),
        ),
        Column(
            name="pickup_datetime",
            type=ColumnType.TIMESTAMP,
            names=("pickup_datetime", "Pickup_date"),
            comment="When the trip began.",
            unit=tlc.NEW_YORK_TIME,
        ),
        Column(
            name="dropoff_datetime",
            type=ColumnType.TIMESTAMP,
            names=("dropOff_datetime",),
            comment="When the trip ended.",
            unit=tlc.NEW_YORK_TIME,
            since=DROPOFFS_SINCE,
        ),
        replace(tlc.PU_LOCATION_ID, names=("PUlocationID", "locationID"), since=DROPOFFS_SINCE),
        replace(tlc.DO_LOCATION_ID, names=("DOlocationID",), since=DROPOFFS_SINCE),
        Column(
            name="sr_flag",
            type=ColumnType.INTEGER,
            names=("SR_Flag",),
            comment="1 when the trip was part of a shared ride of a high-volume service, otherwise empty.",
            required=False,
        ),
        Column(
            name="affiliated_base_number",
            type=ColumnType.TEXT,
            names=("Affiliated_base_number",),
            comment="TLC licence number of the base with which the vehicle is affiliated.",
            required=False,
        ),
    ),
    indexes=(tlc.BY_PICKUP_TIME,),
)
