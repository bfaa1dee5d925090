"""Generated months: what the TLC's files look like, with their natural dirt, and the faults that a file can have.

No row is real. The same arguments give the same bytes. This module imports numpy and pyarrow: import it late.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tidemark.errors import UsageError
from tidemark.months import Month

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Times = NDArray[np.datetime64]
Values = Floats | Integers | Times

ERA_B = Month(2023, 2)  # from here on the TLC writes other types
NEW_TARIFF = Month(2023, 1)
CONGESTION_ZONE = Month(2025, 1)  # the first month with cbd_congestion_fee

# The type of a column in era A and in era B.
_ID = (pa.int64(), pa.int32())
_WHOLE = (pa.int64(), pa.int64())
_CODE = (pa.float64(), pa.int64())
_AMOUNT = (pa.float64(), pa.float64())
_TIME = (pa.timestamp("us"), pa.timestamp("us"))
_TEXT = (pa.string(), pa.large_string())

_COLUMNS = {
    "yellow": {
        "VendorID": _ID,
        "tpep_pickup_datetime": _TIME,
        "tpep_dropoff_datetime": _TIME,
        "passenger_count": _CODE,
        "trip_distance": _AMOUNT,
        "RatecodeID": _CODE,
        "store_and_fwd_flag": _TEXT,
        "PULocationID": _ID,
        "DOLocationID": _ID,
        "payment_type": _WHOLE,
        "fare_amount": _AMOUNT,
        "extra": _AMOUNT,
        "mta_tax": _AMOUNT,
        "tip_amount": _AMOUNT,
        "tolls_amount": _AMOUNT,
        "improvement_surcharge": _AMOUNT,
        "total_amount": _AMOUNT,
        "congestion_surcharge": _AMOUNT,
        "airport_fee": _AMOUNT,
    },
    "green": {
        "VendorID": _ID,
        "lpep_pickup_datetime": _TIME,
        "lpep_dropoff_datetime": _TIME,
        "store_and_fwd_flag": _TEXT,
        "RatecodeID": _CODE,
        "PULocationID": _ID,
        "DOLocationID": _ID,
        "passenger_count": _CODE,
        "trip_distance": _AMOUNT,
        "fare_amount": _AMOUNT,
        "extra": _AMOUNT,
        "mta_tax": _AMOUNT,
        "tip_amount": _AMOUNT,
        "tolls_amount": _AMOUNT,
        "ehail_fee": (pa.null(), pa.float64()),
        "improvement_surcharge": _AMOUNT,
        "total_amount": _AMOUNT,
        "payment_type": _CODE,
        "trip_type": _CODE,
        "congestion_surcharge": _AMOUNT,
    },
    "fhv": {
        "dispatching_base_num": _TEXT,
        "pickup_datetime": _TIME,
        "dropOff_datetime": _TIME,
        "PUlocationID": _CODE,
        "DOlocationID": _CODE,
        "SR_Flag": (pa.null(), pa.int64()),
        "Affiliated_base_number": _TEXT,
    },
    "fhvhv": {
        "hvfhs_license_num": _TEXT,
        "dispatching_base_num": _TEXT,
        "originating_base_num": _TEXT,
        "request_datetime": _TIME,
        "on_scene_datetime": _TIME,
        "pickup_datetime": _TIME,
        "dropoff_datetime": _TIME,
        "PULocationID": _ID,
        "DOLocationID": _ID,
        "trip_miles": _AMOUNT,
        "trip_time": _WHOLE,
        "base_passenger_fare": _AMOUNT,
        "tolls": _AMOUNT,
        "bcf": _AMOUNT,
        "sales_tax": _AMOUNT,
        "congestion_surcharge": _AMOUNT,
        "airport_fee": _AMOUNT,
        "tips": _AMOUNT,
        "driver_pay": _AMOUNT,
        "shared_request_flag": _TEXT,
        "shared_match_flag": _TEXT,
        "access_a_ride_flag": _TEXT,
        "wav_request_flag": _TEXT,
        "wav_match_flag": _TEXT,
    },
}
DATASETS = tuple(_COLUMNS)

# What a text column can say; its values are positions in here.
_BASES = ("B90001", "B90002", "B90003", "B90004", "B90005", "B90006        ")  # padded, as some really are
_WORDS = {"hvfhs_license_num": ("HV0003", "HV0005")} | dict.fromkeys(
    ("dispatching_base_num", "originating_base_num", "Affiliated_base_number"), _BASES
)
_NO_YES = ("N", "Y")

_BY_HOUR = np.array([3, 2, 1.4, 1, 0.8, 1, 2, 4, 5, 5, 4.8, 5, 5.4, 5.6, 6, 6.4, 7, 7.8, 8, 7, 6, 5.6, 5, 4])
_BY_WEEKDAY = np.array([0.88, 0.97, 1.02, 1.06, 1.1, 1.07, 0.9])
_SPEED_BY_HOUR = np.array(
    [18, 19, 20, 21, 21, 19, 16, 13, 11, 11, 11, 11, 11, 11, 10, 10, 10, 10, 11, 12, 13, 14, 15, 17]
)
_AIRPORTS = (132, 138)
# A few of the 265 zones have most of the trips; which ones is fixed, so that months resemble each other.
_ZONE_SHARE = np.random.default_rng(265).permutation(1 / np.arange(6.0, 271.0))

_TAIL_SHARE = 0.07  # of the rows: the block at the end that came another way and lacks the meter's fields
_STRAY_EVERY = 5_000  # rows to one pickup outside the month
_WILD_EVERY = 20_000  # rows to one impossible distance
_FORGOTTEN_SHARE = 0.002  # of the rows: a meter left running for most of a day
_UNLISTED_SHARE = 0.07  # of the rows: a total that is not the sum of its listed parts


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tariff:
    base: float
    mile: float
    minute: float
    improvement: float
    rush: float
    night: float


_OLD = _Tariff(base=2.5, mile=2.5, minute=0.2, improvement=0.3, rush=1.0, night=0.5)
_NEW = _Tariff(base=3.0, mile=3.5, minute=0.25, improvement=1.0, rush=2.5, night=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trips:
    """Trips as they were driven; ``tail`` is true for the rows of the block at the end."""

    month: Month
    pickup: Times
    hour: Integers
    weekday: Integers
    seconds: Integers
    miles: Floats
    origin: Integers
    destination: Integers
    tail: Flags

    @property
    def rows(self) -> int:
        return len(self.pickup)


def write_month(folder: Path, dataset: str, month: Month, *, rows: int, seed: int = 0) -> Path:
    """Write a generated month as the TLC would, in one row group, and return its path.

    The file appears whole or not at all. Raises ``UsageError`` for a dataset that cannot be generated.
    """
    if dataset not in _COLUMNS:
        raise UsageError(
            f"Months of {dataset[:40]!r} cannot be generated.",
            remedy=f"Choose one of {', '.join(DATASETS)}.",
            code="unknown-dataset",
        )
    rng = np.random.default_rng([seed, month.yyyymm, zlib.crc32(dataset.encode())])
    trips = _drive(rng, month, rows)
    values, missing = _RECORDERS[dataset](rng, trips)
    path = folder / f"{dataset}_tripdata_{month}.parquet"
    _replace(path, _table(_schema(dataset, month), values, missing))
    return path


def _schema(dataset: str, month: Month) -> pa.Schema:
    columns = dict(_COLUMNS[dataset])
    if dataset == "yellow" and month >= ERA_B:
        columns["Airport_fee"] = columns.pop("airport_fee")
    if dataset != "fhv" and month >= CONGESTION_ZONE:
        columns["cbd_congestion_fee"] = _AMOUNT
    era = int(month >= ERA_B)
    return pa.schema([(name, types[era]) for name, types in columns.items()])


def _table(schema: pa.Schema, values: Mapping[str, Values], missing: Mapping[str, Flags]) -> pa.Table:
    """Make the table; a column without values is null in every row, and ``missing`` says where others are."""
    rows = len(next(iter(values.values())))

    def column(name: str, kind: pa.DataType) -> pa.Array:
        if name not in values:
            return pa.nulls(rows, kind)
        array = pa.array(values[name], mask=missing.get(name))
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return pa.array(_WORDS.get(name, _NO_YES), kind).take(array)
        return array.cast(kind)

    return pa.table([column(field.name, field.type) for field in schema], schema=schema)


def _replace(path: Path, table: pa.Table) -> None:
    part = path.with_name(f".{path.name}.part")  # a feed that serves the folder must not see half a file
    pq.write_table(table, part, row_group_size=max(len(table), 1), compression="zstd")
    part.replace(path)


# ---- trips: when, where, how far


def _drive(rng: np.random.Generator, month: Month, rows: int) -> _Trips:
    tail = np.arange(rows) >= rows - int(rows * _TAIL_SHARE)
    minutes = np.timedelta64(1, "m")
    pickup = _pickups(rng, month, rows - int(tail.sum()))
    late = _pickups(rng, month, int(tail.sum()))
    late = late - (late - late.astype("datetime64[D]")) % minutes  # that block knows no seconds
    pickup = np.concatenate([pickup, late])
    hour = (pickup.astype("datetime64[h]").astype(np.int64)) % 24
    weekday = (pickup.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    miles: Floats = np.round(rng.lognormal(0.75, 0.8, rows).clip(0.1, 45.0), 2)
    speed = _SPEED_BY_HOUR[hour] * rng.lognormal(0, 0.25, rows) * (1 + miles / 25)
    return _Trips(
        month=month,
        pickup=pickup,
        hour=hour,
        weekday=weekday,
        seconds=(miles / speed * 3600).astype(np.int64) + rng.integers(20, 240, rows),
        miles=miles,
        origin=_zones(rng, rows),
        destination=_zones(rng, rows),
        tail=tail,
    )


def _pickups(rng: np.random.Generator, month: Month, rows: int) -> Times:
    """Draw pickups over the month, in the order of their hours, busier by day than by night."""
    days = (month.next.first_day - month.first_day).days
    hours = np.arange(days * 24)
    weights = _BY_HOUR[hours % 24] * _BY_WEEKDAY[(month.first_day.weekday() + hours // 24) % 7]
    by_hour = rng.multinomial(rows, weights / weights.sum())
    seconds = np.repeat(hours * 3600, by_hour) + rng.integers(0, 3600, rows)
    return np.datetime64(month.first_day, "s") + seconds.astype("timedelta64[s]")


def _zones(rng: np.random.Generator, rows: int) -> Integers:
    edges = np.cumsum(_ZONE_SHARE)
    zones: Integers = 1 + np.searchsorted(edges, rng.random(rows) * edges[-1])
    return zones


# ---- datasets: what is recorded of a trip

_Recorded = tuple[dict[str, Values], dict[str, Flags]]


def _green(rng: np.random.Generator, trips: _Trips) -> _Recorded:
    values, missing = _taxi(rng, trips, "lpep", _surcharges(trips, rng.random(trips.rows) < 0.27, 2.75))
    values["trip_type"] = np.where(values["RatecodeID"] == 5, 2, 1)
    return values, missing | {"trip_type": trips.tail, "payment_type": trips.tail}


def _yellow(rng: np.random.Generator, trips: _Trips) -> _Recorded:
    name = "Airport_fee" if trips.month >= ERA_B else "airport_fee"
    airport = {name: np.where(np.isin(trips.origin, _AIRPORTS), 1.25, 0.0)}
    values, missing = _taxi(rng, trips, "tpep", _surcharges(trips, rng.random(trips.rows) < 0.92, 2.5) | airport)
    values["payment_type"] = np.where(trips.tail, 0, values["payment_type"])  # where green has null, yellow has 0
    return values, missing | {name: trips.tail}


def _surcharges(trips: _Trips, in_manhattan: Flags, dollars: float) -> dict[str, Floats]:
    surcharges = {"congestion_surcharge": np.where(in_manhattan, dollars, 0.0)}
    if trips.month >= CONGESTION_ZONE:
        surcharges["cbd_congestion_fee"] = np.where(in_manhattan & (trips.miles < 8), 0.75, 0.0)
    return surcharges


def _taxi(rng: np.random.Generator, trips: _Trips, meter: str, surcharges: Mapping[str, Floats]) -> _Recorded:
    rows = trips.rows
    payment = rng.choice([1, 2, 3, 4], rows, p=[0.72, 0.27, 0.006, 0.004])
    amounts = _amounts(rng, trips, payment == 1, surcharges)
    pickup = _with_strays(rng, trips)
    values: dict[str, Values] = {
        "VendorID": _vendors(rng, trips),
        f"{meter}_pickup_datetime": pickup,
        f"{meter}_dropoff_datetime": pickup + _with_forgotten_meters(rng, trips.seconds),
        "passenger_count": rng.choice(7, rows, p=[0.005, 0.765, 0.13, 0.04, 0.02, 0.02, 0.02]),
        "trip_distance": _with_wild_distances(rng, trips.miles),
        "RatecodeID": rng.choice([1, 2, 3, 4, 5, 99], rows, p=[0.955, 0.01, 0.002, 0.002, 0.03, 0.001]),
        "store_and_fwd_flag": (rng.random(rows) < 0.004).astype(np.int64),
        "PULocationID": trips.origin,
        "DOLocationID": trips.destination,
        "payment_type": payment,
    }
    metered = rows - int(trips.tail.sum())
    candidates = np.arange(0, metered - 1, 2)
    charges = candidates[payment[candidates] >= 3]
    unknown = ("passenger_count", "RatecodeID", "store_and_fwd_flag", "congestion_surcharge")
    return _with_reversals(values, amounts, charges), dict.fromkeys(unknown, trips.tail)


def _amounts(
    rng: np.random.Generator, trips: _Trips, by_card: Flags, surcharges: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Return the fare and what comes on top of it, in dollars; the total is their sum, mostly."""
    rows, tariff = trips.rows, _NEW if trips.month >= NEW_TARIFF else _OLD
    fare = np.round(tariff.base + tariff.mile * trips.miles + tariff.minute * trips.seconds / 60, 1)
    fare[rng.random(rows) < 0.002] = 0.0
    rush = (trips.hour >= 16) & (trips.hour < 20) & (trips.weekday < 5)
    night = (trips.hour >= 20) | (trips.hour < 6)
    tip = np.round(fare * rng.normal(0.22, 0.05, rows).clip(0.02), 2)
    parts = {
        "fare_amount": fare,
        "extra": np.select([rush, night], [tariff.rush, tariff.night], 0.0),
        "mta_tax": np.where(rng.random(rows) < 0.97, 0.5, 0.0),
        "tip_amount": np.where(by_card & (rng.random(rows) < 0.9), tip, 0.0),
        "tolls_amount": np.where(rng.random(rows) < 0.03, 6.55, 0.0),
        "improvement_surcharge": np.full(rows, tariff.improvement),
        **surcharges,
    }
    unlisted = np.where(rng.random(rows) < _UNLISTED_SHARE, 1.0, 0.0)
    return parts | {"total_amount": np.round(sum(parts.values(), start=unlisted), 2)}


