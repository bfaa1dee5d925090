"""A partition: one month of one dataset, the unit of everything."""

from __future__ import annotations

from dataclasses import dataclass

from tidemark.months import Month


@dataclass(frozen=True, order=True, slots=True)
class Partition:
    """One month of one dataset; its name, lake key and tables derive from it."""

    dataset: str
    month: Month

    @property
    def name(self) -> str:
        """What people call it, e.g. ``green 2023-02``."""
        return f"{self.dataset} {self.month}"

    @property
    def lake_key(self) -> str:
        """The folder of its raw files in the lake, e.g. ``raw/green/2023-02``."""
        return f"raw/{self.dataset}/{self.month}"

    @property
    def table(self) -> str:
        """The table of its rows under the dataset's table, e.g. ``green_2023_02``."""
        return f"{self.dataset}_{self.month.year:04d}_{self.month.number:02d}"

    def staging_table(self, load_id: int) -> str:
        """The table that one load stages it in, e.g. ``green_2023_02_17``."""
        return f"{self.table}_{load_id}"

    def __str__(self) -> str:
        return self.name
