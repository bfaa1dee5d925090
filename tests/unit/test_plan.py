"""Plans: what each mode does with each month, in every state and after every last attempt."""

from __future__ import annotations

from datetime import date

import pytest
from _pytest.mark.structures import ParameterSet

from tests.attempts import FEBRUARY, RIDES, TODAY, VERSIONS, facts_after
from tidemark.errors import UsageError
from tidemark.facts import Facts, Versions
from tidemark.ledger import Outcome
from tidemark.months import Month
from tidemark.plan import Action, Mode, decide, make_plan, range_of

O = Outcome  # noqa: E741 - in tables of histories
OTHER_SUITE = Versions(contract=VERSIONS.contract, suite="another")
OTHER_CONTRACT = Versions(contract="another", suite=VERSIONS.suite)

# What each mode does after each history while nothing has changed since: «.» leaves the month alone, L loads it,
# R reloads it. The modes stand in the order of Mode: due, failed, rejected, stale, all.
UNCHANGED = {
    (): "L...L",
    (O.FAILED,): "LL..L",
    (O.INTERRUPTED,): "LL..L",
    (O.UNAVAILABLE,): "L...L",
    (O.REJECTED,): "..L.L",
    (O.REJECTED, O.UNCHANGED): "..L.L",
    (O.REJECTED, O.FAILED): "LL..L",
    (O.FAILED, O.REJECTED): "..L.L",
    (O.FAILED, O.UNAVAILABLE): "L...L",
    (O.PUBLISHED,): "....R",
    (O.REJECTED, O.PUBLISHED): "....R",
    (O.PUBLISHED, O.PUBLISHED): "....R",
    (O.PUBLISHED, O.UNCHANGED): "....R",
    (O.PUBLISHED, O.UNAVAILABLE): "....R",
    (O.PUBLISHED, O.FAILED): "RR..R",
    (O.PUBLISHED, O.INTERRUPTED): "RR..R",
    (O.PUBLISHED, O.REJECTED): "..R.R",
    (O.PUBLISHED, O.FAILED, O.UNCHANGED): "....R",
    (O.PUBLISHED, O.INTERRUPTED, O.UNCHANGED): "....R",
    (O.PUBLISHED, O.REJECTED, O.UNCHANGED): "....R",
}

# The same when the source, the contract or the suite has changed since: rejected months become due, published stale.
CHANGED = UNCHANGED | {
    (O.REJECTED,): "L.L.L",
    (O.REJECTED, O.UNCHANGED): "L.L.L",
    (O.FAILED, O.REJECTED): "L.L.L",
    (O.PUBLISHED,): "...RR",
    (O.REJECTED, O.PUBLISHED): "...RR",
    (O.PUBLISHED, O.PUBLISHED): "...RR",
    (O.PUBLISHED, O.UNCHANGED): "...RR",
    (O.PUBLISHED, O.UNAVAILABLE): "...RR",
    (O.PUBLISHED, O.FAILED): "RR.RR",
    (O.PUBLISHED, O.INTERRUPTED): "RR.RR",
    (O.PUBLISHED, O.REJECTED): "R.RRR",
    (O.PUBLISHED, O.FAILED, O.UNCHANGED): "...RR",
    (O.PUBLISHED, O.INTERRUPTED, O.UNCHANGED): "...RR",
    (O.PUBLISHED, O.REJECTED, O.UNCHANGED): "...RR",
}

LETTERS = {".": Action.SKIP, "L": Action.LOAD, "R": Action.RELOAD}


def cells(table: dict[tuple[Outcome, ...], str]) -> list[ParameterSet]:
    return [
        pytest.param(history, mode, LETTERS[letter], id=f"{'-'.join(history) or 'never tried'}-{mode}")
        for history, letters in table.items()
        for mode, letter in zip(Mode, letters, strict=True)
    ]


def action_of(facts: Facts, mode: Mode, versions: Versions = VERSIONS, today: date = TODAY) -> Action:
    return decide(facts, mode, versions, today).action


def test_the_tables_have_every_last_attempt_of_a_published_and_of_an_unpublished_month() -> None:
    reloads = {history[-1] for history in UNCHANGED if O.PUBLISHED in history[:-1]}
    assert reloads == set(Outcome)
    first = {history[-1] for history in UNCHANGED if len(history) == 1}
    assert first == set(Outcome) - {O.UNCHANGED}


