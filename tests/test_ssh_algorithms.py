"""twisted_hoop.ssh.algorithms: the exact offer, host keys, and the private names of Conch that the engine stands on."""

from __future__ import annotations

import inspect

import pytest
from twisted.conch.ssh import transport
from twisted.conch.ssh.keys import Key

from tests.support.ssh import ED25519, make_key
from twisted_hoop.ssh import algorithms
from twisted_hoop.ssh.algorithms import by_algorithm, certificate_algorithm, host_keys_of, signature_algorithm
from twisted_hoop.ssh.fields import Reader

WEAK = (
    b"sha1",
    b"md5",
    b"cbc",
    b"3des",
    b"arcfour",
    b"dss",
    b"zlib",
    b"group1",
    b"group14",
    b"umac",
    b"ripemd",
)


def test_nothing_weak_is_offered() -> None:
    """S1, S3: what ssh-audit would complain about."""
    offered = (
        *algorithms.KEY_EXCHANGES,
        *algorithms.CIPHERS,
        *algorithms.MAC_NAMES,
        *algorithms.SIGNATURES,
        *algorithms.USER_SIGNATURES,
        *algorithms.CERTIFICATES,
        *algorithms.COMPRESSIONS,
    )
    assert [name for name in offered if any(weak in name for weak in WEAK)] == []
    assert b"ssh-rsa" not in offered
    assert all(b"etm" in name for name in algorithms.MAC_NAMES)
    assert algorithms.COMPRESSIONS == (b"none",)


def test_names_of_certificates() -> None:
    """OpenSSH's PROTOCOL.certkeys."""
    assert certificate_algorithm(b"ssh-ed25519") == b"ssh-ed25519-cert-v01@openssh.com"
    assert certificate_algorithm(b"sk-ssh-ed25519@openssh.com") == b"sk-ssh-ed25519-cert-v01@openssh.com"
    assert algorithms.CERTIFICATES[4] == b"rsa-sha2-512-cert-v01@openssh.com"
    assert [signature_algorithm(name) for name in algorithms.CERTIFICATES] == list(algorithms.SIGNATURES)
    assert signature_algorithm(b"ssh-ed25519") == b"ssh-ed25519"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("ed25519", [b"ssh-ed25519"]),
        ("ecdsa", [b"ecdsa-sha2-nistp256"]),
        ("rsa", [b"rsa-sha2-512", b"rsa-sha2-256"]),
    ],
)
def test_a_key_in_every_algorithm_but_sha1(kind: str, names: list[bytes]) -> None:
    key = make_key(kind)
    made = host_keys_of(key)
    assert [each.algorithm for each in made] == names
    for each in made:
        signature = each.sign(b"data")
        assert Reader(signature).string() == each.algorithm
        assert Key.fromString(each.blob).verify(signature, b"data")


def test_a_certificate_comes_before_its_key_and_is_signed_for_by_it() -> None:
    certified, plain = host_keys_of(ED25519, b"the certificate")
    assert (certified.algorithm, certified.blob) == (b"ssh-ed25519-cert-v01@openssh.com", b"the certificate")
    assert plain.blob == ED25519.blob()
    assert Reader(certified.sign(b"data")).string() == b"ssh-ed25519"


def test_the_first_key_of_an_algorithm_counts() -> None:
    first, second = make_key("ed25519"), make_key("ed25519")
    assert by_algorithm([*host_keys_of(first), *host_keys_of(second)])[b"ssh-ed25519"].blob == first.blob()


CONCH = {
    transport.SSHTransportBase: {
        "_getKey": ["self", "c", "sharedSecret", "exchangeHash"],
        "_keySetup": ["self", "sharedSecret", "exchangeHash"],
        "sendPacket": ["self", "messageType", "payload"],
        "sendDisconnect": ["self", "reason", "desc"],
        "_generateECPrivateKey": ["self"],
        "_encodeECPublicKey": ["self", "ecPub"],
        "_generateECSharedSecret": ["self", "ecPriv", "theirECPubBytes"],
    },
    transport.SSHServerTransport: {
        "_getHostKeys": ["self", "keyAlg"],
        "_keySetup": ["self", "sharedSecret", "exchangeHash"],
        "ssh_KEX_DH_GEX_REQUEST_OLD": ["self", "packet"],
        "_ssh_KEX_ECDH_INIT": ["self", "packet"],
        "_ssh_KEX_HYBRID_INIT": ["self", "packet"],
    },
    transport.SSHClientTransport: {"_keySetup": ["self", "sharedSecret", "exchangeHash"]},
}
USED = {
    "_keySetup": ["self.sessionID", "self.nextEncryptions.setKeys(", "MSG_NEWKEYS"],
    "_ssh_KEX_ECDH_INIT": ["self.otherKexInitPayload", "self.ourKexInitPayload", "self._getHostKeys(self.keyAlg)"],
    "_ssh_KEX_HYBRID_INIT": ["self.otherVersionString", "self.ourVersionString", "signatureType=self.keyAlg"],
    "ssh_KEX_DH_GEX_REQUEST_OLD": ["self.ignoreNextPacket", "_kex.isEllipticCurve(self.kexAlg)", "_kex.isPQHybrid("],
}


def test_conch_has_the_private_names_we_stand_on() -> None:
    """A canary: a Twisted that changes one of them fails here, by name, and not in the middle of a key exchange."""
    for kind, methods in CONCH.items():
        for name, parameters in methods.items():
            assert list(inspect.signature(vars(kind)[name]).parameters) == parameters, f"{kind.__name__}.{name}"
    for name, words in USED.items():
        source = "".join(inspect.getsource(vars(kind)[name]) for kind in CONCH if name in vars(kind))
        assert [word for word in words if word not in source] == [], name


def test_conch_can_do_every_exchange_we_offer() -> None:
    from twisted.conch.ssh import _kex

    assert set(algorithms.KEY_EXCHANGES) <= set(_kex.getSupportedKeyExchanges())
