"""Certificates over the API."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, listening_api
from tests.support.approvals import ISSUER, Office
from tests.support.loop import Loop
from tests.support.ssh_identity import KEYS, ecdsa_key, rsa_key
from tests.support.tokens import PEER
from twisted_hoop.identity.ssh_certificates import certificate_kind, parse_certificate
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key

PATH = "/v1/ssh/certificate"
KEY = new_private_key()
LINE = KEY.public.line


def log_in(api: Api, key: PrivateKey, line: str) -> Any:
    """Whom the certificate proves at the one door."""
    certificate = parse_certificate(base64.b64decode(line.split()[1]))
    algorithm = key.public.algorithms[0]
    signature = key.sign(b"data", algorithm)
    given = (certificate.blob, certificate_kind(algorithm), signature, b"data", PEER)
    return api.loop.run(lambda: api.provider.authenticate_ssh(*given))


@pytest.mark.parametrize("key", [KEY, ecdsa_key(), rsa_key()], ids=["ed25519", "ecdsa", "rsa"])
def test_a_token_becomes_a_certificate(api: Api, key: PrivateKey) -> None:
    before = time.time()
    token = api.token("alice", act={"sub": "agent-7", "iss": ISSUER}, exp=int(before) + 600)
    answer = api.ask("POST", PATH, token=token, body={"public_key": f"{key.public.line} alice@laptop"})
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    told = answer.json
    assert told["principals"] == [f"hoop:{ISSUER}|alice"] and "Alice via agent-7" in told["key_id"]
    assert told["valid_until"] == int(before) + 600, "no longer than the token"
    found = log_in(api, key, told["certificate"])
    assert (found.key, found.groups) == (f"{ISSUER}|alice", {"developers"})
    assert [actor.subject for actor in found.chain] == ["agent-7"]
    assert int(told["serial"]) == parse_certificate(base64.b64decode(told["certificate"].split()[1])).serial


def test_a_shorter_life_may_be_asked_for(api: Api) -> None:
    until = api.ask("POST", PATH, "alice", {"public_key": LINE, "lifetime": 90}).json["valid_until"]
    assert until == pytest.approx(time.time() + 90, abs=30)
    longest = api.ask("POST", PATH, "alice", {"public_key": LINE, "lifetime": 86400}).json["valid_until"]
    assert longest <= time.time() + 3600


WRONG = {
    "nothing": {},
    "no key": {"public_key": "ssh-ed25519 AAAA"},
    "a private key": {"public_key": KEY.openssh().decode()},
    "a certificate": {"public_key": "ssh-ed25519-cert-v01@openssh.com AAAA"},
    "more": {"public_key": LINE, "principals": ["root"]},
    "no life": {"public_key": LINE, "lifetime": 0},
    "a life too short to write": {"public_key": LINE, "lifetime": 0.001},
    "forever": {"public_key": LINE, "lifetime": 1e300},
    "a word": {"public_key": LINE, "lifetime": "1h"},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_cannot_be_certified_is_told(api: Api, body: Any) -> None:
    answer = api.ask("POST", PATH, "alice", body)
    assert answer.status == 400 and "PRIVATE" not in answer.body.decode()


def test_I8_nobody_gets_one_for_nothing(api: Api) -> None:
    assert api.ask("POST", PATH, body={"public_key": LINE}).status == 401
    api.provider.locks.lock("principal", f"{ISSUER}|alice")
    assert api.ask("POST", PATH, "alice", {"public_key": LINE}).status == 401
    assert api.ask("GET", PATH, "alice").status == 405


def test_the_authorities_are_for_anybody(api: Api) -> None:
    told = api.ask("GET", "/v1/ssh/authorities").json
    keys = (KEYS.user_ca, KEYS.host_ca, KEYS.host_key)
    assert tuple(told[name] for name in ("users", "hosts", "gateway")) == tuple(key.public.line for key in keys)


def test_a_gateway_without_them_says_so(office: Office, loop: Loop, tmp_path: Path) -> None:
    with listening_api(office, loop, tmp_path / "state", authorities=()) as api:
        assert api.ask("GET", "/v1/ssh/authorities").status == 404
