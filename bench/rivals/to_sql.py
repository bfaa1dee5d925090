"""The tutorials' way, as a worker: ``pandas.read_parquet`` and ``DataFrame.to_sql``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy

from bench.answering import Stopwatch, answer


def load(source: str, url: str, schema: str, table: str) -> Mapping[str, Any]:
    """Append a file's rows to a table."""
    with Stopwatch() as watch:
        engine = sqlalchemy.create_engine(url)
        frame = pd.read_parquet(source)
        frame.to_sql(table, engine, schema=schema, if_exists="append", index=False)
    engine.dispose()
    return {"seconds": watch.seconds}


if __name__ == "__main__":
    answer({"load": load}, ("pandas", "pyarrow", "psycopg2-binary", "sqlalchemy"))
