"""A person's word: who decides, and why."""

from __future__ import annotations

from dataclasses import dataclass

from tidemark.errors import UsageError

LONGEST_NAME = 100  # characters
LONGEST_REASON = 1000  # a paragraph: more belongs where the decision was talked about


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A name and a reason, as they go on record."""

    by: str
    reason: str


def give_word(by: str, reason: str) -> Word:
    """Return what somebody typed as their word.

    Raises ``UsageError`` (``bad-by``, ``bad-reason``) when it is empty, longer than ``LONGEST_NAME`` or
    ``LONGEST_REASON`` characters, or has control characters.
    """
    return Word(
        by=_checked(by, "name", "--by", LONGEST_NAME),
        reason=_checked(reason, "reason", "--reason", LONGEST_REASON),
    )


def _checked(text: str, what: str, option: str, longest: int) -> str:
    text = text.strip()
    if not text:
        problem = "is empty"
    elif len(text) > longest:
        problem = f"has {len(text):,} characters; it may have {longest:,}"
    elif not text.isprintable():
        problem = "has control characters in it, such as a line break"
    else:
        return text
    raise UsageError(
        f"The {what} {problem}.",
        remedy=f'Write it as {option} "…": it goes on record, and others will read it.',
        code=f"bad-{option.strip('-')}",
    )
