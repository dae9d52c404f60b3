"""Own tokens at the one door: good while all they stand on is as it was (I8, I9)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.support.exchange import AGENTS, URL, Exchanging, ed_key, p256_key
from tests.support.loop import Loop
from tests.support.ssh_identity import make_authority
from tests.support.tokens import ISSUER, PEER
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.own_issuer import PROOF
from twisted_hoop.identity.own_keys import OwnKeys
from twisted_hoop.identity.own_tokens import OwnTokens
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.identity.vouching import Vouching
from twisted_hoop.model import Actor, Peer

ACCOUNT = {"name": "etl", "token_sha256": hashlib.sha256(b"hoop_etl").hexdigest(), "groups": ["jobs"]}


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Exchanging:
    return Exchanging(loop, tmp_path, accounts=[ACCOUNT])


def made(house: Exchanging, **more: Any) -> Any:
    return house.proved(house.exchange(house.person(), house.agent(), targets={"shop"}, **more).token)


def test_who_was_proved_first_comes_back(house: Exchanging) -> None:
    who = made(house)
    assert (who.issuer, who.subject, who.name, who.proof) == (ISSUER, "alice", "Alice", PROOF)
    assert who.chain == (Actor(AGENTS, "agent-7"),) and who.targets == {"shop"}
    assert [each.key for each in who.within] == [f"{AGENTS}|agent-7"]
    assert house.provider.still_valid(who)
    assert made(house).proof_id != who.proof_id


def test_accounts_are_exchanged_too(house: Exchanging) -> None:
    who = house.proved(house.exchange("hoop_etl", targets={"shop"}).token)
    assert (who.issuer, who.subject, who.groups) == ("hoop", "etl", frozenset({"jobs"})) and house.provider.still_valid(
        who
    )
    changed = house.made(accounts=[{**ACCOUNT, "groups": ["fewer"]}])
    house.reload(changed)
    assert not house.provider.still_valid(who)


@pytest.mark.parametrize(
    "change",
    [
        {"agents": False},
        {"agents": {"group_prefix": "x:"}},
        {"leeway": 5.0},
        {"actors": []},
        {"actors": [{"name": "agents", "groups": ["other"]}]},
        {"enabled": False},
    ],
    ids=["issuer-of-the-actor-removed", "changed", "issuer-of-the-person-changed", "nobody-acts", "others-act", "off"],
)
def test_a_reload_that_changes_what_it_stands_on_ends_it(house: Exchanging, change: dict[str, Any]) -> None:
    """I9: live sessions, and the token when it is shown again."""
    issued = house.exchange(house.person(), house.agent())
    who = house.proved(issued.token)
    house.reload(house.made(**{"accounts": [ACCOUNT], **change}))
    assert not house.provider.still_valid(who)
    with pytest.raises(AuthenticationFailed):
        house.proved(issued.token)


def test_a_reload_that_changes_nothing_ends_nothing(house: Exchanging) -> None:
    issued = house.exchange(house.person(), house.agent())
    who = house.proved(issued.token)
    house.reload(house.made(accounts=[ACCOUNT]), OwnKeys((p256_key(), *house.keys.keys)))
    assert house.provider.still_valid(who) and house.proved(issued.token) == who
    house.reload(None, OwnKeys((ed_key(),)))
    assert not house.provider.still_valid(who)  # its key is gone


def test_who_narrows_its_own_token_needs_nobody_to_act(house: Exchanging) -> None:
    who = house.proved(house.exchange(house.person(), targets={"shop"}).token)
    house.reload(house.made(accounts=[ACCOUNT], actors=[]))
    assert house.provider.still_valid(who)


def test_source_ranges_of_everybody_hold_wherever_it_is_shown(loop: Loop, tmp_path: Path) -> None:
    """I10: an exchanged token is no way round the range of the token it was made from."""
    house = Exchanging(loop, tmp_path, sources=["192.0.2.0/24"])
    token = house.exchange(house.person(), house.agent()).token
    assert house.proved(token, PEER).subject == "alice"
    with pytest.raises(AuthenticationFailed, match="not accepted from"):
        house.proved(token, Peer("198.51.100.1"))


def test_what_was_made_of_a_one_time_token_is_one(loop: Loop, tmp_path: Path) -> None:
    """I10: the exchange uses the one up, and the other is used up by its first session."""
    house = Exchanging(loop, tmp_path, agents={"one_time": True})
    agent = house.agent(jti="only-once")
    token = house.exchange(house.person(), agent).token
    with pytest.raises(AuthenticationFailed, match="used before"):
        house.proved(agent)
    assert house.proved(token).subject == "alice"
    with pytest.raises(AuthenticationFailed, match="used before"):
        house.proved(token)


def test_a_certificate_for_ssh_keeps_every_limit(house: Exchanging) -> None:
    """What opens one target does not open all of them by way of a certificate."""
    who = made(house)
    authority = make_authority(house.time)
    house.provider = house.loop.run(
        lambda: IdentityProvider(house.settings, house.loop.reactor, now=house.time, own=house.own, authority=authority)
    )
    key = new_private_key()
    certificate = house.provider.certify_ssh(who, key.public)
    found = authority.principal_of(certificate, PEER).principal
    assert found.targets == frozenset({"shop"}) and found.chain == who.chain and found.within == who.within
    assert house.provider.still_valid(found) and certificate.valid_before <= who.expires


def test_without_an_issuer_there_are_none(house: Exchanging) -> None:
    tokens = OwnTokens(None, Vouching({}, None, house.time))  # type: ignore[arg-type]
    assert tokens.url == "" and not tokens.unchanged(made(house))
    with pytest.raises(AuthenticationFailed):
        tokens.issue(made(house), None, "")
    house.reload(house.made(enabled=False))
    with pytest.raises(AuthenticationFailed):
        house.provider.issue(house.proved(house.person()))


def test_our_url_is_nobody_elses_issuer(house: Exchanging) -> None:
    assert house.provider._own.url == URL
