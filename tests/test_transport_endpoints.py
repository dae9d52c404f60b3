"""The two functions every protocol uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.endpoints import HostnameEndpoint, SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from tests.support.transports import make_certificates
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.transport import EagerClientEndpoint, EagerServerEndpoint, client_endpoint, server_endpoint


def test_ours_and_twisteds_own(tmp_path: object) -> None:
    reactor = MemoryReactorClock()
    files = make_certificates(tmp_path)  # type: ignore[arg-type]
    assert isinstance(server_endpoint(reactor, "tcp:5432"), EagerServerEndpoint)
    assert isinstance(client_endpoint(reactor, "tcp:db:5432"), EagerClientEndpoint)
    ssl = server_endpoint(reactor, f"ssl:443:privateKey={files.key}:certKey={files.cert}")
    assert isinstance(ssl, SSL4ServerEndpoint) and not isinstance(ssl, TCP4ServerEndpoint)
    assert not isinstance(client_endpoint(reactor, "tls:db:5432"), (EagerClientEndpoint, HostnameEndpoint))


def test_endpoints_provide_what_they_say() -> None:
    reactor = MemoryReactorClock()
    assert verifyObject(IStreamServerEndpoint, server_endpoint(reactor, "tcp:5432"))
    assert verifyObject(IStreamClientEndpoint, client_endpoint(reactor, "tcp:db:5432"))


@pytest.mark.parametrize("text", ["", "tcp:", "nonsense:1", "ssl:1:privateKey=/nowhere/at/all"])
def test_a_bad_string_is_a_configuration_error_that_names_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        server_endpoint(MemoryReactorClock(), text)
    assert repr(text) in caught.value.problems[0]
    with pytest.raises(ConfigurationError):
        client_endpoint(MemoryReactorClock(), text)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="tcp6:0=1\\unixsystemdl/a-"))
def test_any_text_is_an_endpoint_or_a_configuration_error(text: str) -> None:
    for make in (server_endpoint, client_endpoint):
        try:
            make(MemoryReactorClock(), text)
        except ConfigurationError:
            continue


def test_socket_activation_by_index_and_by_name() -> None:
    """As systemd does it: descriptors from 3 on, LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES (sd_listen_fds(3))."""
    listener = socket.create_server(("127.0.0.1", 0))
    program = """
import os
os.dup2(int(os.environ["FD"]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "front"}
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.transport import EagerPort, server_endpoint
reactor = EPollReactor()
for text in ("systemd:domain=INET:index=0", "systemd:domain=INET:name=front", "systemd:domain=INET:name=x"):
    try:
        port = server_endpoint(reactor, text).listen(Factory()).result
        assert isinstance(port, EagerPort)
        print(port.getHost().port)
        port.stopListening()
    except ConfigurationError:
        print("refused")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "FD": str(listener.fileno())},
        pass_fds=[listener.fileno()],
        capture_output=True,
        text=True,
        check=False,
    )
    port = str(listener.getsockname()[1])
    assert ran.stdout.split() == [port, port, "refused"], ran.stderr
    listener.close()
