"""A first module from a sample: types as the values say, names that a table can have, a month in the address."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidemark.datasets.base import ColumnType, Dataset
from tidemark.datasets.draft import draft, write_draft
from tidemark.datasets.registry import load_datasets
from tidemark.datasets.sample import read_sample
from tidemark.errors import UsageError
from tidemark.months import Month

INTEGER, BIGINT, DOUBLE = ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DOUBLE
TIMESTAMP, TEXT = ColumnType.TIMESTAMP, ColumnType.TEXT
AT = "2024-01-03 10:00:00"


def written(folder: Path, header: str, *rows: str, name: str = "rides-2024-01.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]))
    return path


def dataset_of(sample: Path, folder: Path, name: str = "rides") -> Dataset:
    write_draft(folder, name, draft(name, read_sample(sample)))
    return load_datasets(folder)[name]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "", "-20"], INTEGER),
        (["1", "214748364"], INTEGER),
        (["1", "900000000"], BIGINT),
        (["1", "9999999999"], BIGINT),
        (["1", "99999999999999999999"], ColumnType.NUMERIC),
        (["1.0", "2.0"], DOUBLE),
        (["1", "2e3"], DOUBLE),
        (["1", "NaN"], DOUBLE),
        (["1", "1e999"], TEXT),
        (["0.5", "-0.25", "0"], DOUBLE),
        (["007", "123"], TEXT),
        (["1", "x"], TEXT),
        (["", ""], TEXT),
        (["2024-01-01", "2024-01-02 10:00:00.5"], TIMESTAMP),
        (["2024-01-01", "soon"], TEXT),
        (["true", "false"], ColumnType.BOOLEAN),
    ],
)
def test_a_text_column_gets_the_type_of_its_values(values: list[str], kind: ColumnType, tmp_path: Path) -> None:
    sample = read_sample(written(tmp_path, "at,x", *[f"{AT},{value}" for value in values]))
    assert [column.type for column in sample.columns] == [TIMESTAMP, kind]
    assert (sample.rows, sample.month, sample.left_out) == (len(values), Month(2024, 1), ())


def test_a_value_far_down_decides_as_well(tmp_path: Path) -> None:
    rows = [f"{AT},1"] * 300_000 + [f"{AT},x"]
    assert read_sample(written(tmp_path, "at,x", *rows)).columns[1].type is TEXT


def test_a_parquet_file_is_believed_as_far_as_it_goes(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    at = datetime(2024, 1, 3, 10)  # noqa: DTZ001 - published without zone
    values: dict[str, Any] = {
        "small": pyarrow.array([1, None], pyarrow.int64()),
        "large": pyarrow.array([1, 2**40], pyarrow.int64()),
        "whole": pyarrow.array([1.0, 2.0]),
        "empty": pyarrow.array([None, None], pyarrow.float64()),
        "nothing": pyarrow.nulls(2),
        "text": pyarrow.array(["1", "2"]),
        "flag": pyarrow.array([True, False]),
        "day": pyarrow.array([date(2024, 1, 1)] * 2),
        "money": pyarrow.array([Decimal("1.50")] * 2),
        "at": pyarrow.array([at, at], pyarrow.timestamp("us")),
        "list": pyarrow.array([[1], [2]]),
    }
    path = tmp_path / "rides_2024-01.parquet"
    pyarrow.parquet.write_table(pyarrow.table(values), path)
    sample = read_sample(path)
    assert sample.left_out == ("list",)
    kinds = {column.name: column.type for column in sample.columns}
    assert kinds == {
        "small": INTEGER,
        "large": BIGINT,
        "whole": DOUBLE,
        "empty": DOUBLE,
        "nothing": TEXT,
        "text": TEXT,
        "flag": ColumnType.BOOLEAN,
        "day": ColumnType.DATE,
        "money": DOUBLE,
        "at": TIMESTAMP,
    }


def test_the_time_in_the_file_s_month_says_when(tmp_path: Path) -> None:
    rows = ["2020-05-05,2023-12-31 23:59:00,2024-01-01 00:05:00", "2020-05-06,2024-01-01 00:01:00,2024-01-01 00:09:00"]
    sample = read_sample(written(tmp_path, "born,from,to", *rows))
    assert sample.event_column.name == "to"
    rows = ["2024-01-01 00:01:00,2024-01-01 00:05:00"]
    assert read_sample(written(tmp_path, "from,to", *rows)).event_column.name == "from"


def test_a_draft_is_a_sound_dataset_of_the_sample_s_folder(tmp_path: Path) -> None:
    source, folder = tmp_path / "the {source}", tmp_path / "datasets"
    source.mkdir()
    header = 'Started At,"Ride ""ID""",month,2nd,started_at,PULocationID,note,größe'
    rows = [f"{AT},{n},{n},1.5,x,{n},,1" for n in range(3)]
    for month in ("2023-11", "2024-01", "2024-02", "2023-99"):
        written(source, header, *rows, name=f"ri{{de}}s-{month}.csv")
    dataset = dataset_of(source / "ri{de}s-2024-01.csv", folder)
    assert (dataset.first_month, dataset.event_column) == (Month(2023, 11), "started_at")
    assert dataset.file_name(Month(2024, 2)) == "ri{de}s-2024-02.csv"
    assert dataset.home == str(source)
    names = [column.name for column in dataset.columns]
    assert names == ["started_at", "ride_id", "c_month", "c_2nd", "started_at_again1", "pulocation_id", "note", "gr_e"]
    assert [column.names for column in dataset.columns][1] == ('Ride "ID"',)
    assert [column.name for column in dataset.columns if not column.required] == ["note"]
    assert len((folder / "rides.py").read_text().splitlines()) <= 40


def test_an_older_module_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "rides.py").write_text("mine")
    with pytest.raises(UsageError) as caught:
        write_draft(tmp_path, "rides", "theirs")
    assert caught.value.code == "dataset-exists"
    assert (tmp_path / "rides.py").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written") as caught:
        write_draft(tmp_path / "file" / "datasets", "rides", "")
    assert caught.value.code == "no-folder"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rides.csv", f"at\n{AT}\n", "does not say its month"),
        ("rides-2024-13.csv", f"at\n{AT}\n", "does not say its month"),
        ("rides-12024-01.csv", f"at\n{AT}\n", "does not say its month"),
        ("rides-2024-01.csv", "a,b\n1,2\n", "No column of the sample is a time"),
        ("rides-2024-01.csv", "", "0 bytes"),
        ("rides-2024-01.parquet", "a\n1\n", "not parquet"),
    ],
)
def test_a_sample_that_tells_nothing_is_refused(name: str, content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError) as caught:
        read_sample(tmp_path / name)
    assert caught.value.code == "bad-sample"
    assert says in caught.value.message
    assert caught.value.remedy


def test_a_packed_sample_says_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path, "at,x", f"{AT},1")
    packed = tmp_path / "rides-2024-01.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_sample(packed).columns == read_sample(plain).columns
    assert dataset_of(packed, tmp_path).file_name(Month(2024, 2)) == "rides-2024-02.csv.gz"
