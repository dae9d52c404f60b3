"""Sockets that listen for workers."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import ListenerSection
from twisted_hoop.workers.sockets import listen_for


def section(name: str, endpoint: str) -> ListenerSection:
    return ListenerSection(name=name, protocol="postgres", endpoint=endpoint)


def test_each_worker_has_a_socket_of_its_own_at_one_address() -> None:
    (made,) = listen_for([section("pg", "tcp:0:interface=127.0.0.1")], 3, None)
    assert len({sock.fileno() for sock in made.sockets}) == 3
    assert len({sock.getsockname() for sock in made.sockets}) == 1
    where = made.sockets[0].getsockname()
    with closing(socket.create_connection(where)):
        pass
    made.close()
    made.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(where)


def test_a_path_is_one_socket_for_all(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    (made,) = listen_for([section("pg", f"unix:{path}")], 3, None)
    assert len(set(made.sockets)) == 1 and path.is_socket()
    made.close()
    assert not path.exists()


@pytest.mark.parametrize("endpoint", ["ssl:0", "tcp:99999", "nonsense", "tcp:0:interface=192.0.2.77"])
def test_one_that_cannot_listen_is_named_and_nothing_is_left_open(endpoint: str, tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with pytest.raises(ConfigurationError, match="second"):
        listen_for([section("first", f"unix:{path}"), section("second", endpoint)], 2, None)
    assert not path.exists()
