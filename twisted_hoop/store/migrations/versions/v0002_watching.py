"""What watchers look for, locks that every replica sees, deliveries of notices, and what may happen once only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and tables."""
    op.add_column("approvals", sa.Column("changed", sa.Double, nullable=False, server_default="0"))
    op.add_column("sessions", sa.Column("label", sa.Text, nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("ending", sa.Text, nullable=False, server_default=""))
    op.create_index("approvals_changed", "approvals", ["changed"])
    op.create_index("approvals_created", "approvals", ["created"])
    op.create_index("sessions_ended", "sessions", ["ended"])
    op.create_index("sessions_state", "sessions", ["state"])
    _locks()
    _deliveries()
    _replicas()
    _once()


def downgrade() -> None:
    """Take them away again."""
    for name in ("once", "replicas", "deliveries", "locks"):
        op.drop_table(name)
    for table, name in (
        ("sessions", "state"),
        ("sessions", "ended"),
        ("approvals", "created"),
        ("approvals", "changed"),
    ):
        op.drop_index(f"{table}_{name}", table)
    for table, name in (("sessions", "ending"), ("sessions", "label"), ("approvals", "changed")):
        op.drop_column(table, name)


def _locks() -> None:
    op.create_table(
        "locks",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by_key", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("approval_id", sa.String(64), nullable=False),
        sa.Column("notice_json", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "next"])
    op.create_index("deliveries_at", "deliveries", ["at"])


def _replicas() -> None:
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("sessions", sa.Integer, nullable=False),
    )


def _once() -> None:
    op.create_table(
        "once",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("once_until", "once", ["until"])
