"""Telling people how a backfill ended; a Slack that is down never fails a load."""

from __future__ import annotations

import logging

from tidemark.alerts import backfill_message
from tidemark.backfill import Range
from tidemark.report import RunReport
from tidemark.settings import Settings

SLACK_TIMEOUT_S = 10

logger = logging.getLogger("tidemark.flows")


def tell_people(settings: Settings, chosen: Range, report: RunReport) -> None:
    """Post one message to Slack when months failed or were rejected, if a webhook or a token is configured."""
    message = backfill_message(chosen.title, report)
    if message is None:
        return
    try:
        if settings.slack_webhook is not None:
            _post_to_webhook(settings.slack_webhook.reveal(), message)
        elif settings.slack_token is not None and settings.slack_channel is not None:
            _post_with_token(settings.slack_token.reveal(), settings.slack_channel, message)
    except Exception as error:  # noqa: BLE001 - slack-sdk lets every kind of network error through
        logger.warning(
            "%s: the message to Slack was not delivered (%s). tidemark status shows what it would have said; "
            "check TIDEMARK_SLACK_WEBHOOK with tidemark doctor.",
            chosen.title,
            type(error).__name__,  # its text may hold the webhook's address, which is a secret
        )


def _post_to_webhook(url: str, message: str) -> None:
    from slack_sdk.webhook import WebhookClient

    answer = WebhookClient(url, timeout=SLACK_TIMEOUT_S).send(text=message)
    if answer.status_code != 200:
        raise ConnectionError(f"Slack answered {answer.status_code}")


def _post_with_token(token: str, channel: str, message: str) -> None:
    from slack_sdk import WebClient

    WebClient(token, timeout=SLACK_TIMEOUT_S).chat_postMessage(channel=channel, text=message)
