"""Certificates that are replaced on disk, at a live gateway: every listener with TLS, and a target's authority."""

from __future__ import annotations

import hashlib
import http.client
import http.server
import shutil
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, Plan, running_gateway, token_of, wait_for
from twisted_hoop.demo.certificates import issue, make_ca

_LISTENER = """
[[listeners]]
name = "{name}"
protocol = "{protocol}"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/tls/localhost.pem"
key = "{folder}/tls/localhost.key"
"""
_REST = """
[[agents]]
name = "office"
[[targets]]
name = "orders"
protocol = "http"
endpoint = "tcp:127.0.0.1:{port}"
server_name = "localhost"
credential = "none"
ca = "{folder}/target-ca.pem"
groups = ["*"]
[[rules]]
name = "all"
effect = "allow"
"""
TLS = ("pg", "strict", "web", "agents", "api")


class Target(http.server.BaseHTTPRequestHandler):
    """Answers, and closes each connection."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def target(folder: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issue(folder, ["localhost"]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("reloaded")
    with target(folder / "theirs") as port:
        shutil.copy(make_ca(folder / "theirs"), folder / "target-ca.pem")
        text = _LISTENER.format(name="web", protocol="http", folder=folder)
        text += _LISTENER.format(name="agents", protocol="agent", folder=folder)
        plan = Plan(text + _REST.format(port=port, folder=folder), api_tls=True)
        with running_gateway(folder, plan) as found:
            yield found


def shown(gateway: Gateway, listener: str) -> str:
    """Which certificate a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if listener in ("pg", "strict"):
        context.set_alpn_protocols(["postgresql"])
    sock = socket.create_connection(("127.0.0.1", gateway.ports[listener]), 60)
    with sock, context.wrap_socket(sock) as wrapped:
        return hashlib.sha256(wrapped.getpeercert(True) or b"").hexdigest()


def written(gateway: Gateway) -> str:
    pem = (gateway.folder / "tls" / "localhost.pem").read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def ends(gateway: Gateway) -> str:
    """The line of the metric for one listener."""
    context = ssl.create_default_context(cafile=str(gateway.ca))
    with urllib.request.urlopen(
        f"https://127.0.0.1:{gateway.ports['api']}/metrics", timeout=60, context=context
    ) as told:
        lines: list[str] = told.read().decode().splitlines()
    return next(line for line in lines if line.startswith('hoop_certificate_not_after{listener="web"}'))


def test_the_next_connection_of_every_listener_has_the_new_one_and_a_broken_pair_keeps_the_old(
    gateway: Gateway,
) -> None:
    tls, first, before = gateway.folder / "tls", written(gateway), ends(gateway)
    assert {shown(gateway, name) for name in TLS} == {first}
    issue(tls, ["localhost", "127.0.0.1"], days=30)
    second = written(gateway)
    assert second != first and {shown(gateway, name) for name in TLS} == {second} and ends(gateway) != before
    good = (tls / "localhost.key").read_bytes()
    shutil.copy(issue(gateway.folder / "other", ["localhost"])[1], tls / "localhost.key")
    assert {shown(gateway, name) for name in TLS} == {second}, "a key of another certificate changes nothing"
    line = gateway.logged("listener web: the old certificate stays")
    assert line["level"] == "error"
    (tls / "localhost.key").write_bytes(good)
    issue(tls, ["localhost", "127.0.0.1"])
    assert {shown(gateway, name) for name in TLS} == {written(gateway)}


def asked(gateway: Gateway) -> int:
    """The status of a request by the gateway to its target over a new connection."""
    context = ssl.create_default_context(cafile=str(gateway.ca))
    connection = http.client.HTTPSConnection("127.0.0.1", gateway.ports["web"], timeout=60, context=context)
    try:
        connection.request("GET", "/orders/x", headers={"Authorization": f"Bearer {token_of('ann')}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_authority_of_a_target_is_read_again(gateway: Gateway) -> None:
    ca, good = gateway.folder / "target-ca.pem", (gateway.folder / "target-ca.pem").read_bytes()
    assert asked(gateway) == 204
    shutil.copy(make_ca(gateway.folder / "stranger"), ca)
    wait_for(lambda: asked(gateway) == 502, "the target to be a stranger")
    ca.write_text("broken")
    assert asked(gateway) == 502
    gateway.logged("target orders: the old certificate stays")
    ca.write_bytes(good)
    wait_for(lambda: asked(gateway) == 204, "the target to be known again")
