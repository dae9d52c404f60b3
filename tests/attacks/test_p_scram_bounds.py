"""P5: a hostile target in SCRAM."""

from __future__ import annotations

import base64
import time

import pytest

from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity import scram

SALT = base64.b64encode(b"salt")


def client(**options: int) -> scram.ScramClient:
    return scram.ScramClient(nonce=lambda: b"abc", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "message",
    [
        b"r=abc" + b"x" * 1022 + b",s=c2FsdA==,i=4096",
        b"r=abc" + b"x" * 1_000_000 + b",s=c2FsdA==,i=4096",
        b"r=abc,s=c2FsdA==,i=4096",
        b"r=xyzabc,s=c2FsdA==,i=4096",
        b"r=abc\x00def,s=c2FsdA==,i=4096",
        b"r=abcdef,s=,i=4096",
        b"r=abcdef,s=" + base64.b64encode(bytes(1025)) + b",i=4096",
        b"r=abcdef,s=****,i=4096",
        b"r=abcdef,s=c2FsdA==,i=0",
        b"r=abcdef,s=c2FsdA==,i=-1",
        b"r=abcdef,s=c2FsdA==,i=1000001",
        b"r=abcdef,s=c2FsdA==,i=2147483648",
        b"r=abcdef,s=c2FsdA==,i=" + b"9" * 5000,
        b"r=abcdef,s=c2FsdA==,i=4096,x=surprise",
        b"m=ext,r=abcdef,s=c2FsdA==,i=4096",
    ],
)
def test_P5_a_hostile_first_message_is_refused_at_once(message: bytes) -> None:
    started = time.process_time()
    with pytest.raises(ProtocolError) as caught:
        client().challenge(message)
    assert caught.value.side == "target"
    assert time.process_time() - started < 0.1


def test_P5_the_bounds_themselves_are_accepted() -> None:
    salt = base64.b64encode(bytes(1024))
    challenge = client().challenge(b"r=abc" + b"x" * 1021 + b",s=" + salt + b",i=1000000")
    assert (len(challenge.salt), challenge.iterations) == (1024, 1_000_000)


def test_P5_the_cap_on_iterations_can_be_lowered() -> None:
    with pytest.raises(ProtocolError, match="too many"):
        client(max_iterations=10_000).challenge(b"r=abcdef,s=" + SALT + b",i=10001")