def _vendors(rng: np.random.Generator, trips: _Trips) -> Integers:
    later = 0.001 if trips.month >= Month(2024, 1) else 0.0
    return rng.choice([1, 2, 6], trips.rows, p=[0.2, 0.8 - later, later])


def _with_strays(rng: np.random.Generator, trips: _Trips) -> Times:
    """Put a few pickups at the start of the next month, and a few where a clock fell back to 2008."""
    strays = trips.rows // _STRAY_EVERY
    fallen_back = np.arange(strays) % 2 == 0
    day = np.where(fallen_back, np.datetime64("2008-12-31", "s"), np.datetime64(trips.month.next.first_day, "s"))
    pickup = trips.pickup.copy()
    pickup[_some(rng, trips.rows, strays)] = day + rng.integers(0, 7200, strays).astype("timedelta64[s]")
    return pickup


def _with_forgotten_meters(rng: np.random.Generator, seconds: Integers) -> NDArray[np.timedelta64]:
    running = seconds.copy()
    forgotten = rng.random(len(seconds)) < _FORGOTTEN_SHARE
    running[forgotten] = rng.integers(20 * 3600, 24 * 3600, int(forgotten.sum()))
    return running.astype("timedelta64[s]")


def _with_wild_distances(rng: np.random.Generator, miles: Floats) -> Floats:
    rows = len(miles)
    metered = np.where(rng.random(rows) < 0.015, 0.0, miles)
    wild = rows // _WILD_EVERY
    metered[_some(rng, rows, wild)] = np.round(rng.uniform(10_000, 260_000, wild), 2)
    return metered


