"""The floor, as a worker: COPY of a month whose rows were encoded before, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg2 import sql

from bench.answering import Stopwatch, answer
from tidemark.postgres import connect
from tidemark.settings import read_settings

PIECE = 1 << 20  # a smaller one would flatter us


def encode(dataset: str, month: str, source: str, target: str) -> Mapping[str, Any]:
    """Encode every row of a file, with the columns that the file has; nothing is diverted."""
    import pyarrow
    from pgpq import ArrowToPostgresBinaryEncoder

    from tidemark.contract import bind, canonical_schema, normalise
    from tidemark.datasets.registry import find_dataset, load_datasets
    from tidemark.months import Month
    from tidemark.read import open_parquet, read_batches

    found = find_dataset(dataset, load_datasets(None))
    with open_parquet(Path(source)) as file, Path(target).open("wb") as encoded:
        binding = bind(found, Month.parse(month), file.schema_arrow)
        names = [column.name for column in binding.columns if column.name in binding.fields]
        schema = canonical_schema(binding.columns)
        encoder = ArrowToPostgresBinaryEncoder(pyarrow.schema([schema.field(name) for name in names]))
        encoded.write(encoder.write_header())
        for batch in read_batches(file, tuple(binding.fields.values())):
            encoded.write(encoder.write_batch(normalise(binding, batch).select(names)))
        encoded.write(encoder.finish())
    return {"columns": names}


def copy(source: str, schema: str, table: str, columns: list[str]) -> Mapping[str, Any]:
    """Copy an encoded file into an empty table."""
    url = read_settings().database_url
    assert url is not None  # noqa: S101 - the stand has given one
    connection = connect(url)
    statement = sql.SQL("copy {table} ({columns}) from stdin (format binary)").format(
        table=sql.Identifier(schema, table), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    try:
        with connection.cursor() as cursor, Path(source).open("rb", buffering=0) as file, Stopwatch() as watch:
            cursor.copy_expert(statement, file, size=PIECE)
    finally:
        connection.close()
    return {"seconds": watch.seconds}


if __name__ == "__main__":
    answer({"encode": encode, "copy": copy}, ())
