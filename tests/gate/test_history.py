"""The month against the months before it: clean ones pass, broken ones do not, and each says why and since when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checks.history import history_checks, judge
from checks.history.bands import band
from checks.history.rows import forecast
from checks.history.signals import code_of
from demo.generate import write_month
from tests.depot import RIDES, write_rides
from tests.months import REAL_FILES
from tidemark.datasets import green
from tidemark.datasets.registry import BUILT_IN
from tidemark.history import Acceptance, History, PastMonth
from tidemark.months import Month, months_between
from tidemark.profile import Profile, profile_month
from tidemark.verdict import Finding, Severity, gravest_first

GREEN = green.DATASET
FIRST, LAST = Month(2023, 4), Month(2023, 9)
ROWS = 12_000
DAY = pd.Timedelta(days=1)
PICKUP, DROPOFF = "lpep_pickup_datetime", "lpep_dropoff_datetime"

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("months")


@pytest.fixture(scope="module")
def history(folder: Path) -> History:
    """Five clean months."""
    months = months_between(FIRST, LAST)[:-1]
    return of_profiles([(month, profile_month(GREEN, month, generated(folder, month))) for month in months])


@pytest.fixture(scope="module")
def clean(folder: Path) -> pd.DataFrame:
    """The month after these, as a frame to damage."""
    frame: pd.DataFrame = pq.read_table(generated(folder, LAST)).to_pandas()
    return frame


def generated(folder: Path, month: Month, rows: int = ROWS) -> Path:
    return write_month(folder, "green", month, rows=rows, seed=month.yyyymm)


def of_profiles(profiles: Iterable[tuple[Month, Profile]], acceptances: tuple[Acceptance, ...] = ()) -> History:
    months = tuple(
        PastMonth(month=month, load_id=number, profile=each) for number, (month, each) in enumerate(profiles)
    )
    return History(months=months, acceptances=acceptances)


def profile_of(frame: pd.DataFrame, folder: Path, month: Month = LAST) -> Profile:
    path = folder / "damaged.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    return profile_month(GREEN, month, path)


def failed(frame: pd.DataFrame, folder: Path, history: History, month: Month = LAST) -> tuple[Finding, ...]:
    findings = judge(GREEN, month, profile_of(frame, folder, month), history)
    return tuple(finding for finding in gravest_first(findings) if not finding.passed)


def some(frame: pd.DataFrame, share: float) -> Any:
    return np.random.default_rng(5).random(len(frame)) < share


def where(share: float, column: str, change: Callable[[Any], Any]) -> Change:
    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        chosen, result = some(frame, share), frame.copy()
        result.loc[chosen, column] = change(frame.loc[chosen, column])
        return result

    return damaged


def later(hours: int, vendor: int | None = None) -> Change:
    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        chosen = frame["VendorID"] == vendor if vendor else frame["VendorID"] > 0
        result = frame.copy()
        for column in (PICKUP, DROPOFF):
            result.loc[chosen, column] += pd.Timedelta(hours=hours)
        return result

    return damaged


def exchanged(share: float, one: str, other: str) -> Change:
    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        chosen, result = some(frame, share), frame.copy()
        result.loc[chosen, one], result.loc[chosen, other] = frame.loc[chosen, other], frame.loc[chosen, one]
        return result

    return damaged


def on_day(number: int, keep: float) -> Change:
    return lambda frame: frame[(frame[PICKUP].dt.day != number) | some(frame, keep)]


def twice(share: float) -> Change:
    return lambda frame: pd.concat([frame, frame[some(frame, share)]])


def nothing(values: Any) -> None:
    return None


def on_days(first: int, last: int, column: str, change: Callable[[Any], Any]) -> Change:
    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        chosen = frame[PICKUP].dt.day.between(first, last)
        return frame.assign(**{column: frame[column].mask(chosen, change(frame[column]))})

    return damaged


def silent(vendor: int, first: int, last: int) -> Change:
    return lambda f: f[(f["VendorID"] != vendor) | ~f[PICKUP].dt.day.between(first, last)]


def moved_by_rows(column: str) -> Change:
    return lambda frame: frame.assign(**{column: np.roll(frame[column], 1)})


def again(chosen: Callable[[pd.DataFrame], Any], **change: Callable[[Any], Any]) -> Change:
    """Add some rows once more, with one or more columns changed."""

    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        copies = frame[chosen(frame)].copy()
        for column, changed in change.items():
            copies[column] = changed(copies[column])
        both: pd.DataFrame = pd.concat([frame, copies])
        return both

    return damaged


def one_day_as_another(frame: pd.DataFrame) -> pd.DataFrame:
    copies = frame[frame[PICKUP].dt.day == 5].copy()
    for column in (PICKUP, DROPOFF):
        copies[column] += 7 * DAY
    replaced: pd.DataFrame = pd.concat([frame[frame[PICKUP].dt.day != 12], copies])
    return replaced


def without_hours(count: int) -> Change:
    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        busy = [24 * day + 9 + day % 10 for day in range(30)][:count]
        kept: pd.DataFrame = frame[~(24 * (frame[PICKUP].dt.day - 1) + frame[PICKUP].dt.hour).isin(busy)]
        return kept

    return damaged


def clock_in_a_week(frame: pd.DataFrame) -> pd.DataFrame:
    chosen = frame[PICKUP].dt.day.between(8, 15)
    return frame.assign(**{name: frame[name].mask(chosen, frame[name] + 5 * DAY / 24) for name in (PICKUP, DROPOFF)})


def without(day: int, hour: int, hours: int) -> Change:
    def damaged(frame: pd.DataFrame) -> pd.DataFrame:
        since = (frame[PICKUP] - pd.Timestamp(LAST.first_day)) / pd.Timedelta(hours=1) - 24 * (day - 1) - hour
        kept: pd.DataFrame = frame[(since < 0) | (since >= hours)]
        return kept

    return damaged


REJECTED: dict[str, tuple[Change, set[str | None]]] = {
    "half of the rows lost": (lambda frame: frame[some(frame, 0.5)], {None}),
    "cut in the middle": (lambda frame: frame.iloc[: len(frame) // 2], {"pickup_datetime"}),
    "a day missing": (on_day(9, 0.0), {"pickup_datetime"}),
    "a twentieth of the rows twice": (twice(0.05), {None}),
    "all rows twice": (twice(1.1), {None}),
    "a twentieth in another year": (where(0.05, PICKUP, lambda times: times - 400 * DAY), {"pickup_datetime"}),
    "all clocks five hours late": (later(5), {"pickup_datetime"}),
    "the clock of one vendor five hours late": (later(5, vendor=1), {"pickup_datetime"}),
    "times exchanged": (exchanged(0.1, PICKUP, DROPOFF), {"pickup_datetime", "dropoff_datetime"}),
    "fares empty in a hundredth": (where(0.01, "fare_amount", nothing), {"fare_amount"}),
    "passengers empty in half": (where(0.6, "passenger_count", nothing), {"passenger_count"}),
    "fares in cents": (where(1.1, "fare_amount", lambda fares: fares * 100), {"fare_amount"}),
    "a tenth of the distances tenfold": (where(0.1, "trip_distance", lambda miles: miles * 10), {"trip_distance"}),
    "kilometres": (where(1.1, "trip_distance", lambda miles: miles * 1.609), {"trip_distance"}),
    "a tenth of the fares below zero": (where(0.1, "fare_amount", lambda fares: -fares), {"fare_amount"}),
    "fares and distances exchanged": (exchanged(0.5, "fare_amount", "trip_distance"), {"fare_amount", "trip_distance"}),
    "fares all the same": (where(1.1, "fare_amount", lambda fares: 12.5), {"fare_amount"}),
    "tips and tolls exchanged": (exchanged(1.1, "tip_amount", "tolls_amount"), {"tip_amount", "tolls_amount"}),
    "totals off in half of the rows": (where(0.5, "total_amount", lambda totals: totals + 3), {"total_amount"}),
    "payments half recoded": (where(0.5, "payment_type", lambda codes: 77), {"payment_type"}),
    "a code replaced": (lambda f: f.assign(payment_type=f["payment_type"].replace(2, 5)), {"payment_type"}),
    "fares empty in one week": (on_days(8, 14, "fare_amount", lambda fares: np.nan), {"fare_amount"}),
    "fares all the same in ten days": (on_days(8, 17, "fare_amount", lambda fares: 12.5), {"fare_amount"}),
    "cents from the middle on": (on_days(16, 30, "fare_amount", lambda fares: fares * 100), {"fare_amount"}),
    "all clocks late for a week": (clock_in_a_week, {"pickup_datetime"}),
    "a vendor silent for half of the month": (silent(1, 16, 30), {"vendor_id"}),
    "an hour gone from every day": (lambda f: f[f[PICKUP].dt.hour != 14], {"pickup_datetime"}),
    "thirty hours gone here and there": (without_hours(30), {"pickup_datetime"}),
    "one vendor's rows again as another's": (again(lambda f: f["VendorID"] == 1, VendorID=lambda v: v + 1), {None}),
    "a tenth again with other fares": (again(lambda f: some(f, 0.1), fare_amount=lambda fares: fares + 1), {None}),
    "fares moved by a row": (moved_by_rows("fare_amount"), {"fare_amount"}),
    "times that are the same": (lambda f: f.assign(**{DROPOFF: f[PICKUP]}), {"dropoff_datetime"}),
    "zones that are the same": (
        lambda f: f.assign(DOLocationID=f["PULocationID"]),
        {"do_location_id", "pu_location_id"},
    ),
    "distances without fractions": (where(1.1, "trip_distance", np.floor), {"trip_distance"}),
    "minutes cut off": (
        lambda f: f.assign(**{PICKUP: f[PICKUP].dt.floor("h")}),
        {"pickup_datetime", "dropoff_datetime"},
    ),
    "all clocks an hour late": (later(1), {"pickup_datetime"}),
    "no weekend": (lambda f: f[f[PICKUP].dt.day_of_week < 5], {"pickup_datetime"}),
    "thinner and thinner up to the last day": (
        lambda f: f[np.random.default_rng(3).random(len(f)) < (30.6 - f[PICKUP].dt.day) / 5],
        {"pickup_datetime"},
    ),
    "the dearest fifth cut off": (
        lambda f: f[f["fare_amount"] < f["fare_amount"].quantile(0.8)],
        {"fare_amount", "total_amount", "trip_distance"},
    ),
    "a day missing that begins at eight": (without(11, 8, 24), {"pickup_datetime"}),
    "two taxes exchanged": (exchanged(1.1, "mta_tax", "improvement_surcharge"), {"mta_tax", "improvement_surcharge"}),
}

WARNED: dict[str, tuple[Change, set[str | None]]] = {
    "a quarter of the rows lost": (lambda frame: frame[some(frame, 0.75)], {None}),
    "a hundredth of the rows twice": (twice(0.01), {None}),
    "a tenth in kilometres": (
        where(0.1, "trip_distance", lambda miles: miles * 1.609),
        {"trip_distance", "fare_amount"},
    ),
    "a tenth of the fares and distances exchanged": (
        exchanged(0.1, "fare_amount", "trip_distance"),
        {"fare_amount", "trip_distance"},
    ),
    "a new code": (where(0.02, "payment_type", lambda codes: 77), {"payment_type"}),
    "a tenth of the totals off": (where(0.1, "total_amount", lambda totals: totals + 3), {"total_amount"}),
    "a hundredth of the fares tenfold": (where(0.02, "fare_amount", lambda fares: fares * 10), {"fare_amount"}),
    "a day that repeats another": (one_day_as_another, {None}),
    "times without seconds": (
        lambda f: f.assign(**{name: f[name].dt.floor("min") for name in (PICKUP, DROPOFF)}),
        {"pickup_datetime", "dropoff_datetime"},
    ),
    "an hour late from the 21st on": (
        lambda f: f.assign(**{n: f[n].mask(f[PICKUP].dt.day > 20, f[n] + DAY / 24) for n in (PICKUP, DROPOFF)}),
        {"pickup_datetime"},
    ),
    "a fiftieth of the fares and all above cut off": (
        lambda f: f[f["fare_amount"] < f["fare_amount"].quantile(0.98)],
        {"fare_amount", "total_amount", "trip_distance"},
    ),
    "zones unknown in a tenth": (where(0.1, "PULocationID", lambda zones: 264), {"pu_location_id"}),
    "half a day missing": (without(11, 8, 12), {"pickup_datetime"}),
    "half of the last day": (lambda f: f[(f[PICKUP].dt.day != 30) | some(f, 0.45)], {"pickup_datetime"}),
    "a vendor silent for three days": (silent(1, 9, 11), {"vendor_id"}),
    "ten hours gone here and there": (without_hours(10), {"pickup_datetime"}),
    "distances in tenths": (where(1.1, "trip_distance", lambda miles: miles.round(1)), {"trip_distance"}),
    "fares empty on one day": (
        on_days(9, 9, "congestion_surcharge", lambda fees: np.nan),
        {"congestion_surcharge"},
    ),
    "one day of other units": (
        lambda f: f.assign(fare_amount=f["fare_amount"].where(f[PICKUP].dt.day != 12, f["fare_amount"] * 100)),
        {"fare_amount"},
    ),
}

PASSED: dict[str, Change] = {
    "as it is": lambda frame: frame,
    "a snowstorm": on_day(9, 0.2),
    "a feast": on_day(25, 0.6),
    "one absurd fare": lambda f: f.assign(fare_amount=f["fare_amount"].where(f.index != 7, 9e6)),
    "in another order": lambda frame: frame.sample(frac=1, random_state=1),
    "in the order of its times": lambda frame: frame.sort_values(PICKUP),
    "passengers empty in a hundredth more": where(0.01, "passenger_count", nothing),
    "a column that is new": lambda frame: frame.assign(cbd_congestion_fee=0.75),
}


@pytest.mark.parametrize("kind", REJECTED)
def test_a_broken_month_is_rejected_and_the_guilty_column_is_told_first(
    kind: str, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    damage, guilty = REJECTED[kind]
    findings = failed(damage(clean), tmp_path, history)

    assert findings
    assert findings[0].severity is Severity.REJECT
    assert findings[0].gravity >= 1
    assert findings[0].column in guilty


@pytest.mark.parametrize("kind", WARNED)
def test_an_odd_month_is_warned_about_and_the_guilty_column_is_told_first(
    kind: str, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    damage, guilty = WARNED[kind]
    findings = failed(damage(clean), tmp_path, history)

    assert findings
    assert {finding.severity for finding in findings} == {Severity.WARN}
    assert 0.3 <= findings[0].gravity < 1
    assert findings[0].column in guilty


@pytest.mark.parametrize("kind", PASSED)
def test_an_honest_month_is_not_rejected(kind: str, clean: pd.DataFrame, history: History, tmp_path: Path) -> None:
    assert not [f for f in failed(PASSED[kind](clean), tmp_path, history) if f.blocks]


def test_a_clean_month_is_not_even_warned_about(clean: pd.DataFrame, history: History, tmp_path: Path) -> None:
    assert failed(clean, tmp_path, history) == ()


def test_last_months_rows_under_new_dates_are_known_again(folder: Path, history: History, tmp_path: Path) -> None:
    stale = pq.read_table(generated(folder, Month(2023, 8))).to_pandas()
    for column in (PICKUP, DROPOFF):
        stale[column] += pd.Timedelta(days=31)

    codes = {finding.code for finding in failed(stale, tmp_path, history) if finding.blocks}
    within = stale[stale[PICKUP] < pd.Timestamp(LAST.next.first_day)]  # August has a day more
    codes_of_a_part = {finding.code for finding in failed(within, tmp_path, history) if finding.blocks}

    assert "GREEN-STALE" in codes
    assert len(within) < len(stale)
    assert "GREEN-STALE" in codes_of_a_part


# ---- little history


@pytest.mark.parametrize("months", [0, 1, 2])
def test_without_history_a_month_is_judged_by_itself(
    months: int, clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    little = History(months=history.months[:months])
    missing_a_day = on_day(9, 0.0)(clean)

    assert failed(clean, tmp_path, little) == ()
    assert [f.code for f in failed(missing_a_day, tmp_path, little) if f.blocks] == ["GREEN-PICKUP-DATETIME-DAYS"]
    assert failed(twice(1.1)(clean), tmp_path, little)[0].code == "GREEN-DUPLICATES"
    assert failed(later(5, vendor=1)(clean), tmp_path, little)[0].code == "GREEN-PICKUP-DATETIME-CLOCK"


def test_three_months_are_enough_and_are_named(clean: pd.DataFrame, history: History, tmp_path: Path) -> None:
    three = History(months=history.months[-3:])
    (volume,) = [f for f in failed(clean[some(clean, 0.3)], tmp_path, three) if f.code == "GREEN-VOLUME"]

    assert volume.severity is Severity.REJECT
    assert "from 2023-06 to 2023-08" in volume.expected


def test_a_dataset_with_rows_on_one_day_of_the_month_misses_no_other(tmp_path: Path) -> None:
    month = Month(2023, 2)
    profile = profile_month(RIDES, month, write_rides(tmp_path / "rides.parquet", month, 500))

    assert not [finding for finding in judge(RIDES, month, profile, History()) if finding.blocks]


def test_a_few_hundred_rows_a_month_do_not_warn_by_chance(tmp_path: Path) -> None:
    months = months_between(FIRST, Month(2024, 1))
    profiles = [(m, profile_month(GREEN, m, generated(tmp_path, m, rows=400))) for m in months]

    for place in range(3, len(months)):
        findings = judge(GREEN, months[place], profiles[place][1], of_profiles(profiles[:place]))
        assert not [f for f in findings if f.blocks], months[place]
        assert len([f for f in findings if not f.passed]) <= 1, months[place]


def few_rows(folder: Path, month: Month, days: Iterable[int], at: str = "10:00") -> Profile:
    """Three rides on each of some days."""
    times = [datetime.fromisoformat(f"{month}-{day:02d} {at}:{ride:02d}") for day in days for ride in range(3)]
    path = folder / f"few-{month}.parquet"
    write_rides(path, month, rows=len(times), at=pa.array(times, pa.timestamp("us")))
    return profile_month(RIDES, month, path)


def test_three_days_that_are_lost_are_told_also_where_a_day_has_three_rows(tmp_path: Path) -> None:
    months = months_between(Month(2022, 1), Month(2022, 9))
    whole = {month: range(1, (month.next.first_day - month.first_day).days + 1) for month in months}
    *past, now = ((month, few_rows(tmp_path, month, whole[month])) for month in months)
    lost = few_rows(tmp_path, months[-1], [day for day in whole[months[-1]] if day not in (9, 10, 11)])
    known = of_profiles(past)

    def days(profile: Profile) -> Finding:
        (found,) = (f for f in judge(RIDES, months[-1], profile, known) if f.code == "RIDES-AT-DAYS")
        return found

    assert days(now[1]).passed
    assert days(lost).blocks


def test_a_month_without_rows_is_judged_all_the_same(clean: pd.DataFrame, history: History, tmp_path: Path) -> None:
    assert len(judge(GREEN, LAST, profile_of(clean[:0], tmp_path), history)) == len(history_checks(GREEN))


def in_utc(frame: pd.DataFrame, month: Month) -> pd.DataFrame:
    ahead = pd.Timedelta(hours=4 if 4 <= month.number <= 10 else 5)
    return frame.assign(**{name: frame[name] + ahead for name in (PICKUP, DROPOFF)})


def test_a_clock_without_summer_time_is_warned_about_in_its_first_autumn(folder: Path, tmp_path: Path) -> None:
    months = months_between(Month(2023, 4), Month(2023, 11))
    frames = {month: in_utc(pq.read_table(generated(folder, month)).to_pandas(), month) for month in months}
    known = of_profiles((month, profile_of(frame, tmp_path, month)) for month, frame in list(frames.items())[:-1])
    found = {f.code: f for f in failed(frames[months[-1]], tmp_path, known, months[-1])}

    assert found["GREEN-PICKUP-DATETIME-CLOCK"].severity is Severity.WARN


def test_clocks_that_changed_with_those_of_people_before_reject_when_they_do_not(folder: Path, tmp_path: Path) -> None:
    months = months_between(Month(2023, 2), Month(2023, 10))
    known = of_profiles((month, profile_month(GREEN, month, generated(folder, month))) for month in months)
    late = later(1)(pq.read_table(generated(folder, Month(2023, 11))).to_pandas())

    assert "GREEN-PICKUP-DATETIME-CLOCK" in {f.code for f in failed(late, tmp_path, known, Month(2023, 11)) if f.blocks}


def test_what_most_months_bring_anew_in_a_crowded_column_is_no_news(tmp_path: Path) -> None:
    """Of 400 values 300 are kept; which ones is chance."""
    rng = np.random.default_rng(1)

    def of(month: Month) -> Profile:
        path = tmp_path / f"crowded-{month}.parquet"
        write_rides(path, month, rows=3400, note=pa.array([f"n{each}" for each in rng.integers(0, 400, 3400)]))
        return profile_month(RIDES, month, path)

    months = months_between(Month(2022, 1), Month(2022, 6))
    known = of_profiles((month, of(month)) for month in months[:-1])
    (codes,) = (f for f in judge(RIDES, months[-1], of(months[-1]), known) if f.code == "RIDES-NOTE-CODES")

    assert codes.passed, codes


def test_steps_of_more_and_more_nulls_are_rejected_together(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    steps = [profile_of(where(share, "passenger_count", nothing)(clean), tmp_path) for share in (0.25, 0.5)]
    months = months_between(Month(2023, 1), Month(2023, 8))
    plain = [entry.profile for entry in history.months]
    known = of_profiles(zip(months, [plain[0], *plain, *steps], strict=True))
    more = failed(where(0.75, "passenger_count", nothing)(clean), tmp_path, known)

    assert "GREEN-PASSENGER-COUNT-NULLS" in {f.code for f in more if f.blocks}


def test_the_band_grows_with_little_history_and_with_a_gap(history: History) -> None:
    values = [0.10, 0.12, 0.11, 0.13, 0.12]
    whole = band(values, past=history.months, month=LAST)

    assert band(values[-3:], past=history.months[-3:], month=LAST).slack > whole.slack
    assert band(values, past=history.months, month=Month(2024, 8)).slack > 2 * whole.slack
    assert band(values, past=history.months, month=LAST, error=0.01).slack > whole.slack


def test_one_odd_month_does_not_stretch_the_band(history: History) -> None:
    assert band([0.10, 0.90, 0.11, 0.10, 0.12], past=history.months, month=LAST).high < 0.2


def test_the_season_of_the_year_before_is_expected_again() -> None:
    months = months_between(Month(2022, 1), Month(2023, 11))
    levels = {month: 10.0 + (0.5 if month.number == 12 else 0.0) for month in months}

    expected, _ = forecast(levels, Month(2023, 12))

    assert expected == pytest.approx(10.5)


# ---- known changes


def accepted(code: str, first: Month, last: Month | None = None) -> Acceptance:
    at = datetime(2023, 1, 1)  # noqa: DTZ001 - not looked at
    return Acceptance(dataset="green", code=code, first=first, last=last, by="Ada", reason="a lockdown", at=at)


def test_a_collapse_is_rejected_as_one(clean: pd.DataFrame, history: History, tmp_path: Path) -> None:
    (volume,) = [f for f in failed(clean[some(clean, 0.1)], tmp_path, history) if f.code == "GREEN-VOLUME"]

    assert volume.blocks


def test_an_accepted_collapse_is_no_baseline_for_the_months_after_it(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    small = profile_of(clean[some(clean, 0.1)], tmp_path)
    collapsed = [(Month(2023, number), small) for number in (6, 7, 8)]
    known = (
        *((entry.month, entry.profile) for entry in history.months[:2]),
        (Month(2023, 3), history.months[0].profile),
    )
    months = [*sorted(known, key=lambda pair: pair[0]), *collapsed]
    change = accepted("GREEN-VOLUME", Month(2023, 6), Month(2023, 8))

    poisoned, spared = of_profiles(months), of_profiles(months, (change,))

    assert "GREEN-VOLUME" in {f.code for f in failed(clean, tmp_path, poisoned)}
    assert "GREEN-VOLUME" not in {f.code for f in failed(clean, tmp_path, spared)}


def test_a_month_that_was_let_through_is_no_baseline_for_what_was_wrong_with_it(
    clean: pd.DataFrame, history: History, tmp_path: Path
) -> None:
    cents = profile_of(where(1.1, "fare_amount", lambda fares: fares * 100)(clean), tmp_path, Month(2023, 8))
    code = code_of("green", "quantiles", "fare_amount")
    last = replace(history.months[-1], profile=cents, rejected_codes=frozenset({code}))
    released = History(months=(*history.months[:-1], last))
    findings = failed(where(1.1, "fare_amount", lambda fares: fares * 100)(clean), tmp_path, released)

    assert code in {finding.code for finding in findings if finding.blocks}


# ---- what is listed


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_every_check_is_listed_once_with_its_reason(dataset: Any) -> None:
    listed = history_checks(dataset)

    assert len({check.code for check in listed}) == len(listed)
    assert all(check.reason.endswith(".") and check.expectation.startswith("history: ") for check in listed)


def test_each_listed_check_has_one_finding(clean: pd.DataFrame, history: History, tmp_path: Path) -> None:
    findings = judge(GREEN, LAST, profile_of(clean, tmp_path), history)

    assert [finding.code for finding in findings] == [check.code for check in history_checks(GREEN)]


@pytest.mark.skipif(not (REAL_FILES / "green_tripdata_2021-01.parquet").exists(), reason="the real months are not here")
def test_no_real_month_is_rejected_by_those_before_it() -> None:
    profiles: list[tuple[Month, Profile]] = []
    for path in sorted(REAL_FILES.glob("green_tripdata_*.parquet")):
        month = Month.parse(path.stem[-7:])
        profile = profile_month(GREEN, month, path)
        findings = judge(GREEN, month, profile, of_profiles(profiles))
        assert not [finding for finding in findings if finding.blocks], month
        profiles.append((month, profile))
    assert len(profiles) == 7
