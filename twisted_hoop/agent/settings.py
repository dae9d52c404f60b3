"""The schema of an agent's own configuration, etc/agent.toml. Every docstring is its key's documentation."""

from __future__ import annotations

from typing import Union

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section

NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"


class AgentOwnSection(Section):
    """[agent]: who this agent is, and where its gateway is."""

    name: str = Field(pattern=NAME)
    """What targets of the gateway call it: `endpoint = "agent:NAME:tcp:db.internal:5432"`."""
    gateway: str
    """Where the gateway listens for agents: `tls://gateway.example:7443`, or `wss://gateway.example/v1/agent`."""
    state: str = "/var/lib/hoop-agent"
    """Folder for its key, its certificate and the gateway's keys; mode 0700."""
    join_token: str = ""
    """Where its one-time token is, for the first start: `env:NAME` or `file:PATH`. Not needed once it is enrolled."""
    token: str = ""
    """For workloads that have tokens of an OIDC issuer: where to read a fresh one, `env:NAME` or `file:PATH`."""
    token_command: list[str] = Field(default_factory=list)
    """The same, by a program and its arguments, which prints the token."""
    ca: str = ""
    """PEM file with the CA of the gateway's TLS certificate; empty: the system's."""
    pin: str = Field(default="", pattern=r"^([0-9a-fA-F]{2}:?){0,32}$")
    """SHA-256 of the gateway's TLS certificate, in hexadecimal; with it and without `ca` no CA is needed."""
    server_name: str = ""
    """Name the gateway's certificate must carry, when it is not the one in `gateway`."""
    host_keys: list[str] = Field(default_factory=list)
    """The gateway's SSH host keys, `ssh-ed25519 AAAA…`; empty: those that it names at the first start are kept."""
    proxy: str = ""
    """HTTP proxy for CONNECT, `http://proxy.example:3128`; empty: what HTTPS_PROXY says, unless NO_PROXY does."""
    proxy_login: str = ""
    """Where `user:password` for it is: `env:NAME` or `file:PATH`."""
    heartbeat: Duration = Field(default=10.0, ge=0.1, le=300)
    """How often the gateway is asked whether it lives."""
    dead: Duration = Field(default=25.0, ge=0.3, le=900)
    """After so long without a word from it the connection is given up."""
    longest_wait: Duration = Field(default=30.0, ge=0.1, le=3600)
    """Longest pause between two tries to connect."""
    dial_timeout: Duration = Field(default=10.0, ge=0.1, le=300)
    """How long a target may take to be resolved and to answer."""
    streams: int = Field(default=2000, ge=1, le=60000)
    """Most streams at a time."""
    stop_timeout: Duration = 30.0
    """On SIGTERM: how long live streams may go on."""


class AllowSection(Section):
    """[[allow]]: what this agent connects to; it connects to nothing else. Either `host` and `ports`, or `unix`."""

    host: str = ""
    """A name (`db.internal`), a pattern of names (`*.svc`), an address or a network (`10.2.0.0/16`). Addresses of this
    machine, of its link and of its cloud's metadata are meant only where they are written themselves (S11)."""
    ports: list[Union[int, str]] = Field(default_factory=list)
    """Ports, and ranges of them: `[5432, "8000-8100"]`; `["*"]` for all."""
    unix: str = ""
    """Path of a socket on this machine."""


class AgentSettings(Section):
    """An agent's whole configuration."""

    agent: AgentOwnSection
    """Who it is, and where its gateway is."""
    allow: list[AllowSection] = Field(default_factory=list)
    """What it connects to."""
