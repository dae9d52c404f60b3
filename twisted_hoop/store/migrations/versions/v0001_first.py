"""Approvals, sessions and readings: the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table of the first release."""
    _approvals()
    _belonging_to_approvals()
    _sessions()
    _reads()


def downgrade() -> None:
    """Take them away again, children first."""
    for name in ("reads", "sessions", "holders", "votes", "approver_groups", "approvals"):
        op.drop_table(name)


def _approvals() -> None:
    names = ("principal_key", "principal_json", "action", "details_json", "rule", "rule_reason", "policy_version")
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("quorum", sa.Integer, nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("detached", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in names),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("valid", "created", "deadline", "until")),
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "approvals_one_pending", "approvals", ["digest"], unique=True, sqlite_where=pending, postgresql_where=pending
    )
    op.create_index("approvals_digest", "approvals", ["digest", "state"])
    op.create_index("approvals_principal", "approvals", ["principal_key", "created"])
    op.create_index("approvals_state", "approvals", ["state", "deadline"])


def _approval_id() -> sa.Column[str]:
    key = sa.ForeignKey("approvals.id", ondelete="CASCADE")
    return sa.Column("approval_id", sa.String(64), key, primary_key=True)


def _belonging_to_approvals() -> None:
    op.create_table("approver_groups", _approval_id(), sa.Column("name", sa.Text, primary_key=True))
    op.create_index("approver_groups_name", "approver_groups", ["name"])
    op.create_table(
        "votes",
        _approval_id(),
        sa.Column("voter_key", sa.Text, primary_key=True),
        sa.Column("voter_name", sa.Text, nullable=False),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("comment_json", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table("holders", _approval_id(), sa.Column("session_id", sa.String(64), primary_key=True))
    op.create_index("holders_session", "holders", ["session_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("principal_key", sa.Text, nullable=False),
        sa.Column("principal_json", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("protocol", sa.String(16), nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double, nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("commands", sa.Integer, nullable=False),
    )
    op.create_index("sessions_started", "sessions", ["started"])
    op.create_index("sessions_principal", "sessions", ["principal_key", "started"])


def _reads() -> None:
    op.create_table(
        "reads",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("reader_key", sa.Text, nullable=False),
        sa.Column("reader_json", sa.Text, nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
    )
    op.create_index("reads_session", "reads", ["session_id"])
