"""Telling people over a real webhook, which may be well, refusing, away or silent."""

from __future__ import annotations

import logging
from dataclasses import replace
from time import monotonic

import pytest

from flows import hooks
from flows.hooks import tell_people
from tests.attempts import FEBRUARY, RIDES, TODAY, VERSIONS, facts_after
from tests.flows.webhook import CANARY, webhook
from tidemark.backfill import Range
from tidemark.ledger import Outcome
from tidemark.report import RunReport, report_run
from tidemark.settings import read_settings

CHOSEN = Range(dataset=RIDES, months=(FEBRUARY,))
AWAY = f"http://127.0.0.1:1/services/T0/B0/{CANARY}"


def a_report(outcome: Outcome) -> RunReport:
    ran = report_run(RIDES, [facts_after(outcome)], VERSIONS, TODAY, 1, ())
    return replace(ran, run_id=None)  # as the attempt's: it is of this run


def tell(outcome: Outcome, **settings: str) -> None:
    tell_people(read_settings(settings), CHOSEN, a_report(outcome))


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REJECTED, Outcome.INTERRUPTED])
def test_what_went_wrong_is_told_once(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    with webhook() as hook:
        tell(outcome, TIDEMARK_SLACK_WEBHOOK=hook.url)
    (message,) = hook.messages
    assert message.startswith("*Backfill rides 2023-02 to 2023-02: ")
    assert "tidemark explain rides 2023-02" in message
    assert not caplog.records


@pytest.mark.parametrize("outcome", [Outcome.PUBLISHED, Outcome.UNCHANGED])
def test_what_went_well_is_not_told(outcome: Outcome) -> None:
    with webhook() as hook:
        tell(outcome, TIDEMARK_SLACK_WEBHOOK=hook.url)
    assert hook.messages == []


def test_nobody_is_told_where_nobody_is_named(caplog: pytest.LogCaptureFixture) -> None:
    tell(Outcome.FAILED)
    assert not caplog.records


@pytest.mark.parametrize("status", [404, 500])
def test_a_webhook_that_refuses_is_a_warning(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with webhook(status) as hook:
        tell(Outcome.FAILED, TIDEMARK_SLACK_WEBHOOK=hook.url)
    assert len(hook.messages) == 1
    assert_warned(caplog)


def test_a_webhook_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert hooks.SLACK_TIMEOUT_S <= 30
    monkeypatch.setattr(hooks, "SLACK_TIMEOUT_S", 0.3)
    began = monotonic()
    with webhook(answers=False) as hook:
        tell(Outcome.FAILED, TIDEMARK_SLACK_WEBHOOK=hook.url)
    assert monotonic() - began < 10
    assert_warned(caplog)


@pytest.mark.parametrize("url", [AWAY, f"not a url {CANARY}", f"/{CANARY}"])
def test_a_webhook_that_is_away_or_no_address_is_a_warning(url: str, caplog: pytest.LogCaptureFixture) -> None:
    tell(Outcome.REJECTED, TIDEMARK_SLACK_WEBHOOK=url)
    assert_warned(caplog)


def test_a_token_whose_way_is_cut_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # so that no message can leave this machine
    tell(Outcome.FAILED, TIDEMARK_SLACK_TOKEN=f"xoxb-{CANARY}", TIDEMARK_SLACK_CHANNEL="#data")
    assert_warned(caplog)


def assert_warned(caplog: pytest.LogCaptureFixture) -> None:
    """One warning of ours that says what to do, and no secret in anybody's."""
    (warning,) = [record for record in caplog.records if record.name.startswith("tidemark")]
    assert warning.levelno == logging.WARNING
    assert "was not delivered" in warning.getMessage()
    assert CANARY not in caplog.text
