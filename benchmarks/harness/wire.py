"""The least PostgreSQL client that can be timed: one blocking socket, no parsing but of the end of an answer.

Its own cost is small and the same for every variant. Protocol: PostgreSQL documentation, "Message Formats".
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import socket
import ssl
import struct

_READY = b"Z\x00\x00\x00\x05"
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_NONCE = b"benchmark"
_SYNC = b"S\x00\x00\x00\x04"


class Wire:
    """A connection that is logged in. `tls` is a CA file, or "" for none."""

    def __init__(self, host: str, port: int, user: str, password: str, database: str, tls: str = "") -> None:
        sock = socket.create_connection((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket: socket.socket = _encrypted(sock, tls) if tls else sock
        self._socket.sendall(_startup(user, database))
        self._log_in(user, password)

    def close(self) -> None:
        """Terminate and close."""
        with contextlib.suppress(OSError):
            self._socket.sendall(b"X\x00\x00\x00\x04")
        self._socket.close()

    def simple(self, sql: str) -> bytes:
        """One Query message; the whole answer."""
        self._socket.sendall(_message(b"Q", sql.encode() + b"\0"))
        return self._answer()

    def prepare(self, name: str, sql: str) -> None:
        """Parse and Sync."""
        self._socket.sendall(_message(b"P", _text(name) + _text(sql) + b"\0\0") + _SYNC)
        self._answer()

    def prepared(self, name: str, *values: str) -> bytes:
        """Bind, Describe, Execute and Sync as libpq's PQexecPrepared sends them; the whole answer."""
        self._socket.sendall(prepared_message(name, *values))
        return self._answer()

    def stream(self, sql: str, chunk: int = 65536) -> tuple[int, bytes]:
        """One Query message whose answer is counted and dropped: bytes, and the last of them."""
        self._socket.sendall(_message(b"Q", sql.encode() + b"\0"))
        count, tail = 0, b""
        while tail[-6:-1] != _READY:
            data = self._received(chunk)
            count += len(data)
            tail = (tail + data)[-64:] if len(data) < 64 else data[-64:]
        return count, tail

    def begin_stream(self, sql: str) -> None:
        """Send a Query and read nothing."""
        self._socket.sendall(_message(b"Q", sql.encode() + b"\0"))

    def _answer(self) -> bytes:
        data = self._received(65536)
        while data[-6:-1] != _READY:
            data += self._received(65536)
        if b"E\x00\x00" in data[:6] or data[:1] == b"E":
            raise RuntimeError(data[:300])
        return data

    def _received(self, size: int) -> bytes:
        data = self._socket.recv(size)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def _log_in(self, user: str, password: str) -> None:
        kind, body = self._one()
        while kind != b"Z":
            if kind == b"E":
                raise RuntimeError(body[:300])
            if kind == b"R":
                self._authenticate(body, password)
            kind, body = self._one()

    def _authenticate(self, body: bytes, password: str) -> None:
        code = struct.unpack("!i", body[:4])[0]
        if code == 3:
            self._socket.sendall(_message(b"p", password.encode() + b"\0"))
        elif code == 10:
            first = b"n,,n=,r=" + _NONCE
            self._socket.sendall(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
        elif code == 11:
            self._socket.sendall(_message(b"p", _scram_final(body[4:], password)))
        elif code not in (0, 12):
            raise RuntimeError(f"authentication {code} is not spoken here")

    def _one(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!i", head[1:])[0] - 4)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._received(count - len(data))
        return data


def prepared_message(name: str, *values: str) -> bytes:
    """Bind (text values), Describe, Execute, Sync."""
    bound = b"".join(struct.pack("!i", len(value)) + value.encode() for value in values)
    bind = b"\0" + _text(name) + b"\0\0" + struct.pack("!h", len(values)) + bound + b"\0\0"
    return _message(b"B", bind) + _message(b"D", b"P\0") + _message(b"E", b"\0\0\0\0\0") + _SYNC


def _encrypted(sock: socket.socket, ca: str) -> ssl.SSLSocket:
    sock.sendall(_SSL_REQUEST)
    if sock.recv(1) != b"S":
        raise RuntimeError("the server does not speak TLS")
    return ssl.create_default_context(cafile=ca).wrap_socket(sock, server_hostname="localhost")


def _startup(user: str, database: str) -> bytes:
    pairs = b"".join(_text(part) for part in ("user", user, "database", database))
    return struct.pack("!ii", 9 + len(pairs), 3 << 16) + pairs + b"\0"


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _scram_final(challenge: bytes, password: str) -> bytes:
    """The client's last message (RFC 5802, section 3); the server's proof is not checked here."""
    fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    client = hmac.digest(salted, b"Client Key", "sha256")
    bare = b"c=biws,r=" + fields[b"r"]
    signed = b"n=,r=" + _NONCE + b"," + challenge + b"," + bare
    proof = hmac.digest(hashlib.sha256(client).digest(), signed, "sha256")
    return bare + b",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(client, proof, strict=True)))
