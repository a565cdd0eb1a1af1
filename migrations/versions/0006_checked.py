"""Whether an answer was held against what its probe expects."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No default, so no row is touched; partitions get it with their parent.
    op.add_column("results", sa.Column("checked", sa.Boolean()))


def downgrade() -> None:
    op.drop_column("results", "checked")
