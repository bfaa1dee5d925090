"""Never seen by those who made the gate: what happens in good months, from which nobody should be kept."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.gate.cases import A, W, unseen
from bench.gate.corrupt.rows import moved
from bench.gate.corrupt.unseen_values import recharged
from bench.gate.sheet import Sheet

_STADIUM = 33
_NEW_SURCHARGE = 0.5


def concert(sheet: Sheet) -> Sheet:
    """Have trips of one evening again, a little later, all of them from a stadium."""
    evening = (sheet.days() == 15) & (sheet.hours() >= 20)
    more = sheet.kept(evening & sheet.some(0.5))
    more = moved(more, np.timedelta64(83, "s"), np.ones(more.rows, dtype=bool)).put("origin", _STADIUM)
    return sheet.with_table(pa.concat_tables([sheet.table, more.table]))


def strike(sheet: Sheet) -> Sheet:
    """Let half of the second source's drivers stay at home for two days."""
    return sheet.kept(~(np.isin(sheet.days(), (16, 17)) & sheet.from_source(1) & sheet.some(0.5)))


def in_single_precision(sheet: Sheet) -> Sheet:
    return cast(sheet, {pa.float64(): pa.float32()})


def whole_numbers_as_floats(sheet: Sheet) -> Sheet:
    return cast(sheet, {pa.int64(): pa.float64(), pa.int32(): pa.float64()})


def texts_as_categories(sheet: Sheet) -> Sheet:
    words = pa.dictionary(pa.int32(), pa.string())
    return cast(sheet, {pa.string(): words, pa.large_string(): words})


def cast(sheet: Sheet, types: dict[pa.DataType, pa.DataType]) -> Sheet:
    """Write the columns of some types as others."""
    fields = [(field.name, types.get(field.type, field.type)) for field in sheet.table.schema]
    return sheet.with_table(sheet.table.cast(pa.schema(fields), safe=False))


def new_surcharge(sheet: Sheet) -> Sheet:
    more = np.sign(sheet.values("total")) * _NEW_SURCHARGE
    sheet = sheet.put("total", np.round(sheet.values("total") + more, 2))
    return sheet.put("extra", sheet.values("extra") + more)


def corrected_late(sheet: Sheet) -> Sheet:
    """Correct one fare in two hundred by up to two dollars."""
    return recharged(sheet, sheet.values("fare") + sheet.rng.uniform(-2, 2, sheet.rows), sheet.some(0.005))


def more_cards(sheet: Sheet) -> Sheet:
    return sheet.put("code", 1, (sheet.values("code") == 2) & sheet.some(0.15))


CASES = (
    *unseen("benign: a concert", {"": ((A, W), concert)}, why="One zone is busy for one evening."),
    *unseen(
        "benign: drivers on strike",
        {"": ((A, W), strike)},
        needs=("source",),
        why="One source has half its trips for two days, and says why in the papers.",
    ),
    *unseen(
        "benign: single precision", {"": ((A, W), in_single_precision)}, needs=("fare",), why="No cent is another."
    ),
    *unseen("benign: whole numbers as floats", {"": ((A, W), whole_numbers_as_floats)}, why="The values are the same."),
    *unseen("benign: texts as categories", {"": ((A, W), texts_as_categories)}, why="The values are the same."),
    *unseen(
        "benign: a new surcharge",
        {"": ((A, W), new_surcharge)},
        needs=("total", "tax"),
        why="Half a dollar for each trip, in the parts and in the total: a new tariff.",
    ),
    *unseen(
        "benign: corrected late",
        {"": ((A, W), corrected_late)},
        needs=("fare",),
        why="One fare in two hundred is a little more right than it was.",
    ),
    *unseen(
        "benign: more cards and less cash",
        {"3 points": ((A, W), more_cards)},
        needs=("code",),
        why="People change how they pay.",
    ),
)
