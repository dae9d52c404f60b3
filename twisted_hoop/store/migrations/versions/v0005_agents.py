"""Agents: tokens that let one enrol, installations, connections, and where replicas reach one another for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the columns."""
    _tokens()
    _agents()
    _links()
    op.add_column("replicas", sa.Column("peer", sa.Text, nullable=False, server_default=""))
    op.add_column("replicas", sa.Column("peer_key", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("replicas", "peer_key")
    op.drop_column("replicas", "peer")
    for name in ("agent_links", "agents", "agent_tokens"):
        op.drop_table(name)


def _tokens() -> None:
    op.create_table(
        "agent_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("by_key", sa.Text, nullable=False),
        sa.Column("ident", sa.String(64), nullable=False, server_default=""),
    )
    op.create_index("agent_tokens_until", "agent_tokens", ["until"])


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("ident", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("proof", sa.String(16), nullable=False),
        sa.Column("public_key", sa.Text, nullable=False, server_default=""),
        sa.Column("by_key", sa.Text, nullable=False),
        sa.Column("enrolled", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("revoked", sa.Double, nullable=False, server_default="0"),
        sa.Column("revoked_by", sa.Text, nullable=False, server_default=""),
        sa.Column("revoked_reason", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("agents_name", "agents", ["name"])
    op.create_index("agents_revoked", "agents", ["revoked"])


def _links() -> None:
    op.create_table(
        "agent_links",
        sa.Column("connection", sa.String(64), primary_key=True),
        sa.Column("ident", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("replica", sa.String(64), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("offered_json", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("streams", sa.Integer, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
    )
    op.create_index("agent_links_replica", "agent_links", ["replica"])
    op.create_index("agent_links_name", "agent_links", ["name"])
