"""Certificates of agents: what they say, and what is not believed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import ALICE, KEYS, TERMS, ecdsa_key, make_authority
from twisted_hoop.agent.trust import EXTENSION, AgentAuthority, Certified
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_certificates import HOST, USER, Certificate, Wanted, sign_certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key

CA = KEYS.agent_ca
IDENT = "0123456789abcdef" * 2


def authority(at: float | None = None) -> AgentAuthority:
    now = time.time() if at is None else at
    return AgentAuthority(CA, lambda: now)


def forged(signer: PrivateKey = CA, **changed: Any) -> Certificate:
    """An agent's certificate that is right in all but what is `changed`."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "key": new_private_key().public,
        "type": USER,
        "serial": 1,
        "key_id": "agent office",
        "principals": (f"hoop-agent/office/{IDENT}",),
        "valid_after": now - 60,
        "valid_before": now + 600,
        "critical": {},
        "extensions": {EXTENSION: f'{{"name":"office","ident":"{IDENT}"}}'.encode()},
    }
    return sign_certificate(Wanted(**{**usual, **changed}), signer)


def test_what_was_made_is_read() -> None:
    key, now = new_private_key(), time.time()
    made = authority(now).issue("office", IDENT, key.public, 600)
    assert made.key == key.public and made.authority.blob == authority().public.blob
    assert authority(now).read(made) == Certified("office", IDENT, float(int(now) + 600))
    assert authority().read(forged()).name == "office"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"signer": new_private_key()}, "not signed by the authority for agents"),
        ({"signer": KEYS.user_ca}, "not signed by the authority for agents"),
        ({"signer": KEYS.host_ca}, "not signed by the authority for agents"),
        ({"type": HOST}, "not one of an agent"),
        ({"critical": {"force-command": b"x"}}, "not one of an agent"),
        ({"critical": {"source-address": b"10.0.0.0/8"}}, "not one of an agent"),
        ({"key": ecdsa_key().public}, "not one of an agent"),
        ({"valid_after": 2**40}, "not valid yet"),
        ({"principals": ("root",)}, "more or less"),
        ({"principals": (f"hoop-agent/lab/{IDENT}",)}, "more or less"),
        ({"principals": (f"hoop-agent/office/{IDENT}", "root")}, "more or less"),
        ({"extensions": {}}, "does not say"),
        ({"extensions": {EXTENSION: b"[]"}}, "does not say"),
        ({"extensions": {EXTENSION: b'{"name":1,"ident":2}'}}, "does not say"),
        ({"extensions": {EXTENSION: b'{"name":"../x","ident":"%s"}' % IDENT.encode()}}, "names no agent"),
        ({"extensions": {EXTENSION: b'{"name":"office","ident":"zz"}'}}, "names no agent"),
        ({"extensions": {EXTENSION: b'{"name":"office","ident":"x","more":1}'}}, "does not say"),
        (
            {"extensions": {EXTENSION: b'{"name":"office","ident":"%s"}' % IDENT.encode(), "permit-pty": b""}},
            "more or less",
        ),
    ],
)
def test_S6_what_is_not_ours_for_an_agent_proves_nobody(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(AuthenticationFailed, match=told):
        authority().read(forged(**changed))


def test_S6_a_persons_certificate_is_no_agents_and_an_agents_is_no_persons() -> None:
    """Each was made by the gateway itself, for the same key; each authority refuses the other's."""
    from twisted_hoop.model import Peer

    users, key = make_authority(), new_private_key()
    persons = users.issue_user(ALICE, key.public, time.time() + 600, TERMS)
    with pytest.raises(AuthenticationFailed, match="authority for agents"):
        authority().read(persons)
    agents = authority().issue("office", IDENT, key.public, 600)
    with pytest.raises(AuthenticationFailed, match="another authority"):
        users.principal_of(agents, Peer("127.0.0.1"))


def test_keys_of_other_kinds_and_odd_names_are_not_certified() -> None:
    key = new_private_key().public
    for name, ident, used in (
        ("office", IDENT, ecdsa_key().public),
        ("Office", IDENT, key),
        ("a/b", IDENT, key),
        ("", IDENT, key),
        ("office", "x", key),
        ("x" * 64, IDENT, key),
    ):
        with pytest.raises(ValueError):
            authority().issue(name, ident, used, 600)


@given(st.binary(max_size=200))
def test_any_extension_is_an_agent_or_authentication_failed(data: bytes) -> None:
    try:
        found = authority().read(forged(extensions={EXTENSION: data}))
    except AuthenticationFailed:
        return
    assert found.name == "office" and found.ident == IDENT
