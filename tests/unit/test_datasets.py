"""The datasets: each sound in itself, every name of every era bound, and the user's own loaded or refused by name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tidemark.contract import bind, normalise
from tidemark.datasets import fhv, fhvhv, green, yellow
from tidemark.datasets.base import Column, ColumnType, Dataset, Index, RowRule
from tidemark.datasets.registry import BUILT_IN, check_dataset, find_dataset, load_datasets
from tidemark.errors import UsageError
from tidemark.months import Month
from tidemark.transform import transform

if TYPE_CHECKING:
    import pyarrow

PROJECT = Path(__file__).parents[2]
REAL_FILES = PROJECT.parent / "shared" / "tlc"
README = PROJECT / "tidemark" / "datasets" / "README.md"

MINIMAL = """
from tidemark.datasets.base import Column, ColumnType, Dataset
from tidemark.months import Month

DATASET = Dataset(
    name="{name}",
    title="Rides",
    home="https://data.example.org/rides",
    first_month=Month(2024, 1),
    lag_days=10,
    event_column="at",
    columns=(Column(name="at", type=ColumnType.TIMESTAMP, names=("at",), comment="When."),),
)
"""

TEXT, NUMBER, TIME = "text", "number", "timestamp"
SAMPLES = {TEXT: "a text", NUMBER: 1.0, TIME: datetime(2009, 1, 4, 2, 52)}  # noqa: DTZ001 - published without zone


def fields(names: str, *, texts: str = "", times: str = "") -> dict[str, str]:
    """The fields of a published file and what kind of values they hold: numbers, where nothing else is said."""
    return (
        dict.fromkeys(names.split(), NUMBER) | dict.fromkeys(texts.split(), TEXT) | dict.fromkeys(times.split(), TIME)
    )


def published(present: dict[str, str]) -> pyarrow.RecordBatch:
    """One row as such a file holds it; the times of 2009 and 2010 are texts there."""
    import pyarrow

    row = {
        name: "2009-01-04 02:52:00" if kind == TEXT and "datetime" in name.lower() else SAMPLES[kind]
        for name, kind in present.items()
    }
    return pyarrow.RecordBatch.from_pylist([row])


YELLOW_2009 = fields(
    "vendor_name Trip_Pickup_DateTime Trip_Dropoff_DateTime Passenger_Count Trip_Distance Start_Lon Start_Lat "
    "Rate_Code store_and_forward End_Lon End_Lat Payment_Type Fare_Amt surcharge mta_tax Tip_Amt Tolls_Amt Total_Amt",
    texts="vendor_name Trip_Pickup_DateTime Trip_Dropoff_DateTime Payment_Type",
)
YELLOW_2010 = fields(
    "vendor_id pickup_datetime dropoff_datetime passenger_count trip_distance pickup_longitude pickup_latitude "
    "rate_code store_and_fwd_flag dropoff_longitude dropoff_latitude payment_type fare_amount surcharge mta_tax "
    "tip_amount tolls_amount total_amount",
    texts="vendor_id pickup_datetime dropoff_datetime rate_code store_and_fwd_flag payment_type",
)
YELLOW_2011 = fields(
    "VendorID tpep_pickup_datetime tpep_dropoff_datetime passenger_count trip_distance RatecodeID store_and_fwd_flag "
    "PULocationID DOLocationID payment_type fare_amount extra mta_tax tip_amount tolls_amount improvement_surcharge "
    "total_amount congestion_surcharge airport_fee",
    texts="store_and_fwd_flag",
    times="tpep_pickup_datetime tpep_dropoff_datetime",
)
YELLOW_2023 = {name.replace("airport_fee", "Airport_fee"): kind for name, kind in YELLOW_2011.items()}
YELLOW_2025 = YELLOW_2023 | {"cbd_congestion_fee": NUMBER}
YELLOW_2026 = YELLOW_2025 | {"request_source": TEXT}
GREEN_2013 = fields(
    "VendorID lpep_pickup_datetime lpep_dropoff_datetime store_and_fwd_flag RatecodeID PULocationID DOLocationID "
    "passenger_count trip_distance fare_amount extra mta_tax tip_amount tolls_amount ehail_fee improvement_surcharge "
    "total_amount payment_type trip_type congestion_surcharge",
    texts="store_and_fwd_flag",
    times="lpep_pickup_datetime lpep_dropoff_datetime",
)
GREEN_2025 = GREEN_2013 | {"cbd_congestion_fee": NUMBER}
GREEN_2026 = GREEN_2025 | {"request_source": TEXT}
FHV_2015 = fields(
    "dispatching_base_num pickup_datetime dropOff_datetime PUlocationID DOlocationID SR_Flag Affiliated_base_number",
    texts="dispatching_base_num Affiliated_base_number",
    times="pickup_datetime dropOff_datetime",
)
FHVHV_2019 = fields(
    "hvfhs_license_num dispatching_base_num originating_base_num request_datetime on_scene_datetime pickup_datetime "
    "dropoff_datetime PULocationID DOLocationID trip_miles trip_time base_passenger_fare tolls bcf sales_tax "
    "congestion_surcharge airport_fee tips driver_pay shared_request_flag shared_match_flag access_a_ride_flag "
    "wav_request_flag wav_match_flag",
    texts="hvfhs_license_num dispatching_base_num originating_base_num shared_request_flag shared_match_flag "
    "access_a_ride_flag wav_request_flag wav_match_flag",
    times="request_datetime on_scene_datetime pickup_datetime dropoff_datetime",
)
FHVHV_2025 = FHVHV_2019 | {"cbd_congestion_fee": NUMBER}

ERAS = [
    (yellow.DATASET, Month(2009, 1), YELLOW_2009),
    (yellow.DATASET, Month(2010, 12), YELLOW_2010),
    (yellow.DATASET, Month(2011, 1), YELLOW_2011),
    (yellow.DATASET, Month(2023, 2), YELLOW_2023),
    (yellow.DATASET, Month(2025, 1), YELLOW_2025),
    (yellow.DATASET, Month(2026, 6), YELLOW_2026),
    (green.DATASET, Month(2013, 8), GREEN_2013),
    (green.DATASET, Month(2025, 1), GREEN_2025),
    (green.DATASET, Month(2026, 6), GREEN_2026),
    (fhv.DATASET, Month(2015, 1), FHV_2015),
    (fhv.DATASET, Month(2023, 2), FHV_2015),
    (fhvhv.DATASET, Month(2019, 2), FHVHV_2019),
    (fhvhv.DATASET, Month(2025, 1), FHVHV_2025),
]


@pytest.mark.parametrize("dataset", BUILT_IN, ids=lambda dataset: dataset.name)
def test_every_dataset_is_sound_and_described(dataset: Dataset) -> None:
    assert check_dataset(dataset) == ()
    assert dataset.file_name(Month(2024, 7)) == f"{dataset.name}_tripdata_2024-07.parquet"
    for column in dataset.columns:
        assert column.comment.endswith("."), column.name
        needs_unit = column.type in (ColumnType.DOUBLE, ColumnType.TIMESTAMP)
        assert not needs_unit or column.unit, column.name
        assert column.type is not ColumnType.TEXT or not column.unit, column.name
    event = next(column for column in dataset.columns if column.name == dataset.event_column)
    assert event.required_in(dataset.first_month)
    assert all(rule.reason and rule.code.startswith(dataset.name.upper()) for rule in dataset.row_rules)
    assert all(index.purpose for index in dataset.indexes)


@pytest.mark.parametrize(
    ("dataset", "month", "present"), ERAS, ids=[f"{dataset.name}-{month}" for dataset, month, _ in ERAS]
)
def test_every_name_of_an_era_resolves_to_one_column(dataset: Dataset, month: Month, present: dict[str, str]) -> None:
    batch = published(present)
    binding = bind(dataset, month, batch.schema)
    assert binding.unknown == ()
    assert sorted(binding.fields.values()) == sorted(present)
    for column, name in binding.fields.items():
        assert name in next(c.names for c in dataset.columns if c.name == column)
    (row,) = normalise(binding, batch).to_pylist()
    assert {column for column, value in row.items() if value is not None} == set(binding.fields)


def test_texts_and_codes_of_yellow_are_kept_apart() -> None:
    def columns_in(month: Month, present: dict[str, str]) -> dict[str, str]:
        fields_by_column = bind(yellow.DATASET, month, published(present).schema).fields
        return {name: column for column, name in fields_by_column.items()}

    early = columns_in(Month(2009, 1), YELLOW_2009)
    assert (early["vendor_name"], early["Payment_Type"]) == ("vendor_name", "payment_method")
    assert (early["Rate_Code"], early["store_and_forward"]) == ("ratecode_id", "store_and_forward")
    later = columns_in(Month(2010, 1), YELLOW_2010)
    assert (later["vendor_id"], later["payment_type"]) == ("vendor_name", "payment_method")
    assert (later["rate_code"], later["store_and_fwd_flag"]) == ("rate_code", "store_and_fwd_flag")
    today = columns_in(Month(2025, 1), YELLOW_2025)
    assert (today["VendorID"], today["payment_type"]) == ("vendor_id", "payment_type")
    assert (today["RatecodeID"], today["store_and_fwd_flag"]) == ("ratecode_id", "store_and_fwd_flag")


ONLY_IN_CSV = {
    "yellow": set(),
    "green": {"Pickup_longitude", "Pickup_latitude", "Dropoff_longitude", "Dropoff_latitude"},
    "fhv": {"Pickup_date", "locationID", "Dispatching_base_number"},
    "fhvhv": {"SR_Flag"},
}


def test_no_column_claims_a_name_that_no_file_has() -> None:
    for dataset in BUILT_IN:
        known = {name for era, _, present in ERAS if era is dataset for name in present} | ONLY_IN_CSV[dataset.name]
        claimed = {name for column in dataset.columns for name in column.names}
        assert claimed == known, dataset.name


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="the real TLC files are not beside the project")
def test_the_real_green_files_bind() -> None:
    import pyarrow.parquet

    files = sorted(REAL_FILES.glob("**/green_tripdata_*.parquet"))
    assert len(files) == 8
    for path in files:
        month = Month.parse(path.stem.removeprefix("green_tripdata_"))
        file = pyarrow.parquet.ParquetFile(path)
        binding = bind(green.DATASET, month, file.schema_arrow)
        assert binding.unknown == (), path.name
        rows = sum(normalise(binding, batch).num_rows for batch in file.iter_batches())
        assert rows == file.metadata.num_rows


def test_trips_without_passengers_are_taken_and_unknown_counts_are_not() -> None:
    import pandas
    import pyarrow

    (rule,) = yellow.DATASET.row_rules
    batch = pyarrow.record_batch({"passenger_count": pyarrow.array([0, 1, None, 6], pyarrow.int32())})
    taken = rule.takes(batch.to_pandas(types_mapper=pandas.ArrowDtype))
    assert taken.tolist() == [True, False, False, False]


def test_the_four_come_first_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text(MINIMAL.format(name="boats"))
    (tmp_path / "a.py").write_text(MINIMAL.format(name="trams"))
    (tmp_path / "_shared.py").write_text("raise RuntimeError")
    (tmp_path / "notes.txt").write_text("not Python")
    assert list(load_datasets(None)) == ["yellow", "green", "fhv", "fhvhv"]
    datasets = load_datasets(tmp_path)
    assert list(datasets) == ["yellow", "green", "fhv", "fhvhv", "trams", "boats"]
    assert all(name == dataset.name for name, dataset in datasets.items())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module_at_all", "no_such_module_at_all"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("dataset = 1", "defines no DATASET"),
        ("DATASET = 1", "defines no DATASET"),
        (MINIMAL.format(name="Rides"), "'Rides' is no lower-case identifier"),
        (MINIMAL.format(name="1rides"), "no lower-case identifier"),
        (MINIMAL.format(name="ri des"), "no lower-case identifier"),
        (MINIMAL.format(name="r" * 31), "at most 30 characters"),
        (MINIMAL.format(name="green_2023_02"), "like the table of a month"),
        (MINIMAL.format(name="green"), "already a dataset named 'green'"),
        (MINIMAL.format(name="rides").replace('("at",)', '("at")'), "not a tuple"),
        (MINIMAL.format(name="rides").replace("Month(2024, 1)", '"2024-01"'), "first_month is not a Month"),
        (MINIMAL.format(name="rides").replace("lag_days=10", 'lag_days="10"'), "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_datasets(tmp_path)
    assert "mine.py" in caught.value.message
    assert reason in caught.value.message
    assert caught.value.code == "bad-dataset"
    assert "TIDEMARK_DATASETS" in caught.value.remedy


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    for file in ("one.py", "two.py"):
        (tmp_path / file).write_text(MINIMAL.format(name="rides"))
    with pytest.raises(UsageError, match=r"two\.py .* already a dataset named 'rides'"):
        load_datasets(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist") as caught:
        load_datasets(tmp_path / "nowhere")
    assert "TIDEMARK_DATASETS" in caught.value.remedy


def test_an_unknown_name_gets_the_known_ones_and_the_closest() -> None:
    datasets = load_datasets(None)
    assert find_dataset("green", datasets) is green.DATASET
    with pytest.raises(UsageError) as caught:
        find_dataset("gren", datasets)
    assert caught.value.code == "unknown-dataset"
    assert caught.value.remedy.startswith("Did you mean green? The datasets are: yellow, green, fhv, fhvhv.")
    with pytest.raises(UsageError) as caught:
        find_dataset("zzz", datasets)
    assert caught.value.remedy.startswith("The datasets are: yellow, green, fhv, fhvhv.")
    assert "TIDEMARK_DATASETS" in caught.value.remedy
    with pytest.raises(UsageError, match="Did you mean green"):
        find_dataset("GREEN", datasets)


def column(name: str, **more: Any) -> Column:
    return Column(**({"name": name, "type": ColumnType.TEXT, "names": (name,), "comment": "A text."} | more))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"columns": (*green.DATASET.columns, column("extra", names=("other",)))}, "several columns named 'extra'"),
        ({"columns": (*green.DATASET.columns, column("month"))}, "'month' is reserved"),
        ({"columns": (*green.DATASET.columns, column("load_id"))}, "'load_id' is reserved"),
        ({"columns": (*green.DATASET.columns, column("Extra fee"))}, "'Extra fee' is no lower-case identifier"),
        ({"columns": (*green.DATASET.columns, column("fee", names=()))}, "names of column 'fee'"),
        (
            {"columns": (*green.DATASET.columns, column("flag", names=("store_and_fwd_flag",)))},
            "both claim the name 'store_and_fwd_flag'",
        ),
        (
            {"columns": (*green.DATASET.columns, column("fee", since=Month(2024, 2), until=Month(2024, 1)))},
            "'fee' ends (2024-01) before it begins (2024-02)",
        ),
        ({"event_column": "picked_up"}, "'picked_up' is not among the columns"),
        ({"event_column": "extra"}, "'extra' is not a timestamp"),
        ({"address": "all.parquet"}, "lacks {month}"),
        ({"address": "{year}/{month}.parquet"}, "other placeholders"),
        ({"lag_days": -1}, "below 0"),
        ({"indexes": (Index(columns=("zone",), method="brin", purpose="?"),)}, "column 'zone'"),
        ({"indexes": (Index(columns=("extra",), method="rtree", purpose="?"),)}, "'rtree' is none of"),
        ({"indexes": (Index(columns=(), method="brin", purpose="?"),)}, "no columns"),
        (
            {"row_rules": (RowRule(code="X", column="zone", reason="?", takes=yellow.without_passengers),)},
            "'X' names the column 'zone'",
        ),
        (
            {"row_rules": (RowRule(code="X", column="extra", reason="?", takes=yellow.without_passengers),) * 2},
            "several row rules with the code 'X'",
        ),
    ],
)
def test_what_is_wrong_with_a_dataset_is_said(change: dict[str, Any], problem: str) -> None:
    problems = check_dataset(replace(green.DATASET, **change))
    assert len(problems) == 1
    assert problem in problems[0]


def test_the_example_of_the_readme_works(tmp_path: Path) -> None:
    import pyarrow

    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "bike_rides.py").write_text(example, encoding="utf-8")
    dataset = find_dataset("bike_rides", load_datasets(tmp_path))
    assert dataset.file_name(dataset.first_month) == "bike_rides-2024-01.parquet"
    start = SAMPLES[TIME]
    rides = [{"Start Time": start, "distance_km": distance} for distance in (0.0, 2.5, None)]
    batch = pyarrow.RecordBatch.from_pylist(rides)
    rows = normalise(bind(dataset, dataset.first_month, batch.schema), batch)
    outcome = transform(dataset.row_rules, rows, rows.schema.names, first_row=1)
    assert [(row.code, row.number) for row in outcome.diverted] == [("BIKES-NO-DISTANCE", 1)]
    assert outcome.kept.to_pylist() == [
        {"started_at": start, "distance": 2.5, "member": None},
        {"started_at": start, "distance": None, "member": None},
    ]
