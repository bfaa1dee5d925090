"""The smallest dataset of rides, and its columns, for tests to vary."""

from __future__ import annotations

from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month

AT = Column(name="at", type=ColumnType.TIMESTAMP, names=("at",), comment="When.")
PRICE = Column(name="price", type=ColumnType.DOUBLE, names=("price",), comment="How much.")
NOTE = Column(name="note", type=ColumnType.TEXT, names=("note",), comment="What else.", required=False)

RIDES = Dataset(
    name="rides",
    title="Rides",
    home="https://data.example.org",
    first_month=Month(2020, 1),
    lag_days=10,
    event_column="at",
    columns=(AT, PRICE, NOTE),
)
