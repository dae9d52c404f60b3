"""Endpoint strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import quoteStringArgument

from twisted_hoop.transport.bindings import BACKLOG, TcpBinding, UnixBinding
from twisted_hoop.transport.connect import CONNECT_TIMEOUT, TcpPlace, UnixPlace
from twisted_hoop.transport.names import Place, client_place, server_binding, split, target_host

SERVERS = {
    "tcp:5432": TcpBinding(5432),
    "TCP:5432:interface=127.0.0.1": TcpBinding(5432, "127.0.0.1"),
    "tcp:port=5432:backlog=7:reusePort=1": TcpBinding(5432, "", 7, True),
    "tcp:0:10.0.0.1:9": TcpBinding(0, "10.0.0.1", 9),
    r"tcp:5432:interface=\:\:1": TcpBinding(5432, "::1"),
    "tcp6:5432": TcpBinding(5432, "::", BACKLOG),
}
CLIENTS = {
    "tcp:host=db:port=5432": Place(TcpPlace("db", 5432), CONNECT_TIMEOUT, None),
    "tcp:db:5432:timeout=3": Place(TcpPlace("db", 5432), 3.0, None),
    "tcp:db:port=5432:bindAddress=10.0.0.1": Place(TcpPlace("db", 5432), CONNECT_TIMEOUT, ("10.0.0.1", 0)),
    r"tcp:\:\:1:5432": Place(TcpPlace("::1", 5432), CONNECT_TIMEOUT, None),
    "unix:/run/db.sock": Place(UnixPlace("/run/db.sock"), CONNECT_TIMEOUT, None),
    "unix:path=/run/db.sock:timeout=0.5": Place(UnixPlace("/run/db.sock"), 0.5, None),
}
AGENTS = {
    "agent:office:tcp:db.internal:5432": Place(TcpPlace("db.internal", 5432), CONNECT_TIMEOUT, None, "office"),
    "agent:name=a-1:kind=tcp:host=db:port=1:timeout=3": Place(TcpPlace("db", 1), 3.0, None, "a-1"),
    "agent:office:unix:/run/db.sock": Place(UnixPlace("/run/db.sock"), CONNECT_TIMEOUT, None, "office"),
}
BAD_SERVERS = [
    "tcp:",
    "tcp",
    "tcp:x",
    "tcp:-1",
    "tcp:65536",
    "tcp:1:interface=a:interface=b",
    "tcp:1:nonsense=1",
    "tcp:1:a:2:3",
    "tcp:1:backlog=many",
    "tcp:1:reusePort=perhaps",
    "unix:",
    "unix:/x:mode=999",
    "unix:/x\0y",
]
BAD_CLIENTS = ["tcp:", "tcp:db", "tcp::5432", "tcp:db:x", "tcp:db:5432:timeout=0", "tcp:db:5432:timeout=nan", "unix:"]


@pytest.mark.parametrize("text", SERVERS)
def test_server_strings(text: str) -> None:
    assert server_binding(text) == SERVERS[text]


@pytest.mark.parametrize("text", CLIENTS)
def test_client_strings(text: str) -> None:
    assert client_place(text) == CLIENTS[text]


@pytest.mark.parametrize("text", BAD_SERVERS)
def test_server_strings_that_mean_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        server_binding(text)


@pytest.mark.parametrize("text", BAD_CLIENTS)
def test_client_strings_that_mean_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        client_place(text)


def test_unix_is_ours() -> None:
    assert isinstance(server_binding("unix:/run/x.sock:mode=660:lockfile=0"), UnixBinding)


@pytest.mark.parametrize(
    "text", ["ssl:1", "tls:db:1", "haproxy:tcp:1", "systemd:domain=INET:index=0", "", ":", "nonsense"]
)
def test_other_kinds_are_not_ours(text: str) -> None:
    assert server_binding(text) is None
    assert client_place(text) is None


@given(st.one_of(st.text(), st.text(alphabet="tcp:0=1\\unixsystemd/a")))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    for parse in (server_binding, client_place):
        try:
            parse(text)
        except ValueError:
            continue


@given(st.text(), st.text())
def test_quoted_arguments_come_back(positional: str, named: str) -> None:
    kind, arguments = split(f"kind:{quoteStringArgument(positional)}:key={quoteStringArgument(named)}")
    if "=" not in positional:  # quoteStringArgument leaves it alone: Twisted would read a named argument
        assert kind == "kind"
        assert arguments.take("other") == positional and arguments.named("key", "") == named
        arguments.finish()


@pytest.mark.parametrize("text", AGENTS)
def test_places_behind_an_agent(text: str) -> None:
    assert client_place(text) == AGENTS[text]


@pytest.mark.parametrize(
    "text",
    [
        "agent:",
        "agent:office",
        "agent:office:tcp",
        "agent:office:tcp:db",
        "agent:Office:tcp:db:1",
        "agent:../x:tcp:db:1",
        "agent:office:agent:other:tcp:db:1",
        "agent:office:systemd:db:1",
        "agent:office:tcp:db:1:bindAddress=10.0.0.1",
    ],
)
def test_places_no_agent_connects_to(text: str) -> None:
    with pytest.raises(ValueError):
        client_place(text)


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("tcp:web-1:22", "web-1"),
        ("tcp:host=web-1:port=22", "web-1"),
        ("tcp:port=22:host=10.0.0.1", "10.0.0.1"),
        (r"tcp:2001\:db8\:\:1:22", "2001:db8::1"),
        ("unix:/run/ssh", ""),
        ("agent:office:tcp:web-1:22", "web-1"),
        ("agent:office:unix:/run/ssh", ""),
        ("tls:web-1:22", ""),
    ],
)
def test_hosts_of_targets(endpoint: str, host: str) -> None:
    assert target_host(endpoint) == host
