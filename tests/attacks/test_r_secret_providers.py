"""R11: every provider of secrets, when it succeeds and when what answers in its place is hostile.

Whatever happens, the secret stands in no error, no traceback, no log; the credential reaches nobody else.
"""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from tests.support.loop import Loop
from tests.support.web import Web, running_web
from twisted_hoop.errors import HoopError, SecretUnavailable
from twisted_hoop.secrets.asking import MAX_BODY
from twisted_hoop.secrets.secret import Login
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import SecretsSection, TargetSection

SECRET, CREDENTIAL = "hunter2-the-secret", "credential-of-the-gateway"
_ENCODED = base64.b64encode(SECRET.encode()).decode()
_LEASE = {"lease_id": "database/creds/shop/1", "lease_duration": 60, "renewable": True}
_LOGIN = {"username": "v-1", "password": SECRET}

GOOD: dict[str, tuple[str, Any]] = {
    "vault:secret/shop#password": ("/v1/secret/data/shop", {"data": {"data": {"password": SECRET}}}),
    "vault:database/creds/shop": ("/v1/database/creds/shop", {**_LEASE, "data": _LOGIN}),
    "k8s:shop/db#password": ("/api/v1/namespaces/shop/secrets/db", {"data": {"password": _ENCODED}}),
    "aws-sm:shop#password": ("/", {"SecretString": json.dumps({"password": SECRET})}),
    "vault-ssh:ssh/hosts": ("/v1/ssh/sign/hosts", {"data": {"signed_key": f"ssh-ed25519 {SECRET}"}}),
}
"""Reference → where it is asked for, and the answer."""


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Everything that is logged, as Twisted's own text log would have it, tracebacks and all."""
    lines: list[str] = []

    def observe(event: Any) -> None:
        failure = event.get("log_failure")
        lines.append(repr(event) + (failure.getTraceback() if failure is not None else ""))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def store(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Web], SecretStore]:
    """A store all of whose providers are one web server."""

    def make(web: Web) -> SecretStore:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIAL)
        config = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": web.url}}],
            "users": [{"name": "u", "user": {"token": CREDENTIAL}}],
        }
        file = tmp_path / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(config))
        section = SecretsSection.model_validate({
            "timeout": "2s", "aws": {"region": "us-east-1", "endpoint": web.url},
            "kubernetes": {"kubeconfig": str(file)},
        })  # fmt: skip
        environ = {"VAULT_ADDR": web.url, "VAULT_TOKEN": CREDENTIAL}
        return SecretStore(loop.reactor, environ, root=tmp_path, secrets=section)

    return make


async def follow(store: SecretStore, reference: str) -> object:
    """As the gateway would."""
    if reference.startswith("vault-ssh:"):
        return await store.sign_ssh(reference, "ssh-ed25519 AAAA", "deploy", "ann")
    usual = {"name": "shop", "protocol": "postgres", "endpoint": "tcp:db:5432", "groups": ["*"]}
    target = TargetSection.model_validate({**usual, "secret": reference})
    return await store.login(target, "") if "creds" in reference else await store.resolve(reference)


@pytest.mark.parametrize("reference", GOOD)
def test_R11_what_is_had_does_not_show_itself(
    loop: Loop, store: Callable[[Web], SecretStore], said: list[str], reference: str
) -> None:
    path, answer = GOOD[reference]
    with running_web(loop) as web:
        web.answers[path] = json.dumps(answer).encode()
        here = store(web)
        found = loop.run(lambda: follow(here, reference))
        assert SECRET in (found.password if isinstance(found, Login) else str(found))
        assert reference.startswith("vault-ssh") or SECRET not in repr(found)
        loop.run(here.stop)
    assert SECRET not in "".join(said) and CREDENTIAL not in "".join(said)


def redirect(web: Web) -> Callable[[Any], bytes]:
    def answer(request: Any) -> bytes:
        request.redirect(web.url.encode() + b"/elsewhere")
        return SECRET.encode()

    return answer


HOSTILE: dict[str, Callable[[Web], Any]] = {
    "a redirect": redirect,
    "a refusal that quotes it": lambda web: (403, SECRET.encode()),
    "an outage that quotes it": lambda web: (503, SECRET.encode()),
    "no JSON": lambda web: SECRET.encode(),
    "JSON of another shape": lambda web: json.dumps([SECRET]).encode(),
    "too much of it": lambda web: SECRET.encode() * (MAX_BODY // 8),
    "depth": lambda web: b"[" * 100_000,
    "no UTF-8": lambda web: b'{"data": "\xff' + SECRET.encode(),
}


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("reference", GOOD)
def test_R11_what_answers_in_its_place_learns_and_shows_nothing(
    loop: Loop, store: Callable[[Web], SecretStore], said: list[str], reference: str, attack: str
) -> None:
    path, _ = GOOD[reference]
    with running_web(loop) as web:
        web.answers[path] = HOSTILE[attack](web)
        here = store(web)
        with pytest.raises(SecretUnavailable) as caught:
            loop.run(lambda: follow(here, reference))
        assert SECRET not in str(caught.value) and CREDENTIAL not in str(caught.value)
        assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, HoopError)
        assert web.hits["/elsewhere"] == 0
        loop.run(here.stop)
    shown = "".join(said) + str(caught.value) + "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown and CREDENTIAL not in shown


@pytest.mark.parametrize("value", [f"{SECRET}\0", f"\0{SECRET}", "", None, 5, [SECRET], {"a": SECRET}, SECRET * 5000])
def test_R11_a_value_that_is_no_secret(
    loop: Loop, store: Callable[[Web], SecretStore], said: list[str], value: object
) -> None:
    """R11: a NUL ends a password early in PostgreSQL's messages: less than it would be shown, and more could follow."""
    with running_web(loop) as web:
        web.answers["/v1/secret/data/shop"] = json.dumps({"data": {"data": {"password": value}}}).encode()
        web.answers["/"] = json.dumps({"SecretString": json.dumps({"password": value})}).encode()
        here = store(web)
        for reference in ("vault:secret/shop#password", "aws-sm:shop#password"):
            with pytest.raises(SecretUnavailable) as caught:
                loop.run(lambda reference=reference: follow(here, reference))
            assert SECRET not in str(caught.value)
    assert SECRET not in "".join(said)


@pytest.mark.parametrize(
    "reference",
    [
        "vault:secret/../../sys/raw/core#value",
        "vault:secret/..%2f..%2fsys#value",
        "vault:secret/shop/../../auth/token/lookup-self#x",
        "vault:sys/../database/creds/shop",
        "vault:database/creds/../config/shop",
        "vault-ssh:ssh/../../sys/seal",
        "k8s:shop/../../kube-system/secrets/admin#token",
        "k8s:shop/db/../admin#token",
        "k8s:shop/db?fieldSelector=x#token",
        "systemd:../../../etc/shadow",
        "systemd:a/../b",
    ],
)
def test_R11_a_reference_leads_to_no_other_place(
    loop: Loop, store: Callable[[Web], SecretStore], reference: str
) -> None:
    with running_web(loop) as web:
        here = store(web)
        with pytest.raises(SecretUnavailable):
            loop.run(lambda: follow(here, reference))
        assert sum(web.hits.values()) == 0, "nobody was asked"
