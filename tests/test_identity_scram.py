"""SCRAM both ways: the RFC's example, each side against the other, hostile messages (P5)."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import AuthenticationFailed, ProtocolError
from twisted_hoop.identity import scram
from twisted_hoop.identity.scram_keys import parse_verifier, salted_password, scram_verifier

VERIFIER = parse_verifier(scram_verifier("pencil", 4096, base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")))
BINDING = b"\x01" * 32


def test_the_example_of_rfc_7677() -> None:
    server_part = rb"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    client = scram.ScramClient(user="user", nonce=lambda: b"rOprNGfwEbeRWgbNEkqO")
    server = scram.ScramServer(VERIFIER, nonce=lambda: server_part)
    assert client.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    first = server.first(client.first())
    assert first == b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    challenge = client.challenge(first)
    final = client.final(salted_password("pencil", challenge.salt, challenge.iterations))
    assert final.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    answer = server.final(final)
    assert answer == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    client.verify(answer)


def exchange(client: scram.ScramClient, server: scram.ScramServer, mechanism: str, password: str = "pencil") -> None:
    challenge = client.challenge(server.first(client.first(), mechanism))
    client.verify(server.final(client.final(salted_password(password, challenge.salt, challenge.iterations))))


def test_channel_binding_works_and_a_foreign_certificate_fails() -> None:
    client = scram.ScramClient(channel_binding=BINDING, mechanism=scram.PLUS)
    exchange(client, scram.ScramServer(VERIFIER, channel_binding=BINDING), scram.PLUS)
    tricked = scram.ScramClient(channel_binding=b"\x02" * 32, mechanism=scram.PLUS)
    with pytest.raises(AuthenticationFailed, match="channel binding"):
        exchange(tricked, scram.ScramServer(VERIFIER, channel_binding=BINDING), scram.PLUS)


def test_a_removed_offer_of_channel_binding_is_noticed() -> None:
    client = scram.ScramClient(channel_binding=BINDING, mechanism=scram.PLAIN)
    assert client.first().startswith(b"y,,")
    with pytest.raises(AuthenticationFailed, match="downgrade"):
        scram.ScramServer(VERIFIER, channel_binding=BINDING).first(client.first())
    scram.ScramServer(VERIFIER).first(client.first())


def test_mechanisms_are_chosen_and_checked() -> None:
    assert scram.choose_mechanism([scram.PLUS, scram.PLAIN], BINDING) == scram.PLUS
    assert scram.choose_mechanism([scram.PLUS, scram.PLAIN], None) == scram.PLAIN
    assert scram.choose_mechanism(["OAUTHBEARER"], BINDING) is None
    with pytest.raises(ValueError, match="needs a channel binding"):
        scram.ScramClient(mechanism=scram.PLUS)
    with pytest.raises(ProtocolError, match="not offered"):
        scram.ScramServer(VERIFIER).first(b"n,,n=,r=abc", scram.PLUS)
    with pytest.raises(ProtocolError, match="does not fit"):
        scram.ScramServer(VERIFIER, channel_binding=BINDING).first(b"p=tls-server-end-point,,n=,r=abc", scram.PLAIN)
    with pytest.raises(ProtocolError, match="only tls-server-end-point"):
        scram.ScramServer(VERIFIER, channel_binding=BINDING).first(b"p=tls-unique,,n=,r=abc", scram.PLUS)


def test_wrong_password_and_unknown_account_look_the_same() -> None:
    messages = set()
    for server in (scram.ScramServer(VERIFIER), scram.ScramServer(None, user="nobody", secret=b"s")):
        with pytest.raises(AuthenticationFailed) as caught:
            exchange(scram.ScramClient(), server, scram.PLAIN, "wrong")
        messages.add((str(caught.value), caught.value.public))
    assert len(messages) == 1


def test_an_unknown_account_keeps_its_salt() -> None:
    def salt(user: str, secret: bytes) -> bytes:
        server = scram.ScramServer(None, user=user, secret=secret)
        return scram.ScramClient(nonce=lambda: b"abc").challenge(server.first(b"n,,n=,r=abc")).salt

    assert salt("eve", b"s") == salt("eve", b"s")
    assert len({salt("eve", b"s"), salt("mallory", b"s"), salt("eve", b"t")}) == 3


def test_a_proof_works_once() -> None:
    client, server = scram.ScramClient(), scram.ScramServer(VERIFIER)
    challenge = client.challenge(server.first(client.first()))
    final = client.final(salted_password("pencil", challenge.salt, challenge.iterations))
    server.final(final)
    with pytest.raises(RuntimeError):
        server.final(final)
    other = scram.ScramServer(VERIFIER)
    other.first(client.first())
    with pytest.raises(AuthenticationFailed, match="nonce"):
        other.final(final)


def test_a_target_that_does_not_know_the_password_is_found_out() -> None:
    client = scram.ScramClient(nonce=lambda: b"abc")
    client.challenge(b"r=abcdef,s=c2FsdA==,i=4096")
    client.final(bytes(32))
    with pytest.raises(AuthenticationFailed, match="does not know the password"):
        client.verify(b"v=" + base64.b64encode(bytes(32)))
    with pytest.raises(AuthenticationFailed, match="refused"):
        client.verify(b"e=invalid-proof")
    with pytest.raises(ProtocolError):
        client.verify(b"nothing of this")


def test_order_is_kept() -> None:
    with pytest.raises(RuntimeError):
        scram.ScramServer(VERIFIER).final(b"c=biws,r=abc,p=")
    with pytest.raises(RuntimeError):
        scram.ScramClient().final(bytes(32))
    with pytest.raises(RuntimeError):
        scram.ScramClient().verify(b"v=")


@given(st.binary(max_size=200))
def test_any_client_message_is_answered_or_refused(data: bytes) -> None:
    for prefix in (b"", b"n,,", b"n,,n=,r="):
        with contextlib.suppress(ProtocolError, AuthenticationFailed):
            scram.ScramServer(VERIFIER).first(prefix + data)
    for prefix in (b"", b"c=biws,", b"c=biws,r=abcdef,p="):
        server = scram.ScramServer(VERIFIER, nonce=lambda: b"def")
        server.first(b"n,,n=,r=abc")
        with pytest.raises((ProtocolError, AuthenticationFailed)):
            server.final(prefix + data)


@given(st.binary(max_size=200))
def test_any_target_message_is_taken_or_refused(data: bytes) -> None:
    for prefix in (b"", b"r=abc", b"r=abcdef,s=", b"r=abcdef,s=c2FsdA==,i="):
        client = scram.ScramClient(nonce=lambda: b"abc")
        try:
            challenge = client.challenge(prefix + data)
        except ProtocolError as error:
            assert error.side == "target"
        else:
            assert 1 <= challenge.iterations <= scram.MAX_ITERATIONS and challenge.salt
    client = scram.ScramClient(nonce=lambda: b"abc")
    client.challenge(b"r=abcdef,s=c2FsdA==,i=4096")
    client.final(bytes(32))
    for prefix in (b"", b"v="):
        with pytest.raises((ProtocolError, AuthenticationFailed)):
            client.verify(prefix + data)
