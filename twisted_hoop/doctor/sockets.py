"""Ports: whether a listener's is free, and whether something listens at the other end. Blocks; sends nothing secret."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from twisted_hoop.doctor.finding import Finding
from twisted_hoop.settings import ListenerSection
from twisted_hoop.transport.bindings import TcpBinding
from twisted_hoop.transport.names import server_binding


@dataclass(frozen=True, slots=True)
class Head:
    """What an HTTP server answered: its status and the Date header, "" without one."""

    status: int
    date: str
    body: str = ""


def look_at_port(listener: ListenerSection) -> list[Finding]:
    """Whether a listener's port can be had, or is the gateway's that runs."""
    binding = server_binding(listener.endpoint)
    if not isinstance(binding, TcpBinding):
        return [Finding("listener", listener.name, "ok", f"{listener.endpoint}: no TCP port of its own to look at")]
    try:
        with socket.socket(socket.AF_INET6 if ":" in binding.interface else socket.AF_INET) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((binding.interface, binding.port))
    except OSError as error:
        return [_not_bound(listener, binding, error)]
    return [Finding("listener", listener.name, "ok", f"port {binding.port} is free: no gateway listens there")]


def _not_bound(listener: ListenerSection, binding: TcpBinding, error: OSError) -> Finding:
    name, port = listener.name, binding.port
    if error.errno == errno.EACCES:
        todo = "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or a port above 1023"
        return Finding("listener", name, "error", f"port {port} is for privileged processes", todo)
    if error.errno == errno.EADDRNOTAVAIL:
        what = f"{binding.interface} is not an address of this machine"
        return Finding("listener", name, "error", what, "set the endpoint's interface= to one of `ip address`")
    if error.errno != errno.EADDRINUSE:
        return Finding("listener", name, "error", f"port {port}: {error.strerror}", "set another endpoint")
    owner = owner_of(port)
    if "hoop" in owner.split():
        return Finding("listener", name, "ok", f"port {port} is held by {owner}")
    if owner:
        return Finding("listener", name, "error", f"port {port} is held by {owner}", "stop that, or set another port")
    todo = f"ss -ltnp 'sport = :{port}' as root says who it is"
    return Finding("listener", name, "warning", f"port {port} is in use; by whom cannot be seen", todo)


def owner_of(port: int) -> str:
    """The command line of who listens at a TCP port of this machine; "" when it cannot be seen (proc(5))."""
    inodes = {f"socket:[{inode}]" for inode in _inodes(port)}
    for folder in Path("/proc").glob("[0-9]*") if inodes else ():
        with suppress(OSError):
            if any(str(each.readlink()) in inodes for each in (folder / "fd").iterdir()):
                words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                return " ".join(words[:8]).strip()[:400]
    return ""


def _inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def reach(host: str, port: int, patience: float, ca: str | None = None) -> None:
    """Connect, with TLS verified by `ca` ("" the system's, None no TLS), and go away. OSError when that fails."""
    with socket.create_connection((host, port), patience) as sock:
        if ca is not None:
            context = ssl.create_default_context(cafile=ca or None)
            context.wrap_socket(sock, server_hostname=host).close()


def head(url: str, patience: float, ca: str | None = "", method: str = "HEAD") -> Head:
    """What the server of a URL answers; `ca` as a PEM file, None: not verified. OSError or HTTPException."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path or "/"
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca or None)
        if ca is None:  # of our own machine's gateway, which is told nothing
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=patience, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=patience)
    with closing(connection):
        connection.request(method, path, headers={"User-Agent": "twisted-hoop doctor"})
        answer = connection.getresponse()
        body = answer.read(4096).decode("utf-8", "replace") if method != "HEAD" else ""
        return Head(answer.status, answer.headers.get("Date", ""), body)
