"""Maintenance as it took place, its early ends, and corrections that were withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INSTANT = sa.DateTime(timezone=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "maintenances",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True),
        *(sa.Column(name, _INSTANT, nullable=False) for name in ("since_at", "until_at", "made_at")),
        sa.Column("target_id", sa.Integer(), nullable=False),
        *_texts("key", "source", "author", "reason"),
        sa.PrimaryKeyConstraint("id", name="pk_maintenances"),
        sa.UniqueConstraint("key", "target_id", name="uq_maintenances_key_target_id"),
    )
    op.create_index("ix_maintenances_until_at", "maintenances", ["until_at"])
    op.create_table(
        "maintenance_ends",
        *(sa.Column(name, _INSTANT, nullable=False) for name in ("ended_at", "made_at")),
        *_texts("key", "author", "reason"),
        sa.PrimaryKeyConstraint("key", name="pk_maintenance_ends"),
    )
    op.create_table(
        "withdrawals",
        sa.Column("correction_id", sa.BigInteger(), autoincrement=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        *_texts("author", "reason"),
        sa.PrimaryKeyConstraint("correction_id", name="pk_withdrawals"),
    )
    op.create_index("ix_corrections_until_at", "corrections", ["until_at"])


def downgrade() -> None:
    op.drop_index("ix_corrections_until_at", "corrections")
    for table in ("withdrawals", "maintenance_ends", "maintenances"):
        op.drop_table(table)
