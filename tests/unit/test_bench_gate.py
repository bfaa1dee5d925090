"""The gate's benchmark: clean months with a past, corruptions that do what they say, and scores that add up."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bench.errors import Broken
from bench.gate import page, run
from bench.gate.__main__ import judge_small
from bench.gate.cases import Case, Group, Said
from bench.gate.catalogue import CASES
from bench.gate.chart import draw
from bench.gate.corrupt.files import as_published
from bench.gate.corrupt.rows import doubled, hours_lost
from bench.gate.corrupt.values import nulled
from bench.gate.court import Named, Ruling
from bench.gate.pandemic import ACCEPTED, FALL, RECOVERED
from bench.gate.plan import NEWER, Task, full_plan, small_plan
from bench.gate.report import LEAST_CLEAN, report
from bench.gate.results import Part, Result, append, read
from bench.gate.rivals import Limits, features_of, knn_score, mad_limits, z_scores
from bench.gate.score import Share, by_gate, detectors, kinds, pandemic, score
from bench.gate.seasons import MONTHS, clean_month, news
from bench.gate.series import HISTORY, generated
from bench.gate.sheet import Sheet
from bench.gate.work import corrupted
from tidemark.months import Month

A, W, R = Said.ACCEPT, Said.WARN, Said.REJECT
SERIES = {name: generated(name, 0) for name in ("yellow", "green", "fhv", "fhvhv")}
MARCH = Month(2024, 3)
SUMS = "rows of sums among the trips"
BY_NAME = {case.name: case for case in CASES}


@cache
def clean(dataset: str, month: Month = MARCH) -> Sheet:
    return SERIES[dataset].sheet(month)


# ---- clean months


def test_the_same_month_and_seed_give_the_same_rows_and_another_seed_gives_others() -> None:
    green = SERIES["green"].dataset
    assert clean_month(green, MARCH, 0).table.equals(clean_month(green, MARCH, 0).table)
    assert not clean_month(green, MARCH, 0).table.equals(clean_month(green, MARCH, 1).table)


@pytest.mark.parametrize("dataset", SERIES)
def test_a_month_has_20_to_60_thousand_rows_whatever_the_season(dataset: str) -> None:
    assert all(20_000 <= clean(dataset, month).rows <= 60_000 for month in (MONTHS[0], MARCH, MONTHS[-1]))


def test_christmas_is_quieter_than_the_days_around_it() -> None:
    days = np.bincount(clean("yellow", Month(2024, 12)).days().clip(0, 30))
    assert days[24] < 0.75 * days[17]


def test_the_block_of_empty_fields_shrinks_over_the_years() -> None:
    shares = [clean("green", month).array("optional").null_count / clean("green", month).rows for month in MONTHS[::20]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.25
    assert shares[-1] < 0.1


def test_a_charge_and_its_reversal_stay_together() -> None:
    sheet = clean("yellow")
    fares = sheet.values("fare")
    taken_back = np.flatnonzero(fares < 0)
    assert len(taken_back) > 50
    assert np.allclose(fares[taken_back - 1], -fares[taken_back])
    for role in ("event", "source", "origin", "destination", "code"):
        values = sheet.values(role)
        assert (values[taken_back] == values[taken_back - 1]).all(), role


def test_what_is_called_news_is_in_the_files() -> None:
    before, after = (set(clean("yellow", month).values("source")) for month in (Month(2023, 5), Month(2023, 6)))
    assert after - before == {7}
    assert "cbd_congestion_fee" not in clean("fhvhv", Month(2024, 12)).names
    assert "cbd_congestion_fee" in clean("fhvhv", Month(2025, 1)).names
    assert [news("yellow", month) for month in (Month(2023, 6), Month(2024, 12))] == ["a new vendor", None]


def test_each_scored_month_has_two_years_behind_it() -> None:
    assert all(len(SERIES["green"].before(month)) == HISTORY for month in MONTHS if month >= NEWER)


# ---- corruptions


def test_no_two_cases_have_the_same_name() -> None:
    assert len(BY_NAME) == len(CASES)


def test_at_least_30_kinds_are_unseen_by_those_who_made_the_gate_and_whatever_is_not_on_the_list_says_why() -> None:
    assert len({case.kind for case in CASES if case.group is Group.UNSEEN}) >= 30
    assert [case.name for case in CASES if case.group is not Group.LISTED and not case.why] == []


def test_a_kind_is_in_one_group() -> None:
    groups = {(case.kind, case.group) for case in CASES}
    assert len(groups) == len({kind for kind, _ in groups})


@pytest.mark.parametrize("dataset", SERIES)
def test_every_case_that_fits_a_dataset_changes_its_month(dataset: str) -> None:
    sheet = clean(dataset)
    unchanged = []
    for case in CASES:
        if case.fits(sheet):
            made = case.make(replace(sheet, rng=np.random.default_rng(1)))
            if isinstance(made, Sheet) and made.table.equals(sheet.table):
                unchanged.append(case.name)
    assert unchanged == []


def test_every_case_fits_some_dataset() -> None:
    assert [case.name for case in CASES if not any(case.fits(clean(dataset)) for dataset in SERIES)] == []


def test_the_same_case_of_the_same_month_is_the_same_file() -> None:
    name = "random rows lost: 30 %"
    assert corrupted(SERIES["green"], MARCH, name) == corrupted(SERIES["green"], MARCH, name)


def test_a_lost_day_has_no_rows_and_the_days_around_it_have_all() -> None:
    before, after = clean("green"), hours_lost(24, clean("green"))
    gone = np.setdiff1d(before.days(), after.days())
    assert gone.tolist() == [9]
    assert before.rows - after.rows == (before.days() == 9).sum()


def test_doubled_rows_are_exact_and_as_many_as_was_said() -> None:
    sheet = clean("fhv")
    table = doubled(0.05, sheet).table
    assert len(table) - sheet.rows == round(0.05 * sheet.rows)
    assert table.group_by(table.column_names).aggregate([]).num_rows == (
        sheet.table.group_by(sheet.table.column_names).aggregate([]).num_rows
    )


def test_nulls_are_added_to_those_that_are_there() -> None:
    sheet = clean("green")
    more = nulled("optional", 0.1, sheet).array("optional").null_count - sheet.array("optional").null_count
    assert more == round(0.1 * sheet.rows)


def test_a_changed_column_keeps_its_type_and_leaves_the_others_alone() -> None:
    sheet = clean("yellow")
    made = BY_NAME["fare × 100: 10 %"].make(sheet)
    assert isinstance(made, Sheet)
    assert made.table.schema == sheet.table.schema
    changed = [name for name in sheet.table.column_names if not made.table[name].equals(sheet.table[name])]
    assert changed == ["fare_amount"]
    assert pc.sum(pc.not_equal(made.table["fare_amount"], sheet.table["fare_amount"])).as_py() == pytest.approx(
        0.1 * sheet.rows, rel=0.02
    )


def test_an_old_month_dated_anew_has_this_months_dates_and_the_old_fares() -> None:
    made = BY_NAME["an old month dated anew: last month"].make(clean("yellow"))
    assert isinstance(made, Sheet)
    assert ((made.days() >= 0) & (made.days() < 31)).mean() > 0.9
    old = SERIES["yellow"].table(Month(2024, 2))
    assert made.array("fare").combine_chunks().equals(old["fare_amount"].combine_chunks())


# ---- corruptions beyond the list


def made(name: str, dataset: str = "yellow") -> Sheet:
    found = BY_NAME[name].make(replace(clean(dataset), rng=np.random.default_rng(1)))
    assert isinstance(found, Sheet)
    return found


def distinct(table: pa.Table) -> int:
    return int(table.group_by(table.column_names).aggregate([]).num_rows)


def test_what_a_join_fans_out_differs_from_its_twin_in_a_flag_only() -> None:
    before, after = clean("fhvhv"), made("a join fans out: 20 %", "fhvhv")
    assert after.rows - before.rows == round(0.2 * before.rows)
    assert distinct(after.table) == after.rows
    assert distinct(after.table.drop_columns(["wav_match_flag"])) == distinct(
        before.table.drop_columns(["wav_match_flag"])
    )


@pytest.mark.parametrize("dataset", SERIES)
def test_zones_that_are_listed_twice_add_what_the_reason_says(dataset: str) -> None:
    rows = {name: made(f"zones are listed twice: {name}", dataset).rows for name in ("the 20th", "the first ten")}
    assert rows["the 20th"] / clean(dataset).rows == pytest.approx(1.01, abs=0.005)
    assert rows["the first ten"] / clean(dataset).rows == pytest.approx(1.2, abs=0.06)


def test_pages_that_overlap_lose_as_many_rows_as_they_repeat() -> None:
    before, after = clean("fhv"), made("pages overlap: 10 %", "fhv")
    assert after.rows == before.rows
    assert distinct(before.table) - distinct(after.table) == pytest.approx(0.1 * before.rows, rel=0.05)


def test_a_limit_an_hour_cuts_the_busy_hours_and_leaves_the_quiet_ones() -> None:
    before, after = clean("green"), made("no more than so many rows an hour: 15 % lost", "green")
    assert after.rows / before.rows == pytest.approx(0.85, abs=0.01)
    hourly = [np.bincount(sheet.days().clip(0, 31) * 24 + sheet.hours(), minlength=768) for sheet in (before, after)]
    cap = hourly[1].max()
    assert (hourly[1] == np.minimum(hourly[0], cap)).mean() > 0.99


def test_a_month_cut_in_utc_lacks_its_last_evening_and_has_the_one_before_it() -> None:
    sheet = made("month cut in UTC")
    event = sheet.values("event")
    assert not (sheet.days()[sheet.hours() >= 20] == 30).any()
    before = (event >= np.datetime64("2024-02-29T20")) & (event < np.datetime64("2024-03-01"))
    assert 50 < before.sum() < 0.02 * sheet.rows


def test_times_rounded_to_the_quarter_are_never_later_and_less_than_a_quarter_earlier() -> None:
    earlier = clean("fhvhv").values("end") - made("times rounded down: to the quarter", "fhvhv").values("end")
    assert earlier.min() >= np.timedelta64(0)
    assert np.timedelta64(14, "m") < earlier.max() < np.timedelta64(15, "m")


def test_a_lost_comma_makes_whole_numbers_of_the_digits() -> None:
    before, after = clean("yellow").values("fare"), made("decimal comma lost: all").values("fare")
    assert (after == np.round(after)).all()
    assert set(np.unique(np.round(after[before != 0] / before[before != 0]))) == {1.0, 10.0, 100.0}


def test_another_tool_writes_the_same_values() -> None:
    sheet = clean("fhvhv")
    content = BY_NAME["benign: written by another tool"].make(sheet)
    assert isinstance(content, bytes)
    table = pq.read_table(io.BytesIO(content))
    assert table.schema != sheet.table.schema
    assert table.cast(sheet.table.schema).equals(sheet.table)


@pytest.mark.parametrize(
    ("name", "dataset", "columns"),
    [
        ("tips booked as fares", "yellow", {"fare_amount", "tip_amount"}),
        ("two taxes swapped", "green", {"mta_tax", "improvement_surcharge"}),
        ("fare and driver's pay swapped", "fhvhv", {"base_passenger_fare", "driver_pay"}),
        ("request is pickup", "fhvhv", {"request_datetime"}),
        ("dropoff dated by its pickup", "fhv", {"dropOff_datetime"}),
        ("empty texts written as a word", "fhvhv", {"originating_base_num"}),
        ("empty zones filled with the first", "fhv", {"PUlocationID"}),
        ("busiest zone by another number", "green", {"PULocationID"}),
        ("a surcharge of another year", "yellow", {"improvement_surcharge", "total_amount"}),
    ],
)
def test_what_is_wrong_with_a_column_leaves_the_others_alone(name: str, dataset: str, columns: set[str]) -> None:
    before, after = clean(dataset).table, made(name, dataset).table
    assert after.schema == before.schema
    assert {column for column in before.column_names if not after[column].equals(before[column])} == columns


def test_five_or_more_of_the_unseen_kinds_are_benign() -> None:
    unseen = [case for case in CASES if case.group is Group.UNSEEN]
    assert len({case.kind for case in unseen if case.fair == {A, W} and case.kind.startswith("benign: ")}) >= 5


@pytest.mark.parametrize("dataset", SERIES)
def test_every_unseen_case_of_a_table_can_be_read_by_its_contract(dataset: str) -> None:
    sheet = clean(dataset)
    unreadable = []
    for case in CASES:
        if case.group is Group.UNSEEN and case.fits(sheet):
            table = pq.read_table(io.BytesIO(as_published(made(case.name, dataset).table)))
            found = Sheet.of(sheet.dataset, MARCH, table, rng=sheet.rng, earlier=sheet.earlier)
            if set(found.names) != set(sheet.names):
                unreadable.append(case.name)
    assert unreadable == []


def test_rows_of_sums_double_the_money() -> None:
    before, after = (
        sheet.values("fare").sum() for sheet in (clean("fhvhv"), made(f"{SUMS}: one of each hour", "fhvhv"))
    )
    assert after == pytest.approx(2 * before)


def test_what_is_deduplicated_by_zone_and_time_has_no_second_trip_of_a_zone_in_that_time() -> None:
    before, after = clean("yellow"), made("deduplicated by too few columns: zone and day")
    assert len(set(zip(before.days(), before.values("destination"), strict=True))) == after.rows
    assert after.rows == len(set(zip(after.days(), after.values("destination"), strict=True)))


def test_a_clock_that_gains_is_right_at_first_and_hours_ahead_at_last() -> None:
    ahead = made("a clock that gains: all, 10 h").values("event") - clean("yellow").values("event")
    days = clean("yellow").days()
    assert ahead[days == 0].max() == np.timedelta64(0)
    assert ahead[days == 30].min() == np.timedelta64(10, "h")


def test_zones_sorted_apart_keep_their_pairs_and_leave_their_trips() -> None:
    def pairs(sheet: Sheet) -> list[tuple[float, float]]:
        return list(zip(sheet.values("origin"), sheet.values("destination"), strict=True))

    before, after = clean("green"), made("zones sorted apart from their trips", "green")
    assert sorted(pairs(before)) == sorted(pairs(after))
    assert pairs(before) != pairs(after)


def test_distances_that_overflow_a_byte_lie_within_it() -> None:
    before, after = (
        clean("yellow").values("distance"),
        made("distances overflow a byte: tenths of a mile").values("distance"),
    )
    assert -12.8 <= after.min() < 0 < after.max() <= 12.7
    short = before < 12
    assert np.abs(after[short] - before[short]).max() <= 0.0501


def test_amounts_that_only_move_leave_the_sums_alone() -> None:
    before, after = clean("green"), made("fares are their zone's mean: all", "green")
    for role in ("fare", "total"):
        assert after.values(role).sum() == pytest.approx(before.values(role).sum(), rel=0.001)
    assert len(np.unique(after.values("fare"))) <= 265


def test_a_new_surcharge_is_in_the_total_as_it_is_in_the_parts() -> None:
    before, after = clean("yellow"), made("benign: a new surcharge")
    more = {role: after.values(role) - before.values(role) for role in ("extra", "total")}
    assert np.allclose(more["extra"], more["total"])
    assert np.allclose(np.abs(more["total"]), 0.5)


# ---- scores


def ruling(said: Said, column: str | None = None, *, by_rules: Said = A) -> Ruling:
    named = (Named(code="X", column=column, rejects=said is R, gravity=1.0, past=True),) if said is not A else ()
    return Ruling(said=said, broken=False, named=named, by_rules=by_rules, rules_column=None, seconds=1.0)


def result(said: Said, case: str = "", column: str | None = None, *, part: Part = Part.NEWER, **more: object) -> Result:
    made = Result(
        task="t",
        series="green-0",
        dataset="green",
        month=MARCH,
        part=part,
        case=case,
        ruling=ruling(said, column),
        knn=1.0,
        z={"rows": 1.0},
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields of it


def test_wilsons_interval_is_that_of_the_tables() -> None:
    low, high = Share(hits=0, of=180).interval()
    assert (low, round(high, 4)) == (0.0, 0.0209)
    low, high = Share(hits=50, of=100).interval()
    assert (round(low, 3), round(high, 3)) == (0.404, 0.596)


def test_the_scores_count_what_a_person_would() -> None:
    found = score(
        [
            by_gate(each)
            for each in (
                result(R, "days missing: 1 day", "pickup_datetime"),
                result(W, "days missing: 3 days"),
                result(R, "fare × 10: 1 %", "fare_amount"),
                result(W, "fare × 10: 10 %", "trip_distance"),
                result(A, "times out of the month: 0.5 %"),
                result(R, "exact duplicates: 0.1 %"),
                result(W, "benign: a holiday"),
                result(A),
                result(W),
            )
        ]
    )
    assert (found.rejected.hits, found.rejected.of) == (1, 3)
    assert (found.flagged.hits, found.flagged.of) == (4, 5)
    assert (found.overdone.hits, found.overdone.of) == (1, 2)
    assert (found.harmed.hits, found.harmed.of) == (1, 2)
    assert (found.false_rejections.hits, found.false_rejections.of) == (0, 2)
    assert found.false_warnings.hits == 1
    assert (found.guilty.hits, found.guilty.of) == (1, 2)


def test_a_warning_of_something_new_is_no_false_alarm_and_a_rejection_of_it_is_one() -> None:
    news_of_january = [
        replace(result(said), dataset="yellow", series="yellow-0", month=Month(2025, 1)) for said in (W, R)
    ]
    found = score([by_gate(each) for each in (*news_of_january, result(W))])
    assert (found.false_warnings.hits, found.false_warnings.of) == (1, 1)
    assert (found.false_rejections.hits, found.false_rejections.of) == (1, 3)


def test_the_smallest_magnitude_caught_is_the_first_of_which_nearly_all_copies_are_flagged() -> None:
    copies = [
        *(result(said, "random rows lost: 10 %") for said in (A, A, W)),
        *(result(said, "random rows lost: 30 %") for said in (W, W, R)),
    ]
    (kind,) = kinds(copies, {})
    assert kind.smallest == "30 %"
    assert [step.said for step in kind.steps] == [(2, 1, 0), (0, 2, 1)]
    assert kind.rejected.of == 0


def test_the_collapse_counts_the_last_word_on_each_month() -> None:
    def month(number: int, said: Said, case: str) -> Result:
        code = Named(code="YELLOW-VOLUME", column=None, rejects=True, gravity=1.0, past=True)
        made = replace(ruling(said), named=(code,))
        return replace(result(said, case, part=Part.PANDEMIC), month=Month(2023, number), ruling=made)

    found = pandemic(
        [
            month(3, R, FALL),
            month(3, W, ACCEPTED),
            month(4, W, FALL),
            month(5, A, FALL),
            month(6, R, FALL),
            month(6, R, ACCEPTED),
            month(7, A, RECOVERED),
        ]
    )
    assert found is not None
    assert (found.stopped.hits, found.by_volume.hits, found.asked) == (1, 1, 2)
    assert (found.published.hits, found.published.of) == (3, 4)
    assert (found.warned.hits, found.warned.of) == (2, 3)
    assert (found.recovered.hits, found.recovered.of) == (1, 1)
    assert pandemic([]) is None


FEATURES = [{"rows": 100.0 + n, "fare.mean": 10.0 + n % 3, "fare.max": 50.0} for n in range(12)]


@pytest.mark.parametrize(("value", "far"), [(11.0, False), (30.0, True)])
def test_nearest_neighbours_see_a_month_that_is_far_from_all(value: float, far: bool) -> None:
    assert (knn_score({"rows": 105.0, "fare.mean": value, "fare.max": 50.0}, FEATURES) > 2) is far


def test_a_column_that_is_gone_is_far_too() -> None:
    assert knn_score({"rows": 105.0}, FEATURES) > 2


def test_mad_names_the_column_that_is_farthest_out() -> None:
    older = [[z_scores(each, FEATURES) for each in FEATURES], [z_scores(each, FEATURES) for each in FEATURES]]
    limits = mad_limits(older)
    assert limits.judge(z_scores(FEATURES[5], FEATURES)) == (A, None)
    assert limits.judge(z_scores({**FEATURES[5], "fare.max": 5000.0}, FEATURES)) == (R, "fare")


def test_thresholds_are_those_of_the_clean_months() -> None:
    limits = Limits.of([float(n) for n in range(101)])
    assert [limits.said(value) for value in (95.0, 95.1, 99.1)] == [A, W, R]


def test_the_others_get_their_thresholds_from_the_older_months_only() -> None:
    older = [result(A, part=Part.OLDER, knn=float(n), series=f"green-{n % 2}") for n in range(20)]
    judges = detectors([*older, result(A, knn=500.0)])
    assert judges["knn"](result(A, knn=25.0)).said is R
    assert judges["knn"](result(A, knn=5.0)).said is A
    assert judges["knn"](result(R, knn=None)).said is R


def test_features_are_of_the_contracts_columns() -> None:
    sheet = clean("fhv")
    found = features_of(sheet.dataset, MARCH, as_published(sheet.table))
    assert found["rows"] == sheet.rows
    assert found["pu_location_id.completeness"] == pytest.approx(1 - sheet.array("origin").null_count / sheet.rows)
    assert found["do_location_id.max"] == np.nanmax(sheet.values("destination"))


# ---- the run


def test_results_come_back_as_they_were_kept(tmp_path: Path) -> None:
    kept = [result(W, "days missing: 6 hours", "pickup_datetime"), result(R, "zero bytes", knn=None, z=None)]
    append(tmp_path / "results", kept[:1])
    append(tmp_path / "results", kept[1:])
    assert read(tmp_path / "results") == kept


def test_a_run_does_not_do_again_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "FOLDER", tmp_path / "gate")
    monkeypatch.setattr(run, "HOME", tmp_path / "gate-home")
    task = Task(series="green-0", part=Part.NEWER, months=(MARCH,))
    folder = run.FOLDER / run._fingerprint()
    folder.mkdir(parents=True)
    (run.FOLDER / "of other code").mkdir()
    append(folder / "results.jsonl", [result(A, task=task.name), result(A, task="of another plan")])
    said: list[str] = []
    assert [each.task for each in run.run([task], said.append)] == [task.name]
    assert said == ["1 tasks, 1 of them done before"]
    assert [path.name for path in run.FOLDER.iterdir()] == [folder.name]


def test_a_second_run_says_so_and_leaves_the_first_ones_results_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FOLDER", tmp_path / "gate")
    monkeypatch.setattr(run, "HOME", tmp_path / "gate-home")
    of_the_first = run.FOLDER / "of other code"
    of_the_first.mkdir(parents=True)
    with run._alone(), pytest.raises(Broken, match="Another benchmark"):
        run.run([], print)
    assert of_the_first.exists()


def test_the_whole_plan_judges_enough_clean_months_and_every_case() -> None:
    tasks = full_plan()
    assert len({task.name for task in tasks}) == len(tasks)
    scored = [task for task in tasks if task.part in (Part.NEWER, Part.REAL)]
    assert sum(len(task.months) for task in scored if not task.cases) >= LEAST_CLEAN
    assert {name for task in scored for name in task.cases} == set(BY_NAME)


def test_the_small_plan_takes_every_dataset_and_every_case_once() -> None:
    tasks = small_plan()
    assert {task.series for task in tasks} == {f"{dataset}-0" for dataset in SERIES}
    assert {name for task in tasks for name in task.cases} == set(BY_NAME)
    assert sum(len(task.cases) or len(task.months) for task in tasks) < 1000


@pytest.mark.parametrize(
    ("rejected", "clean_rejected", "status"),
    [(100, 0, 0), (94, 0, 1), (100, 1, 1)],
    ids=["good", "misses", "false alarm"],
)
def test_a_small_run_fails_when_much_is_missed_or_a_clean_month_is_rejected(
    rejected: int, clean_rejected: int, status: int
) -> None:
    judged = [
        *(result(R if n < rejected else W, "days missing: 1 day") for n in range(100)),
        result(W, "days missing: 6 hours"),
        *(result(R if n < clean_rejected else A) for n in range(50)),
        *(result(A, part=Part.OLDER, series=f"green-{n % 3}") for n in range(12)),
    ]
    assert judge_small(report(judged)) == status


# ---- what is told


def some_results() -> list[Result]:
    def cases(case: Case) -> Result:
        return result(max(case.fair), case.name, None)

    older = [result(A, part=Part.OLDER, series=f"green-{n % 3}") for n in range(12)]
    return [*older, result(A), result(W), result(A, part=Part.REAL), *(cases(case) for case in CASES)]


@cache
def some_report() -> Mapping[str, object]:
    described = {"date": "2026-01-01", "judged": 1, "minutes_of_judging": 2.0}
    machine = {"cpus": 2, "model": "a model", "memory_gb": 8, "system": "Linux"}
    found = {"run": {**described, "machine": machine}, **report(some_results())}
    return dict(json.loads(json.dumps(found)))


def test_the_page_has_every_kind_and_the_verdict_on_each_bar() -> None:
    text = page.render(some_report())
    assert [case.kind for case in CASES if f"| {case.kind} |" not in text] == []
    assert "clean months rejected, of at least 180 | 0 | 0 of 3 | **missed**" in text
    assert "rejected of what a person rejects | ≥ 98 % | 100.0 %" in text
    assert "$" not in text.replace("dollars", "")


def test_the_scores_of_a_group_are_of_its_kinds_only() -> None:
    of_group = {group: next(c.name for c in CASES if c.group is group and c.gravest is R) for group in Group}
    older = [result(A, part=Part.OLDER, series=f"green-{n % 3}") for n in range(12)]
    judged = [result(A if group is Group.UNSEEN else R, name) for group, name in of_group.items()]
    found = report([*older, *judged])
    rejected = {group: (score["rejected"]["hits"], score["rejected"]["of"]) for group, score in found["groups"].items()}
    assert rejected == {"listed": (1, 1), "looked at": (1, 1), "unseen": (0, 1)}
    assert [found["groups"][group]["kinds"] for group in Group] == [1, 1, 1]
    assert found["detectors"]["gate"]["rejected_unseen"]["of"] == 1
    assert found["all"]["rejected"]["hits"] == 2


def test_what_escaped_is_said_the_worst_first() -> None:
    results = [
        *some_results(),
        *(result(A, "days missing: 1 day") for _ in range(9)),
        *(result(A, "fare × 10: 1 %") for _ in range(9)),
    ]
    text = page.render({**some_report(), **json.loads(json.dumps(report(results)))})
    escapes = text.partition("## What escapes")[2].strip().splitlines()
    assert escapes[0] == "- days missing, 1 day: should be rejected; of 10 copies 9 accepted, 1 rejected"
    assert escapes[1].startswith("- fare × 10, 1 %: should be warned of; of 10 copies 9 accepted")


def test_the_picture_is_well_formed_and_names_every_kind() -> None:
    picture = draw(some_report()["kinds"])  # type: ignore[arg-type]  # it is JSON
    texts = {element.text for element in ElementTree.fromstring(picture).iter() if element.text}  # noqa: S314 - our own
    assert {case.kind for case in CASES} <= texts


@pytest.mark.skipif(not page.RESULTS.exists(), reason="make bench-gate has not been run")
def test_the_committed_page_and_picture_are_those_of_the_committed_figures() -> None:
    found = json.loads(page.RESULTS.read_text(encoding="utf-8"))
    assert page.TARGET.read_text(encoding="utf-8") == page.render(found)
    assert page.PICTURE.read_text(encoding="utf-8") == draw(found["kinds"])


def test_a_table_without_rows_can_be_made_a_file() -> None:
    assert as_published(pa.table({"a": pa.array([], pa.int64())}))[:4] == b"PAR1"
