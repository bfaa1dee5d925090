"""dlt, as a worker: a parquet file read in Arrow batches, loaded as parquet through ADBC, its fastest way.

Of what dlt offers, this was the fastest here: handing over the whole table at once, or the file itself by
``with_file_import``, took half as long again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from bench.answering import Stopwatch, answer

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # dlt looks there when it is imported

import dlt  # type: ignore[import-not-found]  # it is only in its own environment
import pyarrow
import pyarrow.parquet

BATCH_ROWS = 65_536  # as many as we take


def load(source: str, url: str, folder: str, schema: str, table: str) -> Mapping[str, Any]:
    """Load a file into a new table with a pipeline that has never run before."""

    def batches() -> Iterator[pyarrow.RecordBatch]:
        with pyarrow.parquet.ParquetFile(source) as file:
            yield from file.iter_batches(batch_size=BATCH_ROWS)

    with Stopwatch() as watch:
        pipeline = dlt.pipeline(
            "bench", destination=dlt.destinations.postgres(url), dataset_name=schema, pipelines_dir=folder
        )
        info = pipeline.run(dlt.resource(batches, name=table), loader_file_format="parquet")
    info.raise_on_failed_jobs()
    jobs = [job.job_file_info for package in info.load_packages for job in package.jobs["completed_jobs"]]
    kinds = {job.file_format for job in jobs if job.table_name == table}
    if kinds != {"parquet"}:
        raise RuntimeError(f"dlt loaded {kinds} instead of parquet: is its ADBC driver there?")
    return {"seconds": watch.seconds}


if __name__ == "__main__":
    answer({"load": load}, ("dlt", "adbc-driver-postgresql", "adbc-driver-manager", "pyarrow", "psycopg2-binary"))
