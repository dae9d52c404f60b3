"""The form of an exchange (RFC 8693, section 2.1): what is asked for, or which error it is."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.identity.asking import ISSUED_TYPES, TOKEN_TYPES, Asked, read_request
from twisted_hoop.identity.narrowing import ExchangeRefused
from twisted_hoop.identity.own_issuer import GRANT

URL = "https://hoop.example.com"
OTHER = "https://reports.example.com"
JWT = "urn:ietf:params:oauth:token-type:jwt"
USUAL = [("grant_type", GRANT), ("subject_token", "s.s.s"), ("subject_token_type", JWT)]
ACTOR = [("actor_token", "a.a.a"), ("actor_token_type", JWT)]


def ask(*more: tuple[str, str], usual: list[tuple[str, str]] = USUAL) -> Asked:
    return read_request(urlencode([*usual, *more]).encode(), URL, [OTHER])


def test_nothing_is_narrowed_when_nothing_is_said() -> None:
    found = ask()
    assert (found.subject_token, found.actor_token, found.audience, found.lifetime) == ("s.s.s", "", "", None)
    assert found.narrower.targets is None and found.narrower.groups is None
    assert found.issued_type == ISSUED_TYPES[0] and found.lifetime_within(900.0) == 900.0 and found.scope == ""


def test_targets_by_every_name_they_have() -> None:
    found = ask(
        ("audience", "shop"),
        ("audience", URL),
        ("audience", "crm"),
        ("resource", f"{URL}/targets/web%20site"),
        ("scope", "target:a%20b group:dev"),
        *ACTOR,
    )
    assert found.narrower.targets == frozenset(
        {"shop", "crm", "web site", "a b"}
    ) and found.narrower.groups == frozenset({"dev"})
    assert found.actor_token == "a.a.a"
    assert found.scope == "target:a%20b target:crm target:shop target:web%20site group:dev"


def test_another_service() -> None:
    assert ask(("audience", OTHER)).audience == OTHER
    for name in ("shop", f"{URL}/other/shop", f"{URL}.evil.example/targets/shop", "urn:shop"):
        with pytest.raises(ExchangeRefused) as caught:  # RFC 8707, section 2
            ask(("resource", name))
        assert caught.value.code == "invalid_target"
    for name in ("client_secret", "client_assertion"):
        with pytest.raises(ExchangeRefused) as caught:
            ask((name, "x"))
        assert caught.value.code == "invalid_client"
    assert ask(("client_id", "cli"), ("client_secret", "")).audience == ""
    assert ask(("resource", OTHER), ("scope", "group:dev")).narrower.groups == frozenset({"dev"})
    for more in ([("audience", "shop")], [("scope", "target:shop")]):
        with pytest.raises(ExchangeRefused) as caught:
            ask(("audience", OTHER), *more)
        assert caught.value.code == "invalid_target"


def test_seconds() -> None:
    assert ask(("lifetime", "60")).lifetime_within(900.0) == 60.0
    assert ask(("lifetime", "9999")).lifetime_within(900.0) == 900.0


def test_empty_and_unknown_parameters_are_passed_over() -> None:
    """RFC 6749, section 3.2."""
    assert ask(("actor_token", ""), ("client_id", "cli"), ("x", "1")).actor_token == ""


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ([("scope", "admin")], "invalid_scope"),
        ([("scope", "group:")], "invalid_scope"),
        ([("lifetime", "5m")], "invalid_request"),
        ([("lifetime", "0")], "invalid_request"),
        ([("lifetime", "-5")], "invalid_request"),
        ([("lifetime", "٣")], "invalid_request"),
        ([("actor_token", "a")], "invalid_request"),
        ([("actor_token_type", JWT)], "invalid_request"),
        ([("actor_token", "a"), ("actor_token_type", "saml2")], "invalid_request"),
        ([("subject_token", "t.t.t")], "invalid_request"),  # twice: which of them counts?
        ([("scope", "group:a"), ("scope", "group:b")], "invalid_request"),
        ([("requested_token_type", "urn:ietf:params:oauth:token-type:saml2")], "invalid_request"),
    ],
)
def test_refused(more: list[tuple[str, str]], code: str) -> None:
    with pytest.raises(ExchangeRefused) as caught:
        ask(*more)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ([], "invalid_request"),
        ([("grant_type", "password")], "unsupported_grant_type"),
        (USUAL[1:], "invalid_request"),
        (USUAL[:1], "invalid_request"),
        (USUAL[:2], "invalid_request"),
        ([USUAL[0], USUAL[2]], "invalid_request"),
    ],
)
def test_what_must_be_there(fields: list[tuple[str, str]], code: str) -> None:
    with pytest.raises(ExchangeRefused) as caught:
        ask(usual=fields)
    assert caught.value.code == code


def test_tokens_are_not_in_what_is_printed() -> None:
    """R11."""
    assert "s.s.s" not in repr(ask()) and "a.a.a" not in repr(ask(*ACTOR))


_NAMES = st.sampled_from(["grant_type", "subject_token", "subject_token_type", "audience", "scope", "lifetime", "x"])
_VALUES = st.text(max_size=20) | st.sampled_from([GRANT, *sorted(TOKEN_TYPES), "target:x group:y", URL])


@given(st.binary(max_size=300) | st.lists(st.tuples(_NAMES, _VALUES)).map(lambda p: urlencode(p).encode()))
def test_a_request_or_a_refusal(body: bytes) -> None:
    try:
        assert isinstance(read_request(body, URL, [OTHER]), Asked)
    except ExchangeRefused as refusal:
        assert refusal.code.startswith(("invalid_", "unsupported_")) and str(refusal).isprintable()
