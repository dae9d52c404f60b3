"""twisted_hoop.ssh.negotiation: KEXINIT, and what both sides agree on."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.fields import MalformedMessage
from twisted_hoop.ssh.negotiation import KexInit, agree, guessed_right, read_kexinit

GCM, CHACHA, CTR = b"aes128-gcm@openssh.com", b"chacha20-poly1305@openssh.com", b"aes256-ctr"
ETM = b"hmac-sha2-256-etm@openssh.com"
OURS = KexInit(
    (b"mlkem768x25519-sha256", b"curve25519-sha256"),
    (b"ssh-ed25519", b"rsa-sha2-512"),
    *((GCM, CHACHA, CTR),) * 2,
    *((ETM,),) * 2,
    *((b"none",),) * 2,
)
MARKERS = frozenset({b"ext-info-c"})
NAMES = st.lists(st.from_regex(rb"[a-z0-9@.-]{1,12}", fullmatch=True), max_size=4).map(tuple)


@given(st.builds(KexInit, *[NAMES] * 8, st.booleans()))
def test_what_is_written_is_read(offer: KexInit) -> None:
    assert read_kexinit(offer.message()) == offer


@given(st.binary(max_size=200))
def test_any_bytes_are_an_offer_or_the_one_error(data: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        read_kexinit(data)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=1))
def test_a_changed_or_cut_message(at: int, byte: bytes) -> None:
    message = OURS.message()
    at %= len(message)
    with pytest.raises(MalformedMessage):
        read_kexinit(message[:at])
    with contextlib.suppress(MalformedMessage):
        read_kexinit(message[:at] + byte + message[at + 1 :])


def test_the_first_of_the_client_that_the_server_has() -> None:
    client = replace(OURS, exchanges=(b"sntrup", b"curve25519-sha256"), ciphers_to_client=(CHACHA, GCM))
    agreed = agree(client, OURS, MARKERS, True)
    assert (agreed.exchange, agreed.host_key) == (b"curve25519-sha256", b"ssh-ed25519")
    assert (agreed.cipher_to_server, agreed.cipher_to_client) == (GCM, CHACHA)
    assert (agreed.mac_to_server, agreed.mac_to_client) == (b"", b"")


def test_a_mac_only_where_the_cipher_needs_one() -> None:
    agreed = agree(replace(OURS, ciphers_to_server=(CTR,), macs_to_client=()), OURS, MARKERS, True)
    assert (agreed.mac_to_server, agreed.mac_to_client) == (ETM, b"")
    with pytest.raises(ProtocolError, match="no common MAC: the client offers hmac-md5"):
        agree(replace(OURS, ciphers_to_server=(CTR,), macs_to_server=(b"hmac-md5",)), OURS, MARKERS, True)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"exchanges": (b"diffie-hellman-group14-sha1",)}, "key exchange"),
        ({"exchanges": (b"ext-info-c",)}, "key exchange"),
        ({"host_keys": (b"ssh-dss",)}, "host key"),
        ({"ciphers_to_server": (b"aes128-cbc",)}, "cipher"),
        ({"ciphers_to_client": ()}, "cipher"),
        ({"compressions_to_server": (b"zlib",)}, "compression"),
        ({"compressions_to_client": (b"zlib@openssh.com",)}, "compression"),
    ],
)
def test_nothing_in_common(change: dict[str, tuple[bytes, ...]], kind: str) -> None:
    with pytest.raises(ProtocolError, match=f"no common {kind}") as caught:
        agree(replace(OURS, **change), OURS, MARKERS, True)
    assert caught.value.code == "3"


def test_a_marker_is_never_agreed_on_as_a_method() -> None:
    """RFC 8308, section 2.2: even when both list it."""
    with pytest.raises(ProtocolError):
        agree(replace(OURS, exchanges=(b"ext-info-c",)), replace(OURS, exchanges=(b"x", b"ext-info-c")), MARKERS, True)


def test_chacha_only_under_strict_key_exchange() -> None:
    """S2: without it a prefix of the connection could be cut off unseen."""
    client = replace(OURS, ciphers_to_server=(CHACHA, GCM), ciphers_to_client=(CHACHA, GCM))
    assert agree(client, OURS, MARKERS, True).cipher_to_server == CHACHA
    assert agree(client, OURS, MARKERS, False).cipher_to_server == GCM
    with pytest.raises(ProtocolError):
        agree(replace(client, ciphers_to_client=(CHACHA,)), OURS, MARKERS, False)


def test_a_guess_is_right_when_both_prefer_the_same() -> None:
    assert guessed_right(OURS, OURS)
    assert not guessed_right(replace(OURS, exchanges=(b"x", *OURS.exchanges)), OURS)
    assert not guessed_right(replace(OURS, host_keys=OURS.host_keys[::-1]), OURS)
