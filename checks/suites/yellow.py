"""Checks of yellow taxis' months."""

from __future__ import annotations

from checks import kinds
from checks.suites import tlc
from tidemark.months import Month

SUITE = (
    *tlc.metered("YELLOW"),
    kinds.present(
        "YELLOW-MTA-TAX-PRESENT",
        "mta_tax",
        mostly=0.01,
        since=Month(2009, 11),
        reason="A required column that is all but empty is as good as missing; the tax is levied since November 2009.",
    ),
)
