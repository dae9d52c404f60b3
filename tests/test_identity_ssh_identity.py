"""A principal inside a certificate, and out again."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import ALICE, TERMS
from twisted_hoop.identity.ssh_identity import (
    PROOF,
    pack_identity,
    principal_name,
    terms_in,
    terms_of,
    unpack_identity,
)
from twisted_hoop.model import Actor, Kind
from twisted_hoop.settings import AccountSection

AGENT = dataclasses.replace(
    ALICE, kind=Kind.MACHINE, chain=(Actor("https://a", "agent-7"), Actor("https://b", "x")), max_sessions=3
)


@pytest.mark.parametrize("who", [ALICE, AGENT])
def test_who_goes_in_comes_out(who: object) -> None:
    found = unpack_identity(pack_identity(who, TERMS), b"blob", 99.0)  # type: ignore[arg-type]
    digest = hashlib.sha256(b"blob").hexdigest() + TERMS
    expected = dataclasses.replace(who, proof=PROOF, expires=99.0, proof_id=digest)  # type: ignore[type-var]
    assert found.principal == expected and found.terms == terms_in(found.principal) == TERMS


def test_the_certificate_and_what_proved_it_both_end_it() -> None:
    sooner = dataclasses.replace(ALICE, expires=50.0)
    assert unpack_identity(pack_identity(sooner, TERMS), b"", 99.0).principal.expires == 50.0
    later = dataclasses.replace(ALICE, expires=500.0)
    assert unpack_identity(pack_identity(later, TERMS), b"", 99.0).principal.expires == 99.0


def test_no_account_of_a_target_has_the_name() -> None:
    """passwd(5): a name has no colon."""
    assert principal_name(ALICE) == "hoop:https://login.example.org|alice"


def test_terms_change_with_every_setting() -> None:
    one = AccountSection(name="a", token_sha256="0" * 64)
    assert len(terms_of(one)) == len(TERMS) and terms_of(one) == terms_of(one.model_copy())
    for change in ({"groups": ["x"]}, {"expires": "2027-01-31T00:00:00Z"}, {"sources": ["10.0.0.0/8"]}):
        assert terms_of(one.model_copy(update=change)) != terms_of(one)


RIGHT = json.loads(pack_identity(ALICE, TERMS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": ""},
        {"sub": 7},
        {"groups": "dev"},
        {"kind": "ghost"},
        {"chain": [{"iss": "x"}]},
        {"chain": [{"iss": "x", "sub": "y"}] * 9},
        {"terms": "short"},
        {"sessions": -1},
        {"more": 1},
        {"expires": "never"},
    ],
    ids=str,
)
def test_what_is_malformed_is_a_value_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="malformed"):
        unpack_identity(json.dumps({**RIGHT, **wrong}).encode(), b"", 1.0)


@given(
    st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_nothing_else_is_raised(data: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        unpack_identity(data, b"", 1.0)
