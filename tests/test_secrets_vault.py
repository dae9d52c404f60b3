"""Secrets in a real Vault (OpenBao), and one that misbehaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import vault as support
from tests.support.loop import Loop, running_loop
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.vault import MAX_BODY, Vault, api_path, is_safe


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[support.Vault]:
    with support.running_vault(tmp_path_factory.mktemp("vault")) as running:
        running.put("shop", password="hunter2", port=5432, empty="")
        running.put("team/shop", password="nested")
        yield running


def read(loop: Loop, environ: dict[str, str], path: str = "secret/shop", field: str = "password") -> str:
    return loop.run(lambda: Vault(loop.reactor, environ).read(path, field))


def test_fields_of_a_real_vault(loop: Loop, server: support.Vault) -> None:
    environ = {"VAULT_ADDR": server.address + "/", "VAULT_TOKEN": server.token}
    assert read(loop, environ) == "hunter2"
    assert read(loop, environ, "secret/team/shop") == "nested"
    assert read(loop, environ, "secret/data/team/shop") == "nested"


def test_what_a_real_vault_does_not_give(loop: Loop, server: support.Vault) -> None:
    environ = {"VAULT_ADDR": server.address, "VAULT_TOKEN": server.token}
    for path, field, why in (
        ("secret/missing", "password", "status 404"),
        ("secret/shop", "missing", "no field"),
        ("secret/shop", "port", "no text"),
        ("secret/shop", "empty", "no text"),
        ("nowhere/shop", "password", "status 40"),
    ):
        with pytest.raises(SecretUnavailable, match=why):
            read(loop, environ, path, field)
    with pytest.raises(SecretUnavailable, match="status 403"):
        read(loop, {**environ, "VAULT_TOKEN": "wrong"})


def test_the_token_may_lie_in_a_file_that_is_renewed(loop: Loop, server: support.Vault, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("wrong\n")
    file.chmod(0o600)
    vault = Vault(loop.reactor, {"VAULT_ADDR": server.address, "VAULT_TOKEN_FILE": str(file)})
    with pytest.raises(SecretUnavailable, match="403"):
        loop.run(lambda: vault.read("secret/shop", "password"))
    file.write_text(server.token + "\n")
    assert loop.run(lambda: vault.read("secret/shop", "password")) == "hunter2"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"VAULT_ADDR": "http://vault.example", "VAULT_TOKEN": "x"},
        {"VAULT_ADDR": "vault.example", "VAULT_TOKEN": "x"},
        {"VAULT_ADDR": "http://127.0.0.1@vault.example", "VAULT_TOKEN": "x"},
        {"VAULT_ADDR": "http://127.0.0.1:1"},
        {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "x"},
        {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "x\ny"},
        {"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_TOKEN": "x", "VAULT_CACERT": "/nowhere"},
    ],
)
def test_settings_that_cannot_work(loop: Loop, environ: dict[str, str]) -> None:
    with pytest.raises(SecretUnavailable):
        read(loop, environ)


def test_the_namespace_is_sent_and_redirects_are_not_followed(loop: Loop) -> None:
    seen = []
    with running_web(loop) as web:

        def answer(request):  # type: ignore[no-untyped-def]
            seen.append(request.getHeader("X-Vault-Namespace"))
            return json.dumps({"data": {"data": {"f": "v"}}}).encode()

        def redirect(request):  # type: ignore[no-untyped-def]
            request.redirect(web.url.encode() + b"/v1/kv/data/a")
            return b""

        web.answers.update({"/v1/kv/data/a": answer, "/v1/kv/data/b": redirect, "/v1/kv/data/c": b" " * (MAX_BODY + 1)})
        environ = {"VAULT_ADDR": web.url, "VAULT_TOKEN": "x", "VAULT_NAMESPACE": "team"}
        assert read(loop, environ, "kv/a", "f") == "v"
        with pytest.raises(SecretUnavailable, match="status 302"):
            read(loop, environ, "kv/b", "f")
        with pytest.raises(SecretUnavailable):
            read(loop, environ, "kv/c", "f")
    assert seen == ["team"]


def test_paths() -> None:
    assert api_path("secret/shop") == "secret/data/shop"
    assert api_path("secret/data/shop") == "secret/data/shop"
    assert api_path("team/kv/data/shop") == "team/kv/data/shop"
    assert api_path("secret/data") == "secret/data/data"


def test_r11_a_token_is_sent_to_no_address_that_is_none() -> None:
    """R11: a broken address is refused like an unsafe one."""
    assert not any(map(is_safe, ("https://[x", "http://[::1", "", "https://", "http://db.example:8200")))
    assert all(map(is_safe, ("https://db.example:8200", "http://127.0.0.1:8200", "http://[::1]:8200")))
