"""What fetch does with a file in the lake that was altered; meant for tests/unit/test_fetch.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faulty_feed import Feed, Script, response, says, serves
from tests.unit.test_fetch import NEW, OLD, _no_proxies, copy, feed, get, lake, seen_as  # noqa: F401
from tidemark.errors import Failed, Transient
from tidemark.fetch import RawFile
from tidemark.lake import Lake


def alter(file: RawFile) -> None:
    file.path.chmod(0o644)
    file.path.write_bytes(NEW)


@pytest.mark.parametrize(
    ("answer", "again", "reason"),
    [
        (says(response(404)), False, "answers 404"),
        (says(response(401)), False, "answers 401"),
        (says(response(503, Retry_After="7")), True, "answers 503"),
        (says(b""), True, "cannot be reached"),
    ],
)
def test_an_altered_file_that_cannot_be_fetched_again_fails(
    answer: Script, again: bool, reason: str, feed: Feed, lake: Lake
) -> None:
    feed.answer(serves(OLD, ETag='"v1"'), answer)
    first = get(feed, lake)
    alter(first)
    with pytest.raises(Failed, match=f"green 2023-02.*was altered.*{reason}") as caught:
        get(feed, lake, seen=seen_as(first))
    assert caught.value.code == "lake-altered"
    assert isinstance(caught.value, Transient) == again
    if "503" in reason:
        assert getattr(caught.value, "retry_after", None) == 7


def test_an_altered_file_is_not_used_when_the_source_has_another(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"'), serves(OLD[:9], ETag='"v2"'))
    first = get(feed, lake)
    alter(first)
    second = get(feed, lake, seen=seen_as(first))
    assert (second.downloaded, second.path.read_bytes()) == (True, OLD[:9])


def test_an_altered_file_that_nobody_remembers_is_replaced(feed: Feed, lake: Lake) -> None:
    feed.answer(serves(OLD, ETag='"v1"'))
    first = get(feed, lake)
    alter(first)
    second = get(feed, lake, seen=None)
    assert second.path == first.path
    assert second.path.read_bytes() == OLD


def test_an_altered_copy_whose_original_is_gone_fails(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(OLD)
    first = copy(path, lake)
    alter(first)
    path.unlink()
    with pytest.raises(Failed, match="there is no file") as caught:
        copy(path, lake, seen=seen_as(first))
    assert caught.value.code == "lake-altered"
