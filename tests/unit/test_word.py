"""A person's word: what goes on record of who decided, and why."""

from __future__ import annotations

import pytest

from tidemark.errors import UsageError
from tidemark.word import LONGEST_NAME, LONGEST_REASON, Word, give_word


def test_a_word_goes_on_record_without_the_blanks_around_it() -> None:
    assert give_word(" Zoë Ångström ", "\tIt is so. ") == Word(by="Zoë Ångström", reason="It is so.")


@pytest.mark.parametrize(
    ("by", "reason", "code", "said"),
    [
        ("", "x", "bad-by", "The name is empty."),
        (" \t", "x", "bad-by", "The name is empty."),
        ("x" * (LONGEST_NAME + 1), "x", "bad-by", "has 101 characters; it may have 100"),
        ("Ana\x1b[2J", "x", "bad-by", "control characters"),
        ("Ana\u202e", "x", "bad-by", "control characters"),
        ("Ana", "", "bad-reason", "The reason is empty."),
        ("Ana", "two\nlines", "bad-reason", "control characters"),
        ("Ana", "a\0b", "bad-reason", "control characters"),
        ("Ana", "x" * (LONGEST_REASON + 1), "bad-reason", "has 1,001 characters; it may have 1,000"),
    ],
)
def test_what_nobody_could_read_later_is_refused(by: str, reason: str, code: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        give_word(by, reason)
    assert raised.value.code == code
    assert said in raised.value.message
    assert "--by" in raised.value.remedy or "--reason" in raised.value.remedy


def test_the_longest_word_is_taken() -> None:
    assert len(give_word("x" * LONGEST_NAME, "y" * LONGEST_REASON).reason) == LONGEST_REASON