def _some(rng: np.random.Generator, rows: int, count: int) -> Integers:
    return rng.integers(0, max(rows, 1), count)


def _with_reversals(
    values: Mapping[str, Values], amounts: Mapping[str, Floats], charges: Integers
) -> dict[str, Values]:
    """Make the row after each charge its reversal: the same trip, every amount taken back."""
    charged = np.arange(len(values["VendorID"]))
    charged[charges + 1] = charges
    taken_back = np.zeros(len(charged), dtype=bool)
    taken_back[charges + 1] = True
    trips = {name: column[charged] for name, column in values.items()}
    return trips | {
        name: np.where(taken_back, 0.0 - amount[charged], amount[charged]) for name, amount in amounts.items()
    }


def _fhv(rng: np.random.Generator, trips: _Trips) -> _Recorded:
    rows = trips.rows
    base = rng.integers(0, len(_BASES), rows)
    values: dict[str, Values] = {
        "dispatching_base_num": base,
        "pickup_datetime": trips.pickup,
        "dropOff_datetime": trips.pickup + trips.seconds.astype("timedelta64[s]"),
        "PUlocationID": trips.origin,
        "DOlocationID": trips.destination,
        "Affiliated_base_number": base,
    }
    return values, {"PUlocationID": rng.random(rows) < 0.78, "DOlocationID": rng.random(rows) < 0.15}


