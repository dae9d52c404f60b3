"""Where each session lives, replicas that are taken for dead or asked to stop, and visits to the console."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("sessions", sa.Column("replica", sa.String(64), nullable=False, server_default=""))
    op.create_index("sessions_replica", "sessions", ["replica", "state"])
    op.add_column("replicas", sa.Column("fenced", sa.Double, nullable=False, server_default="0"))
    op.add_column("replicas", sa.Column("draining", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "visits",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("began", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("visits_owner", "visits", ["owner", "began"])
    op.create_index("visits_seen", "visits", ["seen"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("visits")
    op.drop_column("replicas", "draining")
    op.drop_column("replicas", "fenced")
    op.drop_index("sessions_replica", "sessions")
    op.drop_column("sessions", "replica")
