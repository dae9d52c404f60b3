"""Who vouches for somebody now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.exchange import AGENTS, Exchanging
from tests.support.loop import Loop
from tests.support.tokens import ISSUER, PEER
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.accounts import Account
from twisted_hoop.identity.issuers import Issuer
from twisted_hoop.identity.vouching import Vouching, everyone
from twisted_hoop.model import Actor, Peer, Principal
from twisted_hoop.settings import SamlSection

ETL = {"name": "etl", "token_sha256": "0" * 64, "sources": ["10.0.0.0/8"], "expires": "2100-01-01T00:00:00Z"}
ALICE = Principal(ISSUER, "alice")
AGENT = Principal(AGENTS, "agent-7", proof="bound")
ACCOUNT, GONE = Principal("hoop", "etl"), Principal("hoop", "nobody")
SAML = "https://saml.example.org"


@pytest.fixture
def vouching(loop: Loop, tmp_path: Path) -> Vouching:
    return Exchanging(loop, tmp_path, accounts=[ETL]).provider._vouching


def test_terms_are_those_of_everybody(vouching: Vouching) -> None:
    alone, both = vouching.terms(ALICE), vouching.terms(replace(ALICE, within=(AGENT,)))
    assert len({alone, both, vouching.terms(AGENT), vouching.terms(ACCOUNT)}) == 4
    assert {len(alone), len(both)} == {16}
    for gone in (GONE, Principal("https://unknown.example", "x")):
        assert vouching.terms(gone) == "" == vouching.terms(replace(ALICE, within=(gone,)))


def test_owners(vouching: Vouching) -> None:
    assert isinstance(vouching.owner(ALICE), Issuer) and isinstance(vouching.owner(ACCOUNT), Account)
    assert vouching.owner(GONE) is None
    assert list(everyone(replace(ALICE, within=(AGENT,)))) == [replace(ALICE, within=(AGENT,)), AGENT]


def test_places_are_checked_for_everybody(vouching: Vouching) -> None:
    vouching.check(replace(ALICE, within=(AGENT,)), PEER)
    with pytest.raises(AuthenticationFailed):
        vouching.check(replace(ALICE, within=(ACCOUNT,)), PEER)
    vouching.check(replace(ALICE, within=(ACCOUNT,)), Peer("10.1.2.3"))


def test_accounts_that_act_by_an_issuers_own_word(vouching: Vouching) -> None:
    """I10: `act` of a foreign token, without `intersect`: nothing of the account is in `within`."""
    acted = replace(ALICE, chain=(Actor("hoop", "etl"), Actor(AGENTS, "agent-7")))
    vouching.check(acted, Peer("10.1.2.3"))
    for one in (acted, replace(ALICE, chain=(Actor(AGENTS, "x"), Actor("hoop", "etl")))):
        with pytest.raises(AuthenticationFailed, match="not accepted from"):
            vouching.check_acting(one, PEER)
    assert vouching.still_act(acted) and vouching.still_act(ALICE)
    stranger = replace(ALICE, chain=(Actor("hoop", "nobody"),))  # another gateway's, by the issuer's word
    assert vouching.still_act(stranger)
    vouching.check_acting(stranger, PEER)


def test_i9_an_account_that_expires_acts_no_more(loop: Loop, tmp_path: Path) -> None:
    house = Exchanging(loop, tmp_path, accounts=[{**ETL, "sources": []}])
    who = house.proved(house.person(act={"iss": "hoop", "sub": "etl"}, exp=int(house.time()) + 10**6))
    assert house.provider.still_valid(who)
    house.provider._vouching._now = lambda: 4102444800.0
    assert not house.provider.still_valid(who)


def test_caps_of_those_who_act(loop: Loop, tmp_path: Path) -> None:
    accounts = [{**ETL, "max_sessions": 2}, {"name": "free", "token_sha256": "1" * 64}]
    vouching = Exchanging(loop, tmp_path, accounts=accounts, agents={"max_sessions": 5}).provider._vouching
    links = [("hoop", "etl"), ("hoop", "free"), (AGENTS, "agent-7"), ("https://unknown.example", "x")]
    acted = replace(ALICE, chain=tuple(Actor(*link) for link in links))
    assert vouching.caps(acted) == [("hoop|etl", 2), (f"{AGENTS}|agent-7", 5)] and vouching.caps(ALICE) == []


def test_one_time(loop: Loop, tmp_path: Path) -> None:
    vouching = Exchanging(loop, tmp_path, agents={"one_time": True}).provider._vouching
    assert vouching.one_time(AGENT) and vouching.one_time(replace(ALICE, within=(AGENT,)))
    assert not vouching.one_time(ALICE) and not vouching.one_time(ACCOUNT)


def test_people_of_saml(loop: Loop, tmp_path: Path) -> None:
    house = Exchanging(loop, tmp_path)
    section = SamlSection(
        name="s", entity_id=SAML, sso_url="https://saml.example.org/sso", certificate="c", sources=["10.0.0.0/8"]
    )
    vouching = Vouching({}, house.provider._accounts, house.time, [section])
    who = Principal(SAML, "alice", proof="saml")
    assert vouching.terms(who) and vouching.owner(who) is None
    vouching.check(who, Peer("10.0.0.1"))
    with pytest.raises(AuthenticationFailed):
        vouching.check(who, PEER)