def _fhvhv(rng: np.random.Generator, trips: _Trips) -> _Recorded:
    rows = trips.rows
    company = (rng.random(rows) < 0.27).astype(np.int64)
    arrived = trips.pickup - rng.integers(0, 180, rows).astype("timedelta64[s]")
    fare = np.round(3 + 2.2 * trips.miles + 0.45 * trips.seconds / 60, 2)
    no = np.zeros(rows, dtype=np.int64)
    values: dict[str, Values] = {
        "hvfhs_license_num": company,
        "dispatching_base_num": company,
        "originating_base_num": company,
        "request_datetime": arrived - rng.integers(60, 600, rows).astype("timedelta64[s]"),
        "on_scene_datetime": arrived,
        "pickup_datetime": trips.pickup,
        "dropoff_datetime": trips.pickup + trips.seconds.astype("timedelta64[s]"),
        "PULocationID": trips.origin,
        "DOLocationID": trips.destination,
        "trip_miles": trips.miles,
        "trip_time": trips.seconds,
        "base_passenger_fare": fare,
        "tolls": np.where(rng.random(rows) < 0.06, 6.94, 0.0),
        "bcf": np.round(fare * 0.0275, 2),
        "sales_tax": np.round(fare * 0.08875, 2),
        "airport_fee": np.where(np.isin(trips.origin, _AIRPORTS), 2.5, 0.0),
        "tips": np.where(rng.random(rows) < 0.2, np.round(fare * 0.18, 2), 0.0),
        "driver_pay": np.round(fare * rng.normal(0.78, 0.08, rows).clip(0.4, 1.2), 2),
        "shared_request_flag": (rng.random(rows) < 0.03).astype(np.int64),
        "shared_match_flag": no,
        "access_a_ride_flag": no,
        "wav_request_flag": (rng.random(rows) < 0.002).astype(np.int64),
        "wav_match_flag": (rng.random(rows) < 0.06).astype(np.int64),
        **_surcharges(trips, rng.random(rows) < 0.35, 2.75),
    }
    without_scene = (company == 1) & (rng.random(rows) < 0.9)
    return values, {"on_scene_datetime": without_scene, "originating_base_num": without_scene}


