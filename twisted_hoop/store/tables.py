"""The tables, as SQLAlchemy Core sees them. `migrations/` makes them; a test holds the two against each other.

Times are POSIX seconds. Columns ending in `_json` hold ASCII JSON, so that NUL and lone surrogates survive every
database. `approvals.text` is the exact text as bytes (UTF-8, `surrogatepass`), for what is approved is bytes (A3).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("principal_key", Text, nullable=False),
    Column("principal_json", Text, nullable=False),
    Column("target", String(64), nullable=False),
    Column("action", Text, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("details_json", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rule_reason", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("quorum", Integer, nullable=False),
    Column("valid", Double, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("detached", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    Column("deadline", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("state", String(16), nullable=False),
    # When anything of it changed last: what watchers look for, also those of other replicas.
    Column("changed", Double, nullable=False, server_default="0"),
)
# Identical requests share one row (A7), and the database itself sees to it: also across replicas.
Index(
    "approvals_one_pending",
    approvals.c.digest,
    unique=True,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)
Index("approvals_digest", approvals.c.digest, approvals.c.state)
Index("approvals_principal", approvals.c.principal_key, approvals.c.created)
Index("approvals_state", approvals.c.state, approvals.c.deadline)
Index("approvals_changed", approvals.c.changed)
Index("approvals_created", approvals.c.created)

approver_groups = Table(
    "approver_groups",
    metadata,
    Column("approval_id", String(64), ForeignKey("approvals.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
)
Index("approver_groups_name", approver_groups.c.name)

# The primary key is what makes votes those of distinct people (A2).
votes = Table(
    "votes",
    metadata,
    Column("approval_id", String(64), ForeignKey("approvals.id", ondelete="CASCADE"), primary_key=True),
    Column("voter_key", Text, primary_key=True),
    Column("voter_name", Text, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("comment_json", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# Sessions an approval belongs to: it ends when the last of them does (A6).
holders = Table(
    "holders",
    metadata,
    Column("approval_id", String(64), ForeignKey("approvals.id", ondelete="CASCADE"), primary_key=True),
    Column("session_id", String(64), primary_key=True),
)
Index("holders_session", holders.c.session_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("principal_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("principal_json", Text, nullable=False),
    Column("target", String(64), nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("peer", Text, nullable=False),
    Column("started", Double, nullable=False),
    Column("ended", Double, nullable=True),
    Column("state", String(16), nullable=False),
    Column("commands", Integer, nullable=False),
    # What people call the principal, in lower case, to search by.
    Column("label", Text, nullable=False, server_default=""),
    # Why an operator ends it, for the replica it lives at; "" when nobody does.
    Column("ending", Text, nullable=False, server_default=""),
    # The replica it lives at, `replicas.id`.
    Column("replica", String(64), nullable=False, server_default=""),
)
Index("sessions_replica", sessions.c.replica, sessions.c.state)
Index("sessions_started", sessions.c.started)
Index("sessions_ended", sessions.c.ended)
Index("sessions_state", sessions.c.state)
Index("sessions_principal", sessions.c.principal_key, sessions.c.started)

# Who read which recording (R2).
reads = Table(
    "reads",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("reader_key", Text, nullable=False),
    Column("reader_json", Text, nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", String(64), nullable=False),
)
Index("reads_session", reads.c.session_id)

# Who or what is shut out, for every replica and across restarts (I9).
locks = Table(
    "locks",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("until", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by_key", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# Notices on their way to people, with what became of them.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Double, nullable=False),
    Column("channel", Text, nullable=False),
    Column("event", String(32), nullable=False),
    Column("approval_id", String(64), nullable=False),
    Column("notice_json", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it is tried next; whoever tries it moves this forward first, so that replicas do not send it twice.
    Column("next", Double, nullable=False),
    Column("error", Text, nullable=False),
)
Index("deliveries_due", deliveries.c.state, deliveries.c.next)
Index("deliveries_at", deliveries.c.at)

# The processes that share this store, as each says it lives.
replicas = Table(
    "replicas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("started", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("sessions", Integer, nullable=False),
    # When the others took it for dead; 0 while they do not.
    Column("fenced", Double, nullable=False, server_default="0"),
    # Who asked it to stop, and why; "" when nobody did.
    Column("draining", Text, nullable=False, server_default=""),
    # Where the others reach it for streams to agents that are connected there, and the key it has for this life.
    Column("peer", Text, nullable=False, server_default=""),
    Column("peer_key", Text, nullable=False, server_default=""),
)

# People who are logged in to the console. Only their browser has what opens `sealed`; `id` and `owner` are digests.
visits = Table(
    "visits",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("began", Double, nullable=False),
    Column("seen", Double, nullable=False),
    # Goes up with every change, so that of two replicas that change it one is told so.
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
Index("visits_owner", visits.c.owner, visits.c.began)
Index("visits_seen", visits.c.seen)

# What may happen once only, such as a callback of a chat (A9).
once = Table(
    "once",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("until", Double, nullable=False),
)
Index("once_until", once.c.until)

# Recordings as the archive knows them: how far they are searchable, where they lie, whether they are gone.
recordings = Table(
    "recordings",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("path", Text, nullable=False),
    # live, closed, damaged, deleting or deleted
    Column("state", String(16), nullable=False),
    Column("started", Double, nullable=False),
    Column("ended", Double, nullable=True),
    Column("target", Text, nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("principal_key", Text, nullable=False),
    # Groups and attributes of the session, for rules of retention.
    Column("about_json", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    # The number of the last entry that is in the index, and whether none follows.
    Column("indexed", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    # SHA-256 and time of the copy in object storage, "" and 0 without one; whether the folder has it too.
    Column("stored", String(64), nullable=False, server_default=""),
    Column("stored_at", Double, nullable=False, server_default="0"),
    Column("evicted", Boolean, nullable=False, server_default=false()),
    # The data key as it is wrapped in the key file, for replicas that read the copy; gone with the key.
    Column("key_json", Text, nullable=False, server_default=""),
    Column("deleted_at", Double, nullable=False, server_default="0"),
    Column("deleted_by", Text, nullable=False, server_default=""),
)
Index("recordings_state", recordings.c.state, recordings.c.started)

# Commands as search shows them; their words are in `command_words`, which each database indexes in its own way.
commands = Table(
    "commands",
    metadata,
    # Microseconds and a few bits that tell commands of one microsecond apart: newest first is by this alone.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("session_id", String(64), nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("about_json", Text, nullable=False),
)
Index("commands_session", commands.c.session_id, commands.c.n)

# What must not be deleted, whatever rules of retention say. Lifted ones stay, for they tell who lifted them and why.
holds = Table(
    "holds",
    metadata,
    Column("id", String(64), primary_key=True),
    # session, principal or target
    Column("kind", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by_key", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("lifted_at", Double, nullable=False, server_default="0"),
    Column("lifted_by", Text, nullable=False, server_default=""),
    Column("lifted_reason", Text, nullable=False, server_default=""),
)
Index("holds_value", holds.c.kind, holds.c.value)

# What one replica does at a time: who, and until when.
leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Double, nullable=False),
)

# Runs of the job that deletes recordings by rule, with what became of them.
retention_runs = Table(
    "retention_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Double, nullable=False),
    Column("by_key", Text, nullable=False),
    Column("report_json", Text, nullable=False),
)
Index("retention_runs_at", retention_runs.c.at)

# Tokens that let one agent enrol, once. Only digests are kept; one that was used says who used it.
agent_tokens = Table(
    "agent_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("until", Double, nullable=False),
    Column("made", Double, nullable=False),
    Column("by_key", Text, nullable=False),
    Column("ident", String(64), nullable=False, server_default=""),
)
Index("agent_tokens_until", agent_tokens.c.until)

# Installations of agents. `until` is the end of the newest certificate, or of the token of one that shows tokens.
agents = Table(
    "agents",
    metadata,
    Column("ident", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    # join-token or jwt
    Column("proof", String(16), nullable=False),
    # The public key's line, and who let it in: the operator of the token, or the workload itself.
    Column("public_key", Text, nullable=False, server_default=""),
    Column("by_key", Text, nullable=False),
    Column("enrolled", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("address", Text, nullable=False),
    Column("seen", Double, nullable=False),
    Column("revoked", Double, nullable=False, server_default="0"),
    Column("revoked_by", Text, nullable=False, server_default=""),
    Column("revoked_reason", Text, nullable=False, server_default=""),
)
Index("agents_name", agents.c.name)
Index("agents_revoked", agents.c.revoked)

# Connections of agents that live, each written by the replica that has it.
agent_links = Table(
    "agent_links",
    metadata,
    Column("connection", String(64), primary_key=True),
    Column("ident", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("replica", String(64), nullable=False),
    Column("address", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("offered_json", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("streams", Integer, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
)
Index("agent_links_replica", agent_links.c.replica)
Index("agent_links_name", agent_links.c.name)

# Log-ins that Vault made for sessions, until they are revoked there. `lease` is what Vault calls it; it opens nothing.
secret_leases = Table(
    "secret_leases",
    metadata,
    # SHA-256 of the lease's name.
    Column("id", String(64), primary_key=True),
    Column("lease", Text, nullable=False),
    Column("reference", Text, nullable=False),
    # Whose it is, `replicas.id`: of one that is dead, the others revoke it.
    Column("replica", String(64), nullable=False),
    # The session that logged in with it; "" for one that several share.
    Column("session_id", String(64), nullable=False),
    # When it ends by itself, unless it is renewed.
    Column("until", Double, nullable=False),
    # 0 while it is used; then when it is revoked, or that is tried again.
    Column("next", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
)
Index("secret_leases_due", secret_leases.c.next)
