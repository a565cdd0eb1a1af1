"""Alerts: what was found wrong, from its first finding to its end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "alerts",
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("since_ns", "fired_ns")),
        *(sa.Column(name, sa.BigInteger()) for name in ("quiet_ns", "ended_ns")),
        sa.Column("seq", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("id", "vantage", "key", "name", "severity", "subject")
        ),
        *(sa.Column(name, postgresql.JSONB(), nullable=False) for name in ("labels", "facts")),
        sa.PrimaryKeyConstraint("vantage", "id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_fired_ns", "alerts", ["fired_ns"])
    op.create_index("ix_alerts_alive", "alerts", ["vantage"], postgresql_where=sa.text("ended_ns IS NULL"))


def downgrade() -> None:
    op.drop_table("alerts")
