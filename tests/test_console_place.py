from __future__ import annotations

from typing import Any

import pytest

from twisted_hoop.console.place import Place
from twisted_hoop.settings import Settings
from twisted_hoop.web.problems import Problem

ISSUERS = [
    {"name": "first", "issuer": "https://a.example", "audience": ["hoop"]},
    {"name": "second", "issuer": "https://b.example", "audience": ["hoop"], "client_id": "hoop"},
    {"name": "third", "issuer": "https://c.example", "audience": ["hoop"], "client_id": "hoop"},
]


async def no_secret(reference: str) -> str:
    raise AssertionError(reference)


def place(url: str = "https://hoop.example:8443/", **console: Any) -> Place:
    given = Settings.model_validate({"gateway": {"url": url}, "issuers": ISSUERS, "console": console})
    return Place(lambda: given, None, no_secret)


@pytest.mark.parametrize(
    ("url", "origin", "secure"),
    [
        ("https://hoop.example:8443/", "https://hoop.example:8443", True),
        ("https://Hoop.Example:443", "https://hoop.example", True),
        ("https://hoop.example", "https://hoop.example", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", False),
        ("http://127.0.0.1:80", "http://127.0.0.1", False),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", True),
    ],
)
def test_where_it_is(url: str, origin: str, secure: bool) -> None:
    here = place(url)
    assert (here.origin, here.secure) == (origin, secure)
    assert here.is_here(origin.partition("//")[2].upper())
    for other in ("evil.example", "", "hoop.example.evil.example", "127.0.0.1:1"):
        assert not here.is_here(other)


def test_whom_it_asks() -> None:
    def chosen(**console: Any) -> str | None:
        section = place(**console).issuer()
        return section and section.name

    assert chosen() == "second" and chosen(issuer="third") == "third"
    assert chosen(issuer="first") is None and chosen(enabled=False) is None
    with pytest.raises(Problem) as caught:
        place(enabled=False).openid()
    assert caught.value.status == 404


def test_a_reload_changes_it() -> None:
    settings = [Settings.model_validate({"gateway": {"url": "https://a.example"}})]
    here = Place(lambda: settings[0], None, no_secret)
    assert here.redirect == "https://a.example/login/callback" and here.issuer() is None
    settings[0] = Settings.model_validate(
        {"gateway": {"url": "https://b.example", "name": "north"}, "issuers": ISSUERS}
    )
    assert here.redirect == "https://b.example/login/callback" and here.name == "north"
    assert here.issuer() is not None and here.terms.idle == 3600.0


def test_people_may_log_in_by_saml_alone() -> None:
    saml = [{"name": "corp", "entity_id": "https://idp", "sso_url": "https://idp/sso", "certificate": "idp.pem"}]
    for enabled in (True, False):
        given = Settings.model_validate({"saml": saml, "console": {"enabled": enabled}})
        here = Place(lambda given=given: given, None, no_secret)
        assert here.is_open() is enabled and [each.name for each in here.saml()] == (["corp"] if enabled else [])
        assert here.maybe_openid() is None
    assert place().is_open() and list(place().saml()) == []
