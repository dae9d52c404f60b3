"""Log-ins that Vault's database engine makes, at a real PostgreSQL; and answers that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support import vault as support
from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.vault import Vault
from twisted_hoop.secrets.vault_logins import VaultLogins

REFERENCE = "vault:database/creds/shop"
GOOD: dict[str, Any] = {
    "lease_id": "database/creds/shop/1",
    "lease_duration": 60,
    "renewable": True,
    "data": {"username": "v-shop-1", "password": "hunter2-hunter2"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[support.Vault]:
    with support.running_vault(tmp_path_factory.mktemp("vault")) as running:
        support.enable_database(running, postgres)
        yield running


def logins_of(loop: Loop, address: str, token: str = support.ROOT_TOKEN) -> VaultLogins:
    return VaultLogins(Vault(loop.reactor, {"VAULT_ADDR": address, "VAULT_TOKEN": token}))


def can_log_in(postgres: Server, user: str, password: str) -> bool:
    try:
        psycopg.connect(postgres.dsn_for("postgres", user, password)).close()
    except psycopg.OperationalError:
        return False
    return True


def test_one_is_made_renewed_and_revoked(loop: Loop, server: support.Vault, postgres: Server) -> None:
    logins = logins_of(loop, server.address)
    lease = loop.run(lambda: logins.make(REFERENCE))
    assert lease.renewable and 50 < lease.seconds <= 60 and lease.name.startswith("database/creds/shop/")
    assert can_log_in(postgres, lease.login.user, lease.login.password)
    assert 100 < loop.run(lambda: logins.renew(lease.name, 120)) <= 120
    loop.run(lambda: logins.revoke(lease.name))
    assert not can_log_in(postgres, lease.login.user, lease.login.password)
    loop.run(lambda: logins.revoke(lease.name))  # nothing is left to end
    with pytest.raises(SecretUnavailable):
        loop.run(lambda: logins.renew(lease.name, 60))


def test_a_static_role_has_no_lease(loop: Loop, server: support.Vault, postgres: Server) -> None:
    postgres.create_login("static_app", "first")
    body = {"db_name": "shop", "username": "static_app", "rotation_period": "24h"}
    server.call("POST", "database/static-roles/app", body)
    lease = loop.run(lambda: logins_of(loop, server.address).make("vault:database/static-creds/app"))
    assert (lease.name, lease.login.user) == ("", "static_app")
    assert can_log_in(postgres, "static_app", lease.login.password)


@pytest.mark.parametrize(
    "changed",
    [
        {"data": {"username": "a\nb", "password": "x"}},
        {"data": {"username": "a\0user\0postgres", "password": "x"}},
        {"data": {"username": "a", "password": "hunter2\0"}},
        {"data": {"username": "a", "password": "hunter2\nHost: evil"}},
        {"data": {"username": "a" * 64, "password": "hunter2"}},
        {"data": {"username": "", "password": "hunter2"}},
        {"data": {"username": "a"}},
        {"data": ["hunter2"]},
        {"lease_duration": 0},
        {"lease_duration": True},
        {"lease_duration": "60"},
        {"lease_id": ""},
        {"lease_id": ["x"]},
    ],
)
def test_R11_what_is_no_log_in_is_refused_unquoted_and_given_back(loop: Loop, changed: dict[str, Any]) -> None:
    """R11: a NUL or newline in what Vault answers would write into the start-up packet, or log in as somebody else."""
    revoked: list[str] = []
    with running_web(loop) as web:

        def revoke(request: Any) -> bytes:
            revoked.append(json.loads(request.content.read())["lease_id"])
            return b"{}"

        web.answers["/v1/database/creds/shop"] = json.dumps({**GOOD, **changed}).encode()
        web.answers["/v1/sys/leases/revoke"] = revoke
        with pytest.raises(SecretUnavailable) as caught:
            loop.run(lambda: logins_of(loop, web.url).make(REFERENCE))
    assert "hunter2" not in str(caught.value) and "hunter2" not in repr(caught.value)
    assert revoked == ([GOOD["lease_id"]] if "lease_id" not in changed else [])


def test_a_reference_that_makes_no_logins_is_refused(loop: Loop) -> None:
    for reference in ("vault:secret/shop#password", "vault:database/creds/../config/shop", "env:X", "vault:creds/x"):
        with pytest.raises(SecretUnavailable):
            loop.run(lambda reference=reference: logins_of(loop, "http://127.0.0.1:1").make(reference))
