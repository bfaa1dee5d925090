"""What the suites of the TLC's datasets have in common.

The TLC's files are dirty in known ways: a charge and its reversal are two rows, some meters run for days, some
distances are absurd. So each rule asks for most rows, not for all: it catches a column that was shifted, scaled
or swapped, and lets the usual dirt through. What only warns speaks of codes, to which the TLC adds now and then.
"""

from __future__ import annotations

from checks import kinds
from tidemark.verdict import Check, Severity

LAST_ZONE = 265
USUAL_DIRT = 0.95
NEVER_EMPTY = 0.95
AMOUNTS = 0.9  # reversals, disputes and free trips are more than the usual dirt
KNOWN_CODES = 0.99


def zones(prefix: str) -> tuple[Check, ...]:
    reason = "The TLC has 265 zones; other numbers mean that the column holds something else."
    return (
        kinds.between(f"{prefix}-PICKUP-ZONE", "pu_location_id", 1, LAST_ZONE, mostly=USUAL_DIRT, reason=reason),
        kinds.between(f"{prefix}-DROPOFF-ZONE", "do_location_id", 1, LAST_ZONE, mostly=USUAL_DIRT, reason=reason),
    )


def trip_order(prefix: str) -> Check:
    return kinds.not_before(
        f"{prefix}-DROPOFF-AFTER-PICKUP",
        "dropoff_datetime",
        "pickup_datetime",
        mostly=USUAL_DIRT,
        reason="Trips end after they begin; many that do not mean that the two times were swapped or shifted.",
    )


def never_empty(prefix: str, *columns: str) -> tuple[Check, ...]:
    """These take the place of the weaker checks that the contract implies."""
    return tuple(
        kinds.present(
            f"{prefix}-{column.replace('_', '-').upper()}-PRESENT",
            column,
            mostly=NEVER_EMPTY,
            reason="Every record has this; a file where many lack it was not put together right.",
        )
        for column in columns
    )


def amount(prefix: str, column: str, *, most: int) -> Check:
    return kinds.between(
        f"{prefix}-{column.replace('_', '-').upper()}-RANGE",
        column,
        0,
        most,
        mostly=AMOUNTS,
        reason="Some are taken back and are below 0; most are dollars of one trip.",
    )


def known(prefix: str, word: str, column: str, values: tuple[int | str, ...], *, reason: str) -> Check:
    return kinds.one_of(
        f"{prefix}-{word}-KNOWN", column, values, mostly=KNOWN_CODES, severity=Severity.WARN, reason=reason
    )


def metered(prefix: str) -> tuple[Check, ...]:
    """What yellow and green taxis, which have a meter, share."""
    return (
        *never_empty(prefix, "dropoff_datetime", "trip_distance", "fare_amount", "total_amount"),
        trip_order(prefix),
        *zones(prefix),
        kinds.between(
            f"{prefix}-TRIP-DISTANCE-RANGE",
            "trip_distance",
            0,
            200,
            mostly=USUAL_DIRT,
            reason="A few are absurd; many mean another unit, or another column's values.",
        ),
        amount(prefix, "fare_amount", most=1000),
        amount(prefix, "total_amount", most=1500),
        known(
            prefix,
            "VENDOR",
            "vendor_id",
            (1, 2, 6, 7),
            reason="The data dictionary names four providers; another one is news.",
        ),
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
        kinds.between(
            f"{prefix}-PASSENGERS-RANGE",
            "passenger_count",
            0,
            9,
            mostly=KNOWN_CODES,
            severity=Severity.WARN,
            reason="Taxis take five passengers, vans a few more.",
        ),
    )
