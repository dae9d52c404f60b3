"""Logging in at a target: every method, and a target that lies (P5)."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import AuthenticationFailed, ProtocolError
from twisted_hoop.identity.scram import ScramServer
from twisted_hoop.identity.scram_keys import parse_verifier, salted_password, scram_verifier
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.login import Derive, LoggedIn, SendTarget, TargetLogin, TargetRefused
from twisted_hoop.testing.postgres import error, message, notice, parameter_status, ready, split


def login(encrypted: bool = True, version: int = pg.PROTOCOL_3_0) -> TargetLogin:
    return TargetLogin("hoop", "secret", {"database": "shop"}, version, encrypted)


def asks(code: int, data: bytes = b"") -> bytes:
    return message(b"R", struct.pack(">I", code) + data)


OK = asks(0)
KEY = message(b"K", struct.pack(">I", 7) + b"keys")
TAIL = parameter_status("server_version", "18.0") + KEY + notice("hello") + ready()


def password(step: object) -> bytes:
    assert isinstance(step, SendTarget)
    [(kind, body)] = split(step.data)
    assert kind == "p"
    return body


def test_it_starts_with_the_packet() -> None:
    assert pg.startup_parameters(login().start()[8:]) == {"user": "hoop", "database": "shop"}


def test_trust_whole_and_byte_by_byte() -> None:
    stream = OK + TAIL
    wanted = LoggedIn({"server_version": "18.0"}, 7, b"keys", pg.PROTOCOL_3_0, b"")
    assert login().received(stream) == [wanted]
    one = login()
    assert [step for at in range(len(stream)) for step in one.received(stream[at : at + 1])] == [wanted]


def test_what_stands_behind_belongs_to_the_session() -> None:
    [step] = login().received(OK + TAIL + b"Nmore")
    assert isinstance(step, LoggedIn)
    assert step.rest == b"Nmore"


def test_a_password_goes_over_tls_only() -> None:
    assert password(login().received(asks(3))[0]) == b"secret\0"
    with pytest.raises(ProtocolError):
        login(encrypted=False).received(asks(3))


def test_md5() -> None:
    inner = hashlib.md5(b"secrethoop").hexdigest()
    wanted = "md5" + hashlib.md5(inner.encode() + b"salt").hexdigest()
    assert password(login().received(asks(5, b"salt"))[0]) == wanted.encode() + b"\0"


def test_scram_with_a_server_that_knows_the_password() -> None:
    one = login()
    server = ScramServer(parse_verifier(scram_verifier("secret", 4096, b"0123456789abcdef")))
    first = password(one.received(asks(10, b"SCRAM-SHA-256\0\0"))[0])
    assert first.startswith(b"SCRAM-SHA-256\0")
    [derive] = one.received(asks(11, server.first(first[18:])))
    assert isinstance(derive, Derive)
    salted = salted_password("secret", derive.challenge.salt, derive.challenge.iterations)
    [(_, proof)] = split(one.derived(salted))
    [done] = one.received(asks(12, server.final(proof)) + OK + TAIL)
    assert isinstance(done, LoggedIn)


def test_p5_a_target_that_skips_its_half_of_scram_is_refused() -> None:
    """P5: whoever does not prove that it knows the password gets no session."""
    one = login()
    one.received(asks(10, b"SCRAM-SHA-256\0\0"))
    with pytest.raises(ProtocolError):
        one.received(OK)


@pytest.mark.parametrize(
    "stream",
    [
        ready(),
        TAIL,
        asks(10, b"UNKNOWN\0\0"),
        asks(7),
        asks(11, b"r=x"),
        asks(12, b"v=x"),
        message(b"D", b""),
        message(b"?"),
        b"R" + struct.pack(">I", pg.AUTHENTICATION_LIMIT + 1),
        b"R" + struct.pack(">I", 3),
    ],
)
def test_p5_what_a_hostile_target_may_say(stream: bytes) -> None:
    """P5: out of order, unknown, or of impossible length."""
    with pytest.raises(ProtocolError) as caught:
        login().received(stream)
    assert caught.value.side == "target"


def test_p5_endless_iterations_and_nonces_are_refused() -> None:
    """P5: CVE-2026-6665, CVE-2026-6666."""
    one = login()
    nonce = password(one.received(asks(10, b"SCRAM-SHA-256\0\0"))[0]).rpartition(b"r=")[2]
    for challenge in (b"r=%b1,s=MDEyMw==,i=2000000000" % nonce, b"r=%b%b,s=MDEyMw==,i=4096" % (nonce, b"x" * 9000)):
        with pytest.raises(ProtocolError):
            one.received(asks(11, challenge))


def test_the_targets_own_no() -> None:
    with pytest.raises(TargetRefused) as caught:
        login().received(error("28P01", "password authentication failed"))
    assert (caught.value.code, caught.value.credential) == ("28P01", True)
    with pytest.raises(TargetRefused) as caught:
        login().received(error("3D000", "no such database"))
    assert not caught.value.credential


def test_p5_an_error_without_a_sqlstate() -> None:
    """P5: it still has one for the client."""
    with pytest.raises(TargetRefused) as caught:
        login().received(message(b"E", b"Mno\0\0"))
    assert caught.value.code == "08004"


def test_an_older_protocol_is_agreed_on() -> None:
    [step] = login(version=pg.PROTOCOL_3_2).received(pg.negotiate(pg.PROTOCOL_3_0, []) + OK + TAIL)
    assert isinstance(step, LoggedIn)
    assert step.version == pg.PROTOCOL_3_0


pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([OK, TAIL, asks(3), asks(5, b"salt"), asks(10, b"SCRAM-SHA-256\0\0"), KEY, ready()]),
    st.tuples(st.sampled_from(b"RESKvZN"), st.binary(max_size=30)).map(lambda m: message(bytes((m[0],)), m[1])),
    st.tuples(st.sampled_from([10, 11, 12, 5]), st.binary(max_size=30)).map(lambda m: asks(*m)),
)


@given(st.lists(pieces, max_size=6))
def test_p5_any_bytes_of_a_target_are_steps_or_an_error_of_ours(stream: list[bytes]) -> None:
    """P5: fuzzed, with every message in every place."""
    one = login()
    try:
        for piece in stream:
            for step in one.received(piece):
                assert isinstance(step, (SendTarget, Derive, LoggedIn))
    except (ProtocolError, AuthenticationFailed):
        pass
