"""What SCRAM-SHA-256 is made of: password preparation, keys, stored verifiers, channel binding. Pure; no messages here.

Sources: RFC 5802 section 3, RFC 7677, RFC 4013 (SASLprep), RFC 5929 section 4.1 (tls-server-end-point); PostgreSQL's
`pg_authid.rolpassword` format. `salted_password` costs milliseconds to seconds: call it in a thread (R14).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import ssl
import stringprep
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

DEFAULT_ITERATIONS = 4096
"""What PostgreSQL uses unless `scram_iterations` says otherwise."""

_VERIFIER = re.compile(r"SCRAM-SHA-256\$([1-9][0-9]{0,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


@dataclass(frozen=True, slots=True, repr=False)
class Verifier:
    """What a server keeps of a password: it can check a proof with it, and not log in elsewhere."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        parts = [base64.b64encode(part).decode("ascii") for part in (self.salt, self.stored_key, self.server_key)]
        return f"SCRAM-SHA-256${self.iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def parse_verifier(text: str) -> Verifier:
    """A verifier in PostgreSQL's format, or ValueError (which does not quote it, R11)."""
    match = _VERIFIER.fullmatch(text)
    if match is None:
        raise ValueError("not a SCRAM-SHA-256 verifier: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>")
    salt, stored_key, server_key = (_base64(part) for part in match.groups()[1:])
    if not salt or len(stored_key) != 32 or len(server_key) != 32:
        raise ValueError("a SCRAM-SHA-256 verifier has a salt and two keys of 32 bytes")
    return Verifier(int(match[1]), salt, stored_key, server_key)


def scram_verifier(password: str, iterations: int = DEFAULT_ITERATIONS, salt: bytes = b"") -> str:
    """Make a verifier as PostgreSQL stores it; a fresh salt of 16 bytes when none is given."""
    chosen = salt or secrets.token_bytes(16)
    salted = salted_password(password, chosen, iterations)
    return str(Verifier(iterations, chosen, digest(client_key(salted)), server_key(salted)))


def mock_verifier(user: str, secret: bytes) -> Verifier:
    """A verifier no password fits, the same for one name at every try, so that names cannot be probed (RFC 5802 s. 9).

    `secret` is the process's own: without it nobody can tell this salt from a real one.
    """
    salt = mac(secret, b"salt:" + user.encode())[:16]
    return Verifier(DEFAULT_ITERATIONS, salt, secrets.token_bytes(32), secrets.token_bytes(32))


def salted_password(password: str, salt: bytes, iterations: int) -> bytes:
    """SaltedPassword of RFC 5802 section 3: PBKDF2-HMAC-SHA-256. Expensive on purpose."""
    return hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)


def client_key(salted: bytes) -> bytes:
    """ClientKey, the secret half: StoredKey is its digest."""
    return mac(salted, b"Client Key")


def server_key(salted: bytes) -> bytes:
    """ServerKey, with which a server signs its last message."""
    return mac(salted, b"Server Key")


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256."""
    return hmac.digest(key, message, "sha256")


def digest(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def prepared(password: str) -> bytes:
    """SASLprep where the password allows it, its raw UTF-8 bytes where not: PostgreSQL does the same on both sides."""
    if password.isascii():
        return password.encode("ascii")
    try:
        return saslprep(password).encode("utf-8")
    except ValueError:
        return password.encode("utf-8", "surrogateescape")


def saslprep(text: str) -> str:
    """RFC 4013 for a stored string, or ValueError for what it prohibits (nothing left counts as prohibited)."""
    mapped = "".join(_mapped(character) for character in text)
    result = unicodedata.normalize("NFKC", mapped)
    if not result or any(prohibited(character) for prohibited in _PROHIBITED for character in result):
        raise ValueError("prohibited by SASLprep")
    if any(map(stringprep.in_table_d1, result)) and not _bidirectional(result):
        raise ValueError("mixes directions")
    return result


def _mapped(character: str) -> str:
    if stringprep.in_table_b1(character):
        return ""
    return " " if stringprep.in_table_c12(character) else character


def _bidirectional(text: str) -> bool:
    """RFC 3454 section 6: right-to-left at both ends and nothing left-to-right between."""
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(map(stringprep.in_table_d2, text))


def tls_server_end_point(certificate: bytes) -> bytes | None:
    """The channel binding of a server certificate (DER): RFC 5929 section 4.1, MD5 and SHA-1 replaced by SHA-256.

    RSA-PSS takes the hash of its parameters. None where the RFC defines nothing (Ed25519) or the algorithm is unknown:
    then there is no channel binding, and SCRAM-SHA-256-PLUS cannot be spoken.
    """
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return None
    if algorithm is None:
        return None
    weak = isinstance(algorithm, (hashes.MD5, hashes.SHA1))
    state = hashes.Hash(hashes.SHA256() if weak else algorithm)
    state.update(certificate)
    return state.finalize()


class SaltedPasswords:
    """A small least-recently-used cache of salted passwords; passwords are kept only as keyed digests."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[tuple[bytes, bytes, int], bytes] = OrderedDict()

    def get(self, password: str, salt: bytes, iterations: int) -> bytes | None:
        """The salted password when it was computed before."""
        key = self._name(password, salt, iterations)
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    def put(self, password: str, salt: bytes, iterations: int, salted: bytes) -> None:
        """Remember one."""
        self._known[self._name(password, salt, iterations)] = salted
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def _name(self, password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes, int]:
        return mac(self._key, password.encode("utf-8", "surrogateescape")), salt, iterations


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


class EndPoint:
    """`tls_server_end_point` of the first certificate in a PEM file, read again when the file changes.

    A connection whose handshake fell before such a change cannot bind to it, and its client has to connect again.
    """

    __slots__ = ("_known", "_path", "_stamp")

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._stamp: tuple[int, int] | None = None
        self._known: bytes | None = None

    def __call__(self) -> bytes | None:
        """The hash; None when the certificate has none, or cannot be read, so that no binding is offered."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                first = self._path.read_text("ascii").partition(_END)[0] + _END
                self._known = tls_server_end_point(ssl.PEM_cert_to_DER_cert(first[first.index(_BEGIN) :]))
                self._stamp = stamp
        except (OSError, ValueError):
            return None
        return self._known


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
