"""What is asked of a sample of the rows: how parts of the month differ, what goes together, how numbers are written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tidemark.profile import places
from tidemark.profile.bins import Floats
from tidemark.profile.bonds import bonds
from tidemark.profile.related import Difference
from tidemark.profile.sample import Rows
from tidemark.profile.stretches import stretches
from tidemark.profile.values import Looks, Texture

_CENTS = 100
_EXACT = 1e-6  # of a cent's hundredth: what binary fractions leave
_HOURS_TOGETHER = 2


def looks(
    rows: Rows, codes: tuple[str, ...], numbers: tuple[str, ...], differences: tuple[Difference, ...], month_days: int
) -> Looks:
    """Return what these rows look like; ``codes`` and ``numbers`` are names of columns."""
    times = {name: column for name, column in rows.columns.items() if pa.types.is_temporal(column.type)}
    measured: dict[str, Floats] = {name: _floats(rows.columns[name]) for name in numbers}
    for each in differences:
        measured[each.name] = (_floats(times[each.end]) - _floats(times[each.start])) / 1e6
    by_code = {name: places.of_codes(rows.columns[name]) for name in codes}
    sorted_in = by_code | {name: places.of_numbers(values) for name, values in measured.items()}
    sorted_in |= {name: places.of_times(column) for name, column in times.items()}
    odd = {name: stretches(rows.days, each, month_days) for name, each in sorted_in.items()}
    return Looks(
        rows=len(rows),
        hours=stretches(rows.days, rows.hours // _HOURS_TOGETHER, month_days),
        stretches=odd,
        bonds=bonds(by_code, measured, rows.days),
        textures=_textures(measured, numbers),
    )


def _floats(column: pa.Array) -> Floats:
    """Return numbers, and NaN where there is none."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _textures(measured: Mapping[str, Floats], names: tuple[str, ...]) -> dict[str, Texture]:
    return {name: _texture(measured[name]) for name in names}


def _texture(values: Floats) -> Texture:
    known = values[np.isfinite(values) & (values != 0) & (np.abs(values) < 1e9)]
    cents = known * _CENTS
    _, counts = np.unique(known, return_counts=True)
    return Texture(
        values=len(known),
        tenths=int(np.count_nonzero(np.abs(cents / 10 - np.rint(cents / 10)) < _EXACT)),
        finer=int(np.count_nonzero(np.abs(cents - np.rint(cents)) > _EXACT * np.maximum(np.abs(cents), _CENTS))),
        distinct=len(counts),
        most=int(counts.max(initial=0)),
        again=int(np.count_nonzero(known[1:] == known[:-1])),
    )
