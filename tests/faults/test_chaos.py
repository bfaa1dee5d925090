"""The parts of ``make chaos``: rounds that a seed gives again, onlookers who notice, a page that says what is so."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tests.depot import ask
from tests.faults.chaos.plan import MODES, Kind, Span, plan_rounds
from tests.faults.chaos.play import Death, Played
from tests.faults.chaos.record import BEGIN, END, Record, render, write
from tests.faults.onlookers import Change, Onlookers, onlookers, rows_of
from tests.faults.scene import NOTHING, RIDES, File
from tests.waiting import eventually
from tidemark.months import Month
from tidemark.points import Point
from tidemark.postgres import Connection
from tidemark.settings import Secret
from tidemark.warehouse import ensure_tables

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
JANUARY = Month(2023, 1)
OLD = File(month=JANUARY, price=1.0, rows=3)
NEW = File(month=JANUARY, price=2.0, rows=5, diverted=2)


# ---- the plan


def test_a_seed_gives_the_same_rounds_again_and_another_one_others() -> None:
    assert plan_rounds(7, 120) == plan_rounds(7, 120)
    assert plan_rounds(7, 20) == plan_rounds(7, 120)[:20]
    assert plan_rounds(7, 20) != plan_rounds(8, 20)


def test_fifty_rounds_have_every_kind_of_command_and_of_kill() -> None:
    rounds = plan_rounds(7, 50)
    assert {each.kind for each in rounds} == set(Kind)
    assert {len(each.kills) for each in rounds} == {1, 2, 3}
    assert {moment.span for each in rounds for moment in each.kills} == set(Span)
    assert {each.at_once for each in rounds} == {False, True}
    assert {each.mode for each in rounds} == {mode for modes in MODES.values() for mode in modes}
    files = [file for each in rounds for file in each.files]
    assert min(file.rows for file in files) == 0
    assert max(file.rows for file in files) > 30_000
    assert any(file.diverted for file in files)


def test_each_file_of_a_run_is_told_from_all_others() -> None:
    files = [file for each in plan_rounds(7, 500) for file in each.files]
    assert len({file.price for file in files}) == len(files)
    assert all(file.diverted < file.rows for file in files if not file.bad)


# ---- the onlookers


def change(onlooker: Onlookers, *sights: frozenset[tuple[str, float, int]]) -> list[str]:
    for sight in sights:
        onlooker.judge_committed({JANUARY: sight})
    return onlooker.violations


@pytest.fixture
def onlooker() -> Onlookers:
    return Onlookers(url=Secret(""), changes={JANUARY: Change(old=OLD.sight, new=NEW.sight)})


def test_the_old_month_and_then_the_new_one_is_right(onlooker: Onlookers) -> None:
    assert change(onlooker, OLD.sight, OLD.sight, NEW.sight, NEW.sight) == []


@pytest.mark.parametrize(
    "sight",
    [
        NOTHING,
        frozenset({("rows", 2.0, 2)}),
        frozenset({("rows", 2.0, 3)}),
        OLD.sight | NEW.sight,
        frozenset({("rows", 1.0, 6)}),
    ],
    ids=["none of it", "a part of it", "without its diverted rows", "both", "twice"],
)
def test_anything_else_is_noted(onlooker: Onlookers, sight: frozenset[tuple[str, float, int]]) -> None:
    (violation,) = change(onlooker, sight)
    assert "neither 3 rows of 1 nor 2 diverted of 2 and 3 rows of 2" in violation


def test_the_old_month_after_the_new_one_is_noted(onlooker: Onlookers) -> None:
    (violation,) = change(onlooker, NEW.sight, OLD.sight)
    assert violation == "2023-01: READ COMMITTED saw 3 rows of 1, after the new one"


@pytest.mark.parametrize(
    ("first", "again", "noted"),
    [(OLD, OLD, False), (OLD, NEW, True), (None, OLD, True), (NEW, None, True)],
)
def test_a_transaction_at_repeatable_read_that_sees_another_month_is_noted(
    onlooker: Onlookers, first: File | None, again: File | None, noted: bool
) -> None:
    sights = [{JANUARY: file.sight if file else NOTHING} for file in (first, again)]
    onlooker.judge_repeated("REPEATABLE READ", *sights, may_appear=True)
    assert bool(onlooker.violations) is noted


def test_a_first_load_may_appear_with_all_its_rows_unless_the_transaction_was_there_before() -> None:
    onlooker = Onlookers(url=Secret(""), changes={JANUARY: Change(old=NOTHING, new=NEW.sight)})
    appeared = {JANUARY: frozenset({("rows", 2.0, 3)})}
    onlooker.judge_repeated("REPEATABLE READ", {JANUARY: NOTHING}, appeared, may_appear=True)
    assert onlooker.violations == []
    onlooker.judge_repeated("REPEATABLE READ", {JANUARY: NOTHING}, appeared, may_appear=False)
    assert len(onlooker.violations) == 1


def test_a_statement_that_was_planned_before_a_first_load_may_see_what_came_beside_its_rows() -> None:
    new = NEW.sight
    beside = new - rows_of(new)
    for old, noted in ((NOTHING, False), (OLD.sight, True)):
        onlooker = Onlookers(url=Secret(""), changes={JANUARY: Change(old=old, new=new)})
        onlooker.judge_committed({JANUARY: beside})
        onlooker.judge_committed({JANUARY: new})
        onlooker.judge_repeated("REPEATABLE READ", {JANUARY: beside}, {JANUARY: new}, may_appear=True)
        assert bool(onlooker.violations) is noted
    onlooker = Onlookers(url=Secret(""), changes={JANUARY: Change(old=NOTHING, new=new)})
    onlooker.judge_committed({JANUARY: rows_of(new)})
    assert onlooker.violations


INSERT = "insert into trips.rides (month, load_id, at, price) values ('2023-01-01', 1, '2023-01-01', 2)"


def test_onlookers_notice_a_month_that_comes_in_two_parts(connection: Connection, database_url: Secret) -> None:
    ensure_tables(connection, RIDES)
    ask(connection, "create table trips.rides_2023_01 partition of trips.rides for values in ('2023-01-01')")
    two = File(month=JANUARY, price=2.0, rows=2)
    with onlookers(database_url, {JANUARY: Change(old=NOTHING, new=two.sight)}) as others:
        for _ in range(2):
            ask(connection, INSERT)
            wait_for_looks(others, others.looks + 30)
    assert "2023-01: READ COMMITTED saw 1 rows of 2, neither nothing nor 2 rows of 2" in others.violations
    assert any("REPEATABLE READ" in violation for violation in others.violations)


def wait_for_looks(others: Onlookers, looks: int) -> None:
    eventually(lambda: others.looks >= looks, f"{looks} looks; violations so far: {others.violations}")


# ---- the page


def made_record(*wrong: str) -> Record:
    planned = plan_rounds(7, 2)
    deaths = [Death(point="COPYING", committed=0, months=1), Death(point="PUBLISHED", committed=1, months=1)]
    played = [Played(round=each, deaths=deaths, looks=500, wrong=list(wrong)) for each in planned]
    return Record(seed=7, rounds=played, seconds=120.0, postgresql="18.4", day=date(2026, 2, 3))


def test_the_table_has_a_line_for_every_point_and_counts_what_was_committed() -> None:
    table = render(made_record())
    assert "`make chaos SEED=7 N=2` on 2026-02-03: **0 violations** in 2 rounds, 2 minutes." in table
    assert "| COPYING: the COPY has taken rows | 2 | 2 | 0 | 0 |" in table
    assert "| PUBLISHED: the commit is done, and nobody was told | 2 | 0 | 0 | 2 |" in table
    assert table.splitlines()[-1] == "| all | 4 | 2 | 0 | 2 |"
    assert all(f"| {point.name}: {point} |" in table for point in Point)
    assert "**2 violations**" in render(made_record("a month was gone"))


def test_a_record_takes_the_place_of_an_older_one_and_leaves_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nolder\n{END}\nafter\n")
    write(page, "newer")
    assert page.read_text() == f"before\n{BEGIN}\nnewer\n{END}\nafter\n"


def test_the_page_has_a_place_for_the_record_and_names_every_invariant() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert re.findall(r"^(\d)\. \*\*", text, re.MULTILINE) == list("12345678")
