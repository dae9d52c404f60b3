"""A gateway whose log-ins come from a real Vault: made for each session at a real PostgreSQL, signed for a real sshd.

One gateway, one OpenBao, one PostgreSQL, one sshd. At the end everything the gateway wrote is searched for secrets.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import vault as support
from tests.support.gateway import Gateway, Plan, start_gateway, token_of, wait_for
from tests.support.postgres import Server
from tests.support.ssh_gateway import ALLOW
from tests.support.sshd import ACCOUNT, Sshd, make_key, public_line, running_sshd

FIRST, SECOND = "first-password-of-rotated", "second-password-of-rotated"
_TARGET = """
[[targets]]
name = "{name}"
protocol = "postgres"
endpoint = "tcp:{server.host}:{server.port}"
database = "postgres"
tls = "disable"
groups = ["*"]
"""
_PLAN = """
[vault]
address = "{vault}"
auth = "approle"
role_id = "{role_id}"
secret_id = "env:SECRET_ID"
[[rules]]
name = "all"
effect = "allow"
classes = ["read", "transaction", "session", "dynamic", "unknown"]
functions = ["", ".*"]
[[listeners]]
name = "ssh"
protocol = "ssh"
endpoint = "tcp:0:interface=127.0.0.1"
[[accounts]]
name = "sue"
kind = "human"
groups = ["developers"]
ssh_keys = ["{key}"]
[[targets]]
name = "web-1"
protocol = "ssh"
endpoint = "tcp:127.0.0.1:{ssh_port}"
host_keys = ["{host_key}"]
login = "{account}"
logins = [".*"]
login_with = "certificate"
secret = "vault-ssh:ssh-client-signer/hosts"
groups = ["developers"]
"""


@dataclass
class Place:
    """Everything there is."""

    folder: Path
    vault: support.Vault
    server: Server
    sshd: Sshd
    plan: Plan
    gateway: Gateway
    secrets: list[str]
    said: list[bytes] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)
    """What sessions of the killed gateway shared: it goes when that replica is taken for dead."""

    def connect(self, target: str, application: str = "") -> psycopg.Connection[Any]:
        return psycopg.connect(self.gateway.dsn(target), application_name=application or target, autocommit=True)

    def roles(self) -> set[str]:
        """Log-ins that Vault made and that are still there."""
        return {name for (name,) in self.server.run("select rolname from pg_roles where rolname like 'v-%'")}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "vault").mkdir()
    with support.running_vault(folder / "vault") as vault:
        support.enable_database(vault, postgres)
        support.make_role(vault, "brief", default_ttl="10s", max_ttl="20s")
        vault.put("rotated", password=FIRST)
        postgres.create_login("rotated", FIRST)
        authority = support.enable_ssh(vault, ACCOUNT)
        role_id, secret_id = support.enable_approle(vault)
        key = make_key(folder / "key-sue")
        with running_sshd(folder / "sshd", user_ca=authority) as sshd:
            text = _text(vault, role_id, postgres, sshd, public_line(key))
            plan = Plan(text, {"SECRET_ID": secret_id})
            gateway = start_gateway(folder / "gateway", plan)
            here = Place(folder, vault, postgres, sshd, plan, gateway, [secret_id, FIRST, SECOND])
            try:
                yield here
            finally:
                here.gateway.stop()


def _text(vault: support.Vault, role_id: str, server: Server, sshd: Sshd, key: str) -> str:
    told = {"vault": vault.address, "role_id": role_id, "key": key, "account": ACCOUNT}
    text = ALLOW + _PLAN.format(**told, ssh_port=sshd.port, host_key=sshd.host_keys[0])
    for name, secret in {
        "own": 'secret = "vault:database/creds/shop"',
        "shared": 'secret = "vault:database/creds/shop"\nlease = "shared"',
        "brief": 'secret = "vault:database/creds/brief"',
        "nowhere": 'secret = "vault:database/creds/nowhere"',
        "rotated": 'login = "rotated"\nsecret = "vault:secret/rotated#password"',
        "unset": 'login = "rotated"\nsecret = "env:HOOP_TEST_UNSET"',
    }.items():
        text += _TARGET.format(name=name, server=server) + secret + "\n"
    return text


def user_of(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select current_user").fetchone()
    assert row is not None
    return str(row[0])


def test_each_session_logs_in_as_itself_and_leaves_nothing_behind(place: Place) -> None:
    with place.connect("own") as one, place.connect("own") as two:
        users = {user_of(one), user_of(two)}
        assert len(users) == 2 and all(user.startswith("v-approle-shop-") for user in users)
        assert users <= place.roles()
    wait_for(lambda: not users & place.roles(), "the roles to be dropped")


def test_sessions_that_share_a_log_in(place: Place) -> None:
    with place.connect("shared") as one, place.connect("shared") as two:
        assert user_of(one) == user_of(two)
        shared = user_of(one)
    assert shared in place.roles()


def test_a_session_is_ended_before_its_log_in(place: Place) -> None:
    """Vault lets this one live for twenty seconds, whatever is asked for."""
    with place.connect("brief") as connection:
        user = user_of(connection)
        wait_for(lambda: _ended(connection), "the end of the session")
    wait_for(lambda: user not in place.roles(), "the role to be dropped")


def _ended(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.OperationalError as error:
        assert "the log-in at the target ended" in str(error) or connection.closed
        return True
    return False


def test_R11_where_a_secret_lies_is_said_in_the_log_and_not_to_clients(place: Place) -> None:
    """R11: what cannot be had is refused; its name would tell a client how the house is built."""
    for target, why in (("nowhere", "vault:database/creds/nowhere cannot be had"), ("unset", "HOOP_TEST_UNSET is not")):
        with pytest.raises(psycopg.OperationalError, match="logs in with at the target cannot be had") as caught:
            place.connect(target)
        assert "vault" not in str(caught.value) and "HOOP_TEST" not in str(caught.value)
        place.gateway.logged("a session could not open")
        wait_for(lambda why=why: any(why in str(line) for line in place.gateway.lines()), why)


def test_what_was_rotated_is_read_anew_without_a_restart(place: Place) -> None:
    """The gateway knows the old password for a minute still; refused with it, it asks and tries once more."""
    with place.connect("rotated") as connection:
        assert user_of(connection) == "rotated"
    place.vault.put("rotated", password=SECOND)
    place.server.run(f"alter role rotated password '{SECOND}'")
    opened = wait_for(lambda: _opened(place, "rotated"), "a session with the new password")
    opened.close()


def _opened(place: Place, target: str) -> Any:
    """None while what was read a moment ago is not doubted yet."""
    try:
        return place.connect(target)
    except psycopg.OperationalError as error:
        assert "refused the gateway's own login" in str(error)
        return None


def test_a_key_signed_by_vault_opens_a_real_host(place: Place) -> None:
    """sshd trusts Vault's authority, not the gateway's; its log names who it was."""
    known = place.folder / "known"
    authorities = place.gateway.api("GET", "/v1/ssh/authorities").json
    port = place.gateway.ports["ssh"]
    known.write_text(f"[127.0.0.1]:{port} {authorities['gateway']}\n")
    options = {
        "Port": str(port), "IdentityFile": str(place.folder / "key-sue"), "IdentitiesOnly": "yes",
        "IdentityAgent": "none", "UserKnownHostsFile": str(known), "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes", "BatchMode": "yes", "ConnectTimeout": "30",
    }  # fmt: skip
    given = [f"-o{name}={value}" for name, value in options.items()]
    command = ["ssh", "-F", "/dev/null", *given, f"{ACCOUNT}%web-1@127.0.0.1", "whoami"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert (found.stdout.strip(), found.returncode) == (ACCOUNT, 0), found.stderr
    assert place.sshd.heard("ID sue (hoop|sue) session ")


def test_what_a_crash_leaves_behind_is_revoked_by_the_next_start(place: Place) -> None:
    connection = place.connect("own", "crash")
    user = user_of(connection)
    place.gateway.kill()
    connection.close()
    place.shared = place.roles() - {user}
    place.said.append((place.gateway.folder / "log").read_bytes())
    assert user in place.roles()
    place.gateway = start_gateway(place.folder / "gateway", place.plan)
    wait_for(lambda: user not in place.roles(), "what the crash left to be revoked")
    with place.connect("own") as again:
        assert user_of(again) != user


def test_R11_no_secret_stands_anywhere_the_gateway_writes(place: Place) -> None:
    """R11: log, metrics, API, store and recordings, after everything above has succeeded or failed."""
    gateway = place.gateway
    said = place.said + [gateway.api("GET", path, who).body for path in _READ for who in ("olga", "carol")]
    said.append((gateway.folder / "log").read_bytes())
    for found in gateway.library.list(limit=100):
        said.append(json.dumps(list(gateway.library.read(found.id))).encode())
    gateway.stop()
    said += [path.read_bytes() for path in gateway.state.rglob("*") if path.is_file()]
    everything = b"\n".join(said)
    assert b"vault:database/creds/nowhere" in everything, "the log of the first gateway"
    tokens = [support.ROOT_TOKEN, *place.secrets]
    assert [secret for secret in tokens if secret.encode() in everything] == []
    assert re.search(rb"\b(hv)?[sb]\.[A-Za-z0-9]{24,}", everything) is None, "a token of Vault's"
    assert re.search(rb"[QZXJ]{20,}", everything) is None, "a password that Vault made"
    assert token_of("ci").encode() not in everything
    assert place.roles() <= place.shared, "stopping gave everything back that the first gateway did not share"


_READ = ("/metrics", "/v1/health", "/v1/sessions", "/v1/targets", "/v1/recordings", "/v1/approvals", "/v1/replicas")