@pytest.mark.parametrize(("history", "mode", "action"), cells(UNCHANGED))
def test_each_mode_takes_the_months_that_are_its_own(history: tuple[Outcome, ...], mode: Mode, action: Action) -> None:
    assert action_of(facts_after(*history), mode) is action


@pytest.mark.parametrize("versions", [OTHER_SUITE, OTHER_CONTRACT], ids=["suite", "contract"])
@pytest.mark.parametrize(("history", "mode", "action"), cells(CHANGED))
def test_another_contract_or_suite_makes_rejected_months_due_and_published_ones_stale(
    history: tuple[Outcome, ...], mode: Mode, action: Action, versions: Versions
) -> None:
    assert action_of(facts_after(*history), mode, versions) is action


@pytest.mark.parametrize(("history", "mode", "action"), cells(CHANGED))
def test_other_bytes_at_the_source_make_rejected_months_due_and_published_ones_stale(
    history: tuple[Outcome, ...], mode: Mode, action: Action
) -> None:
    assert action_of(facts_after(*history, sha256="other bytes"), mode) is action


def test_a_reload_that_was_rejected_is_not_tried_again_with_the_bytes_that_were_rejected() -> None:
    facts = facts_after(O.PUBLISHED, O.REJECTED, sha256="sha-2")
    assert action_of(facts, Mode.DUE) is Action.SKIP
    assert action_of(facts, Mode.REJECTED) is Action.RELOAD


def test_a_month_that_the_source_no_longer_has_is_not_stale() -> None:
    assert action_of(facts_after(O.PUBLISHED, available=False), Mode.STALE) is Action.SKIP


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("history", [(), (O.FAILED,), (O.UNAVAILABLE,), (O.REJECTED,)], ids=str)
def test_a_month_that_is_not_over_is_left_alone_in_every_mode(history: tuple[Outcome, ...], mode: Mode) -> None:
    step = decide(facts_after(*history, sha256="other"), mode, VERSIONS, date(2023, 2, 28))
    assert (step.action, step.reason) == (Action.SKIP, "the month is not over yet")


def test_a_month_is_over_on_the_first_day_of_the_next() -> None:
    assert action_of(facts_after(), Mode.DUE, today=date(2023, 2, 28)) is Action.SKIP
    assert action_of(facts_after(), Mode.DUE, today=date(2023, 3, 1)) is Action.LOAD


def test_a_month_that_was_published_before_its_end_can_be_reloaded() -> None:
    assert action_of(facts_after(O.PUBLISHED), Mode.ALL, today=date(2023, 2, 20)) is Action.RELOAD


def test_the_last_month_that_can_be_written_is_not_over_yet() -> None:
    assert decide(facts_after(month=Month.parse("9000-12")), Mode.ALL, VERSIONS, TODAY).action is Action.SKIP


# ---- why


@pytest.mark.parametrize(
    ("history", "mode", "reason"),
    [
        ((), Mode.DUE, "it was never tried"),
        ((O.FAILED,), Mode.DUE, "it failed on 2023-04-01: The source took too long"),
        ((O.INTERRUPTED,), Mode.DUE, "it was interrupted on 2023-04-01: The loader was killed"),
        ((O.UNAVAILABLE,), Mode.DUE, "the source did not have it on 2023-04-01"),
        (
            (O.REJECTED,),
            Mode.DUE,
            (
                "it was rejected on 2023-04-01: The source sent a web page; nothing has changed since, "
                "as far as the ledger knows (--mode rejected takes it anyway)"
            ),
        ),
        ((O.REJECTED,), Mode.REJECTED, "it was rejected on 2023-04-01: The source sent a web page"),
        ((O.PUBLISHED,), Mode.DUE, "it was published on 2023-04-01 with 1,990 rows"),
        ((O.PUBLISHED,), Mode.ALL, "every month is taken; it is published"),
        ((O.PUBLISHED, O.FAILED), Mode.DUE, "its reload failed on 2023-04-02: The source took too long"),
        ((O.PUBLISHED, O.REJECTED), Mode.REJECTED, "its reload was rejected on 2023-04-02: The source sent a web page"),
        ((O.PUBLISHED, O.UNAVAILABLE), Mode.DUE, "it was published on 2023-04-01 with 1,990 rows"),
        ((O.PUBLISHED, O.FAILED, O.UNCHANGED), Mode.DUE, "it was published on 2023-04-01 with 1,990 rows"),
    ],
)
def test_a_step_says_why(history: tuple[Outcome, ...], mode: Mode, reason: str) -> None:
    assert decide(facts_after(*history), mode, VERSIONS, TODAY).reason == reason


