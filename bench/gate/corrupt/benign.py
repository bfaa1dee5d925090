"""What happens in good months: nobody should be kept from them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from bench.gate.cases import A, W, kind
from bench.gate.sheet import Sheet


def dearer(sheet: Sheet) -> Sheet:
    """Raise every fare by 1 %, and the total by as much."""
    fare = sheet.values("fare")
    rise = np.round(fare * 0.01, 2)
    sheet = sheet.put("fare", np.round(fare + rise, 2))
    if sheet.column("total") in sheet.names:
        sheet = sheet.put("total", np.round(sheet.values("total") + rise, 2))
    return sheet


def quiet_day(share: float, sheet: Sheet) -> Sheet:
    """Leave only this share of the traffic of the twelfth day."""
    return sheet.kept((sheet.days() != 11) | sheet.some(share))


def quiet_days(share: float, sheet: Sheet) -> Sheet:
    return sheet.kept(~np.isin(sheet.days(), (11, 12)) | sheet.some(share))


def marathon(sheet: Sheet) -> Sheet:
    """Make one day a quarter busier, by trips of its middle that were not there."""
    at_noon = (sheet.days() == 6) & (sheet.hours() >= 9) & (sheet.hours() < 17) & sheet.some(0.5)
    more = sheet.kept(at_noon)
    times = {role: more.values(role) + np.timedelta64(97, "s") for role in ("event", "end")}
    for role, values in times.items():
        more = more.put(role, values)
    return sheet.with_table(pa.concat_tables([sheet.table, more.table]))


def fee_renamed(sheet: Sheet) -> Sheet:
    other = {"airport_fee": "Airport_fee", "Airport_fee": "airport_fee"}
    return sheet.with_table(sheet.table.rename_columns([other.get(name, name) for name in sheet.table.column_names]))


def new_column(sheet: Sheet) -> Sheet:
    values = pa.array(np.round(sheet.rng.uniform(0, 3, sheet.rows), 2))
    return sheet.with_table(sheet.table.append_column("clean_air_fee", values))


def shuffled(sheet: Sheet) -> Sheet:
    return sheet.taken(sheet.rng.permutation(sheet.rows))


CASES = (
    *kind("benign: fares +1 %", {"": ((A, W), dearer)}, needs=("fare",)),
    *kind("benign: a holiday", {"": ((A, W), partial(quiet_day, 0.6))}),
    *kind("benign: a marathon", {"": ((A, W), marathon)}),
    *kind("benign: a snowstorm", {"": ((A, W), partial(quiet_days, 0.25))}),
    *kind("benign: airport_fee in other letters", {"": ((A, W), fee_renamed)}, needs=("fee",)),
    *kind("benign: a new column", {"": ((A, W), new_column)}),
    *kind("benign: rows in another order", {"": ((A, W), shuffled)}),
)
