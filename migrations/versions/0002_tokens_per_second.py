"""The speed of long answers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No default, so no row is touched; partitions get it with their parent.
    op.add_column("results", sa.Column("tokens_per_s", sa.Double()))


def downgrade() -> None:
    op.drop_column("results", "tokens_per_s")
