"""Every CSV era of the four datasets normalises into one table: each field in its column, and none shifted."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_datasets import REAL_FILES
from tidemark.contract import bind, normalise
from tidemark.datasets import fhv, fhvhv, green, yellow
from tidemark.datasets.base import ColumnType, Dataset
from tidemark.errors import BadFile
from tidemark.months import Month
from tidemark.read import open_raw, read_batches

HEADERS = REAL_FILES / "csv_headers.csv"
DATASETS = {dataset.name: dataset for dataset in (yellow.DATASET, green.DATASET, fhv.DATASET, fhvhv.DATASET)}


def normalised(dataset: Dataset, month: Month, content: str, folder: Path) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Return the one row of a file, without its nulls, and which field feeds each column; every field is known."""
    path = folder / f"{dataset.name}-{month}.csv"
    path.write_bytes(content.encode())
    with open_raw(path) as file:
        binding = bind(dataset, month, file.schema_arrow)
        batches = [normalise(binding, batch) for batch in read_batches(file, tuple(binding.fields.values()))]
    (row,) = [row for batch in batches for row in batch.to_pylist()]
    assert binding.unknown == ()
    return {name: value for name, value in row.items() if value is not None}, binding.fields


@pytest.mark.skipif(not HEADERS.is_file(), reason="the headers of the TLC's CSV files are not beside the project")
def test_every_header_of_the_tlc_binds_and_its_first_row_is_cast_right(tmp_path: Path) -> None:
    with HEADERS.open(newline="") as file:
        months = list(csv.DictReader(file))
    assert len(months) == 303
    for era in months:
        dataset, month = DATASETS[era["dataset"]], Month.parse(era["month"])
        blank = "\r\n" if era["blank_line_after_header"] == "yes" else ""
        content = f"{era['header']}\r\n{blank}{era['first_row']}\r\n"
        row, fields = normalised(dataset, month, content, tmp_path)
        names = [name.strip() for name in next(csv.reader([era["header"]]))]
        published = dict(zip(names, next(csv.reader([era["first_row"]])), strict=False))
        assert sorted(fields.values()) == sorted(names), era
        for column in dataset.columns:
            text = published.get(fields.get(column.name, ""), "")
            assert says(column.type, text) == row.get(column.name), (era["dataset"], era["month"], column.name)
        assert row[dataset.event_column].year in (month.year, month.year - 1), era


def says(kind: ColumnType, text: str) -> object:
    """What a text says, read without Arrow."""
    if text == "":
        return None
    if kind is ColumnType.TIMESTAMP:
        return datetime.fromisoformat(text)
    return {ColumnType.INTEGER: int, ColumnType.DOUBLE: float, ColumnType.TEXT: str}[kind](text)


