"""Which revision of an objective held when, so that a week is judged by what was promised then."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "objective_revisions",
        sa.Column("valid_from_ns", sa.BigInteger(), nullable=False),
        sa.Column("valid_to_ns", sa.BigInteger()),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("vantage", "objective", "target", "probe", "digest")
        ),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint(
            "vantage", "objective", "target", "probe", "valid_from_ns", name="pk_objective_revisions"
        ),
    )


def downgrade() -> None:
    op.drop_table("objective_revisions")
