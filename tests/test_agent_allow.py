"""What an agent connects to."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.agent.allow import AllowList, entry_of, real_address
from twisted_hoop.agent.settings import AllowSection


def listed(*entries: tuple[str, Any]) -> AllowList:
    """A list of hosts and ports."""
    return AllowList(
        [AllowSection(host=host, ports=ports if isinstance(ports, list) else [ports]) for host, ports in entries]
    )


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "admitted"),
    [
        (("db.internal", 5432), "db.internal", 5432, "10.0.0.1", True),
        (("db.internal", 5432), "DB.Internal.", 5432, "10.0.0.1", True),
        (("db.internal", 5432), "db.internal", 5433, "10.0.0.1", False),
        (("db.internal", 5432), "other.internal", 5432, "10.0.0.1", False),
        (("*.svc", "8000-8100"), "a.b.svc", 8050, "10.0.0.1", True),
        (("*.svc", "8000-8100"), "svc", 8050, "10.0.0.1", False),
        (("*.svc", "8000-8100"), "evilsvc", 8050, "10.0.0.1", False),
        (("*.svc", "8000-8100"), "a.svc", 8101, "10.0.0.1", False),
        (("10.2.0.0/16", "*"), "10.2.3.4", 1, "10.2.3.4", True),
        (("10.2.0.0/16", "*"), "10.3.0.1", 1, "10.3.0.1", False),
        (("10.2.0.0/16", "*"), "whatever.example", 1, "10.2.3.4", True),
        (("10.2.0.0/16", "*"), "whatever.example", 1, "10.3.3.4", False),
        (("2001:db8::/32", 443), "2001:db8::5", 443, "2001:db8::5", True),
        (("127.0.0.1", 5432), "127.0.0.1", 5432, "127.0.0.1", True),
        (("127.0.0.0/8", 5432), "localhost", 5432, "127.0.0.1", True),
        (("localhost", 5432), "localhost", 5432, "127.0.0.1", True),
        (("localhost", 5432), "localhost", 5432, "::1", True),
    ],
)
def test_what_is_admitted(entry: tuple[str, Any], host: str, port: int, address: str, admitted: bool) -> None:
    assert listed(entry).admits(host, port, address) is admitted


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::7f00:1", "224.0.0.1"),
        *("fd00:ec2::23", "fd20:ce::254", "2002:7f00:1::1", "64:ff9b:1::a9fe:a9fe", "::ffff:0:169.254.169.254"),
    ],
)
@pytest.mark.parametrize(
    "entry",
    [("db.internal", 80), ("0.0.0.0/0", 80), ("::/0", 80), ("*.internal", 80), ("100.0.0.0/8", 80), ("fc00::/7", 80)],
)
def test_S11_names_that_lead_inward_are_refused(entry: tuple[str, Any], address: str) -> None:
    """S11: loopback, link-local, metadata, and v4 wrapped in v6, by a name or a wide network."""
    assert not listed(entry).admits("db.internal", 80, address)
    assert not listed(entry).admits(address, 80, address)


def test_S11_what_is_wrapped_is_judged_by_what_is_inside() -> None:
    """S11: the network of the inner address counts, whichever way it is written."""
    entries = listed(("10.2.0.0/16", 80))
    assert entries.admits("::ffff:10.2.0.1", 80, "::ffff:10.2.0.1")
    assert not entries.admits("::ffff:10.3.0.1", 80, "::ffff:10.3.0.1")


def test_names_nobody_lists_are_not_looked_up() -> None:
    assert not listed(("db.internal", 5432)).may_look_up("spy.example", 5432)
    assert not listed(("10.0.0.0/8", 5432)).may_look_up("db.internal", 1)
    assert listed(("10.0.0.0/8", 5432)).may_look_up("db.internal", 5432)


def test_sockets_are_meant_as_they_are_written() -> None:
    entries = AllowList([AllowSection(unix="/run/db.sock")])
    assert entries.has_socket("/run/db.sock")
    assert not entries.has_socket("/run/../run/db.sock") and not entries.has_socket("/run/docker.sock")
    assert entries.offered() == ("unix:/run/db.sock",)


def test_what_is_offered() -> None:
    assert listed(("db.internal", 5432), ("10.0.0.0/8", [80, "90-99"])).offered() == (
        "db.internal:5432",
        "10.0.0.0/8:80,90-99",
    )


@pytest.mark.parametrize(
    ("host", "ports"),
    [
        *(("", [1]), ("db", []), ("db", [0]), ("db", [70000]), ("db", ["9-1"]), ("db", ["x"]), ("10.0.0.1/8", [1])),
        *(("a b", [1]), ("*", [1]), ("*.*.svc", [1]), ("db:5", [1]), ("-" * 300, [1]), ("dé", [1])),
    ],
)
def test_entries_that_mean_nothing(host: str, ports: list[Any]) -> None:
    with pytest.raises(ValueError):
        entry_of(AllowSection(host=host, ports=ports))


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_entry_is_a_value_or_a_value_error(host: str, port: str) -> None:
    with contextlib.suppress(ValueError):
        entry_of(AllowSection(host=host, ports=[port]))


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    real_address(text)
    assert not AllowList([]).admits(text, 1, text)