_RECORDERS: dict[str, Callable[[np.random.Generator, _Trips], _Recorded]] = {
    "yellow": _yellow,
    "green": _green,
    "fhv": _fhv,
    "fhvhv": _fhvhv,
}


# ---- faults: what a file can suffer


class Fault(StrEnum):
    """What can be wrong with a file that the source sends."""

    TRUNCATED = "truncated"  # half of the bytes
    EMPTY = "empty"  # no byte
    HTML = "html"  # a page that says sorry
    NO_FOOTER = "no_footer"  # all of the bytes, the last of them zero
    MISSING_COLUMN = "missing_column"  # without the drop-off zone
    LOSSY_TYPE = "lossy_type"  # 1.5 where a whole number belongs
    TEXT_TYPE = "text_type"  # a word where a number belongs
    NO_ROWS = "no_rows"  # a good file of nothing
    WRONG_MONTH = "wrong_month"  # last year's rows under this year's name
    ALL_NULL = "all_null"  # no drop-off time in any row


def damage(path: Path, fault: Fault) -> None:
    """Give a generated file a fault, in its place; a feed sees the good file or the bad one."""
    if fault in _OF_BYTES:
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(_OF_BYTES[fault](path.read_bytes()))
        part.replace(path)
    else:
        _replace(path, _OF_ROWS[fault](pq.read_table(path)))


