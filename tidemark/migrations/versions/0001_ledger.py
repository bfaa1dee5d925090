"""The ledger: runs, attempts, findings, partitions, and what was last seen of the source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

SCHEMA = "tidemark"
OUTCOMES = "'published', 'unchanged', 'rejected', 'failed', 'unavailable', 'interrupted'"


def _now(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()"), comment=comment
    )


def upgrade() -> None:
    for schema in ("trips", "staging", "diverted", "quarantine"):
        op.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    op.create_table(
        "dataset",
        sa.Column("number", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        schema=SCHEMA,
        comment="The datasets that were ever loaded; number is the first key of a month's advisory lock.",
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("first_month", sa.Date, nullable=False),
        sa.Column("last_month", sa.Date, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        _now("began_at", "when its plan was frozen"),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), comment="null while it runs, and for a run that was killed"),
        sa.Column("exit_status", sa.Integer, comment="as the backfill command ended"),
        schema=SCHEMA,
        comment="Backfills; what each decided for each month is in run_partition.",
    )
    op.create_table(
        "run_partition",
        sa.Column("run_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.run.run_id"), primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("action", sa.Text, nullable=False, comment="load, reload or skip"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("current_load", sa.BigInteger, comment="the load that was published when the plan was frozen"),
        schema=SCHEMA,
        comment="The plan of a run, frozen before its first month began.",
    )
    op.create_table(
        "attempt",
        sa.Column("load_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("run_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.run.run_id")),
        _now("began_at", "when the attempt had its month's lock"),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), comment="null while it runs, and after a kill"),
        sa.Column("outcome", sa.Text, sa.CheckConstraint(f"outcome in ({OUTCOMES})", name="attempt_outcome")),
        sa.Column("code", sa.Text, comment="stable word for why it ended so"),
        sa.Column("reason", sa.Text, comment="one sentence for people"),
        sa.Column("remedy", sa.Text, comment="the command or setting that mends it"),
        sa.Column("contract_version", sa.Text, nullable=False),
        sa.Column("suite_version", sa.Text, nullable=False),
        sa.Column("source_url", sa.Text, comment="without credentials and query"),
        sa.Column("sha256", sa.Text, comment="of the raw file"),
        sa.Column("file_bytes", sa.BigInteger),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("raw_path", sa.Text, comment="where the raw file lies in the lake"),
        sa.Column("rows_read", sa.BigInteger),
        sa.Column("rows_published", sa.BigInteger),
        sa.Column("rows_diverted", sa.BigInteger),
        sa.Column("diverted", JSONB, comment="rows diverted, per code of the row rule"),
        sa.Column("dropped_columns", JSONB, comment="columns of the file that the contract does not know"),
        sa.Column("verdict", sa.Text, comment="accepted or rejected; null when the gate was not reached"),
        sa.Column("quarantine_table", sa.Text, comment="where the rejected rows lie"),
        sa.CheckConstraint("(ended_at is null) = (outcome is null)", name="attempt_ended_with_outcome"),
        sa.CheckConstraint(
            "outcome <> 'published' or rows_read = rows_published + rows_diverted", name="attempt_reconciles"
        ),
        schema=SCHEMA,
        comment="Every attempt ever made to load a month; its load_id is on each row that it published.",
    )
    op.create_index("attempt_of_partition", "attempt", ["dataset", "month", "load_id"], schema=SCHEMA)
    op.create_table(
        "finding",
        sa.Column("load_id", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.attempt.load_id"), primary_key=True),
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text, nullable=False, comment="reject or warn"),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("errored", sa.Boolean, nullable=False, comment="the check itself could not run"),
        sa.Column("column_name", sa.Text),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("observed", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        schema=SCHEMA,
        comment="What each check of the gate said about an attempt.",
    )
    op.create_table(
        "partition",
        sa.Column("dataset", sa.Text, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("current_load", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.attempt.load_id"), nullable=False),
        schema=SCHEMA,
        comment="The published months and the load whose rows each holds; written only by the publish transaction.",
    )
    op.create_table(
        "source_seen",
        sa.Column("dataset", sa.Text, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("url", sa.Text, nullable=False, comment="without credentials and query"),
        sa.Column("available", sa.Boolean, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("file_bytes", sa.BigInteger),
        sa.Column("sha256", sa.Text, comment="null when the source was only asked"),
        _now("seen_at", "when the source answered"),
        schema=SCHEMA,
        comment="What was last seen of each month at the source.",
    )
