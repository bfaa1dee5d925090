"""What the suites of the TLC's datasets have in common, and every threshold with its reason.

The TLC's files are dirty in known ways: a charge and its reversal are two rows, some meters run for days, some
distances are absurd. So a rule has two thresholds: up to the first the usual dirt passes, from there a month warns, and
from the second on it is rejected, because so many rows mean a column that was shifted, scaled, swapped or lost.
What a month has more of than the months before it, below these thresholds, is found against its history.
"""

from __future__ import annotations

from dataclasses import dataclass

from checks import kinds
from tidemark.datasets.tlc import COORDINATES_UNTIL
from tidemark.months import Month
from tidemark.verdict import Check


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerance:
    """The share of rows for which a rule holds: less than ``mostly`` warns, less than ``reject_mostly`` rejects."""

    mostly: float
    reject_mostly: float


COMPLETE = Tolerance(mostly=0.9995, reject_mostly=0.995)  # no row of a real month lacks one of these columns
HARDLY_EMPTY = 0.01
RANGE = Tolerance(mostly=0.995, reject_mostly=0.95)  # 0.1 % of a real month's distances are absurd
AMOUNT = Tolerance(mostly=0.97, reject_mostly=0.92)  # 0.3 to 2 % are reversals, below 0
ORDER = Tolerance(mostly=0.998, reject_mostly=0.95)  # no trip of a real month ends before it begins
CODES = Tolerance(mostly=0.9995, reject_mostly=0.75)  # a new code is news; a quarter of the rows is another column
FLAGS = Tolerance(mostly=0.98, reject_mostly=0.75)  # some old files have blanks and digits for a flag
COORDINATES = Tolerance(mostly=0.95, reject_mostly=0.8)  # meters in tunnels and cellars are anywhere

LAST_ZONE = 265
PARQUET_SINCE = Month(2022, 5)  # in the CSV files of the years before a block of rows has no vendor
ZONES_SINCE = COORDINATES_UNTIL.next


def complete(prefix: str, *columns: str, since: Month | None = None) -> tuple[Check, ...]:
    """These take the place of the weaker checks that the contract implies."""
    return tuple(
        kinds.present(
            f"{prefix}-{_word(column)}-PRESENT",
            column,
            mostly=COMPLETE.mostly,
            reject_mostly=COMPLETE.reject_mostly,
            since=since,
            reason="Every record has this; a file where some lack it was not put together right.",
        )
        for column in columns
    )


def hardly_empty(prefix: str, column: str, *, since: Month | None = None, until: Month | None = None) -> Check:
    """The weak check of a required column, for the months that cannot be asked for more."""
    return kinds.present(
        f"{prefix}-{_word(column)}-PRESENT",
        column,
        mostly=HARDLY_EMPTY,
        since=since,
        until=until,
        reason="A required column that is all but empty is as good as missing; a part was empty in these years.",
    )


def zones(prefix: str) -> tuple[Check, ...]:
    reason = "The TLC has 265 zones; other numbers mean that the column holds something else."
    return tuple(
        kinds.between(
            f"{prefix}-{word}-ZONE",
            column,
            1,
            LAST_ZONE,
            mostly=CODES.mostly,
            reject_mostly=CODES.reject_mostly,
            reason=reason,
        )
        for word, column in (("PICKUP", "pu_location_id"), ("DROPOFF", "do_location_id"))
    )


def coordinates(prefix: str) -> tuple[Check, ...]:
    return tuple(
        kinds.between(
            f"{prefix}-{_word(column)}-RANGE",
            column,
            low,
            high,
            mostly=COORDINATES.mostly,
            reject_mostly=COORDINATES.reject_mostly,
            until=COORDINATES_UNTIL,
            reason="New York is near 74 degrees west and 41 north, and 0 stands for unknown; many others mean that the "
            "columns were swapped or shifted.",
        )
        for column, low, high in (
            ("pickup_longitude", -80, 0),
            ("pickup_latitude", 0, 45),
            ("dropoff_longitude", -80, 0),
            ("dropoff_latitude", 0, 45),
        )
    )


