"""The `hoop` command: what people and programs do with a gateway from a terminal."""

from __future__ import annotations

import click

from twisted_hoop import __version__
from twisted_hoop.cli.lazy import LazyGroup
from twisted_hoop.cli.options import Connection, connection_options

_COMMANDS = {
    "access": "twisted_hoop.cli.access:access",
    "account-token": "twisted_hoop.cli.accounts:account_token",
    "agents": "twisted_hoop.cli.agents:agents",
    "approvals": "twisted_hoop.cli.approvals:approvals",
    "check": "twisted_hoop.cli.config:check",
    "config": "twisted_hoop.cli.config:config",
    "deliveries": "twisted_hoop.cli.deliveries:deliveries",
    "doctor": "twisted_hoop.cli.doctor:doctor",
    "drain": "twisted_hoop.cli.replicas:drain",
    "dsn": "twisted_hoop.cli.connect:dsn",
    "hold": "twisted_hoop.cli.holds:hold",
    "kubeconfig": "twisted_hoop.cli.kubernetes:kubeconfig",
    "lock": "twisted_hoop.cli.locks:lock",
    "locks": "twisted_hoop.cli.locks:locks",
    "login": "twisted_hoop.cli.login:login",
    "logout": "twisted_hoop.cli.login:logout",
    "policy": "twisted_hoop.cli.policy:policy",
    "psql": "twisted_hoop.cli.connect:psql",
    "replay": "twisted_hoop.cli.sessions:replay",
    "retention": "twisted_hoop.cli.retention:retention",
    "replicas": "twisted_hoop.cli.replicas:replicas",
    "scram-verifier": "twisted_hoop.cli.accounts:scram_verifier",
    "secrets": "twisted_hoop.cli.secrets:secrets",
    "sessions": "twisted_hoop.cli.sessions:sessions",
    "ssh-certificate": "twisted_hoop.cli.ssh:ssh_certificate",
    "ssh-config": "twisted_hoop.cli.ssh:ssh_config",
    "targets": "twisted_hoop.cli.connect:targets",
    "token": "twisted_hoop.cli.login:token",
    "unlock": "twisted_hoop.cli.locks:unlock",
    "verify": "twisted_hoop.cli.verify:verify",
    "whoami": "twisted_hoop.cli.whoami:whoami",
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@connection_options
@click.version_option(__version__, prog_name="hoop")
@click.pass_context
def cli(context: click.Context, url: str, token: str, token_file: str, ca: str) -> None:
    """Decide requests, look at sessions, check configurations of a hoop gateway.

    \b
    export HOOP_URL=https://hoop.example HOOP_TOKEN_FILE=~/.hoop-token
    hoop approvals list
    hoop approvals approve 3f1c9a77e0b24d51a6c8 --comment "agreed in CHG-1234"

    Exit codes: 0 ok, 1 refused or not as it should be, 2 usage, 3 not reachable, 4 not authenticated.

    Completion: eval "$(_HOOP_COMPLETE=bash_source hoop)", likewise zsh and fish.
    """
    context.obj = Connection(url, token, token_file, ca).over(_from_environment())


def _from_environment() -> Connection:
    import os

    names = ("HOOP_URL", "HOOP_TOKEN", "HOOP_TOKEN_FILE", "HOOP_CA")
    return Connection(*(os.environ.get(name, "") for name in names))


def main() -> None:
    """The entry point."""
    cli(prog_name="hoop")
