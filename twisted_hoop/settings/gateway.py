"""The gateway as a whole: its process, store, recordings, rights, and its certificate authority for SSH."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class GatewaySection(Section):
    """[gateway]: the process as a whole."""

    state: str = "/var/lib/hoop"
    """Folder for the store, recordings and keys; mode 0700."""
    url: str = "http://127.0.0.1:8080"
    """Where people and clients find the API; stands in notices and hints."""
    name: str = "hoop"
    """Name of this gateway in logs and recordings."""
    grace: Duration = 0.0
    """How long a session may go on after its token expired."""
    login_timeout: Duration = 60.0
    """From accept to the end of authentication."""
    preauth_connections: int = Field(default=1000, ge=1)
    """Connections that have not authenticated yet, in total; of each process, if there are several `workers`."""
    preauth_per_address: int = Field(default=100, ge=1)
    """The same, for one client address."""
    sessions: int = Field(default=0, ge=0)
    """Live sessions of a process; at so many new connections are refused (53300, 503), until there are a twentieth
    fewer. 0: no limit, as for those below. Each of several `workers` has these limits for itself, for they keep a
    process well: with 4 there may be up to four times as many. Listeners of the API are exempt from all of these, those
    of agents from the two about sessions. Caps for the gateway as a whole are those of targets and accounts."""
    sessions_per_address: int = Field(default=0, ge=0)
    """Live sessions of a process from one client address."""
    connections_per_second: int = Field(default=0, ge=0)
    """New connections to a process from one client address."""
    memory: int = Field(default=0, ge=0)
    """MiB a process may have in use before new connections are refused."""
    lag: Duration = Field(default=0.0, ge=0.0)
    """How late a process may be with what it does before new connections are refused: "1s"."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes that serve, each on a core of its own; what they share is in the store. Listeners are then of tcp,
    tcp6, unix or systemd."""
    agent_heartbeat: Duration = Field(default=10.0, ge=0.1, le=300)
    """How often connected agents are asked whether they live."""
    agent_dead: Duration = Field(default=25.0, ge=0.3, le=900)
    """After so long without a word an agent is taken for dead, and its connection is closed."""
    stop_timeout: Duration = 30.0
    """On SIGTERM: how long live sessions may finish what they run."""
    peers: str = ""
    """Twisted server endpoint where other replicas of the store reach agents that are connected to this one, for their
    sessions: `tcp:7081:interface=10.0.0.5`, with workers the ports behind it too; empty: a unix socket in the state
    folder, for replicas of this machine. Both sides prove themselves by keys in the store."""
    peers_address: str = Field(default="", pattern=r"^(.+:[0-9]{1,5})?$")
    """`host:port` that other replicas use, when it is not the interface and port of `peers`."""


class StoreSection(Section):
    """[store]: what replicas share."""

    url: str = ""
    """SQLAlchemy URL; empty means SQLite in the state folder."""
    keep: Duration = 31536000.0
    """How long requests, sessions and readings stay in the store once they are over; 0 keeps them. Recordings stay."""


class StorageSection(Section):
    """[recording.storage]: object storage that recordings are copied to once they are closed, long ones on the way."""

    url: str = ""
    """`s3://bucket/prefix`, `gs://…`, `az://…` or `file:///folder`; empty: recordings stay where they are."""
    endpoint: str = ""
    """Of a server that speaks S3, `https://s3.internal:9000`; empty: Amazon's."""
    region: str = ""
    """For S3."""
    access_key: str = ""
    """For S3: where the key's id is; empty: from the environment or the machine's role."""
    secret_key: str = ""
    """For S3: where the secret is."""
    segment: int = Field(default=16, ge=1, le=1024)
    """MiB; a longer recording is stored in pieces of this size, the first while it still grows."""
    every: Duration = Field(default=15.0, ge=0.05)
    """How often there is a look at what is to be stored."""
    spool: int = Field(default=0, ge=0)
    """MiB that recordings may take in the folder; of what is stored, the oldest leave it. 0: all stay."""


class RecordingSection(Section):
    """[recording]: what happened."""

    folder: str = ""
    """Where recordings are kept; empty means `recordings` in the state folder."""
    durability: Literal["page-cache", "fsync-per-command"] = "page-cache"
    """`page-cache` survives a killed process, `fsync-per-command` a lost machine, for every command."""
    key: str = ""
    """PEM file with the Ed25519 key heads are signed with; empty makes one in the state folder."""
    key_provider: Literal["file", "vault-transit"] = "file"
    """What recordings' data keys are wrapped with: a key in a `file`, or one that Vault's transit engine encrypts."""
    wrapping_key: str = ""
    """For `file`: file with the 32 bytes; empty makes `recording.kek` in the state folder."""
    transit_key: str = "transit/hoop"
    """For `vault-transit`: mount and name of the key, at the server of `[vault]`, logged in as it says there."""
    head_every: Duration = Field(default=30.0, ge=1)
    """How often a recording that grows is signed; what is cut off it is noticed up to the last signature."""
    minimum_free: int = Field(default=256, ge=0)
    """MiB that must be free for a new session to start."""
    retention_every: Duration = Field(default=3600.0, ge=1)
    """How often recordings whose time is over are deleted, where there is [[retention]]; by one replica at a time."""
    storage: StorageSection = StorageSection()
    """Object storage."""


class RetentionSection(Section):
    """[[retention]]: how long recordings are kept. The first one that matches decides; without one, for ever.

    Lists are patterns as in rules; empty matches everything. A legal hold keeps a recording whatever stands here.
    """

    name: str
    """Stands on the tombstone of what it deletes."""
    keep: Duration
    """Counted from the end of the session; 0 keeps for ever."""
    targets: list[str] = Field(default_factory=list)
    """Names of targets."""
    groups: list[str] = Field(default_factory=list)
    """Groups of the person or program, as they were at the log-in."""
    protocols: list[str] = Field(default_factory=list)
    """`postgres`, `ssh`, `http`, `kubernetes`."""
    tags: list[str] = Field(default_factory=list)
    """Attributes of the session, as `name=value`: `database=shop_test`."""


class ApiSection(Section):
    """[api]: who may use the API and the `hoop` command for what, by groups."""

    auditors: list[str] = Field(default_factory=list)
    """Groups that may read recordings; each reading is recorded."""
    operators: list[str] = Field(default_factory=list)
    """Groups that may see health and end sessions."""


class SshSection(Section):
    """[ssh]: the gateway's certificate authorities and what its SSH listeners have in common."""

    host_key: str = ""
    """OpenSSH private key file (Ed25519) the listeners prove themselves with; empty makes one in the state folder."""
    user_ca: str = ""
    """Private key file that signs the certificates of people and programs, and those of sessions towards targets;
    empty makes one in the state folder."""
    host_ca: str = ""
    """Private key file that signs the host certificates shown in the place of targets; empty makes one."""
    agent_ca: str = ""
    """Private key file that signs the certificates of agents, and nothing else; empty makes one in the state folder."""
    certificate_lifetime: Duration = 3600.0
    """Longest life of a user certificate; never longer than the token it is made from."""
    host_certificate_lifetime: Duration = 86400.0
    """Life of a host certificate made on the fly."""
    banner: str = ""
    """Shown before authentication."""