COORDINATES = {"pickup_longitude": -73.9, "pickup_latitude": 40.7, "dropoff_longitude": -73.8, "dropoff_latitude": 40.6}
YELLOW_MONEY = {"fare_amount": 8.9, "extra": 0.5, "tip_amount": 1.0, "tolls_amount": 0.0, "total_amount": 10.4}
SHAPES = [
    (
        yellow.DATASET,
        Month(2009, 3),
        (
            "vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Passenger_Count,Trip_Distance,Start_Lon,"
            "Start_Lat,Rate_Code,store_and_forward,End_Lon,End_Lat,Payment_Type,Fare_Amt,surcharge,mta_tax,Tip_Amt,"
            "Tolls_Amt,Total_Amt\n\nDDS,2009-03-01 00:01:00,2009-03-01 00:09:00,2,1.25,-73.9,40.7,,0,"
            "-73.8,40.6,Cash,8.9,0.5,,1,0,10.4\n"
        ),
        {"vendor_name": "DDS", "store_and_forward": 0, "payment_method": "Cash"} | COORDINATES | YELLOW_MONEY,
    ),
    (
        yellow.DATASET,
        Month(2010, 3),
        (
            "vendor_id,pickup_datetime,dropoff_datetime,passenger_count,trip_distance,pickup_longitude,pickup_latitude,"
            "rate_code,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,surcharge,mta_tax,"
            "tip_amount,tolls_amount,total_amount\r\n\r\nCMT,2010-03-01 00:01:00,2010-03-01 00:09:00,2,1.25,-73.9,40.7,"
            "1,N,-73.8,40.6,CRD,8.9,0.5,0.5,1,0,10.4\r\n"
        ),
        {"vendor_name": "CMT", "rate_code": "1", "store_and_fwd_flag": "N", "payment_method": "CRD", "mta_tax": 0.5}
        | COORDINATES
        | YELLOW_MONEY,
    ),
    (
        yellow.DATASET,
        Month(2014, 3),
        (
            "vendor_id, pickup_datetime, dropoff_datetime, passenger_count, trip_distance, pickup_longitude, "
            "pickup_latitude, rate_code, store_and_fwd_flag, dropoff_longitude, dropoff_latitude, payment_type, "
            "fare_amount, surcharge, mta_tax, tip_amount, tolls_amount, total_amount\n\nVTS,2014-03-01 00:01:00,"
            "2014-03-01 00:09:00,2,1.25,-73.9,40.7,1,,-73.8,40.6,CSH,8.9,0.5,0.5,1,0,10.4\n"
        ),
        {"vendor_name": "VTS", "ratecode_id": 1, "payment_method": "CSH", "mta_tax": 0.5} | COORDINATES | YELLOW_MONEY,
    ),
    (
        yellow.DATASET,
        Month(2015, 3),
        (
            "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,pickup_longitude,"
            "pickup_latitude,RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,"
            "extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount\n1,2015-03-01 00:01:00,"
            "2015-03-01 00:09:00,2,1.25,-73.9,40.7,1,N,-73.8,40.6,2,8.9,0.5,0.5,1,0,0.3,10.4\n"
        ),
        {"vendor_id": 1, "ratecode_id": 1, "store_and_fwd_flag": "N", "payment_type": 2, "mta_tax": 0.5}
        | {"improvement_surcharge": 0.3}
        | COORDINATES
        | YELLOW_MONEY,
    ),
    (
        yellow.DATASET,
        Month(2016, 7),  # two more fields than the header
        (
            "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,"
            "store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,"
            "improvement_surcharge,total_amount\n2,2016-07-01 00:01:00,2016-07-01 00:09:00,2,1.25,1,N,79,107,2,"
            "8.9,0.5,0.5,1,0,0.3,10.4,,\n"
        ),
        {"vendor_id": 2, "ratecode_id": 1, "store_and_fwd_flag": "N", "pu_location_id": 79, "do_location_id": 107}
        | {"payment_type": 2, "mta_tax": 0.5, "improvement_surcharge": 0.3}
        | YELLOW_MONEY,
    ),
    (
        green.DATASET,
        Month(2013, 9),  # two more fields than the header, whose last name ends with a blank, and a blank line
        (
            "VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag,RateCodeID,Pickup_longitude,"
            "Pickup_latitude,Dropoff_longitude,Dropoff_latitude,Passenger_count,Trip_distance,Fare_amount,Extra,MTA_tax,"
            "Tip_amount,Tolls_amount,Ehail_fee,Total_amount,Payment_type,Trip_type \r\n\r\n2,2013-09-01 00:01:00,"
            "2013-09-01 00:09:00,N,1,-73.9,40.7,-73.8,40.6,2,1.25,8.9,0.5,0.5,1,0,,10.4,2,1,,\r\n"
        ),
        {"vendor_id": 2, "store_and_fwd_flag": "N", "ratecode_id": 1, "mta_tax": 0.5, "payment_type": 2, "trip_type": 1}
        | COORDINATES
        | YELLOW_MONEY,
    ),
    (
        green.DATASET,
        Month(2019, 3),
        (
            "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,RatecodeID,PULocationID,DOLocationID,"
            "passenger_count,trip_distance,fare_amount,extra,mta_tax,tip_amount,tolls_amount,ehail_fee,"
            "improvement_surcharge,total_amount,payment_type,trip_type,congestion_surcharge\n2,2019-03-01 00:01:00,"
            "2019-03-01 00:09:00,N,1,79,107,2,1.25,8.9,0.5,0.5,1,0,,0.3,10.4,2,1,2.75\n"
        ),
        {"vendor_id": 2, "store_and_fwd_flag": "N", "ratecode_id": 1, "mta_tax": 0.5, "payment_type": 2, "trip_type": 1}
        | {"pu_location_id": 79, "do_location_id": 107, "improvement_surcharge": 0.3, "congestion_surcharge": 2.75}
        | YELLOW_MONEY,
    ),
    (
        fhv.DATASET,
        Month(2015, 3),
        "Dispatching_base_num,Pickup_date,locationID\nB00013,2015-03-01 00:01:00,79\n",
        {"dispatching_base_num": "B00013", "pu_location_id": 79},
    ),
    (
        fhv.DATASET,
        Month(2017, 7),
        (
            '"Dispatching_base_num","Pickup_DateTime","DropOff_datetime","PUlocationID","DOlocationID","SR_Flag"\n'
            '"B00013","2017-07-01 00:01:00","2017-07-01 00:09:00","79","107","1"\n'
        ),
        {"dispatching_base_num": "B00013", "pu_location_id": 79, "do_location_id": 107, "sr_flag": 1},
    ),
    (
        fhv.DATASET,
        Month(2018, 3),
        (
            '"Pickup_DateTime","DropOff_datetime","PUlocationID","DOlocationID","SR_Flag","Dispatching_base_number",'
            '"Dispatching_base_num"\n"2018-03-01 00:01:00","2018-03-01 00:09:00","79","107","","B00013",""\n'
        ),
        {"dispatching_base_number": "B00013", "pu_location_id": 79, "do_location_id": 107},
    ),
    (
        fhvhv.DATASET,
        Month(2019, 2),
        (
            "hvfhs_license_num,dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag\n"
            "HV0003,B02867,2019-02-01 00:01:00,2019-02-01 00:09:00,79,107,1\n"
        ),
        {"hvfhs_license_num": "HV0003", "dispatching_base_num": "B02867", "sr_flag": 1}
        | {"pu_location_id": 79, "do_location_id": 107},
    ),
]


