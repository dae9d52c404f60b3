"""Keys that a real Vault signs, and answers that are no certificates. A real sshd: integration/test_live_secrets.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import vault as support
from tests.support.loop import Loop
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.identity.ssh_certificates import parse_certificate_line
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.secrets.vault import Vault
from twisted_hoop.secrets.vault_ssh import LIFE, VaultSigner

HOSTS = "vault-ssh:ssh-client-signer/hosts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[support.Vault]:
    with support.running_vault(tmp_path_factory.mktemp("vault")) as running:
        yield running


def signer(loop: Loop, address: str) -> VaultSigner:
    return VaultSigner(Vault(loop.reactor, {"VAULT_ADDR": address, "VAULT_TOKEN": support.ROOT_TOKEN}))


def test_a_key_is_signed_for_one_account_with_a_name_in_it(loop: Loop, server: support.Vault) -> None:
    authority = support.enable_ssh(server, "deploy")
    key = new_private_key()
    signed = signer(loop, server.address)
    line = loop.run(lambda: signed.sign(HOSTS, key.public.line, "deploy", "ann (i|ann) session x"))
    found = parse_certificate_line(line)
    assert found.key.blob == key.public.blob and found.principals == ("deploy",) and found.verified()
    assert found.key_id == "ann (i|ann) session x" and found.authority.line in authority
    assert found.valid_before - found.valid_after <= LIFE + 60
    with pytest.raises(SecretUnavailable, match="status 400"):
        loop.run(lambda: signed.sign(HOSTS, key.public.line, "root", "x"))
    with pytest.raises(SecretUnavailable, match="status 400"):
        loop.run(lambda: signed.sign("vault-ssh:ssh-client-signer/none", key.public.line, "deploy", "x"))


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"no", b'{"data": 5}', b'{"data": {"signed_key": ""}}'])
def test_answers_that_are_none(loop: Loop, answer: bytes) -> None:
    with running_web(loop) as web:
        web.answers["/v1/ssh/sign/r"] = answer
        with pytest.raises(SecretUnavailable):
            loop.run(lambda: signer(loop, web.url).sign("vault-ssh:ssh/r", "ssh-ed25519 AAAA", "deploy", "x"))


def test_a_reference_that_signs_nothing_asks_nobody(loop: Loop) -> None:
    for reference in ("vault:ssh/r#f", "vault-ssh:r", "vault-ssh:ssh/../sys/r", "env:X"):
        with pytest.raises(SecretUnavailable):
            loop.run(lambda reference=reference: signer(loop, "http://127.0.0.1:1").sign(reference, "k", "d", "x"))