@pytest.mark.parametrize(
    ("history", "mode", "versions", "reason"),
    [
        ((O.REJECTED,), Mode.DUE, VERSIONS, "it was rejected, but the source has other bytes"),
        ((O.PUBLISHED, O.REJECTED), Mode.DUE, VERSIONS, "its reload was rejected, but the source has other bytes"),
        ((O.PUBLISHED,), Mode.STALE, VERSIONS, "the source has other bytes"),
    ],
)
def test_a_step_says_what_changed(history: tuple[Outcome, ...], mode: Mode, versions: Versions, reason: str) -> None:
    assert decide(facts_after(*history, sha256="other"), mode, versions, TODAY).reason == reason


@pytest.mark.parametrize(("versions", "says"), [(OTHER_SUITE, "suite"), (OTHER_CONTRACT, "contract")])
def test_a_stale_month_says_which_of_our_own_rules_changed(versions: Versions, says: str) -> None:
    assert says in decide(facts_after(O.PUBLISHED), Mode.STALE, versions, TODAY).reason


def test_a_month_that_another_loader_holds_is_taken_and_waited_for() -> None:
    step = decide(facts_after(running=True), Mode.DUE, VERSIONS, TODAY)
    assert step.action is Action.LOAD
    assert step.reason == "it was never tried; another loader holds it now and is waited for"
    idle = decide(facts_after(O.PUBLISHED, running=True), Mode.DUE, VERSIONS, TODAY)
    assert idle.action is Action.SKIP
    assert "waited" not in idle.reason


# ---- the plan of a range


def test_a_plan_has_a_step_for_every_month_in_its_order() -> None:
    january = Month(2023, 1)
    facts = [facts_after(O.PUBLISHED, month=january), facts_after(month=FEBRUARY)]
    plan = make_plan(RIDES, facts, Mode.DUE, VERSIONS, TODAY)
    assert (plan.dataset, plan.mode) == ("rides", Mode.DUE)
    assert [(step.partition.month, step.action) for step in plan.steps] == [
        (january, Action.SKIP),
        (FEBRUARY, Action.LOAD),
    ]
    assert plan.taken == plan.steps[1:]
    assert plan.actions == {Action.SKIP: 1, Action.LOAD: 1}


def test_a_step_remembers_which_load_was_published_when_it_was_judged() -> None:
    assert decide(facts_after(O.PUBLISHED, O.FAILED), Mode.DUE, VERSIONS, TODAY).current_load == 1
    assert decide(facts_after(O.FAILED), Mode.DUE, VERSIONS, TODAY).current_load is None


def test_a_range_begins_at_the_datasets_first_month_or_later() -> None:
    assert range_of(RIDES, RIDES.first_month, Month(2020, 2)) == (Month(2020, 1), Month(2020, 2))
    with pytest.raises(UsageError) as caught:
        range_of(RIDES, Month(2019, 12), Month(2020, 2))
    assert caught.value.code == "before-first-month"
    assert "2020-01" in caught.value.remedy


def test_a_range_the_wrong_way_round_is_told_as_such_first() -> None:
    with pytest.raises(UsageError) as caught:
        range_of(RIDES, Month(2020, 2), Month(2019, 12))
    assert caught.value.code == "bad-range"


@pytest.mark.parametrize(
    ("facts", "versions", "says"),
    [
        (facts_after(O.PUBLISHED), VERSIONS, "1,990 rows"),
        (facts_after(O.PUBLISHED), OTHER_SUITE, "the suite of checks has changed since (--mode stale takes it)"),
        (facts_after(O.PUBLISHED, etag='"2"'), VERSIONS, "other bytes since (--mode stale takes it)"),
        (
            facts_after(O.PUBLISHED, url="https://mirror.example.org/rides_2023-02.parquet"),
            VERSIONS,
            "another address since, with as far as it says the same bytes (--mode all takes it)",
        ),
    ],
    ids=["as it was", "another suite", "other bytes", "another address"],
)
def test_a_published_month_that_is_left_says_what_has_changed_since(
    facts: Facts, versions: Versions, says: str
) -> None:
    step = decide(facts, Mode.DUE, versions, TODAY)
    assert step.action is Action.SKIP
    assert step.reason.startswith("it was published on ")
    assert step.reason.endswith(says)