def trip_order(prefix: str) -> Check:
    return kinds.not_before(
        f"{prefix}-DROPOFF-AFTER-PICKUP",
        "dropoff_datetime",
        "pickup_datetime",
        mostly=ORDER.mostly,
        reject_mostly=ORDER.reject_mostly,
        reason="Trips end after they begin; those that do not mean that the two times were swapped or shifted.",
    )


def quantity(prefix: str, column: str, *, most: int, reason: str) -> Check:
    return kinds.between(
        f"{prefix}-{_word(column)}-RANGE",
        column,
        0,
        most,
        mostly=RANGE.mostly,
        reject_mostly=RANGE.reject_mostly,
        reason=reason,
    )


def amounts(prefix: str, **most: int) -> tuple[Check, ...]:
    """Columns in dollars, each with the most that one trip has of it."""
    return tuple(
        kinds.between(
            f"{prefix}-{_word(column)}-RANGE",
            column,
            0,
            dollars,
            mostly=AMOUNT.mostly,
            reject_mostly=AMOUNT.reject_mostly,
            reason="Some are taken back and are below 0; the others are dollars of one trip. Many that are not mean "
            "cents, another sign, or another column's values.",
        )
        for column, dollars in most.items()
    )


def known(
    prefix: str,
    word: str,
    column: str,
    values: tuple[int | str, ...],
    *,
    since: Month | None = None,
    until: Month | None = None,
    reason: str,
) -> Check:
    return kinds.one_of(
        f"{prefix}-{word}-KNOWN",
        column,
        values,
        mostly=CODES.mostly,
        reject_mostly=CODES.reject_mostly,
        since=since,
        until=until,
        reason=reason,
    )


def flags(prefix: str, *columns: str) -> tuple[Check, ...]:
    return tuple(
        kinds.one_of(
            f"{prefix}-{_word(column)}-KNOWN",
            column,
            ("Y", "N"),
            mostly=FLAGS.mostly,
            reject_mostly=FLAGS.reject_mostly,
            reason="A flag is Y or N; many other texts are another column's.",
        )
        for column in columns
    )


def bases(prefix: str, column: str) -> Check:
    return kinds.like(
        f"{prefix}-BASE-NUMBER",
        column,
        r"^[Bb][0-9]{5}\s*$",
        mostly=FLAGS.mostly,
        reject_mostly=FLAGS.reject_mostly,
        reason="The licence number of a base is B and five digits; many other texts are another column's.",
    )


def metered(prefix: str) -> tuple[Check, ...]:
    """What yellow and green taxis, which have a meter, share."""
    return (
        *complete(prefix, "pickup_datetime", "dropoff_datetime", "trip_distance", "fare_amount", "total_amount"),
        *complete(prefix, "pu_location_id", "do_location_id", since=ZONES_SINCE),
        *complete(prefix, "vendor_id", since=PARQUET_SINCE),
        trip_order(prefix),
        *zones(prefix),
        *coordinates(prefix),
        quantity(
            prefix,
            "trip_distance",
            most=100,
            reason="A few meters tell absurd miles; more of them mean another unit, or another column's values.",
        ),
        *amounts(prefix, fare_amount=500, tip_amount=200, tolls_amount=100, total_amount=1000),
        known(
            prefix,
            "RATE",
            "ratecode_id",
            (1, 2, 3, 4, 5, 6, 99),
            reason="The data dictionary names seven rates; another one is news.",
        ),
        known(
            prefix,
            "PAYMENT",
            "payment_type",
            (0, 1, 2, 3, 4, 5, 6),
            reason="The data dictionary names seven ways to pay; another one is news.",
        ),
        *flags(prefix, "store_and_fwd_flag"),
        kinds.between(
            f"{prefix}-PASSENGERS-RANGE",
            "passenger_count",
            0,
            9,
            mostly=CODES.mostly,
            reject_mostly=CODES.reject_mostly,
            reason="Taxis take five passengers, vans a few more; many others are another column's values.",
        ),
    )


def _word(column: str) -> str:
    return column.replace("_", "-").upper()
