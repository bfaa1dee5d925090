"""A month's table that is to be corrupted: its columns by the names of the contract, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidemark.contract import bind
from tidemark.datasets.base import Dataset
from tidemark.months import Month

Flags = NDArray[np.bool_]
Values = NDArray[Any]

_TAXI = {
    "event": "pickup_datetime",
    "end": "dropoff_datetime",
    "source": "vendor_id",
    "distance": "trip_distance",
    "fare": "fare_amount",
    "tip": "tip_amount",
    "tolls": "tolls_amount",
    "tax": "mta_tax",
    "improvement": "improvement_surcharge",
    "surcharge": "congestion_surcharge",
    "total": "total_amount",
    "origin": "pu_location_id",
    "destination": "do_location_id",
    "code": "payment_type",
    "rate": "ratecode_id",
    "text": "store_and_fwd_flag",
    "blank": "store_and_fwd_flag",  # a text that some rows lack
    "required": "fare_amount",
    "optional": "passenger_count",
    "passengers": "passenger_count",
}
# What a column is to a corruption, for each dataset; a kind that needs another part is not made for that dataset.
ROLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "yellow": _TAXI | {"fee": "airport_fee"},
        "green": _TAXI,
        "fhv": {
            "event": "pickup_datetime",
            "end": "dropoff_datetime",
            "source": "dispatching_base_num",
            "twin": "affiliated_base_number",  # says the same of a row as its source
            "origin": "pu_location_id",
            "destination": "do_location_id",
            "text": "affiliated_base_number",
            "required": "dispatching_base_num",
            "optional": "pu_location_id",
            "sparse": "pu_location_id",  # a zone that most rows lack
        },
        "fhvhv": {
            "event": "pickup_datetime",
            "end": "dropoff_datetime",
            "request": "request_datetime",
            "source": "hvfhs_license_num",
            "twin": "dispatching_base_num",
            "distance": "trip_miles",
            "seconds": "trip_time",
            "fare": "base_passenger_fare",
            "pay": "driver_pay",
            "tip": "tips",
            "tolls": "tolls",
            "surcharge": "congestion_surcharge",
            "origin": "pu_location_id",
            "destination": "do_location_id",
            "text": "wav_match_flag",
            "blank": "originating_base_num",
            "fee": "airport_fee",
            "required": "base_passenger_fare",
            "optional": "on_scene_datetime",
        },
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A month's table. ``names``: canonical name to that in the file. ``earlier``: the table of so many months before.

    Corruptions take a sheet and return another one; the random numbers are those of ``rng``.
    """

    dataset: Dataset
    month: Month
    table: pa.Table
    names: Mapping[str, str]
    rng: np.random.Generator
    earlier: Callable[[int], pa.Table]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        month: Month,
        table: pa.Table,
        *,
        rng: np.random.Generator,
        earlier: Callable[[int], pa.Table],
    ) -> Sheet:
        names = dict(bind(dataset, month, table.schema).fields)
        return cls(dataset=dataset, month=month, table=table, names=names, rng=rng, earlier=earlier)

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def column(self, role: str) -> str:
        """Return the canonical name of the column that plays a part; a canonical name stands for itself."""
        return ROLES[self.dataset.name].get(role, role)

    def array(self, role: str) -> pa.ChunkedArray:
        return self.table[self.names[self.column(role)]]

    def values(self, role: str) -> Values:
        """Return a column for computing: numbers as floats with NaN for null, times as datetime64, texts as objects."""
        array = self.array(role)
        if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
            array = array.cast(pa.float64())
        values: Values = array.to_numpy()
        return values

    # ---- choosing rows

    def some(self, share: float) -> Flags:
        """Choose this share of the rows at random; exactly, so that small files have the magnitude that is said."""
        chosen = np.zeros(self.rows, dtype=bool)
        chosen[self.rng.permutation(self.rows)[: round(share * self.rows)]] = True
        return chosen

    def from_source(self, rank: int) -> Flags:
        """Choose the rows of the source (vendor, base) that is at this rank, the largest being 0."""
        values = self.values("source")
        counts = pc.value_counts(pa.array(values)).to_pylist()
        ordered = sorted(counts, key=lambda each: -each["counts"])
        chosen: Flags = values == ordered[min(rank, len(ordered) - 1)]["values"]
        return chosen

    def days(self) -> NDArray[np.int64]:
        """Return for each row the day of its month, from 0; days outside of the month are below 0 or large."""
        since = self.values("event").astype("datetime64[D]") - np.datetime64(self.month.first_day, "D")
        return since.astype(np.int64)

    def hours(self) -> NDArray[np.int64]:
        return self.values("event").astype("datetime64[h]").astype(np.int64) % 24

    # ---- changing them

    def put(self, role: str, values: Any, where: Flags | None = None) -> Sheet:
        """Write values (one or as many as there are rows) where ``where`` is true; what is null stays null."""
        old = self.array(role).combine_chunks()
        new = _as(values, old.type, self.rows)
        chosen = pa.array(np.ones(self.rows, dtype=bool) if where is None else where)
        return self.with_array(role, pc.if_else(pc.and_(chosen, old.is_valid()), new, old))

    def fill(self, role: str, values: Any, where: Flags) -> Sheet:
        """Write values also where there was none."""
        old = self.array(role).combine_chunks()
        return self.with_array(role, pc.if_else(pa.array(where), _as(values, old.type, self.rows), old))

    def nulled(self, role: str, where: Flags) -> Sheet:
        old = self.array(role).combine_chunks()
        return self.with_array(role, pc.if_else(pa.array(where), pa.scalar(None, old.type), old))

    def with_array(self, role: str, array: pa.Array) -> Sheet:
        name = self.names[self.column(role)]
        return self.with_table(self.table.set_column(self.table.column_names.index(name), name, array))

    def with_table(self, table: pa.Table) -> Sheet:
        return replace(self, table=table)

    def taken(self, positions: NDArray[np.int64]) -> Sheet:
        return self.with_table(self.table.take(pa.array(positions)))

    def kept(self, where: Flags) -> Sheet:
        return self.with_table(self.table.filter(pa.array(where)))


def _as(values: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values.cast(kind, safe=False)
    array = np.broadcast_to(np.asarray(values), (rows,))
    return pa.array(array, from_pandas=True).cast(kind, safe=False)
