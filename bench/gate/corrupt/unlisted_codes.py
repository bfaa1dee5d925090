"""Beyond the list that the gate was made by: codes, zones and texts that changed their meaning or their letters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.gate.cases import R, W, kind, unlisted
from bench.gate.corrupt.values import exchanged
from bench.gate.sheet import Sheet


def payments_swapped(sheet: Sheet) -> Sheet:
    """Call cash card and card cash."""
    codes = sheet.values("code")
    return sheet.put("code", 2, codes == 1).put("code", 1, codes == 2)


def sources_swapped(sheet: Sheet) -> Sheet:
    first, second = sheet.from_source(0), sheet.from_source(1)
    values = sheet.values("source")
    one, other = values[np.flatnonzero(first)[0]], values[np.flatnonzero(second)[0]]
    return sheet.put("source", other, first).put("source", one, second)


def zones_from_zero(sheet: Sheet) -> Sheet:
    """Count the zones from 0, as an index does."""
    return sheet.put("origin", sheet.values("origin") - 1).put("destination", sheet.values("destination") - 1)


def zones_unknown(share: float, sheet: Sheet) -> Sheet:
    return sheet.put("origin", 264, sheet.some(share))


def reworded(change: Callable[[str], str], share: float, sheet: Sheet) -> Sheet:
    texts = [None if text is None else change(text) for text in sheet.values("text")]
    return sheet.put("text", np.array(texts, dtype=object), sheet.some(share))


def padded(text: str) -> str:
    return f"{text}   "


def emptied(_: str) -> str:
    return ""


def wrongly_decoded(text: str) -> str:
    return f"Ã¯{text}"


CASES = (
    *kind(
        "categories swapped",
        {"card and cash": (R, payments_swapped)},
        guilty=("code",),
        why="Cash has become card: every share is another one.",
    ),
    *unlisted(
        "sources swapped",
        {"first and second": (R, sources_swapped)},
        guilty=("source",),
        why="The large vendor has become the small one.",
    ),
    *unlisted(
        "pickup and dropoff zones exchanged",
        {"all": (R, partial(exchanged, "origin", "destination", 1.0))},
        guilty=("origin", "destination"),
        why="Every trip goes the wrong way.",
    ),
    *unlisted(
        "zones counted from 0",
        {"": (R, zones_from_zero)},
        guilty=("origin", "destination"),
        why="Every trip begins and ends next door.",
    ),
    *unlisted(
        "zones unknown",
        {"10 %": (W, partial(zones_unknown, 0.1)), "half": (R, partial(zones_unknown, 0.5))},
        guilty=("origin",),
        why="264 is a good code that says nothing.",
    ),
    *unlisted(
        "texts in other letters",
        {
            "padded, all": (R, partial(reworded, padded, 1.0)),
            "lower case, half": (R, partial(reworded, str.lower, 0.5)),
            "wrong encoding, 10 %": (W, partial(reworded, wrongly_decoded, 0.1)),
        },
        guilty=("text",),
        why="What groups by them finds others: all or half of the rows are recoded.",
    ),
    *unlisted(
        "empty texts",
        {"3 %": (W, partial(reworded, emptied, 0.03)), "all": (R, partial(reworded, emptied, 1.0))},
        guilty=("text",),
        why="An empty text passes for a value and says nothing.",
    ),
)
