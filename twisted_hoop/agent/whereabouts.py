"""Where an agent's gateway is, and how to get there: its URL, and the proxy between, if there is one. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"tls": 7443, "wss": 443, "tcp": 7443, "ws": 80}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_PATH = "/v1/agent"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A gateway's listener of agents. `path` is that of the WebSocket; "" where SSH is spoken at once."""

    host: str
    port: int
    encrypted: bool
    path: str = ""

    @property
    def authority(self) -> str:
        """`host:port`, for Host and CONNECT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT; `login` is `user:password`, "" for none."""

    host: str
    port: int
    login: str = field(default="", repr=False)

    def request(self, where: Whereabouts) -> bytes:
        """What it is asked (RFC 9110, section 9.3.6)."""
        head = f"CONNECT {where.authority} HTTP/1.1\r\nHost: {where.authority}\r\n"
        if self.login:
            head += f"Proxy-Authorization: Basic {base64.b64encode(self.login.encode()).decode()}\r\n"
        return f"{head}\r\n".encode()


def parse_gateway(url: str) -> Whereabouts:
    """What `[agent] gateway` says; ValueError with what to write."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("write tls://gateway.example:7443 or wss://gateway.example/v1/agent")
    encrypted = parts.scheme in ("tls", "wss")
    if not encrypted and parts.hostname not in _LOOPBACK:
        raise ValueError("only a gateway on this machine is spoken to in the clear: write tls:// or wss://")
    if not _printable(parts.hostname) or not _printable(parts.path):
        raise ValueError("has characters that no address has")
    port = parts.port or _PORTS[parts.scheme]
    if parts.scheme in ("tls", "tcp"):
        if parts.path not in ("", "/"):
            raise ValueError("a path belongs to wss:// only")
        return Whereabouts(parts.hostname, port, encrypted)
    return Whereabouts(
        parts.hostname, port, encrypted, parts.path if parts.path != "/" and parts.path else DEFAULT_PATH
    )


def parse_proxy(url: str, login: str = "") -> Proxy:
    """A proxy of the configuration or the environment; ValueError. A login in the URL counts unless one is given."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname or not _printable(parts.hostname):
        raise ValueError("write http://proxy.example:3128")
    inside = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    found = login or inside
    if any(ord(c) < 32 for c in found):
        raise ValueError("a login of one line")
    return Proxy(parts.hostname, parts.port or 3128, found)


def proxy_of(environ: Mapping[str, str], where: Whereabouts) -> str:
    """What HTTPS_PROXY says, in either case of letters, unless NO_PROXY names the gateway; "" for none."""
    url = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or ""
    spared = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    names = [name.strip().lower().lstrip(".") for name in spared.split(",") if name.strip()]
    host = where.host.lower()
    if "*" in names or host in _LOOPBACK or any(host == name or host.endswith(f".{name}") for name in names):
        return ""
    return url


def _printable(text: str) -> bool:
    return text.isascii() and all(32 < ord(character) < 127 for character in text)
