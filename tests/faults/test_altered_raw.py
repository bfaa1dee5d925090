"""A raw file that is not as it was stored: it is fetched anew, or the load fails and says so; it is never published."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.depot import FEBRUARY, Depot, rides_of, write_rides
from tests.invariants import check_data
from tidemark import load as stages
from tidemark.fetch import RawFile
from tidemark.lake import Lake
from tidemark.ledger import Outcome
from tidemark.load import Load, LoadResult
from tidemark.plan import Mode
from tidemark.postgres import Connection

ROWS = 300

Harm = Callable[[Path], object]


def overwrite(path: Path, content: bytes) -> None:
    """Change a file in its place: those in the lake may not be written, which does not stop a disk."""
    path.chmod(0o644)
    path.write_bytes(content)


def flip_a_bit(path: Path) -> None:
    """In the prices, where parquet itself does not notice it."""
    content = bytearray(path.read_bytes())
    price = content.index(b"\x00\x00\x00\x00\x00\x00\xf0\x3f")  # 1.0, in the dictionary of its column
    content[price + 6] ^= 1 << 4
    overwrite(path, bytes(content))


def flip_any_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(4, len(content) - 8)] ^= 1 << random.randrange(8)  # noqa: S311 - no secret
    overwrite(path, bytes(content))


def truncate(path: Path) -> None:
    overwrite(path, path.read_bytes()[:-100])


def empty(path: Path) -> None:
    overwrite(path, b"")


def replace_by_another_month(path: Path) -> None:
    path.unlink()
    write_rides(path, FEBRUARY, 2 * ROWS, price=666.0)


def delete(path: Path) -> None:
    path.unlink()


def make_unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


ALTERED: tuple[Harm, ...] = (flip_a_bit, flip_any_bit, truncate, empty, replace_by_another_month)
LOST: tuple[Harm, ...] = (delete, make_unreadable)


def named(given: Harm | bool) -> str:
    return getattr(given, "__name__", "reload" if given else "load").replace("_", " ")


def fetched(depot: Depot) -> tuple[Load, RawFile]:
    """A load whose file is in the lake."""
    load = depot.open(FEBRUARY, depot.plan(FEBRUARY))
    assert stages.begin(load) is None
    return load, stages.fetch_raw(load)


def repaired(path: Path) -> None:
    """What a person does about a directory in a file's place."""
    if path.is_dir():
        path.rmdir()


@pytest.fixture
def published(depot: Depot) -> LoadResult:
    depot.write(FEBRUARY, ROWS, price=1.0, row_group=ROWS)
    result = depot.load(FEBRUARY)
    assert result.outcome is Outcome.PUBLISHED, result
    return result


@pytest.fixture
def kept(depot: Depot, published: LoadResult) -> Path:
    """Where the lake has the file that is published."""
    (path,) = depot.settings.lake.rglob("*.parquet")
    return path


def test_parquet_itself_does_not_notice_the_bit_that_the_sha256_does(kept: Path) -> None:
    from tidemark.read import open_parquet, read_batches

    flip_a_bit(kept)
    with open_parquet(kept) as file:
        prices = {price for batch in read_batches(file, ["price"]) for price in batch.column(0).to_pylist()}
    assert prices == {0.5}


@pytest.mark.parametrize(
    ("harm", "reload"), [*((harm, True) for harm in ALTERED + LOST), (flip_a_bit, False), (delete, False)], ids=named
)
def test_a_file_altered_between_fetch_and_staging_is_not_published(
    harm: Harm, reload: bool, request: pytest.FixtureRequest, depot: Depot, connection: Connection
) -> None:
    before = set()
    if reload:
        request.getfixturevalue("published")
        before = rides_of(connection, FEBRUARY)
    depot.write(FEBRUARY, ROWS + 1, price=1.0, row_group=ROWS + 1)  # other bytes than those that may be published
    load, raw = fetched(depot)
    harm(raw.path)
    result = depot.ended(load, lambda: depot.conclude(load, depot.audited(load, raw)))
    stages.close(load)
    assert (result.outcome, result.code) == (Outcome.FAILED, "lake-altered" if harm in ALTERED else "lake-unusable")
    assert result.reason.startswith("rides 2023-02: ")
    noted = depot.history(FEBRUARY)[0]
    assert (noted.outcome, noted.code, noted.reason) == (result.outcome, result.code, result.reason)
    assert noted.remedy
    assert str(raw.path) in result.reason
    assert rides_of(connection, FEBRUARY) == before
    check_data(depot.url, depot.dataset.name)
    repaired(raw.path)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
    assert rides_of(connection, FEBRUARY) == {(1.0, ROWS + 1)}
    Lake(depot.settings.lake).verify(raw.path, raw.sha256)


@pytest.mark.parametrize("harm", [*ALTERED, delete], ids=named)
def test_a_file_altered_at_rest_is_fetched_anew(harm: Harm, depot: Depot, kept: Path, connection: Connection) -> None:
    harm(kept)
    again = depot.load(FEBRUARY, Mode.ALL)
    assert again.outcome is Outcome.PUBLISHED, again
    assert rides_of(connection, FEBRUARY) == {(1.0, ROWS)}
    Lake(depot.settings.lake).verify(kept, kept.stem)


@pytest.mark.parametrize("harm", ALTERED + LOST, ids=named)
def test_a_file_altered_at_rest_is_not_used_where_the_source_has_it_no_more(
    harm: Harm, depot: Depot, kept: Path, published: LoadResult, connection: Connection
) -> None:
    (depot.source / depot.dataset.file_name(FEBRUARY)).unlink()
    harm(kept)
    result = depot.load(FEBRUARY)
    if harm in ALTERED:
        assert (result.outcome, result.code) == (Outcome.FAILED, "lake-altered")
    else:  # nothing is left to be altered: the source does not have the month
        assert result.outcome is Outcome.UNAVAILABLE
    assert rides_of(connection, FEBRUARY) == {(1.0, ROWS)}
    current = depot.facts(FEBRUARY).current
    assert current is not None
    assert current.load_id == published.load_id


def test_a_directory_in_the_place_of_a_file_fails_until_it_is_removed(
    depot: Depot, kept: Path, connection: Connection
) -> None:
    make_unreadable(kept)
    result = depot.load(FEBRUARY)
    assert (result.outcome, result.code) == (Outcome.FAILED, "lake-unusable")
    assert str(kept) in result.reason
    assert "TIDEMARK_LAKE" in result.remedy
    assert rides_of(connection, FEBRUARY) == {(1.0, ROWS)}
    repaired(kept)
    assert depot.load(FEBRUARY).outcome is Outcome.PUBLISHED
