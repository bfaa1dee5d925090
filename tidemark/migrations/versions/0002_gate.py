"""What the gate knows and people decide: gravity, profiles, evidence, known changes, releases and rejections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"

SCHEMA = "tidemark"
ATTEMPT = f"{SCHEMA}.attempt.load_id"


def _now(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()"), comment=comment
    )


def upgrade() -> None:
    op.add_column(
        "finding",
        sa.Column(
            "gravity",
            sa.Double,
            nullable=False,
            server_default="0",
            comment="how many times over its rejecting threshold; 0: passed, or not known",
        ),
        schema=SCHEMA,
    )
    op.add_column(
        "finding",
        sa.Column(
            "softened",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="it would have rejected, had nobody accepted or released it: no baseline for this check",
        ),
        schema=SCHEMA,
    )
    op.add_column(
        "attempt",
        sa.Column("added_columns", JSONB, comment="columns that this load's file was the first to bring"),
        schema=SCHEMA,
    )
    op.add_column(
        "attempt",
        sa.Column(
            "quarantine_fingerprint",
            sa.Text,
            comment="of the quarantined rows and of the diverted ones, in any order: the sums of hash_record_extended",
        ),
        schema=SCHEMA,
    )
    op.alter_column(
        "attempt",
        "verdict",
        comment="accepted, warned (published though something is odd) or rejected; null when the gate was not reached",
        schema=SCHEMA,
    )
    op.create_check_constraint(
        "attempt_verdict", "attempt", "verdict in ('accepted', 'warned', 'rejected')", schema=SCHEMA
    )
    op.create_table(
        "profile",
        sa.Column("load_id", sa.BigInteger, sa.ForeignKey(ATTEMPT), primary_key=True),
        sa.Column("statistics", JSONB, nullable=False),
        schema=SCHEMA,
        comment="Statistics of the rows that a load staged: what later months are compared with.",
    )
    op.create_table(
        "evidence",
        sa.Column("load_id", sa.BigInteger, sa.ForeignKey(ATTEMPT), primary_key=True),
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("row", JSONB, nullable=False),
        schema=SCHEMA,
        comment="Rows that show why a check failed, a few of each.",
    )
    op.create_table(
        "acceptance",
        sa.Column("acceptance_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("first_month", sa.Date, nullable=False),
        sa.Column("last_month", sa.Date, comment="null: for good"),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _now("accepted_at", "when it was put on record"),
        sa.Column(
            "rejected_rows",
            sa.BigInteger,
            comment="rows of the last load that the check had rejected for it: a fall or a rise; null: there was none",
        ),
        sa.Column("withdrawn_by", sa.Text, comment="null: it stands"),
        sa.Column("withdrawn_reason", sa.Text),
        sa.Column("withdrawn_at", sa.TIMESTAMP(timezone=True)),
        sa.CheckConstraint("last_month >= first_month", name="acceptance_range"),
        sa.CheckConstraint(
            "num_nulls(withdrawn_by, withdrawn_reason, withdrawn_at) in (0, 3)", name="acceptance_withdrawn"
        ),
        schema=SCHEMA,
        comment="Known changes: in these months a check warns where it would reject, unless it was withdrawn.",
    )
    op.create_table(
        "decision",
        sa.Column("load_id", sa.BigInteger, sa.ForeignKey(ATTEMPT), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("judged_load", sa.BigInteger, sa.ForeignKey(ATTEMPT), nullable=False),
        sa.Column(
            "codes", ARRAY(sa.Text), nullable=False, comment="the checks that had rejected it: no baseline for them"
        ),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _now("decided_at", "when it was put on record"),
        sa.CheckConstraint("kind in ('release', 'reject')", name="decision_kind"),
        schema=SCHEMA,
        comment="What a person decided about the load judged_load; it took effect if the attempt load_id ended so.",
    )
