"""Ports that are free, ours, and somebody else's."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from twisted_hoop.doctor.sockets import head, look_at_port, owner_of, reach
from twisted_hoop.settings import ListenerSection

_LISTENS = (
    "import socket,sys;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],flush=True);sys.stdin.read()"
)


def listener(port: int, interface: str = "127.0.0.1") -> ListenerSection:
    return ListenerSection(name="pg", protocol="postgres", endpoint=f"tcp:{port}:interface={interface}")


@contextmanager
def listening(*words: str) -> Iterator[int]:
    command = [sys.executable, "-c", _LISTENS, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def test_a_port_that_can_be_had() -> None:
    assert look_at_port(listener(0))[0].state == "ok"


def test_a_port_of_a_running_gateway_is_well_one_of_another_program_is_not() -> None:
    with listening("twistd", "hoop") as ours, listening("nginx") as theirs:
        [mine], [other] = look_at_port(listener(ours)), look_at_port(listener(theirs))
        assert mine.state == "ok" and "hoop" in mine.what
        assert other.state == "error" and "nginx" in other.what and "stop that" in other.todo
        assert "nginx" in owner_of(theirs)


def test_an_address_that_is_not_ours_and_an_endpoint_without_a_port() -> None:
    assert "not an address of this machine" in look_at_port(listener(0, "192.0.2.7"))[0].what
    unix = ListenerSection(name="u", protocol="api", endpoint="unix:/run/x")
    assert look_at_port(unix)[0].state == "ok"


def test_reaching_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach("127.0.0.1", server.getsockname()[1], 5)
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(10) == b""
    with pytest.raises(OSError):
        reach("127.0.0.1", 1, 5, "")


def test_the_head_of_an_answer() -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.handle_request, daemon=True).start()
    found = head(f"http://127.0.0.1:{server.server_port}/x", 10)
    server.server_close()
    assert found.status == 501 and found.date.endswith("GMT")
