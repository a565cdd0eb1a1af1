"""What people do with alerts: acknowledgements and drills; and what became of each alert, with the facts of its instants."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("acknowledged", postgresql.JSONB()))
    op.create_table(
        "alert_changes",
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("vantage", "alert", "what", "severity")),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("vantage", "alert", "seq", name="pk_alert_changes"),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("made_ns", sa.BigInteger(), nullable=False),
        sa.Column("until_ns", sa.BigInteger()),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("vantage", "alert", "severity", "author", "reason")
        ),
        sa.PrimaryKeyConstraint("vantage", "alert", "made_ns", name="pk_acknowledgements"),
    )
    op.create_table(
        "drills",
        sa.Column("scheduled_ns", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("vantage", "target", "probe", "drill")),
        sa.Column("row", postgresql.JSONB(), nullable=False),
        sa.Column("settled", postgresql.JSONB()),
        sa.PrimaryKeyConstraint(
            "vantage", "target", "probe", "scheduled_ns", "attempt", "drill", name="pk_drills"
        ),
    )


def downgrade() -> None:
    op.drop_table("drills")
    op.drop_table("acknowledgements")
    op.drop_table("alert_changes")
    op.drop_column("alerts", "acknowledged")
