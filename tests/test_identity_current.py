"""The identity provider in force."""

from __future__ import annotations

from typing import Any

from twisted_hoop.identity.current import CurrentIdentity


class Provider:
    """Remembers what it was asked, and by which name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, asked: str) -> Any:
        return lambda *given: (self._name, asked, *given)


def test_whoever_is_in_force_is_asked() -> None:
    """R13: the one of before a reload is asked no more."""
    in_force: list[Any] = [Provider("first")]
    current = CurrentIdentity(lambda: in_force[0])
    assert current.authenticate("token", "peer") == ("first", "authenticate", "token", "peer")
    in_force[0] = Provider("second")
    asked: list[Any] = [
        current.still_valid("who"),  # type: ignore[arg-type]
        current.certify_ssh("who", "key", 5.0),  # type: ignore[arg-type]
        current.browser_login("issuer", "token", "client", "nonce", "peer", None),
    ]
    assert [found[:2] for found in asked] == [
        ("second", "still_valid"),
        ("second", "certify_ssh"),
        ("second", "browser_login"),
    ]
