"""What people read for a column, a ratio or the time between two, with its unit."""

from __future__ import annotations

from tidemark.datasets.base import Dataset


def told(dataset: Dataset, name: str) -> str:
    """Return ``fare_amount (dollars) per second from pickup to dropoff`` for ``fare_amount / dropoff - pickup``."""
    above, ratio, below = name.partition(" / ")
    if ratio and " - " in below:
        return f"{told(dataset, above)} per second {_from_to(below)}"
    if ratio:
        return f"{told(dataset, above)} by {told(dataset, below)}"
    if " - " in name:
        return f"seconds {_from_to(name)}"
    unit = next((column.unit for column in dataset.columns if column.name == name), None)
    return f"{name} ({unit})" if unit else name


def _from_to(name: str) -> str:
    end, start = name.split(" - ")
    return f"from {start} to {end}"
