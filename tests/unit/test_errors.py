"""Errors: grouped by how one recovers, each with a code for programs and a remedy for people."""

from __future__ import annotations

import inspect

import pytest

from tidemark import errors
from tidemark.errors import BadFile, Failed, NotAtSource, TidemarkError, Transient

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TidemarkError)]


def test_its_text_is_the_message_and_the_remedy() -> None:
    assert str(BadFile("It is HTML.", remedy="Ask for parquet.")) == "It is HTML. Ask for parquet."
    assert str(BadFile("It is HTML.")) == "It is HTML."


def test_a_code_of_its_own_replaces_that_of_its_kind_and_of_no_other_error() -> None:
    assert Failed("x", code="disk-full").code == "disk-full"
    assert Failed("x").code == "failed"


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_has_a_docstring_and_a_code_of_its_own(kind: type[TidemarkError]) -> None:
    assert kind.__doc__
    assert [other for other in EVERY if other.code == kind.code] == [kind]


def test_only_what_may_help_at_once_is_transient() -> None:
    assert issubclass(Transient, Failed)
    assert not issubclass(BadFile, Failed)
    assert not issubclass(NotAtSource, Failed)
    assert Transient("x", retry_after=2.5).retry_after == 2.5
    assert Transient("x").retry_after is None
