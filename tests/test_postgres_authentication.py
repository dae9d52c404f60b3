"""How a client proves who it is: one door, whatever the method (I8)."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from twisted_hoop.errors import AuthenticationFailed, ProtocolError
from twisted_hoop.identity.provider import ScramLogin
from twisted_hoop.identity.scram import ScramClient, ScramServer
from twisted_hoop.identity.scram_keys import parse_verifier, salted_password, scram_verifier
from twisted_hoop.model import Peer, Principal
from twisted_hoop.postgres.authentication import (
    OAuthAuthentication,
    ScramAuthentication,
    TokenAuthentication,
    chooser,
)
from twisted_hoop.testing import run_now
from twisted_hoop.testing.postgres import split

PEER = Peer("192.0.2.1")
ALICE = Principal("https://issuer.test", "alice")
WHERE = ("https://issuer.test", "openid")


class Door:
    """Knows one token."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def authenticate(self, credential: str, peer: Peer) -> Principal:
        """See IIdentityProvider."""
        self.tried.append(credential)
        if credential != "good":
            raise AuthenticationFailed("unknown token")
        return ALICE

    def still_valid(self, principal: Principal) -> bool:
        """See IIdentityProvider."""
        return True


def code_of(data: bytes) -> int:
    [(kind, body)] = split(data)
    assert kind == "R"
    return int(struct.unpack_from(">I", body)[0])


def sasl(mechanism: bytes, data: bytes | None) -> bytes:
    return mechanism + b"\0" + (struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data)


def bearer(token: str) -> bytes:
    return b"n,,\x01auth=" + (b"Bearer " + token.encode() if token else b"") + b"\x01\x01"


def test_a_token_as_password() -> None:
    one = TokenAuthentication(Door(), PEER)
    assert code_of(one.start()) == 3
    assert run_now(one.answered(b"good\0")) is ALICE
    for body in (b"good", b"go\0od\0", b""):
        with pytest.raises(ProtocolError):
            run_now(one.answered(body))


def test_oauthbearer_with_a_token() -> None:
    one = OAuthAuthentication(Door(), PEER, WHERE)
    assert split(one.start())[0][1][4:] == b"OAUTHBEARER\0\0"
    assert run_now(one.answered(sasl(b"OAUTHBEARER", bearer("good")))) is ALICE


def test_oauthbearer_says_where_a_token_is_had() -> None:
    """RFC 7628: an empty token, the discovery document, the client's ^A, and then the failure."""
    one = OAuthAuthentication(Door(), PEER, WHERE)
    told: Any = run_now(one.answered(sasl(b"OAUTHBEARER", bearer(""))))
    assert code_of(told) == 11
    assert b"https://issuer.test" in told
    with pytest.raises(AuthenticationFailed):
        run_now(one.answered(b"\x01"))


def test_oauthbearer_asks_again_after_a_bad_token_and_never_admits_it() -> None:
    one = OAuthAuthentication(Door(), PEER, WHERE)
    assert code_of(run_now(one.answered(sasl(b"OAUTHBEARER", bearer("bad"))))) == 11
    with pytest.raises((AuthenticationFailed, ProtocolError)):
        run_now(one.answered(bearer("good")))


def test_oauthbearer_without_an_initial_response() -> None:
    one = OAuthAuthentication(Door(), PEER, WHERE)
    assert code_of(run_now(one.answered(sasl(b"OAUTHBEARER", None)))) == 11
    assert run_now(one.answered(bearer("good"))) is ALICE


@pytest.mark.parametrize("body", [b"", b"OAUTHBEARER\0", b"OAUTHBEARER\0\0\0\0\x09x", sasl(b"PLAIN", b"x")])
def test_broken_sasl_messages(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        run_now(OAuthAuthentication(Door(), PEER, WHERE).answered(body))


def scram_login(admit: Any = lambda: ALICE) -> ScramLogin:
    return ScramLogin(ScramServer(parse_verifier(scram_verifier("secret", 4096, b"0123456789abcdef"))), admit)


def exchanged(one: ScramAuthentication, password: str) -> Any:
    client = ScramClient()
    answer: Any = run_now(one.answered(sasl(b"SCRAM-SHA-256", client.first())))
    challenge = client.challenge(split(answer)[0][1][4:])
    proof = client.final(salted_password(password, challenge.salt, challenge.iterations))
    principal = run_now(one.answered(proof))
    client.verify(split(one.farewell)[0][1][4:])
    return principal


def test_scram() -> None:
    one = ScramAuthentication(scram_login())
    assert code_of(one.start()) == 10
    assert exchanged(one, "secret") is ALICE
    assert code_of(one.farewell) == 12


def test_i8_scram_fails_for_a_wrong_password_and_for_whom_the_door_does_not_admit() -> None:
    """I8: a lock or an expiry holds for SCRAM too."""

    def locked() -> Principal:
        raise AuthenticationFailed("locked")

    for one, password in (
        (ScramAuthentication(scram_login()), "wrong"),
        (ScramAuthentication(scram_login(locked)), "secret"),
    ):
        with pytest.raises(AuthenticationFailed):
            exchanged(one, password)
        assert one.farewell == b""


def test_scram_with_a_mechanism_that_was_not_offered() -> None:
    with pytest.raises(ProtocolError):
        run_now(ScramAuthentication(scram_login()).answered(sasl(b"SCRAM-SHA-1", b"n,,n=,r=x")))


@pytest.mark.parametrize(
    ("methods", "known", "wanted"),
    [
        (["token"], True, TokenAuthentication),
        (["token", "scram"], True, ScramAuthentication),
        (["token", "scram"], False, TokenAuthentication),
        (["oauth"], False, OAuthAuthentication),
        (["scram", "oauth"], False, OAuthAuthentication),
    ],
)
def test_which_method_a_connection_gets(methods: list[str], known: bool, wanted: type) -> None:
    choose = chooser(Door(), lambda user, peer: scram_login() if known else None, methods, WHERE)
    assert type(choose({"user": "ci"}, PEER)) is wanted
