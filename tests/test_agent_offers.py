"""What agents say they offer, read back: it is what their lists let through, as far as a name tells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.agent.allow import AllowList
from twisted_hoop.agent.offers import offer_of
from twisted_hoop.agent.settings import AllowSection
from twisted_hoop.transport.connect import TcpPlace, UnixPlace

LISTED: list[dict[str, Any]] = [
    {"host": "db.internal", "ports": [5432, "8000-8100"]},
    {"host": "*.svc.cluster.local", "ports": ["*"]},
    {"host": "10.2.0.0/16", "ports": [22]},
    {"host": "fd00:1::/64", "ports": [443, "8443-8444"]},
    {"host": "127.0.0.1", "ports": [6443]},
    {"unix": "/run/db:1.sock"},
]
OFFERED = AllowList([AllowSection.model_validate(each) for each in LISTED]).offered()


@pytest.mark.parametrize(
    ("host", "port", "offer"),
    [
        ("db.internal", 5432, "yes"),
        ("DB.internal.", 8050, "yes"),
        ("db.internal", 5433, "no"),
        ("api.svc.cluster.local", 1, "yes"),
        ("svc.cluster.local", 1, "no"),
        ("10.2.3.4", 22, "yes"),
        ("10.3.0.1", 22, "no"),
        ("host.internal", 22, "perhaps"),
        ("fd00:1::7", 8444, "yes"),
        ("127.0.0.1", 6443, "yes"),
        ("127.0.0.2", 6443, "no"),
    ],
)
def test_places(host: str, port: int, offer: str) -> None:
    assert offer_of(OFFERED, TcpPlace(host, port)) == offer


def test_sockets() -> None:
    assert offer_of(OFFERED, UnixPlace("/run/db:1.sock")) == "yes"
    assert offer_of(OFFERED, UnixPlace("/run/db")) == "no"


@given(st.lists(st.text(max_size=60), max_size=8))
def test_whatever_an_agent_says_is_an_answer(offered: list[str]) -> None:
    for where in (TcpPlace("db.internal", 5432), TcpPlace("10.2.0.1", 22), UnixPlace("/run/x")):
        assert offer_of(offered, where) in ("yes", "perhaps", "no")
