"""Destinations of forwards: one spelling each, and what only a rule that names it lets through (S11)."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.model import Facts
from twisted_hoop.policy.destinations import destination_of, is_inward, names_itself, socket_of
from twisted_hoop.policy.what import prepared, what_checks
from twisted_hoop.settings import RuleSection

INWARD = [
    "127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "localhost.", "db.localhost", "0.0.0.0", "::", "0",
    "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "::ffff:127.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "169.254.169.254", "::ffff:169.254.169.254", "2852039166", "fe80::1", "fe80::1%eth0",
    "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "metadata.goog", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "64:ff9b:1::a9fe:a9fe", "::ffff:0:127.0.0.1", "100.100.100.200", "metadata.google.internal",
    "Metadata.Google.Internal.", "", "*",
    "0:0:0:0:0:0:0:1", "[::1]", "224.0.0.1", "0.1.2.3",
]  # fmt: skip
OUTWARD = [
    "db.internal",
    "10.0.0.5",
    "192.0.2.7",
    "2001:db8::1",
    "2002:a00:1::1",
    "64:ff9b:1::a00:1",
    "web-1",
    "localhost.example.com",
    "127.0.0.1.nip.io",
]


@pytest.mark.parametrize("host", INWARD)
def test_S11_whatever_it_is_written_as_it_is_inward(host: str) -> None:
    assert is_inward(destination_of(host, 80))


@pytest.mark.parametrize("host", OUTWARD)
def test_hosts_are_not(host: str) -> None:
    assert not is_inward(destination_of(host, 80))


def test_sockets_are_inward() -> None:
    assert is_inward(socket_of("/run/docker.sock"))


def test_one_spelling() -> None:
    assert destination_of("DB.Internal.", 5432) == "db.internal:5432"
    assert destination_of("0x7f.1", 22) == destination_of("::ffff:127.0.0.1", 22) == "127.0.0.1:22"
    assert destination_of("2001:DB8:0::1", 1) == "[2001:db8::1]:1"


@given(st.text(alphabet="0123456789xXabcf.", max_size=24))
def test_numbers_are_read_as_the_resolver_reads_them(host: str) -> None:
    try:
        expected = socket.inet_ntoa(socket.inet_aton(host)) if host else ""
    except OSError:
        expected = ""
    if expected:
        assert destination_of(host, 1) == f"{expected}:1"


@given(st.text(max_size=60), st.integers(0, 65535))
def test_any_text_is_a_destination(host: str, port: int) -> None:
    assert destination_of(host, port).endswith(f":{port}")
    is_inward(destination_of(host, port))


def _permits(destination: str, *patterns: str) -> bool:
    rule = RuleSection(name="r", effect="allow", classes=["forward"], destinations=list(patterns))
    facts: Facts = {"class": frozenset({"forward"}), "destination": frozenset({destination})}
    return all(check.holds(prepared(facts)) for check in what_checks(rule))


def test_S11_a_rule_lets_an_inward_destination_through_only_where_it_names_it() -> None:
    assert _permits("db.internal:5432", ".*") and _permits("db.internal:5432")
    for patterns in ((), (".*",), (r"127\..*",), ("127.0.0.1:8080",)):
        assert not _permits("127.0.0.1:80", *patterns)
    assert _permits("127.0.0.1:80", "127.0.0.1:80")
    assert not _permits("unix:/run/docker.sock", ".*") and _permits("unix:/run/docker.sock", "unix:/run/docker.sock")
    assert names_itself((), ())
