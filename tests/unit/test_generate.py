"""The generated months, read back."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.generate import DATASETS, Fault, damage, write_month
from tidemark.errors import UsageError
from tidemark.months import Month

ROWS = 20_000
JANUARY = Month(2023, 1)
FEBRUARY = Month(2023, 2)

YELLOW_A = """
VendorID int64, tpep_pickup_datetime timestamp[us], tpep_dropoff_datetime timestamp[us], passenger_count double,
trip_distance double, RatecodeID double, store_and_fwd_flag string, PULocationID int64, DOLocationID int64,
payment_type int64, fare_amount double, extra double, mta_tax double, tip_amount double, tolls_amount double,
improvement_surcharge double, total_amount double, congestion_surcharge double, airport_fee double
"""
YELLOW_B = """
VendorID int32, tpep_pickup_datetime timestamp[us], tpep_dropoff_datetime timestamp[us], passenger_count int64,
trip_distance double, RatecodeID int64, store_and_fwd_flag large_string, PULocationID int32, DOLocationID int32,
payment_type int64, fare_amount double, extra double, mta_tax double, tip_amount double, tolls_amount double,
improvement_surcharge double, total_amount double, congestion_surcharge double, Airport_fee double
"""
GREEN_A = """
VendorID int64, lpep_pickup_datetime timestamp[us], lpep_dropoff_datetime timestamp[us], store_and_fwd_flag string,
RatecodeID double, PULocationID int64, DOLocationID int64, passenger_count double, trip_distance double,
fare_amount double, extra double, mta_tax double, tip_amount double, tolls_amount double, ehail_fee null,
improvement_surcharge double, total_amount double, payment_type double, trip_type double, congestion_surcharge double
"""
GREEN_B = """
VendorID int32, lpep_pickup_datetime timestamp[us], lpep_dropoff_datetime timestamp[us],
store_and_fwd_flag large_string, RatecodeID int64, PULocationID int32, DOLocationID int32, passenger_count int64,
trip_distance double, fare_amount double, extra double, mta_tax double, tip_amount double, tolls_amount double,
ehail_fee double, improvement_surcharge double, total_amount double, payment_type int64, trip_type int64,
congestion_surcharge double
"""
FHV_A = """
dispatching_base_num string, pickup_datetime timestamp[us], dropOff_datetime timestamp[us], PUlocationID double,
DOlocationID double, SR_Flag null, Affiliated_base_number string
"""
FHV_B = """
dispatching_base_num large_string, pickup_datetime timestamp[us], dropOff_datetime timestamp[us], PUlocationID int64,
DOlocationID int64, SR_Flag int64, Affiliated_base_number large_string
"""
FHVHV_A = """
hvfhs_license_num string, dispatching_base_num string, originating_base_num string, request_datetime timestamp[us],
on_scene_datetime timestamp[us], pickup_datetime timestamp[us], dropoff_datetime timestamp[us], PULocationID int64,
DOLocationID int64, trip_miles double, trip_time int64, base_passenger_fare double, tolls double, bcf double,
sales_tax double, congestion_surcharge double, airport_fee double, tips double, driver_pay double,
shared_request_flag string, shared_match_flag string, access_a_ride_flag string, wav_request_flag string,
wav_match_flag string
"""
FHVHV_B = (
    FHVHV_A.replace(" string", " large_string")
    .replace("PULocationID int64", "PULocationID int32")
    .replace("DOLocationID int64", "DOLocationID int32")
)
CONGESTION = "cbd_congestion_fee double"

IDENTITY = ("VendorID", "pickup", "dropoff", "PULocationID", "DOLocationID")
PARTS = (
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "congestion_surcharge",
    "airport_fee",
    "cbd_congestion_fee",
)


def read(path: Path) -> pd.DataFrame:
    """Read a month of taxi trips under names that yellow, green and all eras share."""
    frame: pd.DataFrame = pq.read_table(path).to_pandas()
    names = {name: name[5:].removesuffix("_datetime") for name in frame.columns if name.endswith("p_pickup_datetime")}
    names |= {name: name[5:].removesuffix("_datetime") for name in frame.columns if name.endswith("p_dropoff_datetime")}
    return frame.rename(columns=names | {"Airport_fee": "airport_fee"})


@pytest.fixture(scope="module", params=["yellow 2022-12", "green 2023-02", "green 2024-02", "yellow 2025-03"])
def month(request: pytest.FixtureRequest) -> tuple[str, Month]:
    dataset, _, text = request.param.partition(" ")
    return dataset, Month.parse(text)


@pytest.fixture(scope="module")
def taxi(month: tuple[str, Month], tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return read(write_month(tmp_path_factory.mktemp("months"), month[0], month[1], rows=ROWS))


@pytest.mark.parametrize(
    ("dataset", "month", "columns"),
    [
        ("yellow", "2022-06", YELLOW_A),
        ("yellow", "2023-01", YELLOW_A),
        ("yellow", "2023-02", YELLOW_B),
        ("yellow", "2025-01", f"{YELLOW_B}, {CONGESTION}"),
        ("green", "2021-01", GREEN_A),
        ("green", "2023-01", GREEN_A),
        ("green", "2023-02", GREEN_B),
        ("green", "2024-12", GREEN_B),
        ("green", "2025-01", f"{GREEN_B}, {CONGESTION}"),
        ("fhv", "2023-01", FHV_A),
        ("fhv", "2023-02", FHV_B),
        ("fhv", "2025-01", FHV_B),
        ("fhvhv", "2023-01", FHVHV_A),
        ("fhvhv", "2023-02", FHVHV_B),
        ("fhvhv", "2025-01", f"{FHVHV_B}, {CONGESTION}"),
    ],
)
def test_every_era_has_the_columns_that_it_had(tmp_path: Path, dataset: str, month: str, columns: str) -> None:
    schema = pq.read_schema(write_month(tmp_path, dataset, Month.parse(month), rows=100))
    assert [f"{field.name} {field.type}" for field in schema] == [column.strip() for column in columns.split(",")]


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("rows", [0, 1, 1_000, 200_000])
def test_a_month_is_one_file_with_one_row_group(tmp_path: Path, dataset: str, rows: int) -> None:
    path = write_month(tmp_path, dataset, FEBRUARY, rows=rows)
    assert [path] == list(tmp_path.iterdir())
    assert path.name == f"{dataset}_tripdata_2023-02.parquet"
    metadata = pq.read_metadata(path)
    assert (metadata.num_rows, metadata.num_row_groups) == (rows, 1)


def test_a_dataset_that_nobody_knows_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'boats'") as error:
        write_month(tmp_path, "boats", FEBRUARY, rows=1)
    assert "green" in error.value.remedy
    assert list(tmp_path.iterdir()) == []


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_arguments_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    here = sha256(write_month(tmp_path, "green", FEBRUARY, rows=500, seed=7))
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from demo.generate import write_month\nfrom tidemark.months import Month\n"
        "write_month(Path(sys.argv[1]), 'green', Month(2023, 2), rows=500, seed=7)\n"
    )
    (tmp_path / "there").mkdir()
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "there")], check=True)
    assert sha256(tmp_path / "there" / "green_tripdata_2023-02.parquet") == here


def test_seed_month_and_dataset_each_give_other_trips(tmp_path: Path) -> None:
    def zones(dataset: str, month: Month, seed: int) -> tuple[int, ...]:
        table = pq.read_table(write_month(tmp_path, dataset, month, rows=500, seed=seed))
        return tuple(table["PULocationID"].to_pylist())

    cases = [("green", FEBRUARY, 0), ("green", FEBRUARY, 1), ("green", JANUARY, 0), ("yellow", FEBRUARY, 0)]
    assert len({zones(*case) for case in cases}) == len(cases)


def test_a_few_pickups_are_outside_the_month(taxi: pd.DataFrame, month: tuple[str, Month]) -> None:
    first, end = pd.Timestamp(month[1].first_day), pd.Timestamp(month[1].next.first_day)
    outside = taxi[(taxi["pickup"] < first) | (taxi["pickup"] >= end)]
    assert 1 <= len(outside) <= ROWS / 1000
    assert {2008, end.year} == set(outside["pickup"].dt.year)
    assert set(taxi.loc[taxi["pickup"].between(first, end, "left"), "pickup"].dt.day) == set(
        range(1, (end - first).days + 1)
    )


def test_the_end_of_the_file_lacks_what_the_meter_knows(taxi: pd.DataFrame, month: tuple[str, Month]) -> None:
    unknown = ["passenger_count", "RatecodeID", "store_and_fwd_flag", "congestion_surcharge"]
    unknown += ["payment_type", "trip_type"] if month[0] == "green" else ["airport_fee"]
    empty = taxi["passenger_count"].isna()
    assert 0.03 < empty.mean() < 0.15
    assert empty.is_monotonic_increasing
    assert all((taxi[column].isna() == empty).all() for column in unknown)
    complete = taxi.drop(columns=[*unknown, "ehail_fee"], errors="ignore")
    assert not complete.isna().any(axis=None)
    if month[0] == "yellow":
        assert set(taxi.loc[empty, "payment_type"]) == {0}
        assert 0 not in set(taxi.loc[~empty, "payment_type"])


def test_every_amount_below_zero_takes_back_the_charge_before_it(taxi: pd.DataFrame) -> None:
    amounts = [name for name in (*PARTS, "total_amount") if name in taxi]
    reversal = np.flatnonzero(taxi["total_amount"] < 0)
    assert 0.001 < len(reversal) / len(taxi) < 0.01
    charges, reversals = taxi.iloc[reversal - 1], taxi.iloc[reversal]
    for column in IDENTITY:
        assert (charges[column].to_numpy() == reversals[column].to_numpy()).all()
    assert (charges[amounts].to_numpy() + reversals[amounts].to_numpy() == 0).all()
    assert (taxi.loc[taxi["total_amount"] >= 0, amounts].fillna(0) >= 0).all(axis=None)
    numbers = taxi[amounts].to_numpy()
    assert not (np.signbit(numbers) & (numbers == 0)).any()  # -0.0 reads like a fault


def test_totals_are_mostly_the_sum_of_their_parts(taxi: pd.DataFrame) -> None:
    parts = taxi[[name for name in PARTS if name in taxi]].fillna(0).sum(axis=1)
    differs = (parts - taxi["total_amount"]).abs() > 0.005
    assert 0.03 < differs.mean() < 0.16
    assert (parts - taxi["total_amount"]).abs().max() < 10


def test_the_odd_rows_are_there_and_few(taxi: pd.DataFrame) -> None:
    hours = (taxi["dropoff"] - taxi["pickup"]).dt.total_seconds() / 3600
    assert hours.min() > 0
    for odd in (
        taxi["fare_amount"] == 0,
        taxi["passenger_count"] == 0,
        taxi["trip_distance"] == 0,
        hours >= 20,
        taxi["trip_distance"] > 1000,
    ):
        assert 0 < odd.mean() < 0.02
    assert not taxi.duplicated().any()


def test_an_ordinary_trip_is_plausible(taxi: pd.DataFrame) -> None:
    minutes = (taxi["dropoff"] - taxi["pickup"]).dt.total_seconds() / 60
    assert 1 < taxi["trip_distance"].median() < 4
    assert 6 < minutes.median() < 20
    assert 9 < taxi["fare_amount"].median() < 20
    assert taxi["PULocationID"].between(1, 265).all()
    assert taxi["DOLocationID"].between(1, 265).all()
    ordinary = taxi[(taxi["trip_distance"] > 0) & (taxi["trip_distance"] < 100) & (taxi["fare_amount"] > 0)]
    assert ordinary["trip_distance"].corr(ordinary["fare_amount"]) > 0.9
    card, cash = (taxi.loc[taxi["payment_type"] == payment, "tip_amount"] for payment in (1, 2))
    assert card.median() > 1
    assert cash.max() == 0


def test_pickups_follow_the_day_and_the_week(taxi: pd.DataFrame) -> None:
    by_hour = taxi["pickup"].dt.hour.value_counts()
    assert by_hour[18] > 4 * by_hour[4]
    days = taxi["pickup"].dt.floor("D").value_counts().rename_axis("day").reset_index()
    days = days[days["count"] > 100]  # without the strays
    by_weekday = days.groupby(days["day"].dt.day_of_week)["count"].mean()
    assert by_weekday[4] > 1.1 * by_weekday[6]


def test_the_rush_hour_costs_extra_on_weekdays_only(taxi: pd.DataFrame) -> None:
    rush = taxi[(taxi["pickup"].dt.hour == 17) & (taxi["total_amount"] > 0)]
    extra = rush["extra"] > 0
    assert (extra == (rush["pickup"].dt.day_of_week < 5)).all()
    assert set(extra) == {True, False}


def test_the_fare_rises_with_the_new_tariff(tmp_path: Path) -> None:
    old, new = (read(write_month(tmp_path, "yellow", Month(*month), rows=ROWS)) for month in ((2022, 12), (2023, 1)))
    assert new["fare_amount"].median() > 1.2 * old["fare_amount"].median()
    assert (old["improvement_surcharge"].max(), new["improvement_surcharge"].max()) == (0.3, 1.0)


@pytest.mark.parametrize("dataset", ["fhv", "fhvhv"])
def test_hired_trips_are_in_their_month_and_in_order(tmp_path: Path, dataset: str) -> None:
    frame = pq.read_table(write_month(tmp_path, dataset, FEBRUARY, rows=ROWS)).to_pandas()
    dropoff = frame["dropOff_datetime" if dataset == "fhv" else "dropoff_datetime"]
    assert frame["pickup_datetime"].between(pd.Timestamp(2023, 2, 1), pd.Timestamp(2023, 3, 1), "left").all()
    assert (dropoff > frame["pickup_datetime"]).all()
    if dataset == "fhv":
        assert 0.5 < frame["PUlocationID"].isna().mean() < 0.95
        assert frame["SR_Flag"].isna().all()
    else:
        scene = frame["on_scene_datetime"].dropna()
        assert (frame["request_datetime"] < frame["pickup_datetime"]).all()
        assert (scene <= frame.loc[scene.index, "pickup_datetime"]).all()
        assert ((dropoff - frame["pickup_datetime"]).dt.total_seconds() == frame["trip_time"]).all()


BYTES = {Fault.TRUNCATED, Fault.EMPTY, Fault.HTML, Fault.NO_FOOTER}


@pytest.fixture(params=DATASETS)
def good(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_month(tmp_path, request.param, FEBRUARY, rows=300)


@pytest.mark.parametrize("fault", sorted(BYTES))
def test_a_fault_of_bytes_makes_a_file_that_is_no_parquet(good: Path, fault: Fault) -> None:
    before = good.read_bytes()
    damage(good, fault)
    after = good.read_bytes()
    with pytest.raises(pa.ArrowInvalid):
        pq.read_metadata(good)
    assert list(good.parent.iterdir()) == [good]
    expected = {
        Fault.TRUNCATED: after == before[: len(before) // 2],
        Fault.EMPTY: after == b"",
        Fault.HTML: after.startswith(b"<!DOCTYPE html>"),
        Fault.NO_FOOTER: after[:-8] == before[:-8] and len(after) == len(before) and after[-4:] != b"PAR1",
    }
    assert expected[fault]


def changed(before: pa.Table, after: pa.Table) -> set[str]:
    return {name for name in before.column_names if not after[name].equals(before[name])}


def test_a_missing_column_is_the_only_one_missing(good: Path) -> None:
    before = pq.read_schema(good).names
    damage(good, Fault.MISSING_COLUMN)
    assert {name.lower() for name in set(before) - set(pq.read_schema(good).names)} == {"dolocationid"}


def test_a_lossy_type_is_a_fraction_where_whole_numbers_were(good: Path) -> None:
    before = pq.read_table(good)
    damage(good, Fault.LOSSY_TYPE)
    after = pq.read_table(good)
    (name,) = changed(before, after)
    assert pa.types.is_integer(before.schema.field(name).type)
    assert after[name].to_pylist() == [1.5, *before[name].to_pylist()[1:]]


def test_a_text_type_is_words_where_numbers_were(good: Path) -> None:
    before = pq.read_table(good)
    damage(good, Fault.TEXT_TYPE)
    after = pq.read_table(good)
    (name,) = changed(before, after)
    assert pa.types.is_integer(before.schema.field(name).type)
    assert set(after[name].to_pylist()) == {"unknown"}


def test_no_rows_keeps_the_schema(good: Path) -> None:
    before = pq.read_schema(good)
    damage(good, Fault.NO_ROWS)
    after = pq.read_table(good)
    assert (len(after), after.schema) == (0, before)


@pytest.mark.parametrize("month", [Month(2024, 2), Month(2025, 3), Month(2023, 12)])
def test_a_wrong_month_has_every_pickup_elsewhere(tmp_path: Path, month: Month) -> None:
    path = write_month(tmp_path, "green", month, rows=ROWS)
    before = read(path)
    damage(path, Fault.WRONG_MONTH)
    after = read(path)
    assert not after["pickup"].between(pd.Timestamp(month.first_day), pd.Timestamp(month.next.first_day), "left").any()
    assert (after["dropoff"] - after["pickup"]).equals(before["dropoff"] - before["pickup"])


def test_all_null_empties_one_column_and_keeps_its_type(good: Path) -> None:
    before = pq.read_table(good)
    damage(good, Fault.ALL_NULL)
    after = pq.read_table(good)
    (name,) = changed(before, after)
    assert before[name].null_count == 0
    assert after[name].null_count == len(before)
    assert after.schema == before.schema
