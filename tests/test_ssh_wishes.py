"""Forwards and listeners: read strictly, and put as commands whose destination has one spelling (S11, S12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_fakes import direct, listen
from tests.support.ssh_relay import ns
from twisted_hoop.ssh import wishes
from twisted_hoop.ssh.wishes import Place


def test_forwards_as_commands() -> None:
    place = wishes.direct_place(b"direct-tcpip", direct(b"DB.Internal.", 5432))
    command = wishes.forward_command(place)
    assert command.text == "forward to db.internal:5432"
    assert command.facts == ({"class": frozenset({"forward"}), "destination": frozenset({"db.internal:5432"})},)
    local = wishes.direct_place(wishes.DIRECT_SOCKET, ns(b"/run/x") + ns(b"") + b"\0\0\0\0")
    assert wishes.forward_command(local).text == "forward to unix:/run/x"
    assert wishes.listen_command(wishes.listen_place(wishes.LISTEN_TCP, listen(b"", 80))).text == "listen on :80"


def test_where_a_target_listens() -> None:
    assert wishes.bound_place(Place(b"localhost", 0), (4000).to_bytes(4, "big")) == Place(b"localhost", 4000)
    assert wishes.bound_place(Place(b"localhost", 80), b"") == Place(b"localhost", 80)
    came = wishes.forwarded_place(wishes.FORWARDED_TCP, direct(b"localhost", 4000))
    assert came == Place(b"localhost", 4000)
    assert wishes.originator(wishes.FORWARDED_TCP, direct(b"localhost", 4000)) == "127.0.0.1:40000"
    assert wishes.originator(wishes.X11, ns(b"::1") + b"\0\0\0\x09") == "::1:9"
    assert wishes.originator(wishes.AGENT, b"") == wishes.originator(wishes.X11, b"\0") == ""
    assert wishes.direct_place(wishes.DIRECT_TCP, wishes.pack_direct(Place(b"a", 7))) == Place(b"a", 7)


@pytest.mark.parametrize("data", [b"", direct(b"a", 65536), direct(b"a\0", 1), direct(b"x" * 1025, 1), ns(b"a")])
def test_malformed_places(data: bytes) -> None:
    with pytest.raises(ValueError):
        wishes.direct_place(wishes.DIRECT_TCP, data)


@given(st.binary(max_size=60))
def test_anything_is_a_place_or_a_value_error(data: bytes) -> None:
    for kind in (wishes.DIRECT_TCP, wishes.DIRECT_SOCKET):
        try:
            wishes.forward_command(wishes.direct_place(kind, data))
            wishes.listen_command(wishes.listen_place(wishes.LISTEN_TCP, data))
        except ValueError:
            pass
        wishes.originator(kind, data)
