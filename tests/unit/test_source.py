from __future__ import annotations

from pathlib import Path

import pytest

from tidemark.datasets.base import Dataset
from tidemark.errors import UsageError
from tidemark.months import Month
from tidemark.settings import masked
from tidemark.source import check_source, locate

MONTH = Month(2023, 2)


def dataset(**changes: str) -> Dataset:
    return Dataset(
        name=changes.get("name", "green"),
        title="Green",
        home=changes.get("home", "https://data.example.org/trips"),
        address=changes.get("address", "{dataset}_tripdata_{month}.parquet"),
        first_month=Month(2013, 8),
        lag_days=60,
        event_column="pickup",
        columns=(),
    )


def test_without_a_source_it_is_the_dataset_s_home() -> None:
    location = locate(dataset(), MONTH, None)
    assert location.url == "https://data.example.org/trips/green_tripdata_2023-02.parquet"
    assert location.shown == location.url
    assert location.path is None
    assert location.extension == "parquet"


@pytest.mark.parametrize("base", ["http://h.example:8080/a", "http://h.example:8080/a/"])
def test_a_source_takes_the_place_of_the_home(base: str) -> None:
    assert locate(dataset(), MONTH, base).url == "http://h.example:8080/a/green_tripdata_2023-02.parquet"


def test_credentials_and_tokens_are_used_but_never_shown() -> None:
    location = locate(dataset(), MONTH, "https://me:p@ss@h.example/a?sig=to/ken%3D&x=1#part")
    assert location.url == "https://me:p@ss@h.example/a/green_tripdata_2023-02.parquet?sig=to/ken%3D&x=1"
    assert location.shown == "https://***@h.example/a/green_tripdata_2023-02.parquet"
    assert "ss@" not in repr(location)
    assert "ken" not in repr(location)


def test_an_address_is_written_in_ascii() -> None:
    location = locate(dataset(address="{month}/daten für alle.csv"), MONTH, "http://h.example/ä b?q=ü")
    assert location.url == "http://h.example/%C3%A4%20b/2023-02/daten%20f%C3%BCr%20alle.csv?q=%C3%BC"
    assert location.extension == "csv"


def test_a_name_without_an_extension_is_kept_as_bin() -> None:
    assert locate(dataset(address="{month}"), MONTH, None).extension == "bin"
    assert locate(dataset(address="{month}.a b"), MONTH, None).extension == "bin"


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "file://localhost{path}"])
def test_a_folder(form: str, tmp_path: Path) -> None:
    location = locate(dataset(), MONTH, form.format(path=tmp_path))
    assert location.path == tmp_path / "green_tripdata_2023-02.parquet"
    assert location.shown == str(location.path)
    assert location.url is None


def test_a_folder_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate(dataset(), MONTH, "data").path == tmp_path / "data" / "green_tripdata_2023-02.parquet"


def test_a_file_address_with_escapes(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert locate(dataset(), MONTH, f"file://{tmp_path}/a%20b").path == tmp_path / "a b/green_tripdata_2023-02.parquet"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("s3://key:hidden@bucket/a", "scheme 's3'"),
        ("https://", "without a host"),
        ("https:///a?hidden", "without a host"),
        ("http:/h.example/hidden", "without a host"),
        ("https://me:hidden@/a", "without a host"),
        ("https://me:hidden/word@h.example", "can be read"),
        ("https://h.example:hidden/a", "can be read"),
        ("https://[::1/hidden", "can be read"),
        ("https://h exa.mple/hidden", "without a host"),
        ("file://elsewhere/hidden", "not on this machine"),
        ("no/such/folder", "'no/such/folder' is not a folder"),
        ("me:hidden@h.example/a?hidden", "'h.example/a' is not a folder"),
        ("a\0b", "is not a folder"),
        ("x" * 5000, "is not a folder"),
        ("~nobody-of-this-name/a", "is not a folder"),
        (__file__, "is not a folder"),
    ],
)
def test_a_bad_source_is_refused_before_anything_begins(source: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        check_source(source)
    assert caught.value.code == "bad-source"
    assert "TIDEMARK_SOURCE" in caught.value.remedy
    assert "hidden" not in str(caught.value)
    with pytest.raises(UsageError):
        locate(dataset(), MONTH, source)


def test_a_good_source_passes(tmp_path: Path) -> None:
    check_source(str(tmp_path))
    check_source("https://me:word@[::1]:8443/a?b")


def test_an_address_that_cannot_be_read_is_not_shown_at_all() -> None:
    assert "secret" not in masked("https://[secret")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["parquet", "csv.gz", "csv"], "parquet"),
        (["csv.gz", "csv"], "csv.gz"),
        (["csv"], "csv"),
        ([], "parquet"),
    ],
)
def test_in_a_folder_the_file_may_have_any_format(names: list[str], found: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / f"green_tripdata_2023-02.{name}").touch()
    location = locate(dataset(), MONTH, str(tmp_path))
    assert location.path == tmp_path / f"green_tripdata_2023-02.{found}"
    assert location.extension == found


def test_a_dataset_s_own_format_comes_before_the_others(tmp_path: Path) -> None:
    for name in ("2023-02.parquet", "2023-02.csv"):
        (tmp_path / name).touch()
    assert locate(dataset(address="{month}.csv"), MONTH, str(tmp_path)).path == tmp_path / "2023-02.csv"


def test_a_template_of_an_address_says_where_the_month_is() -> None:
    source = "https://me:{word}@h.example/{dataset}/{dataset}_tripdata_{month}.csv.gz?sig={x}"
    check_source(source)
    location = locate(dataset(), MONTH, source)
    assert location.url == "https://me:{word}@h.example/green/green_tripdata_2023-02.csv.gz?sig=%7Bx%7D"
    assert location.shown == "https://***@h.example/green/green_tripdata_2023-02.csv.gz"
    assert location.extension == "csv.gz"


@pytest.mark.parametrize("form", ["{path}/{{dataset}}/{{month}}.csv", "file://{path}/{{dataset}}/{{month}}.csv"])
def test_a_template_of_a_path(form: str, tmp_path: Path) -> None:
    check_source(form.format(path=tmp_path))
    location = locate(dataset(), MONTH, form.format(path=tmp_path))
    assert location.path == tmp_path / "green" / "2023-02.csv"
    assert (location.shown, location.extension) == (str(location.path), "csv")


def test_a_folder_may_have_braces_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "{mine}"
    folder.mkdir()
    assert locate(dataset(), MONTH, str(folder)).path == folder / "green_tripdata_2023-02.parquet"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("https://h.example/{dataset}.csv", "lacks {month}"),
        ("https://h.example/{year}/{month}.csv", "has {year}, and a template knows"),
        ("https://h.example/{}/{month}.csv", "has {}, and a template knows"),
        ("/data/{data set}/{month}.csv", "has {data set}, and a template knows"),
        ("s3://h.example/{month}.csv", "scheme 's3'"),
        ("~nobody-of-this-name/{month}.csv", "a home that is not there"),
    ],
)
def test_a_bad_template_is_one_clear_sentence(source: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_source(source)
    assert caught.value.code == "bad-source"
    assert says in caught.value.message
    assert "{dataset}_{month}.csv.gz" in caught.value.remedy
