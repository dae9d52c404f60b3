"""Authorities, keys and certificates of SSH for tests; the keys are made in this process, the texts are OpenSSH's."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.tokens import Time
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_certificates import USER, Certificate, Wanted, sign_certificate
from twisted_hoop.identity.ssh_identity import EXTENSION, pack_identity, principal_name
from twisted_hoop.identity.ssh_key_files import GatewayKeys
from twisted_hoop.identity.ssh_keys import PublicKey
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.model import Principal
from twisted_hoop.settings import SshSection

KEYS = GatewayKeys(*(new_private_key() for _ in range(4)))
ALICE = Principal("https://login.example.org", "alice", "Alice", frozenset({"dev", "ops"}))
TERMS = "0" * 16


def rsa_key(bits: int = 2048) -> PrivateKey:
    """A fresh RSA key: half a second."""
    return PrivateKey(rsa.generate_private_key(65537, bits))


def ecdsa_key(curve: ec.EllipticCurve | None = None) -> PrivateKey:
    """A fresh ECDSA key."""
    return PrivateKey(ec.generate_private_key(curve or ec.SECP256R1()))


def make_authority(now: Callable[[], float] | None = None, **section: Any) -> SshAuthority:
    """The authority of KEYS."""
    return SshAuthority(KEYS, SshSection.model_validate(section), now or Time(time.time()))


def forged(key: PublicKey, signer: PrivateKey | None = None, **changed: Any) -> Certificate:
    """A user certificate of ALICE's that is right in all but what is `changed`."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "key": key,
        "type": USER,
        "serial": 1,
        "key_id": "alice",
        "principals": (principal_name(ALICE),),
        "valid_after": now - 60,
        "valid_before": now + 600,
        "critical": {},
        "extensions": {EXTENSION: pack_identity(ALICE, TERMS)},
    }
    return sign_certificate(Wanted(**{**usual, **changed}), signer or KEYS.user_ca)


def ssh_keygen(*arguments: str | Path, given: str = "") -> str:
    """What the real one says; AssertionError when it fails."""
    done = subprocess.run(["ssh-keygen", *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
