"""What a listener offers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ssh_identity import KEYS
from twisted_hoop.settings import ListenerSection, Settings
from twisted_hoop.ssh.ways import Ways, ways_named

ISSUER = {"name": "corp", "issuer": "https://x.example", "audience": ["hoop"]}
WITH_CLIENT = {**ISSUER, "client_id": "gateway"}
WITH_KEY = {"name": "bot", "ssh_keys": [KEYS.host_key.public.line]}
WITH_TOKEN = {"name": "bot", "token_sha256": "0" * 64}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, {"certificate"}),
        ({"issuers": [ISSUER]}, {"certificate", "token"}),
        ({"issuers": [WITH_CLIENT]}, {"certificate", "token", "device"}),
        ({"accounts": [WITH_KEY]}, {"certificate", "key"}),
        ({"accounts": [WITH_TOKEN]}, {"certificate", "token"}),
    ],
    ids=range(5),
)
def test_a_listener_that_names_none_offers_what_is_possible(settings: Any, names: set[str]) -> None:
    listener = ListenerSection(name="ssh", protocol="ssh", endpoint="tcp:0")
    assert ways_named(listener, Settings.model_validate(settings)) == names


def test_a_listener_that_names_some_offers_those() -> None:
    listener = ListenerSection(name="ssh", protocol="ssh", endpoint="tcp:0", auth=["key", "device"])
    assert ways_named(listener, Settings()) == {"key", "device"}


@pytest.mark.parametrize(
    ("names", "methods"),
    [
        ({"certificate"}, (b"publickey",)),
        ({"key", "token"}, (b"publickey", b"password")),
        ({"device", "token"}, (b"keyboard-interactive", b"password")),
        (set(), ()),
    ],
)
def test_their_methods(names: set[str], methods: tuple[bytes, ...]) -> None:
    async def begin(peer: Any) -> Any:
        """Never asked."""

    identity: Any = None
    assert Ways(lambda: identity, frozenset(names), device=begin).methods == methods
    without = tuple(method for method in methods if method != b"keyboard-interactive")
    assert Ways(lambda: identity, frozenset(names)).methods == without
