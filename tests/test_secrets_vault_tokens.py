"""Logging in at a real Vault in every way there is, and how long a token of our own is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from twisted.internet.task import Clock

from tests.support import vault as support
from tests.support.coroutines import now
from tests.support.loop import Loop
from tests.support.web import running_web
from twisted_hoop.demo.certificates import make_ca
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.secret import Secret
from twisted_hoop.secrets.vault import Vault
from twisted_hoop.secrets.vault_tokens import GivenToken, LoggedInToken
from twisted_hoop.settings import VaultSection


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[support.Vault]:
    with support.running_vault(tmp_path_factory.mktemp("vault")) as running:
        running.put("shop", password="hunter2")
        yield running


def read(loop: Loop, vault: Vault) -> str:
    return loop.run(lambda: vault.read("secret/shop", "password"))


def lookup(server: support.Vault, token: str) -> bool:
    """Whether Vault knows that token."""
    try:
        server.call("POST", "auth/token/lookup", {"token": token})
    except OSError:
        return False
    return True


def test_an_approle_is_logged_in_and_gives_its_token_back(loop: Loop, server: support.Vault) -> None:
    role_id, secret_id = support.enable_approle(server)
    section = VaultSection(address=server.address, auth="approle", role_id=role_id, secret_id="env:ID")
    vault = Vault(loop.reactor, {"ID": secret_id}, section)
    assert read(loop, vault) == "hunter2"
    token = vault._token._token  # type: ignore[attr-defined]
    assert lookup(server, token)
    server.call("POST", "auth/token/revoke", {"token": token})
    assert read(loop, vault) == "hunter2", "a token that Vault forgot is replaced"
    token = vault._token._token  # type: ignore[attr-defined]
    loop.run(vault.stop)
    assert not lookup(server, token)
    with pytest.raises(SecretUnavailable):
        read(loop, Vault(loop.reactor, {"ID": "wrong"}, section))


def pem_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(*kinds).decode(), public.decode()


def test_a_jwt_is_read_from_its_file_at_every_log_in(loop: Loop, server: support.Vault, tmp_path: Path) -> None:
    private, public = pem_pair()
    server.call("PUT", "sys/policies/acl/hoop", {"policy": support.POLICY})
    server.call("POST", "sys/auth/ci", {"type": "jwt"})
    server.call("POST", "auth/ci/config", {"jwt_validation_pubkeys": [public]})
    role = {"role_type": "jwt", "bound_audiences": ["vault"], "user_claim": "sub", "token_policies": ["hoop"]}
    server.call("POST", "auth/ci/role/hoop", role)
    file = tmp_path / "jwt"
    file.write_text("no.jwt.yet\n")
    file.chmod(0o600)
    section = VaultSection(address=server.address, auth="jwt", mount="ci", role="hoop", jwt=f"file:{file}")
    vault = Vault(loop.reactor, {}, section)
    with pytest.raises(SecretUnavailable, match="auth/ci/login cannot be had: status 400"):
        read(loop, vault)
    claims = {"sub": "gateway", "aud": "vault", "nbf": int(time.time()) - 60, "exp": int(time.time()) + 300}
    file.write_text(jwt.encode(claims, private, "RS256"))
    assert read(loop, vault) == "hunter2"
    file.chmod(0o644)
    with pytest.raises(SecretUnavailable, match="can be read by others"):
        read(loop, Vault(loop.reactor, {}, section))


def test_a_pods_service_account(loop: Loop, server: support.Vault, tmp_path: Path) -> None:
    """Vault asks the cluster's TokenReview whose token it is. Others may read the file, as the kubelet makes it."""
    ca = make_ca(tmp_path / "ca").read_text()
    asked: list[Any] = []
    with running_web(loop) as web:

        def review(request: Any) -> bytes:
            asked.append(json.loads(request.content.read())["spec"]["token"])
            user = {"username": "system:serviceaccount:infra:hoop", "uid": "1", "groups": []}
            request.setHeader("Content-Type", "application/json")
            status = {"authenticated": True, "user": user, "audiences": []}
            kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
            return json.dumps({**kind, "status": status}).encode()

        web.answers["/apis/authentication.k8s.io/v1/tokenreviews"] = review
        private, _ = pem_pair()
        who = {"namespace": "infra", "serviceaccount": {"name": "hoop", "uid": "1"}}
        claims = {"sub": "system:serviceaccount:infra:hoop", "kubernetes.io": who, "exp": int(time.time()) + 300}
        token = jwt.encode({**claims, "iss": "kubernetes", "nbf": 1}, private, "RS256")
        server.call("PUT", "sys/policies/acl/hoop", {"policy": support.POLICY})
        server.call("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
        config = {"kubernetes_host": web.url, "token_reviewer_jwt": token, "kubernetes_ca_cert": ca}
        server.call("POST", "auth/kubernetes/config", config)
        role = {"bound_service_account_names": "hoop", "bound_service_account_namespaces": "infra"}
        server.call("POST", "auth/kubernetes/role/hoop", {**role, "token_policies": "hoop"})
        (tmp_path / "token").write_text(token)
        (tmp_path / "token").chmod(0o644)
        where = f"file:{tmp_path}/token"
        section = VaultSection(address=server.address, auth="kubernetes", role="hoop", jwt=where)
        assert read(loop, Vault(loop.reactor, {}, section)) == "hunter2"
    assert asked == [token]


class Server:
    """What answers log-ins and renewals: `life` is in seconds."""

    def __init__(self) -> None:
        self.life, self.renewable = 60, True
        self.fault: SecretUnavailable | None = None
        self.asked: list[str] = []
        self.known: set[str] = set()

    async def __call__(self, path: str, body: object, token: str) -> dict[str, Any]:
        self.asked.append(path)
        if self.fault is not None:
            raise self.fault
        number = sum(each.endswith("/login") for each in self.asked)
        return {"auth": {"client_token": f"t-{number}", "lease_duration": self.life, "renewable": self.renewable}}


def logged_in(clock: Clock, server: Server) -> LoggedInToken:
    async def in_thread(work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    section = VaultSection(auth="approle", role_id="r", secret_id="env:ID")

    async def knows(token: str) -> bool:
        return token in server.known

    return LoggedInToken(clock, in_thread, {"ID": "x"}, section, server, knows)


def test_it_is_renewed_before_it_ends_though_nobody_asks() -> None:
    clock, server = Clock(), Server()
    token = logged_in(clock, server)
    assert now(token.get()) == "t-1"
    for _ in range(30):
        clock.advance(20)
    assert server.asked.count("auth/token/renew-self") >= 14
    assert now(token.get()) == "t-1"
    now(token.stop())
    assert server.asked[-1] == "auth/token/revoke-self" and not clock.getDelayedCalls()


def test_one_that_cannot_be_renewed_is_replaced() -> None:
    clock, server = Clock(), Server()
    server.renewable = False
    token = logged_in(clock, server)
    now(token.get())
    clock.advance(59)
    assert now(token.get()) == "t-1"
    clock.advance(2)
    assert now(token.get()) == "t-2"
    server.renewable = True
    clock.advance(61)
    assert now(token.get()) == "t-3"
    server.fault = SecretUnavailable("status 403")
    clock.advance(41)
    server.fault = None
    assert now(token.get()) == "t-4"


def test_what_is_forbidden_replaces_only_a_token_that_vault_forgot() -> None:
    """What Vault made for a token ends with it: a role that may not be read must not end the sessions of others."""
    clock, server = Clock(), Server()
    token = logged_in(clock, server)
    now(token.get())
    server.known = {"t-1"}
    assert not now(token.replaced("t-1")) and now(token.get()) == "t-1"
    server.known = set()
    assert now(token.replaced("t-1")) and now(token.get()) == "t-2"
    assert now(token.replaced("t-1")) and now(token.get()) == "t-2", "somebody else had it replaced already"


def test_an_outage_while_renewing_is_waited_for() -> None:
    clock, server = Clock(), Server()
    token = logged_in(clock, server)
    now(token.get())
    server.fault = SecretUnavailable("away", passing=True)
    clock.advance(45)
    server.fault = None
    for _ in range(30):
        clock.advance(1)
    assert now(token.get()) == "t-1"


@pytest.mark.parametrize(
    "auth",
    [None, {}, {"client_token": ""}, {"client_token": "a\r\nX: y", "lease_duration": 1}, {"client_token": "a"}],
)
def test_R11_what_is_no_token_is_refused(auth: object) -> None:
    """R11: a token with a newline would write headers of our request."""

    async def answer(path: str, body: object, token: str) -> dict[str, Any]:
        return {"auth": auth}

    with pytest.raises(SecretUnavailable):
        now(logged_in(Clock(), answer).get())  # type: ignore[arg-type]


def test_a_given_token_is_not_ours_to_give_back() -> None:
    async def in_thread(work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    token = GivenToken(in_thread, {"VAULT_TOKEN": "t"})
    assert now(token.get()) == Secret("t") and not now(token.replaced("t"))
    now(token.stop())
    assert now(token.get()) == "t"
    with pytest.raises(SecretUnavailable, match="neither"):
        now(GivenToken(in_thread, {}).get())
