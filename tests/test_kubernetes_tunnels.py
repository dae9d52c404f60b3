"""Which upgraded connections are read, and that no other opens (K3)."""

from __future__ import annotations

import pytest

from tests.support.kube_house import head_of, kube_dialect, kube_session
from tests.support.kube_streams import FORWARD, exec_line, opened
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.websocket import WebSocketTunnel
from twisted_hoop.kubernetes.execs import ExecTunnel
from twisted_hoop.kubernetes.forwards import ForwardTunnel
from twisted_hoop.kubernetes.ports import PortsTunnel

EXEC = exec_line("ls")
ATTACH = "GET /api/v1/namespaces/default/pods/web/attach?stdout=true"
IN_WEBSOCKET = "SPDY/3.1+portforward.k8s.io"


@pytest.mark.parametrize(
    ("line", "protocol", "upgrade", "expected"),
    [
        (EXEC, "v5.channel.k8s.io", b"websocket", ExecTunnel),
        (EXEC, "v4.base64.channel.k8s.io", b"websocket", ExecTunnel),
        (EXEC, "", b"websocket", ExecTunnel),
        (EXEC, "v4.channel.k8s.io", b"spdy/3.1", ExecTunnel),
        (EXEC.replace("GET", "POST"), "v2.channel.k8s.io", b"spdy/3.1", ExecTunnel),
        (ATTACH, "v5.channel.k8s.io", b"websocket", ExecTunnel),
        (FORWARD, "portforward.k8s.io", b"spdy/3.1", ForwardTunnel),
        (FORWARD, IN_WEBSOCKET, b"websocket", ForwardTunnel),
        (FORWARD + "?ports=80", "v4.channel.k8s.io", b"websocket", PortsTunnel),
        ("GET /api/v1/namespaces/default/pods/web/proxy/ws", "", b"websocket", WebSocketTunnel),
        ("GET /api/v1/namespaces/default/services/web:80/proxy/ws", "chat", b"websocket", WebSocketTunnel),
    ],
)
def test_what_is_read(line: str, protocol: str, upgrade: bytes, expected: type) -> None:
    assert type(opened(line, protocol, upgrade=upgrade)) is expected


@pytest.mark.parametrize(
    ("line", "protocol", "upgrade"),
    [
        (EXEC, "v6.channel.k8s.io", b"websocket"),
        (EXEC, "v4.base64.channel.k8s.io", b"spdy/3.1"),
        (EXEC, IN_WEBSOCKET, b"websocket"),
        (FORWARD, "v4.channel.k8s.io", b"websocket"),
        (FORWARD, "", b"websocket"),
        (FORWARD, "", b"spdy/3.1"),
        (FORWARD, IN_WEBSOCKET, b"spdy/3.1"),
        (FORWARD + "?ports=80", "v4.base64.channel.k8s.io", b"websocket"),
        ("GET /api/v1/namespaces/default/pods/web/proxy/ws", "", b"spdy/3.1"),
        ("GET /api/v1/nodes/n1/proxy/exec", "v4.channel.k8s.io", b"websocket"),
        ("GET /api/v1/nodes/n1/proxy/exec", "v4.channel.k8s.io", b"spdy/3.1"),
        ("GET /apis/x.example.com/v1/namespaces/default/pods/web/exec?command=ls", "v5.channel.k8s.io", b"websocket"),
    ],
)
def test_K3_what_nobody_reads_does_not_open(line: str, protocol: str, upgrade: bytes) -> None:
    """K3: the engine answers 502, and both connections end."""
    try:
        assert opened(line, protocol, upgrade=upgrade) is None
    except ProtocolError as error:
        assert error.side == "client"


def test_K3_a_subprotocol_must_have_been_offered() -> None:
    """K3: and there is one of them."""
    assert opened(EXEC, "v4.channel.k8s.io", offered="v5.channel.k8s.io") is None
    assert opened(EXEC, "v4.channel.k8s.io", offered="v5.channel.k8s.io, v4.channel.k8s.io") is not None


@pytest.mark.parametrize("ports", ["80,x", "0", "70000"])
def test_ports_that_are_none_are_no_request(ports: str) -> None:
    with pytest.raises(ProtocolError):
        opened(f"{FORWARD}?ports={ports}", "v4.channel.k8s.io")


def test_a_watch_is_no_tunnel() -> None:
    """M10: over a WebSocket it would be a list that no mask looks into; the same of logs."""
    for line in ("GET /api/v1/secrets?watch=true", "GET /api/v1/namespaces/default/pods/web/log?follow=true"):
        with pytest.raises(ProtocolError):
            kube_dialect().read(head_of(line, upgrade=b"websocket"))


def test_extensions_are_not_offered_to_targets() -> None:
    dialect = kube_dialect()
    head = head_of(EXEC, upgrade=b"websocket", sec_websocket_extensions="permessage-deflate")
    out = dialect.outgoing(head, dialect.read(head), kube_session())
    assert b"sec-websocket-extensions" not in dict(out.headers)