@pytest.mark.parametrize(
    ("dataset", "month", "content", "values"),
    SHAPES,
    ids=[f"{dataset.name}-{month}" for dataset, month, _, _ in SHAPES],
)
def test_a_row_of_each_shape_is_in_its_columns(
    dataset: Dataset, month: Month, content: str, values: dict[str, object], tmp_path: Path
) -> None:
    row, _ = normalised(dataset, month, content, tmp_path)
    begin = datetime.combine(month.first_day, datetime.min.time()).replace(minute=1)
    always: dict[str, object] = {"pickup_datetime": begin}
    if "dropoff_datetime" in row:
        always["dropoff_datetime"] = begin.replace(minute=9)
    if dataset.name in ("yellow", "green"):
        always |= {"passenger_count": 2, "trip_distance": 1.25}
    assert row == always | values


@pytest.mark.parametrize(
    ("dataset", "month", "header", "lacks"),
    [
        (yellow.DATASET, Month(2015, 1), SHAPES[1][2], "vendor_id"),  # texts, after their years
        (yellow.DATASET, Month(2016, 7), SHAPES[3][2], "pu_location_id"),  # coordinates, after theirs
        (green.DATASET, Month(2016, 7), SHAPES[5][2], "pu_location_id"),
        (fhv.DATASET, Month(2017, 1), SHAPES[7][2], "dropoff_datetime"),
        (fhvhv.DATASET, Month(2023, 1), SHAPES[10][2], "request_datetime"),
    ],
)
def test_an_old_shape_is_no_file_of_a_later_month(
    dataset: Dataset, month: Month, header: str, lacks: str, tmp_path: Path
) -> None:
    with pytest.raises(BadFile, match=lacks) as caught:
        normalised(dataset, month, header, tmp_path)
    assert caught.value.code == "missing-column"
