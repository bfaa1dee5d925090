"""A known change covers what was accepted and no more, and what was let through is no measure for later months."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from checks.history import judge
from tests.gate.test_history import (
    GREEN,
    LAST,
    Change,
    generated,
    later,
    nothing,
    on_day,
    profile_of,
    some,
    where,
)
from tidemark.history import Acceptance, History, PastMonth
from tidemark.months import Month, months_between
from tidemark.profile import Profile, profile_month
from tidemark.verdict import Finding, Severity

FIRST, CHANGED, BEFORE = Month(2023, 3), Month(2023, 6), Month(2023, 8)
VOLUME, CLOCK, PAYMENTS = "GREEN-VOLUME", "GREEN-PICKUP-DATETIME-CLOCK", "GREEN-PAYMENT-TYPE-CODES"
ROWS = 12_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("months")


@pytest.fixture(scope="module")
def history(folder: Path) -> History:
    """Six clean months; a change that begins in June has three of them on either side."""
    months = months_between(FIRST, BEFORE)
    return History(months=tuple(past(month, profile_month(GREEN, month, generated(folder, month))) for month in months))


@pytest.fixture(scope="module")
def clean(folder: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(generated(folder, LAST)).to_pandas()
    return frame


@pytest.fixture(scope="module")
def collapsed(history: History, clean: pd.DataFrame, folder: Path) -> History:
    """The same six months, of which the last three have a tenth of the rows, as it was accepted."""
    small = profile_of(clean[some(clean, 0.1)], folder)
    fallen = tuple(past(each.month, small, {VOLUME}) for each in history.months[3:])
    return History(months=(*history.months[:3], *fallen), acceptances=(accepted(CHANGED),))


def past(month: Month, profile: Profile, rejected: frozenset[str] | set[str] = frozenset()) -> PastMonth:
    return PastMonth(month=month, load_id=month.yyyymm, profile=profile, rejected_codes=frozenset(rejected))


def accepted(first: Month, last: Month | None = None, code: str = VOLUME, rows: int | None = None) -> Acceptance:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    return Acceptance(
        dataset="green", code=code, first=first, last=last, by="Ada", reason="a lockdown", at=at, rows=rows
    )


def judged(frame: pd.DataFrame, folder: Path, history: History, month: Month = LAST) -> dict[str, Finding]:
    """What did not pass, by code."""
    findings = judge(GREEN, month, profile_of(frame, folder, month), history)
    return {finding.code: finding for finding in findings if not finding.passed}


def blocking(findings: dict[str, Finding]) -> set[str]:
    return {code for code, finding in findings.items() if finding.blocks}


def times(factor: int) -> Change:
    """So many times the rows; those that come again are not the same."""

    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        copies = [
            frame.assign(trip_distance=frame["trip_distance"] + n / 100, total_amount=frame["total_amount"] + n / 100)
            for n in range(factor)
        ]
        return pd.concat(copies)

    return damaged


def paid_otherwise(share: float) -> Change:
    return where(share, "payment_type", lambda codes: codes % 2 + 1)


# ---- a change that is accepted for good covers the volume, at its level


COVERED_BY_NOBODY: dict[str, tuple[Change, str]] = {
    "three days gone": (
        lambda f: f[~f["lpep_pickup_datetime"].dt.day.isin([8, 9, 10])],
        "GREEN-PICKUP-DATETIME-DAYS",
    ),
    "a day gone": (on_day(9, 0.0), "GREEN-PICKUP-DATETIME-DAYS"),
    "all clocks five hours late": (later(5), CLOCK),
    "a tenth of the fares tenfold": (
        where(0.1, "fare_amount", lambda fares: fares * 10),
        "GREEN-FARE-AMOUNT-QUANTILES",
    ),
    "fares empty in a hundredth": (where(0.01, "fare_amount", nothing), "GREEN-FARE-AMOUNT-NULLS"),
    "payments recoded": (paid_otherwise(0.6), PAYMENTS),
    "nine tenths of the rows gone": (lambda frame: frame[some(frame, 0.1)], VOLUME),
    "three times the rows": (times(3), VOLUME),
}


@pytest.mark.parametrize("kind", COVERED_BY_NOBODY)
def test_an_accepted_volume_lets_nothing_through_in_a_month_of_the_usual_volume(
    kind: str, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    damage, code = COVERED_BY_NOBODY[kind]
    for_good = replace(history, acceptances=(accepted(CHANGED),))

    assert code in blocking(judged(damage(clean), tmp_path, for_good))


@pytest.mark.parametrize(
    ("left", "severity"), [(0.1, Severity.WARN), (0.4, Severity.WARN), (0.04, Severity.REJECT), (3.0, Severity.REJECT)]
)
def test_three_months_of_a_collapse_are_its_measure(
    left: float, severity: Severity, clean: pd.DataFrame, collapsed: History, tmp_path: Path
) -> None:
    frame = clean[some(clean, left)] if left < 1 else times(int(left))(clean)
    volume = judged(frame, tmp_path, collapsed)[VOLUME]

    assert volume.severity is severity
    assert volume.softened is (severity is Severity.WARN)
    assert volume.reason.endswith(" Accepted by Ada: a lockdown.") is volume.softened


def test_a_month_that_has_recovered_before_the_end_of_a_collapse_passes(
    clean: pd.DataFrame, collapsed: History, tmp_path: Path
) -> None:
    assert VOLUME not in judged(clean, tmp_path, collapsed)


@pytest.mark.parametrize(("rows", "covers"), [(None, "fall"), (ROWS // 10, "fall"), (3 * ROWS, "rise")])
def test_the_first_months_of_a_change_may_only_go_where_the_accepted_one_went(
    rows: int | None, covers: str, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    known = replace(history, acceptances=(accepted(LAST, rows=rows),))
    fall = judged(clean[some(clean, 0.1)], tmp_path, known)[VOLUME]
    rise = judged(times(3)(clean), tmp_path, known)[VOLUME]

    assert {"fall": fall.softened, "rise": rise.softened} == {"fall": covers == "fall", "rise": covers == "rise"}
    assert fall.blocks is not fall.softened
    assert rise.blocks is not rise.softened


def test_another_collapse_within_an_accepted_one_can_be_accepted_too(
    clean: pd.DataFrame, collapsed: History, tmp_path: Path
) -> None:
    less = clean[some(clean, 0.04)]
    known = replace(collapsed, acceptances=(*collapsed.acceptances, accepted(LAST, LAST)))

    assert judged(less, tmp_path, collapsed)[VOLUME].severity is Severity.REJECT
    assert judged(less, tmp_path, known)[VOLUME].severity is Severity.WARN


def test_a_month_that_was_released_is_no_measure_within_a_change_either(
    clean: pd.DataFrame, collapsed: History, tmp_path: Path
) -> None:
    released = tuple(
        replace(each, released_codes=frozenset({VOLUME})) if each.month >= CHANGED else each
        for each in collapsed.months
    )

    assert collapsed.baseline_of(VOLUME, LAST) == collapsed.months[3:]
    assert replace(collapsed, months=released).baseline_of(VOLUME, LAST) == released[:3]


def test_another_accepted_check_is_judged_by_the_months_of_its_change(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    otherwise = profile_of(paid_otherwise(0.5)(clean), tmp_path)
    changed = tuple(past(each.month, otherwise, {PAYMENTS}) for each in history.months[3:])
    known = History(months=(*history.months[:3], *changed), acceptances=(accepted(CHANGED, code=PAYMENTS),))
    cash_only = where(1.1, "payment_type", lambda codes: 2)(clean)

    assert PAYMENTS not in judged(paid_otherwise(0.5)(clean), tmp_path, known)
    assert judged(clean, tmp_path, known)[PAYMENTS].severity is Severity.WARN  # as before what was to be for good
    assert PAYMENTS in blocking(judged(cash_only, tmp_path, known))


def test_days_that_are_accepted_to_be_missing_stay_accepted(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    code = "GREEN-PICKUP-DATETIME-DAYS"
    known = replace(history, acceptances=(accepted(CHANGED, code=code),))
    findings = judged(on_day(9, 0.0)(clean), tmp_path, known)

    assert (findings[code].severity, findings[code].softened) == (Severity.WARN, True)


# ---- what follows from a collapse


def test_a_slight_change_of_habits_only_warns_in_an_accepted_collapse(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    fewer = paid_otherwise(0.6)(clean[some(clean, 0.2)])
    known = replace(history, acceptances=(accepted(LAST, LAST),))
    before, after = judged(fewer, tmp_path, history), judged(fewer, tmp_path, known)

    assert {VOLUME, PAYMENTS} <= blocking(before)
    assert not blocking(after) & {VOLUME, PAYMENTS}
    assert after[PAYMENTS].softened
    assert "follows" not in after[PAYMENTS].reason
    assert "an accepted collapse" in after[PAYMENTS].reason


FOLLOWS_FROM_NO_COLLAPSE: dict[str, tuple[Change, str]] = {
    kind: COVERED_BY_NOBODY[kind]
    for kind in ("three days gone", "all clocks five hours late", "fares empty in a hundredth")
} | {
    "a tenth of the fares tenfold": COVERED_BY_NOBODY["a tenth of the fares tenfold"],
    "nearly all paid otherwise": (paid_otherwise(0.9), PAYMENTS),
    "fares in cents": (where(1.1, "fare_amount", lambda fares: fares * 100), "GREEN-FARE-AMOUNT-QUANTILES"),
    "a tenth of the rows twice": (lambda f: pd.concat([f, f[some(f, 0.1)]]), "GREEN-DUPLICATES"),
    "times exchanged": (
        lambda f: f.rename(
            columns={
                "lpep_pickup_datetime": "lpep_dropoff_datetime",
                "lpep_dropoff_datetime": "lpep_pickup_datetime",
            }
        ),
        "GREEN-DROPOFF-DATETIME-ORDER",
    ),
    "totals off": (where(0.6, "total_amount", lambda totals: totals + 30), "GREEN-TOTAL-AMOUNT-TOTAL"),
}


@pytest.mark.parametrize("kind", FOLLOWS_FROM_NO_COLLAPSE)
def test_what_does_not_follow_from_a_collapse_rejects_also_while_it_is_accepted(
    kind: str, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    damage, code = FOLLOWS_FROM_NO_COLLAPSE[kind]
    known = replace(history, acceptances=(accepted(LAST, LAST),))
    findings = judged(damage(clean[some(clean, 0.3)]), tmp_path, known)

    assert findings[VOLUME].severity is Severity.WARN
    assert code in blocking(findings)


# ---- what was let through is no measure


def test_what_was_softened_is_no_measure_for_the_months_after(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    otherwise = paid_otherwise(0.6)
    known = replace(history, months=history.months[:-1], acceptances=(accepted(BEFORE, BEFORE),))
    august = otherwise(clean[some(clean, 0.2)]).assign(
        lpep_pickup_datetime=lambda f: f["lpep_pickup_datetime"] - pd.Timedelta(days=31),
        lpep_dropoff_datetime=lambda f: f["lpep_dropoff_datetime"] - pd.Timedelta(days=31),
    )
    softened = {code for code, each in judged(august, tmp_path, known, BEFORE).items() if each.softened}
    profile = profile_of(august, tmp_path, BEFORE)
    marked, unmarked = (
        replace(known, months=(*known.months, past(BEFORE, profile, codes))) for codes in (softened, set[str]())
    )

    assert {VOLUME, PAYMENTS} <= softened
    assert PAYMENTS in blocking(judged(otherwise(clean), tmp_path, marked))
    assert PAYMENTS not in blocking(judged(otherwise(clean), tmp_path, unmarked))


@pytest.mark.parametrize(
    ("damage", "code"),
    [(later(5), CLOCK), (where(0.015, "fare_amount", nothing), "GREEN-FARE-AMOUNT-NULLS")],
    ids=["five hours late", "fares empty"],
)
def test_a_fault_that_was_released_in_a_collapse_is_found_again_in_the_next_month(
    damage: Change, code: str, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    august = past(BEFORE, profile_of(damage(clean[some(clean, 0.2)]), tmp_path, BEFORE), {VOLUME, code})
    known = History(
        months=(*history.months[:-1], replace(august, released_codes=frozenset({code}))),
        acceptances=(accepted(BEFORE, BEFORE),),
    )

    assert code in blocking(judged(damage(clean), tmp_path, known))


# ---- a pandemic


def test_the_months_of_an_accepted_collapse_warn_and_those_after_it_are_judged_by_those_before(
    clean: pd.DataFrame, history: History, folder: Path, tmp_path: Path
) -> None:
    left = dict(zip(months_between(CHANGED, Month(2023, 12)), (0.47, 0.1, 0.06, 0.13, 0.2, 0.3, 0.44), strict=True))
    known = History(months=history.months[:3], acceptances=(accepted(CHANGED, Month(2023, 12), rows=ROWS // 3),))
    for month, share in left.items():
        frame = pq.read_table(generated(folder, month)).to_pandas()
        profile = profile_of(frame[some(frame, share)], tmp_path, month)
        findings = judge(GREEN, month, profile, known)
        (volume,) = (finding for finding in findings if finding.code == VOLUME)
        assert (volume.passed, volume.severity, volume.softened) == (False, Severity.WARN, True), month
        assert not [finding for finding in findings if finding.blocks], month
        softened = frozenset(finding.code for finding in findings if finding.softened)
        known = replace(known, months=(*known.months, past(month, profile, softened)))
    after = Month(2024, 1)
    whole = pq.read_table(generated(folder, after)).to_pandas()

    assert VOLUME not in judged(whole, tmp_path, known, after)
    assert "from 2023-03 to 2023-05" in judged(whole[some(whole, 0.2)], tmp_path, known, after)[VOLUME].expected
    assert VOLUME in blocking(judged(whole[some(whole, 0.2)], tmp_path, known, after))
