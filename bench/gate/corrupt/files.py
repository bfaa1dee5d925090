"""Files that are none, files of another month, and columns that are not what the contract says."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.gate.cases import R, kind
from bench.gate.sheet import Sheet

_PAGE = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body>The service is busy.</body></html>\n"


def as_published(table: pa.Table) -> bytes:
    """Return a table as the bytes of a parquet file with one row group, as the TLC writes it."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=max(len(table), 1), compression="zstd")
    return buffer.getvalue()


def empty(_: Sheet) -> bytes:
    return b""


def page(_: Sheet) -> bytes:
    return _PAGE


def cut_footer(sheet: Sheet) -> bytes:
    return as_published(sheet.table)[:-8] + bytes(8)


def cut_in_the_middle(sheet: Sheet) -> bytes:
    whole = as_published(sheet.table)
    return whole[: len(whole) // 2]


def last_month(sheet: Sheet) -> Sheet:
    return sheet.with_table(sheet.earlier(1))


def dropped(sheet: Sheet) -> Sheet:
    return sheet.with_table(sheet.table.drop_columns([sheet.names[sheet.column("destination")]]))


def renamed(sheet: Sheet) -> Sheet:
    name = sheet.names[sheet.column("destination")]
    names = ["zone_to" if each == name else each for each in sheet.table.column_names]
    return sheet.with_table(sheet.table.rename_columns(names))


def unparseable(sheet: Sheet) -> Sheet:
    words = pa.array(np.where(sheet.some(0.01), "n/a", "7"))
    return sheet.with_array("destination", words)


def constant(sheet: Sheet) -> Sheet:
    return sheet.put("required", sheet.array("required").drop_null()[sheet.rows // 2].as_py())


def constant_zone(sheet: Sheet) -> Sheet:
    return sheet.put("destination", 74)


CASES = (
    *kind("zero bytes", {"": (R, empty)}),
    *kind("HTML page", {"": (R, page)}),
    *kind("cut footer", {"": (R, cut_footer)}),
    *kind("cut in the middle", {"": (R, cut_in_the_middle)}),
    *kind("last month's file", {"": (R, last_month)}),
    *kind("required column dropped", {"": (R, dropped)}, guilty=("destination",)),
    *kind("required column renamed", {"": (R, renamed)}, guilty=("destination",)),
    *kind("required column unparseable", {"1 %": (R, unparseable)}, guilty=("destination",)),
    *kind("required column constant", {"amount or base": (R, constant)}, guilty=("required",)),
    *kind("zone constant", {"": (R, constant_zone)}, guilty=("destination",)),
)
