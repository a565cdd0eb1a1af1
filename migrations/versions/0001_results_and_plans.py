"""Results, failures, the recent ones, verdicts, plans, corrections and their dictionaries."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BY_DAY_AND_MONTH = ("results", "failures", "verdicts")
_ATTEMPT_KEY = ("target_id", "scheduled_at", "probe_id", "vantage_id", "attempt")


def upgrade() -> None:
    _dictionaries()
    _revisions()
    _results()
    _detailed("failures", postgresql_partition_by="RANGE (scheduled_at)")
    _detailed("recent")
    _verdicts()
    for table in _BY_DAY_AND_MONTH:
        # What fits no partition is kept all the same; how many rows it holds is an alarm.
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    _plans()
    _corrections()


def downgrade() -> None:
    for table in ("corrections", "plans", "verdicts", "recent", "failures", "results", "revisions"):
        op.drop_table(table)
    for table in (
        "fingerprints",
        "backends",
        "error_codes",
        "peers",
        "models",
        "vantages",
        "probes",
        "targets",
    ):
        op.drop_table(table)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _columns(
    kind: type[sa.types.TypeEngine[Any]], *names: str, nullable: bool = True
) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind(), nullable=nullable) for name in names]


def _dictionaries() -> None:
    widths = {"probes": sa.SmallInteger, "vantages": sa.SmallInteger}
    names = ("targets", "probes", "vantages", "models", "peers", "error_codes", "backends", "fingerprints")
    for table in names:
        op.create_table(
            table,
            sa.Column("id", widths.get(table, sa.Integer)(), sa.Identity(always=True), nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            sa.UniqueConstraint("name", name=f"uq_{table}_name"),
        )


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        *_columns(sa.Integer, "target_id", nullable=False),
        *_columns(sa.Integer, "max_tokens", "server_port"),
        *_columns(sa.Boolean, "simulated", nullable=False),
        *_columns(sa.Text, "digest", "kind", "provider", "cloud", nullable=False),
        *_columns(sa.Text, "region"),
        *_columns(sa.Text, "model", nullable=False),
        *_columns(sa.Text, "request_model", "server_address", "price_source"),
        *_columns(postgresql.JSONB, "labels", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
        sa.UniqueConstraint("digest", name="uq_revisions_digest"),
    )


def _results() -> None:
    durations = (
        *("auth_us", "dns_wait_us", "dns_us", "proxy_us", "connect_us", "tls_us", "ttfb_us", "ttft_us"),
        *("ttfo_us", "itl_us", "gap_max_us", "last_token_us", "total_us", "server_us"),
        *("stamp_uncertainty_us", "loop_lag_us", "retry_after_ms"),
    )
    dictionary_ids = ("response_model_id", "peer_id", "error_code_id", "backend_id", "fingerprint_id")
    tokens = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")
    op.create_table(
        "results",
        _instant("scheduled_at"),
        *_columns(sa.BigInteger, "started_ns", nullable=False),
        _instant("tls_expires_at", nullable=True),
        *_columns(sa.Double, "cost_usd"),
        *_columns(sa.Integer, "target_id", "revision_id", nullable=False),
        *_columns(sa.Integer, *dictionary_ids, *durations, *tokens),
        *_columns(sa.SmallInteger, "probe_id", "vantage_id", "attempt", nullable=False),
        *_columns(sa.SmallInteger, "http_status"),
        *_columns(sa.Boolean, "reused"),
        *_columns(sa.Uuid, "id", nullable=False),
        *_columns(sa.Text, "outcome", nullable=False),
        *_columns(sa.Text, "stream", "finish_reason", "service_tier", "stamp", "quality_reasons"),
        sa.PrimaryKeyConstraint(*_ATTEMPT_KEY, name="pk_results"),
        postgresql_partition_by="RANGE (scheduled_at)",
    )


def _detailed(table: str, **options: Any) -> None:
    op.create_table(
        table,
        _instant("scheduled_at"),
        *_columns(sa.Integer, "target_id", nullable=False),
        *_columns(sa.SmallInteger, "probe_id", "vantage_id", "attempt", nullable=False),
        *_columns(postgresql.JSONB, "row", "detail", nullable=False),
        sa.PrimaryKeyConstraint(*_ATTEMPT_KEY, name=f"pk_{table}"),
        **options,
    )


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        _instant("scheduled_at"),
        *_columns(sa.BigInteger, "settled_ns", nullable=False),
        *_columns(sa.Integer, "target_id", nullable=False),
        *_columns(
            sa.SmallInteger, "probe_id", "vantage_id", "confirmations", "confirmations_bad", nullable=False
        ),
        *_columns(sa.Text, "fault", nullable=False),
        *_columns(sa.Text, "witness"),
        sa.PrimaryKeyConstraint("target_id", "scheduled_at", "probe_id", "vantage_id", name="pk_verdicts"),
        postgresql_partition_by="RANGE (scheduled_at)",
    )


def _plans() -> None:
    op.create_table(
        "plans",
        *_columns(sa.BigInteger, "valid_from_ns", nullable=False),
        *_columns(sa.BigInteger, "valid_to_ns"),
        *_columns(sa.BigInteger, "every_ns", "phase_ns", nullable=False),
        *_columns(sa.Integer, "target_id", nullable=False),
        *_columns(sa.SmallInteger, "probe_id", "vantage_id", nullable=False),
        *_columns(sa.Text, "config_hash", "reason", nullable=False),
        sa.PrimaryKeyConstraint("vantage_id", "target_id", "probe_id", "valid_from_ns", name="pk_plans"),
    )


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _instant("since_at"),
        _instant("until_at"),
        _instant("made_at"),
        *_columns(sa.Integer, "target_id", nullable=False),
        *_columns(sa.SmallInteger, "probe_id", "vantage_id"),
        *_columns(sa.Text, "class", "author", "reason", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_target_id_since_at", "corrections", ["target_id", "since_at"])
