"""Beyond the list, and looked at while the gate was made: columns, units, codes and zones that a pipeline got wrong."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.gate.cases import A, R, W, looked_at
from bench.gate.corrupt.values import exchanged
from bench.gate.sheet import Flags, Sheet

_SALES_TAX = 0.08875
_IMPROVEMENT = (0.3, 1.0)  # dollars a trip, until 2022 and since


# ---- columns that took another's place


def tips_as_fares(sheet: Sheet) -> Sheet:
    return sheet.put("fare", np.round(sheet.values("fare") + sheet.values("tip"), 2)).put("tip", 0.0)


def written_in_two(one: str, other: str, sheet: Sheet) -> Sheet:
    """Write one column also in the place of another."""
    return sheet.put(other, sheet.values(one))


# ---- amounts


def net_of_tax(sheet: Sheet) -> Sheet:
    """Give fares without the sales tax that was in them, and the total by as much less."""
    fare = sheet.values("fare")
    net = np.round(fare / (1 + _SALES_TAX), 2)
    sheet = sheet.put("fare", net)
    if sheet.column("total") in sheet.names:
        sheet = sheet.put("total", np.round(sheet.values("total") - fare + net, 2))
    return sheet


def comma_lost(where: Flags, sheet: Sheet) -> Sheet:
    """Read 12,50 as 1250 and 12,5 as 125: a comma that parts decimals was taken for one that parts thousands."""
    cents = np.round(sheet.values("fare") * 100)
    read = np.where(cents % 100 == 0, cents / 100, np.where(cents % 10 == 0, cents / 10, cents))
    return sheet.put("fare", read, where)


def comma_lost_everywhere(sheet: Sheet) -> Sheet:
    return comma_lost(np.ones(sheet.rows, dtype=bool), sheet)


def comma_lost_in_one(sheet: Sheet) -> Sheet:
    return comma_lost(sheet.from_source(1), sheet)


def surcharge_lost(sheet: Sheet) -> Sheet:
    return sheet.put("surcharge", 0.0)


def surcharge_lost_in_one(sheet: Sheet) -> Sheet:
    return sheet.put("surcharge", 0.0, sheet.from_source(1))


def surcharge_of_another_year(sheet: Sheet) -> Sheet:
    """Charge for improvement what was charged before 2023, or before that what came then; the total by as much less."""
    before = sheet.values("improvement")
    charged = np.where(np.abs(before) == _IMPROVEMENT[0], _IMPROVEMENT[1], _IMPROVEMENT[0])
    now = np.where(before == 0, before, np.sign(before) * charged)
    return sheet.put("improvement", now).put("total", np.round(sheet.values("total") - before + now, 2))


# ---- codes, texts and zones


def default_everywhere(role: str, sheet: Sheet) -> Sheet:
    return sheet.put(role, 1)


def flags_turned(sheet: Sheet) -> Sheet:
    flags = sheet.values("text")
    return sheet.put("text", np.where(flags == "Y", "N", "Y"))


def ids_cut(sheet: Sheet) -> Sheet:
    """Cut the names of bases and companies at their fourth letter."""
    return sheet.put("source", np.array([text[:4] for text in sheet.values("source")], dtype=object))


def empty_as_word(sheet: Sheet) -> Sheet:
    empty = ~sheet.array("blank").combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return sheet.fill("blank", "None", empty)


def empty_as_first_zone(sheet: Sheet) -> Sheet:
    empty = ~sheet.array("sparse").combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return sheet.fill("sparse", 1, empty)


def found_again(sheet: Sheet) -> Sheet:
    """Fill half of the empty fields with values like those of other rows."""
    array = sheet.array("optional").combine_chunks()
    full = array.is_valid().to_numpy(zero_copy_only=False)
    drawn = array.take(pa.array(sheet.rng.choice(np.flatnonzero(full), sheet.rows)))
    return sheet.fill("optional", drawn, ~full & sheet.some(0.5))


def busiest_zone_renamed(sheet: Sheet) -> Sheet:
    """Call the zone with the most pickups by the number that it had on an old map."""
    zones = sheet.values("origin")
    found, counts = np.unique(zones[~np.isnan(zones)], return_counts=True)
    busiest, quietest = found[np.argmax(counts)], found[np.argmin(counts)]
    return sheet.put("origin", quietest, zones == busiest)


def zones_of_an_old_map(sheet: Sheet) -> Sheet:
    """Count every zone from 100 on one higher: a map on which one was not there yet."""
    for role in ("origin", "destination"):
        zones = sheet.values(role)
        sheet = sheet.put(role, zones + 1, (zones >= 100) & (zones < 263))
    return sheet


# ---- the same values in another dress


def by_another_tool(sheet: Sheet) -> bytes:
    """Write the same values with other types, in small row groups, with another compression."""
    buffer = io.BytesIO()
    types = {
        pa.int64(): pa.int32(),
        pa.int32(): pa.int64(),
        pa.large_string(): pa.string(),
        pa.string(): pa.large_string(),
    }
    schema = pa.schema(
        [
            (field.name, pa.timestamp("ms") if pa.types.is_timestamp(field.type) else types.get(field.type, field.type))
            for field in sheet.table.schema
        ]
    )
    pq.write_table(sheet.table.cast(schema), buffer, row_group_size=7_000, compression="snappy")
    return buffer.getvalue()


def columns_turned_round(sheet: Sheet) -> Sheet:
    return sheet.with_table(sheet.table.select(sheet.table.column_names[::-1]))


CASES = (
    *looked_at(
        "tips booked as fares",
        {"": (R, tips_as_fares)},
        guilty=("fare", "tip"),
        why="Two columns mean something else, though the total is right.",
    ),
    *looked_at(
        "tip and tolls swapped",
        {"": (R, partial(exchanged, "tip", "tolls", 1.0))},
        guilty=("tip", "tolls"),
        why="Two columns have each other's values.",
    ),
    *looked_at(
        "two taxes swapped",
        {"": (R, partial(exchanged, "tax", "improvement", 1.0))},
        guilty=("tax", "improvement"),
        why="Two columns have each other's values, though no sum shows it.",
    ),
    *looked_at(
        "fare and driver's pay swapped",
        {"": (R, partial(exchanged, "fare", "pay", 1.0))},
        guilty=("fare", "pay"),
        why="What people pay and what drivers get are each other's.",
    ),
    *looked_at(
        "destination is origin",
        {"": (R, partial(written_in_two, "origin", "destination"))},
        guilty=("destination", "origin"),
        why="One column was written in two: nobody gets anywhere.",
    ),
    *looked_at(
        "total is fare",
        {"": (R, partial(written_in_two, "fare", "total"))},
        guilty=("total", "fare"),
        why="One column was written in two: a third of the money is gone.",
    ),
    *looked_at(
        "request is pickup",
        {"": (R, partial(written_in_two, "event", "request"))},
        guilty=("request", "event"),
        why="One column was written in two: nobody ever waits.",
    ),
    *looked_at(
        "fares net of tax",
        {"": (W, net_of_tax)},
        guilty=("fare", "total"),
        needs=("fare",),
        why="All fares are 8 % lower: a new tariff could do that, so a word about it will do.",
    ),
    *looked_at(
        "decimal comma lost",
        {"second source": (R, comma_lost_in_one), "all": (R, comma_lost_everywhere)},
        guilty=("fare", "total"),
        needs=("fare", "source"),
        why="Fares are 10 or 100 times what they were.",
    ),
    *looked_at(
        "surcharge lost",
        {"second source": (W, surcharge_lost_in_one), "all": (R, surcharge_lost)},
        guilty=("surcharge", "total"),
        needs=("surcharge", "source"),
        why="A charge that nobody has lifted is 0 in each row, or in each fifth one.",
    ),
    *looked_at(
        "a surcharge of another year",
        {"": (W, surcharge_of_another_year)},
        guilty=("improvement", "total"),
        why="Each trip is 70 cents cheaper or dearer than the tariff has it: worth a word.",
    ),
    *looked_at(
        "all trips at the standard rate",
        {"": (W, partial(default_everywhere, "rate"))},
        guilty=("rate",),
        why="Five rows of a hundred lost their code, among them all trips to airports.",
    ),
    *looked_at(
        "one passenger in each trip",
        {"": (R, partial(default_everywhere, "passengers"))},
        guilty=("passengers",),
        why="A default in each row: the column says nothing any more.",
    ),
    *looked_at(
        "flags turned round",
        {"": (R, flags_turned)},
        guilty=("text",),
        needs=("text", "fare"),
        why="Yes is no, and no is yes.",
    ),
    *looked_at(
        "names of sources cut short",
        {"": (R, ids_cut)},
        guilty=("source",),
        needs=("source", "twin"),
        why="Different bases have one name, and no list knows it.",
    ),
    *looked_at(
        "empty texts written as a word",
        {"": (W, empty_as_word)},
        guilty=("blank",),
        why="What nobody knew reads as a value that is called None.",
    ),
    *looked_at(
        "empty zones filled with the first",
        {"": (R, empty_as_first_zone)},
        guilty=("sparse",),
        why="Three trips of four seem to begin at an airport in New Jersey.",
    ),
    *looked_at(
        "benign: empty fields found",
        {"half of them": ((A, W), found_again)},
        needs=("passengers",),
        why="The data got better.",
    ),
    *looked_at(
        "busiest zone by another number",
        {"": (W, busiest_zone_renamed)},
        guilty=("origin",),
        why="One trip of 25 begins somewhere else: the best known zone is gone.",
    ),
    *looked_at(
        "zones of an old map",
        {"": (R, zones_of_an_old_map)},
        guilty=("origin", "destination"),
        why="Most trips begin or end next door.",
    ),
    *looked_at("benign: written by another tool", {"": ((A, W), by_another_tool)}, why="The values are the same."),
    *looked_at(
        "benign: columns in another order", {"": ((A, W), columns_turned_round)}, why="The values are the same."
    ),
)
