"""The message about a backfill: short, whole, and without markup of others'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.attempts import RIDES, TODAY, VERSIONS, attempt
from tidemark.alerts import LONGEST, SHOWN_MONTHS, backfill_message, escape
from tidemark.facts import Facts
from tidemark.ledger import Outcome
from tidemark.months import Month, months_between
from tidemark.partition import Partition
from tidemark.report import RunReport, report_facts

O = Outcome  # noqa: E741 - in tables of outcomes
TITLE = "rides 2023-01 to 2023-12"
MONTHS = months_between(Month(2020, 1), Month(2030, 1))


def report(*outcomes: Outcome, reason: str = "It is bad.", silent: bool = False, lost: int = 0) -> RunReport:
    """A run after which months from 2020-01 on had these last attempts."""
    facts = []
    for month, outcome in zip(MONTHS, outcomes, strict=False):
        last = attempt(outcome, month=month, reason=reason)
        current = last if outcome is O.PUBLISHED else None
        facts.append(Facts(partition=RIDES.partition(month), current=current, last=last, deciding=last))
    return RunReport(
        partitions=report_facts(RIDES, facts, VERSIONS, TODAY),
        silent_source=silent,
        lost=tuple(Partition("rides", month) for month in MONTHS[:lost]),
    )


def message(*outcomes: Outcome, reason: str = "It is bad.", silent: bool = False, lost: int = 0) -> str:
    text = backfill_message(TITLE, report(*outcomes, reason=reason, silent=silent, lost=lost))
    assert text is not None
    return text


@pytest.mark.parametrize("outcomes", [(), (O.PUBLISHED,), (O.PUBLISHED, O.UNAVAILABLE)], ids=str)
def test_a_range_as_wanted_is_no_news(outcomes: Sequence[Outcome]) -> None:
    assert backfill_message(TITLE, report(*outcomes)) is None


def test_one_message_counts_and_names_what_failed_before_what_was_rejected() -> None:
    assert message(O.REJECTED, O.FAILED, O.PUBLISHED, O.INTERRUPTED).splitlines() == [
        f"*Backfill {TITLE}: 2 failed, 1 rejected*",
        "• rides 2020-02 failed: It is bad. `tidemark explain rides 2020-02`",
        "• rides 2020-04 interrupted: It is bad. `tidemark explain rides 2020-04`",
        "• rides 2020-01 rejected: It is bad. `tidemark explain rides 2020-01`",
    ]


def test_a_silent_source_and_lost_months_are_told() -> None:
    assert message(O.UNAVAILABLE, silent=True) == f"*Backfill {TITLE}: the source has none of these months*"
    assert "2 without an attempt" in message(O.PUBLISHED, lost=2)


def test_what_an_earlier_run_left_behind_is_not_told_again() -> None:
    told = report(O.FAILED, O.REJECTED, O.UNAVAILABLE, silent=True)
    assert backfill_message(TITLE, replace(told, run_id=7)) is None


def test_what_slack_reads_as_markup_is_escaped() -> None:
    assert escape("<!channel> & <https://evil.example|x>") == ("&lt;!channel&gt; &amp; &lt;https://evil.example|x&gt;")
    assert escape("&lt;") == "&amp;lt;"
    text = message(O.REJECTED, reason="expected <= 5 & found <!here>")
    assert "expected &lt;= 5 &amp; found &lt;!here&gt;" in text
    assert not re.search(r"[<>]", text)


def test_a_reason_stays_on_its_line() -> None:
    assert len(message(O.FAILED, reason="one\ntwo\r\n\tthree").splitlines()) == 2
    assert "one two three" in message(O.FAILED, reason="one\ntwo\r\n\tthree")


@pytest.mark.parametrize("months", [SHOWN_MONTHS, SHOWN_MONTHS + 1, 100])
def test_many_months_are_counted_not_listed(months: int) -> None:
    lines = message(*[O.FAILED] * months).splitlines()
    listed = [line for line in lines if line.startswith("•")]
    assert len(listed) == SHOWN_MONTHS
    if months == SHOWN_MONTHS:
        assert lines == [lines[0], *listed]
    else:
        assert lines[-1] == f"+{months - SHOWN_MONTHS} more: `tidemark status rides`"


@pytest.mark.parametrize("reason", ["x" * 5000, "&" * 5000, "<>" * 2500, "é & " * 1000], ids=["x", "amp", "angle", "é"])
def test_a_message_is_never_longer_than_slack_shows_and_loses_no_month_and_no_half_character(reason: str) -> None:
    text = message(*[O.FAILED] * 25, reason=reason)
    assert len(text) <= LONGEST
    lines = text.splitlines()
    listed = [line for line in lines if line.startswith("•")]
    assert listed
    assert all(
        re.fullmatch(r"• rides \d{4}-\d\d failed: .* `tidemark explain rides \d{4}-\d\d`", line) for line in listed
    )
    assert lines[-1] == f"+{25 - len(listed)} more: `tidemark status rides`"
    assert not re.search(r"&(?!amp;|lt;|gt;)", text)


def test_whatever_the_lengths_the_line_that_counts_the_rest_fits_too() -> None:
    lengths = {len(message(*[O.FAILED] * 25, reason="&" * n)) for n in range(1, 200)}
    assert max(lengths) <= LONGEST
    assert max(lengths) > LONGEST * 0.9  # the room is used


def test_a_month_without_a_reason_is_told_all_the_same() -> None:
    last = attempt(O.FAILED, reason=None)
    facts = Facts(partition=RIDES.partition(Month(2023, 2)), last=last, deciding=last)
    text = backfill_message(TITLE, RunReport(partitions=report_facts(RIDES, [facts], VERSIONS, TODAY)))
    assert "rides 2023-02 failed" in (text or "")
