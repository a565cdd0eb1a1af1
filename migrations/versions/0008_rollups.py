"""Events counted by the minute and the hour, so that an evaluation need not read a month of rows."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

_CLASSES = ("good", "bad", "excluded", "invalid")


def upgrade() -> None:
    op.create_table(
        "sli_closed",
        _instant("until_at"),
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sli_closed"),
    )
    op.create_table(
        "sli_series",
        *(_instant(name) for name in ("since_at", "until_at", "asked_at")),
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.SmallInteger(), nullable=False) for name in ("probe_id", "vantage_id")),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sli_series"),
        sa.UniqueConstraint(
            *("target_id", "probe_id", "vantage_id", "rule"),
            name="uq_sli_series_target_id_probe_id_vantage_id_rule",
        ),
    )
    _counted("sli_hours", lambda name: sa.Column(name, sa.Integer(), nullable=False))
    _counted("sli_minutes", lambda name: sa.Column(name, postgresql.ARRAY(sa.SmallInteger())))
    op.create_table(
        "sli_stale",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _instant("at"),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sli_stale"),
    )


def downgrade() -> None:
    for table in ("sli_stale", "sli_minutes", "sli_hours", "sli_series", "sli_closed"):
        op.drop_table(table)


def _instant(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _counted(table: str, column: Callable[[str], sa.Column[Any]]) -> None:
    op.create_table(
        table,
        _instant("at"),
        sa.Column("series_id", sa.Integer(), nullable=False),
        *(column(name) for name in _CLASSES),
        sa.PrimaryKeyConstraint("series_id", "at", name=f"pk_{table}"),
    )
