"""Codes that were never there, and codes that took the place of others."""

from __future__ import annotations

from functools import partial

from bench.gate.cases import R, W, kind
from bench.gate.sheet import Sheet

_NEW = {"vendor_id": 9, "payment_type": 42, "hvfhs_license_num": "HV0009", "dispatching_base_num": "B77777"}


def new_code(role: str, share: float, sheet: Sheet) -> Sheet:
    return sheet.put(role, _NEW[sheet.column(role)], sheet.some(share))


CASES = (
    *kind(
        "new code of a source",
        {
            "0.1 %": (W, partial(new_code, "source", 0.001)),
            "10 %": (W, partial(new_code, "source", 0.1)),
            "half recoded": (R, partial(new_code, "source", 0.5)),
        },
        guilty=("source",),
    ),
    *kind(
        "new code of payment",
        {
            "0.1 %": (W, partial(new_code, "code", 0.001)),
            "10 %": (W, partial(new_code, "code", 0.1)),
            "half recoded": (R, partial(new_code, "code", 0.5)),
        },
        guilty=("code",),
    ),
)
