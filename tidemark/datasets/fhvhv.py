"""High-volume for-hire services of New York City: Uber, Lyft and, while they ran, Via and Juno."""

from __future__ import annotations

from tidemark.datasets import tlc
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month


def time(name: str, comment: str, *, required: bool = True) -> Column:
    return Column(
        name=name,
        type=ColumnType.TIMESTAMP,
        names=(name,),
        comment=comment,
        unit=tlc.NEW_YORK_TIME,
        required=required,
    )


def text(name: str, comment: str, *, required: bool = True) -> Column:
    return Column(name=name, type=ColumnType.TEXT, names=(name,), comment=comment, required=required)


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
        time("request_datetime", "When the passenger asked to be picked up."),
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
        ),
        Column(
            name="trip_time",
            type=ColumnType.INTEGER,
            names=("trip_time",),
            comment="Time with the passenger in the vehicle.",
            unit=tlc.SECONDS,
        ),
        tlc.money("base_passenger_fare", "Fare before tolls, tips, taxes and fees."),
        tlc.money("tolls", "All tolls paid during the trip."),
        tlc.money("bcf", "Amount collected for the Black Car Fund."),
        tlc.money("sales_tax", "Amount collected for the sales tax of New York State."),
        tlc.CONGESTION_SURCHARGE,
        tlc.money(
            "airport_fee",
            "Fee for a pickup or a drop-off at LaGuardia, Newark or John F. Kennedy airport.",
            required=False,
        ),
        tlc.money("tips", "All tips received from the passenger."),
        tlc.money("driver_pay", "Pay of the driver, without tolls and tips, net of commission, surcharges and taxes."),
        text("shared_request_flag", "Whether the passenger agreed to share the ride, matched or not: Y or N."),
        text("shared_match_flag", "Whether the passenger did share it with one who booked separately: Y or N."),
        text(
            "access_a_ride_flag",
            "Whether the trip was made for the Metropolitan Transportation Authority's Access-A-Ride: Y, N or blank.",
            required=False,
        ),
        text("wav_request_flag", "Whether the passenger asked for a wheelchair-accessible vehicle: Y or N."),
        text("wav_match_flag", "Whether the vehicle was wheelchair-accessible: Y or N."),
        tlc.CBD_CONGESTION_FEE,
    ),
    indexes=(tlc.BY_PICKUP_TIME,),
)
