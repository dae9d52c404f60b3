"""The archive: recordings and what is searched in them, holds, and runs of the job that deletes by rule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables."""
    _recordings()
    _commands()
    _holds()
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_table(
        "retention_runs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("by_key", sa.Text, nullable=False),
        sa.Column("report_json", sa.Text, nullable=False),
    )
    op.create_index("retention_runs_at", "retention_runs", ["at"])


def downgrade() -> None:
    """Take them away again."""
    for name in ("command_words", "commands", "recordings", "holds", "leases", "retention_runs"):
        op.drop_table(name)


def _recordings() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double, nullable=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("protocol", sa.String(16), nullable=False),
        sa.Column("principal_key", sa.Text, nullable=False),
        sa.Column("about_json", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("indexed", sa.BigInteger, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("stored", sa.String(64), nullable=False, server_default=""),
        sa.Column("stored_at", sa.Double, nullable=False, server_default="0"),
        sa.Column("evicted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("key_json", sa.Text, nullable=False, server_default=""),
        sa.Column("deleted_at", sa.Double, nullable=False, server_default="0"),
        sa.Column("deleted_by", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("recordings_state", "recordings", ["state", "started"])


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("about_json", sa.Text, nullable=False),
    )
    op.create_index("commands_session", "commands", ["session_id", "n"])
    if op.get_bind().dialect.name == "sqlite":
        # Words come cut and folded (archive/words.py): `ascii` splits at spaces and keeps what is not ASCII as it is.
        op.execute("CREATE VIRTUAL TABLE command_words USING fts5(words, marks, tokenize='ascii')")
        return
    op.execute("CREATE TABLE command_words (id bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.execute("CREATE INDEX command_words_words ON command_words USING gin (words)")


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by_key", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("lifted_at", sa.Double, nullable=False, server_default="0"),
        sa.Column("lifted_by", sa.Text, nullable=False, server_default=""),
        sa.Column("lifted_reason", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("holds_value", "holds", ["kind", "value"])