_PAGE = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body>The service is busy.</body></html>\n"

_OF_BYTES: dict[Fault, Callable[[bytes], bytes]] = {
    Fault.TRUNCATED: lambda content: content[: len(content) // 2],
    Fault.EMPTY: lambda content: b"",
    Fault.HTML: lambda content: _PAGE,
    Fault.NO_FOOTER: lambda content: content[:-8] + bytes(8),
}


def _without_zone(table: pa.Table) -> pa.Table:
    return table.drop_columns(_present(table, "DOLocationID", "DOlocationID"))


def _with_fraction(table: pa.Table) -> pa.Table:
    name = _present(table, "passenger_count", "trip_time", "PUlocationID")
    numbers = table[name].cast(pa.float64())
    return _with_column(table, name, pa.chunked_array([[1.5], *numbers.slice(1).chunks]))


def _with_words(table: pa.Table) -> pa.Table:
    name = _present(table, "PULocationID", "PUlocationID")
    return _with_column(table, name, pa.array(["unknown"] * len(table)))


def _a_year_early(table: pa.Table) -> pa.Table:
    year = pa.scalar(timedelta(days=364), pa.duration("us"))  # whole weeks: Mondays stay Mondays
    for field in table.schema:
        if pa.types.is_timestamp(field.type):
            table = _with_column(table, field.name, pc.subtract(table[field.name], year))
    return table


def _without_dropoffs(table: pa.Table) -> pa.Table:
    name = next(name for name in table.column_names if name.lower().endswith("dropoff_datetime"))
    return _with_column(table, name, pa.nulls(len(table), table[name].type))


_OF_ROWS: dict[Fault, Callable[[pa.Table], pa.Table]] = {
    Fault.MISSING_COLUMN: _without_zone,
    Fault.LOSSY_TYPE: _with_fraction,
    Fault.TEXT_TYPE: _with_words,
    Fault.NO_ROWS: lambda table: table.slice(0, 0),
    Fault.WRONG_MONTH: _a_year_early,
    Fault.ALL_NULL: _without_dropoffs,
}


def _present(table: pa.Table, *names: str) -> str:
    return next(name for name in names if name in table.column_names)


def _with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)
