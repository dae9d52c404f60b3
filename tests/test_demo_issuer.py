"""The development OpenID provider over real HTTP, its tokens at the real door."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop, running_loop
from tests.support.tokens import Door, Time, issuer_section, make_settings
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.demo.issuer import (
    DEVICE_GRANT,
    DEVICE_LIFETIME,
    EXCHANGE_GRANT,
    DevelopmentIssuer,
    mint,
    start_issuer,
)
from twisted_hoop.demo.keyring import PEOPLE, KeyRing


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.fixture(scope="module")
def issuer(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentIssuer]:
    folder = tmp_path_factory.mktemp("issuer")
    started, port = loop.run(lambda: start_issuer(loop.reactor, folder))
    yield started
    loop.run(port.stopListening)


@pytest.fixture(scope="module")
def door(loop: Loop, issuer: DevelopmentIssuer) -> Door:
    return Door(loop, make_settings(issuer_section(issuer.ring, kind_claim="kind")))


def ask(url: str, ca: str = "", **form: str) -> Any:
    data = urllib.parse.urlencode(form).encode() if form else None
    context = ssl.create_default_context(cafile=ca) if ca else None
    try:
        with urllib.request.urlopen(url, data, timeout=5, context=context) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    return json.loads(body) if body.startswith(b"{") else body.decode()


def test_discovery_leads_to_everything(issuer: DevelopmentIssuer) -> None:
    document = ask(issuer.ring.issuer + "/.well-known/openid-configuration")
    assert document["issuer"] == issuer.ring.issuer
    assert ask(document["jwks_uri"]) == issuer.ring.jwks()
    assert DEVICE_GRANT in document["grant_types_supported"]
    assert {"RS256", "EdDSA"} <= set(document["id_token_signing_alg_values_supported"])


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_gets_a_token_the_gateway_accepts(issuer: DevelopmentIssuer, door: Door, who: str) -> None:
    answer = ask(issuer.ring.issuer + "/token", grant_type="password", username=who)
    principal = door(answer["access_token"])
    assert (principal.subject, principal.name, principal.kind.value) == (who, who, PEOPLE[who].kind)
    assert principal.groups == set(PEOPLE[who].groups)


def test_token_exchange_makes_a_delegation(issuer: DevelopmentIssuer, door: Door) -> None:
    url = issuer.ring.issuer + "/token"
    alice = ask(url, grant_type="password", username="alice")["access_token"]
    agent = ask(url, grant_type="client_credentials", client_id="agent-7")["access_token"]
    answer = ask(url, grant_type=EXCHANGE_GRANT, subject_token=alice, actor_token=agent)
    principal = door(answer["access_token"])
    assert principal.subject == "alice" and [actor.subject for actor in principal.chain] == ["agent-7"]
    forged = KeyRing(issuer.ring.issuer)
    forged.add("EdDSA")
    for token in (forged.token("alice"), "x", ""):
        refused = ask(url, grant_type=EXCHANGE_GRANT, subject_token=token, actor_token=agent)
        assert refused == {"error": "invalid_grant"}


def test_the_device_flow(issuer: DevelopmentIssuer, door: Door) -> None:
    device = ask(issuer.ring.issuer + "/device", client_id="psql", scope="openid")
    form = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"], "client_id": "psql"}
    token = issuer.ring.issuer + "/token"
    assert ask(token, **form) == {"error": "authorization_pending"}
    assert device["user_code"] in ask(device["verification_uri_complete"])
    assert "Done" not in ask(device["verification_uri"], user_code=device["user_code"], who="mallory")
    assert "Done" in ask(device["verification_uri"], user_code=device["user_code"], who="bob")
    assert door(ask(token, **form)["access_token"]).subject == "bob"
    assert ask(token, **form) == {"error": "expired_token"}


def test_a_device_may_be_approved_at_once_and_waits_no_longer_than_it_said() -> None:
    ring, now = KeyRing(), Time(1000.0)
    ring.add("EdDSA")
    provider = DevelopmentIssuer(ring, approve_as="alice", now=now)
    code, late = provider.device()["device_code"], provider.device()["device_code"]
    assert provider.token({"grant_type": DEVICE_GRANT, "device_code": code})["token_type"] == "Bearer"
    now.now += DEVICE_LIFETIME
    with pytest.raises(Exception, match="expired_token"):
        provider.token({"grant_type": DEVICE_GRANT, "device_code": late})


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "mallory"}, "invalid_grant"),
        ({"grant_type": "password", "username": "alice", "actor": "mallory"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "invalid_grant"),
        ({"grant_type": DEVICE_GRANT, "device_code": "x"}, "expired_token"),
    ],
)
def test_what_is_refused(issuer: DevelopmentIssuer, form: dict[str, str], error: str) -> None:
    assert ask(issuer.ring.issuer + "/token", **form) == {"error": error}


def test_the_page_shows_a_code_as_text_only(issuer: DevelopmentIssuer) -> None:
    page = ask(issuer.ring.issuer + "/activate?" + urllib.parse.urlencode({"user_code": '"><script>'}))
    assert "<script>" not in page


def test_methods_are_checked(issuer: DevelopmentIssuer) -> None:
    assert ask(issuer.ring.issuer + "/token") == ""
    assert ask(issuer.ring.issuer + "/jwks", x="y") == ""


def test_it_speaks_https_and_mint_signs_for_it(loop: Loop, tmp_path: Path) -> None:
    ca = str(make_ca(tmp_path / "pki"))
    tls = issue(tmp_path / "pki", ["localhost", "127.0.0.1"])
    issuer, port = loop.run(lambda: start_issuer(loop.reactor, tmp_path / "keys", tls=tls, lifetime=60.0))
    try:
        assert issuer.ring.issuer.startswith("https://localhost:")
        assert ask(issuer.ring.issuer + "/.well-known/openid-configuration", ca)["issuer"] == issuer.ring.issuer
        door = Door(loop, make_settings(issuer_section(issuer.ring, ca=ca)))
        assert door(mint(tmp_path / "keys", "carol")).subject == "carol"
    finally:
        loop.run(port.stopListening)


def test_a_browser_logs_in_with_a_code(issuer: DevelopmentIssuer, door: Door) -> None:
    """The page asks who one is; the code becomes an ID token with the nonce that was asked with."""
    base = issuer.ring.issuer
    question = {
        "response_type": "code",
        "client_id": "hoop",
        "redirect_uri": f"{base}/.well-known/openid-configuration",  # some page on this machine
        "code_challenge": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",  # of the empty verifier
        "code_challenge_method": "S256",
        "nonce": "n-1",
    }
    url = f"{base}/authorize?{urllib.parse.urlencode(question)}"
    page = ask(url)
    assert "Who are you?" in page and 'value="bob"' in page
    assert ask(url, who="nobody").startswith("<!doctype")
    with urllib.request.urlopen(url, b"who=bob", timeout=5) as there:
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(there.url).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "client_id": "hoop"}
    answer = ask(f"{base}/token", **form, redirect_uri=question["redirect_uri"], code_verifier="")
    assert door(answer["id_token"]).subject == "bob" and door(answer["access_token"]).subject == "bob"
    again = ask(f"{base}/token", **form, redirect_uri=question["redirect_uri"], code_verifier="")
    assert again == {"error": "invalid_grant"}
    assert ask(url.replace("S256", "plain"))["error"] == "invalid_request"
