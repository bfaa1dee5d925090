"""What the trip records of the New York City Taxi and Limousine Commission (TLC) have in common.

Meanings and codes are those of the TLC's data dictionaries. A column here carries the name that most files use;
a dataset whose files also used others says so with ``dataclasses.replace``.
"""

from __future__ import annotations

from tidemark.datasets.base import Column, ColumnType, Index
from tidemark.months import Month

HOME = "https://d37ci6vzurychx.cloudfront.net/trip-data"

# The TLC announces a delay of two months, and now and then publishes two months together: then the older of the
# two comes about 80 days after its end. Ninety days call nothing late that comes in the TLC's own rhythm.
LAG_DAYS = 90

# CSV files have coordinates until June 2016, zones since; the parquet files that took their place have zones.
COORDINATES_UNTIL = Month(2016, 6)

NEW_YORK_TIME = "local time in New York"
DOLLARS = "US dollars"
MILES = "miles"
SECONDS = "seconds"

# There is no btree on a zone: the trips of one zone lie scattered over all pages of a month, so an index saves
# little there, and it would cost each load of 1.4 million rows about half a second.
BY_PICKUP_TIME = Index(
    columns=("pickup_datetime",),
    method="brin",
    purpose="Which trips began in these hours or days? Rows come nearly in time order, so most pages are skipped.",
)


def money(name: str, comment: str, *, required: bool = True, since: Month | None = None) -> Column:
    return Column(
        name=name,
        type=ColumnType.DOUBLE,
        names=(name,),
        comment=comment,
        unit=DOLLARS,
        required=required,
        since=since,
    )


# Yellow and green taxis, which have a meter.

VENDOR_ID = Column(
    name="vendor_id",
    type=ColumnType.INTEGER,
    names=("VendorID",),
    comment="Provider of the record: 1 = Creative Mobile Technologies, 2 = Curb Mobility (before: VeriFone), "
    "6 = Myle Technologies, 7 = Helix.",
)
PASSENGER_COUNT = Column(
    name="passenger_count",
    type=ColumnType.INTEGER,
    names=("passenger_count",),
    comment="Number of passengers, as the driver entered it.",
    unit="passengers",
)
TRIP_DISTANCE = Column(
    name="trip_distance",
    type=ColumnType.DOUBLE,
    names=("trip_distance",),
    comment="Distance of the trip as the taximeter reported it.",
    unit=MILES,
)
RATECODE_ID = Column(
    name="ratecode_id",
    type=ColumnType.INTEGER,
    names=("RatecodeID",),
    comment="Rate in effect at the end of the trip: 1 = standard, 2 = JFK, 3 = Newark, 4 = Nassau or Westchester, "
    "5 = negotiated, 6 = group ride, 99 = unknown.",
)
STORE_AND_FWD_FLAG = Column(
    name="store_and_fwd_flag",
    type=ColumnType.TEXT,
    names=("store_and_fwd_flag",),
    comment="Whether the vehicle held the record back because it had no connection to the server: Y or N.",
)
PU_LOCATION_ID = Column(
    name="pu_location_id",
    type=ColumnType.INTEGER,
    names=("PULocationID",),
    comment="TLC taxi zone where the trip began, 1 to 265; 264 = unknown, 265 = outside New York City.",
)
DO_LOCATION_ID = Column(
    name="do_location_id",
    type=ColumnType.INTEGER,
    names=("DOLocationID",),
    comment="TLC taxi zone where the trip ended, 1 to 265; 264 = unknown, 265 = outside New York City.",
)
PAYMENT_TYPE = Column(
    name="payment_type",
    type=ColumnType.INTEGER,
    names=("payment_type",),
    comment="How the passenger paid: 0 = Flex Fare trip, 1 = credit card, 2 = cash, 3 = no charge, 4 = dispute, "
    "5 = unknown, 6 = voided trip.",
)
FARE_AMOUNT = money("fare_amount", "Fare by time and distance, as the meter calculated it.")
EXTRA = money("extra", "Other extras and surcharges, such as those for rush hour and night.")
MTA_TAX = money("mta_tax", "Tax of the Metropolitan Transportation Authority, triggered by the metered rate in use.")
TIP_AMOUNT = money("tip_amount", "Tip paid by card; cash tips are not included.")
TOLLS_AMOUNT = money("tolls_amount", "All tolls paid during the trip.")
IMPROVEMENT_SURCHARGE = money(
    "improvement_surcharge", "Improvement surcharge at the flag drop, levied since 2015.", since=Month(2015, 1)
)
TOTAL_AMOUNT = money("total_amount", "Total charged to the passengers, without cash tips.")
REQUEST_SOURCE = Column(
    name="request_source",
    type=ColumnType.TEXT,
    names=("request_source",),
    comment="Seen since June 2026 and not in the data dictionary; it seems to name the platform on which a Flex Fare "
    "trip was requested, e.g. HV0003.",
    required=False,
)

# Taxis and high-volume services alike.

CONGESTION_SURCHARGE = money(
    "congestion_surcharge", "Congestion surcharge of New York State, levied since 2019.", required=False
)
CBD_CONGESTION_FEE = money(
    "cbd_congestion_fee",
    "Charge for the Congestion Relief Zone of the Metropolitan Transportation Authority, since January 5, 2025.",
    required=False,
)
