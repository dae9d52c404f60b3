"""Service accounts."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.accounts import Accounts, new_account_token
from twisted_hoop.identity.scram_keys import scram_verifier
from twisted_hoop.model import Kind, Peer
from twisted_hoop.settings import Settings

TOKEN, DIGEST = new_account_token()


def accounts(*sections: dict[str, Any]) -> Accounts:
    return Accounts(Settings.model_validate({"gateway": {"name": "gw"}, "accounts": list(sections)}))


def test_a_new_token_is_long_and_its_digest_fits_the_settings() -> None:
    assert hashlib.sha256(TOKEN.encode()).hexdigest() == DIGEST
    assert len(TOKEN) >= 48 and new_account_token()[0] != TOKEN and "." not in TOKEN


def test_an_account_is_found_by_the_digest_of_its_token() -> None:
    known = accounts(
        {"name": "other", "scram": scram_verifier("x")},
        {"name": "etl", "token_sha256": DIGEST, "groups": ["jobs"], "max_sessions": 2},
    )
    account = known.by_token(bytes.fromhex(DIGEST))
    assert account is not None
    principal = account.principal("account-token")
    assert (principal.key, principal.kind, principal.groups) == ("gw|etl", Kind.MACHINE, {"jobs"})
    assert (principal.proof, principal.proof_id, principal.max_sessions) == ("account-token", DIGEST, 2)
    assert known.by_token(bytes(32)) is None
    assert known.by_token(b"") is None


def test_expiry_and_sources() -> None:
    account = accounts({"name": "etl", "expires": "2027-01-31T01:00:00+01:00", "sources": ["10.0.0.0/8"]}).by_name(
        "etl"
    )
    assert account is not None
    account.check(Peer("10.0.0.1"), 1801353599.0)
    with pytest.raises(AuthenticationFailed, match="expired"):
        account.check(Peer("10.0.0.1"), 1801353600.0)
    with pytest.raises(AuthenticationFailed, match="not accepted from"):
        account.check(Peer("11.0.0.1"), 0.0)


def test_I9_a_changed_or_removed_account_is_noticed() -> None:
    section = {"name": "etl", "token_sha256": DIGEST, "groups": ["jobs"]}
    account = accounts(section).by_name("etl")
    assert account is not None
    principal = account.principal("account-token")
    assert accounts(section).unchanged(principal)
    assert not accounts().unchanged(principal)
    assert not accounts({**section, "groups": []}).unchanged(principal)
    assert not accounts({**section, "token_sha256": "0" * 64}).unchanged(principal)
    assert not accounts(section).unchanged(dataclasses.replace(principal, issuer="elsewhere"))


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ([{"name": "a"}, {"name": "a"}], "same name"),
        ([{"name": "a", "token_sha256": DIGEST}, {"name": "b", "token_sha256": DIGEST}], "same token"),
        ([{"name": "a", "expires": "tomorrow"}], "expires"),
        ([{"name": "a", "expires": "2027-01-31T00:00:00"}], "expires"),
        ([{"name": "a", "scram": "md5abc"}], "scram"),
        ([{"name": "a", "sources": ["x"]}], "sources"),
    ],
)
def test_unusable_settings_are_refused_at_load(sections: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        accounts(*sections)
