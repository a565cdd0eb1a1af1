"""Standings: how each target stands as each vantage that shares this database sees it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "standings",
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("vantage", "target", "asks", "state")),
        sa.PrimaryKeyConstraint("vantage", "target", name="pk_standings"),
    )


def downgrade() -> None:
    op.drop_table("standings")
