"""Leases of log-ins that Vault made for sessions: written down, so that a crash leaves none behind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "secret_leases",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("lease", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("replica", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("next", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    op.create_index("secret_leases_due", "secret_leases", ["next"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("secret_leases")
