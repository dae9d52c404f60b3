"""Listening sockets: addresses, paths, systemd."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.error import CannotListenError

from twisted_hoop.transport.bindings import AdoptedBinding, TcpBinding, UnixBinding


def test_tcp_on_a_port_the_kernel_chose() -> None:
    binding = TcpBinding(0, "127.0.0.1")
    sock = binding.open()
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    with pytest.raises(CannotListenError):
        TcpBinding(sock.getsockname()[1], "127.0.0.1").open()
    binding.close(sock)


def test_several_processes_may_share_a_port_when_asked() -> None:
    first = TcpBinding(0, "127.0.0.1", reuse_port=True)
    one = first.open()
    two = TcpBinding(one.getsockname()[1], "127.0.0.1", reuse_port=True).open()
    one.close(), two.close()


def test_S11_ipv6_listeners_take_no_ipv4_clients_in_disguise() -> None:
    """S11: ::ffff:127.0.0.1 must not appear as a peer, since rules about addresses would not know it."""
    sock = TcpBinding(0, "::").open()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sock.getsockname()[1]))
    socket.create_connection(("::1", sock.getsockname()[1])).close()
    sock.close()


@pytest.mark.parametrize("interface", ["not an address", "203.0.113.77", "x" * 300, "\udcff"])
def test_addresses_that_are_not_ours(interface: str) -> None:
    with pytest.raises(CannotListenError):
        TcpBinding(0, interface).open()


def test_unix_mode_is_set_and_the_path_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    binding = UnixBinding(path, 0o640)
    sock = binding.open()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    binding.close(sock)
    assert os.listdir(tmp_path) == []


def test_a_path_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    first = UnixBinding(path)
    sock = first.open()
    with pytest.raises(CannotListenError):
        UnixBinding(path).open()
    with pytest.raises(CannotListenError):
        UnixBinding(path, lock=False).open()
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.close()
    first.close(sock)


def test_a_socket_left_by_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    program = (
        f"from twisted_hoop.transport.bindings import UnixBinding; UnixBinding({path!r}).open(); import os; os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[1], check=False)
    assert sorted(os.listdir(tmp_path)) == ["s", "s.lock"]
    binding = UnixBinding(path)
    binding.close(binding.open())


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(CannotListenError):
        UnixBinding(str(path)).open()
    assert path.read_text() == "precious" and os.listdir(tmp_path) == ["s"]


@pytest.mark.parametrize("path", ["x" * 200, "/nowhere/at/all/s"])
def test_paths_that_cannot_be(path: str) -> None:
    with pytest.raises(CannotListenError):
        UnixBinding(path, lock=False).open()


def test_an_adopted_descriptor_stays_open_and_must_listen() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    binding = AdoptedBinding(listener.fileno(), socket.AF_INET)
    for _ in range(2):
        sock = binding.open()
        assert sock.getsockname() == listener.getsockname()
        binding.close(sock)
    with pytest.raises(CannotListenError):
        AdoptedBinding(listener.fileno(), socket.AF_INET6).open()
    idle = socket.socket()
    with pytest.raises(CannotListenError):
        AdoptedBinding(idle.fileno(), socket.AF_INET).open()
    idle.close()
    with pytest.raises(CannotListenError):
        AdoptedBinding(999_999, socket.AF_INET).open()
    listener.close()
