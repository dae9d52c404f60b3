"""The command that a text would be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.model import Command
from twisted_hoop.rehearsal.reading import READERS, command_of


def test_a_protocol_without_texts_is_an_error() -> None:
    with pytest.raises(ValueError, match="over pigeon"):
        command_of("pigeon", "coo")


def test_no_text_at_all_is_an_interactive_shell() -> None:
    assert command_of("ssh", "").facts == ({"class": frozenset({"shell"})},)


def test_requests_of_http_are_read_as_they_go_over_the_wire() -> None:
    command = command_of("http", "get https://Orders.example.com:8443/v1/orders/7?token=x")
    assert (command.action, command.text) == ("GET", "GET /v1/orders/7?token=…")
    assert command.facts[0]["host"] == frozenset({"orders.example.com"})
    assert command_of("http", "DELETE /v1/x").facts[0]["class"] == frozenset({"write"})
    for text in ("", "GET", "GET orders", "GET /a//b", "G3T /a"):
        with pytest.raises(ValueError, match=r"."):
            command_of("http", text)


@pytest.mark.parametrize("protocol", READERS)
@given(text=st.text(max_size=40))
def test_any_text_is_a_command_or_no_text_of_that_protocol(protocol: str, text: str) -> None:
    try:
        assert isinstance(command_of(protocol, text), Command)
    except ValueError as fault:
        assert str(fault)
