"""The outbox: what receivers are to be told of alerts, and what became of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("made_ns", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("due_ns", "lease_ns", "told_ns", "repeat_ns")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("seq", "tries")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("ends", "urgent")),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("vantage", "receiver", "alert", "bundle", "state")
        ),
        sa.Column("error", sa.Text()),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("vantage", "receiver", "alert", "seq", name="pk_notices"),
    )
    op.create_index(
        "ix_notices_due", "notices", ["vantage", "due_ns"], postgresql_where=sa.text("due_ns IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_table("notices")
