"""twisted_hoop.ssh.identification: the first line of either side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.identification import IDENTIFICATION, Identification
from twisted_hoop.ssh.limits import Limits

LIMITS = Limits()


def fed(data: bytes, from_client: bool, piece: int = 0) -> tuple[bytes, bytes] | None:
    """What comes of it, in pieces of `piece` bytes."""
    identification = Identification(LIMITS, from_client)
    size = piece or max(1, len(data))
    for start in range(0, len(data), size):
        found = identification.received(data[start : start + size])
        if found is not None:
            line, rest = found
            return line, rest + data[start + size :]
    return None


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_the_line_and_what_follows(piece: int, ending: bytes) -> None:
    assert fed(b"SSH-2.0-OpenSSH_9.2p1 Debian" + ending + b"\0\0\x01", True, piece) == (
        b"SSH-2.0-OpenSSH_9.2p1 Debian",
        b"\0\0\x01",
    )


@pytest.mark.parametrize("piece", [0, 1])
def test_a_server_may_say_something_first_and_a_client_may_not(piece: int) -> None:
    said = b"Welcome\r\nto the machine\r\nSSH-1.99-x\r\n"
    assert fed(said, False, piece) == (b"SSH-1.99-x", b"")
    with pytest.raises(ProtocolError):
        fed(said, True, piece)


@pytest.mark.parametrize(
    "line",
    [
        b"SSH-1.5-old\r\n",
        b"SSH-2.1-new\r\n",
        b"SSH-2.0-a\0b\r\n",
        b"SSH-2.0-\x1b[2J\r\n",
        b"SSH-2.0-caf\xc3\xa9\r\n",
        b"SSH-2.0-" + b"x" * 250 + b"\r\n",
        b"SSH-2.0-" + b"x" * 300,
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\0\x01",
    ],
)
def test_what_is_no_identification_of_a_client(line: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        fed(line, True)
    assert caught.value.code == "8"


def test_a_server_that_talks_and_talks() -> None:
    with pytest.raises(ProtocolError):
        fed(b"hello\r\n" * 2000, False)
    with pytest.raises(ProtocolError):
        fed(b"x" * (LIMITS.preamble + 1), False)


def test_ours_is_one() -> None:
    assert fed(IDENTIFICATION + b"\r\n", True) == (IDENTIFICATION, b"")


@given(st.binary(max_size=400), st.booleans(), st.integers(1, 50))
def test_any_bytes_give_a_line_or_wait_or_the_one_error(data: bytes, from_client: bool, piece: int) -> None:
    try:
        found = fed(data, from_client, piece)
    except ProtocolError:
        return
    assert found is None or found[0].startswith(b"SSH-")
