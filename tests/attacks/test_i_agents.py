"""Who an agent is, under attack: tokens used again, raced, late or by another; proofs of somebody else; stolen ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.agents import (
    PEER,
    AgentHouse,
    agent_house,
    certificate_of,
    report_of,
    second_replica,
    signed,
)
from tests.support.loop import Loop
from tests.support.peers import two_replicas
from tests.support.ssh_identity import ALICE, KEYS, TERMS, make_authority
from tests.support.tokens import Door, issuer_section, make_ring, make_settings, write_jwks
from twisted_hoop.agent.peers import Peers
from twisted_hoop.agent.trust import AgentAuthority
from twisted_hoop.agent.trust_door import ALGORITHM
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.accounts import new_account_token
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.model import AgentCredential
from twisted_hoop.transport.connect import Unreachable

POD = "system:serviceaccount:hoop:agent"
TOKEN, DIGEST = new_account_token()


@pytest.fixture
def house(loop: Loop, store_url: str, tmp_path: Path) -> Iterator[AgentHouse]:
    """Agents office and lab by certificate, cluster by the tokens of one workload; an account; an issuer."""
    ring = make_ring()
    section = issuer_section(ring, write_jwks(ring, tmp_path / "jwks"), leeway="0s").model_dump()
    agents: list[dict[str, Any]] = [
        {"name": "office"},
        {"name": "lab"},
        {"name": "cluster", "issuer": "corp", "subjects": [POD]},
    ]
    account = {"name": "etl", "token_sha256": DIGEST, "groups": ["jobs"]}
    made = agent_house(loop, store_url, *agents, issuers=[section], accounts=[account])
    made.ring = ring  # type: ignore[attr-defined]
    yield made
    made.database.stop()


def refused(house: AgentHouse, name: str, credential: AgentCredential, told: str = ".") -> None:
    """Refused, in words for the log that the other side never sees."""
    with pytest.raises(AuthenticationFailed, match=told) as failure:
        house.login(name, credential)
    assert failure.value.public == "authentication failed"


def workload(house: AgentHouse, subject: str, **claims: Any) -> AgentCredential:
    now = int(house.time.seconds)
    ring: Any = house.ring  # type: ignore[attr-defined]
    return AgentCredential(ring.token(subject, **{"iat": now, "exp": now + 600, **claims}))


def test_I10_a_join_token_is_used_once(house: AgentHouse) -> None:
    """I10: whoever finds one afterwards, in a log or an environment, has nothing; at another replica neither."""
    token = AgentCredential(house.token().token)
    house.login("office", token)
    for where in (house, second_replica(house)):
        refused(where, "office", token, "used before")


def raced(houses: list[AgentHouse], token: AgentCredential) -> list[str]:
    """What each is told that shows the token at the same moment."""
    told: list[str] = []
    start = threading.Barrier(len(houses))

    def use(where: AgentHouse) -> None:
        start.wait()
        try:
            told.append(where.login("office", token).ident)
        except AuthenticationFailed as refusal:
            told.append(str(refusal))

    threads = [threading.Thread(target=use, args=(house,)) for house in houses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_I10_of_many_that_show_one_token_at_the_same_moment_one_is_let_in(house: AgentHouse) -> None:
    """I10: at two replicas at once, again and again."""
    other = second_replica(house)
    for _ in range(3):
        told = raced([house, other] * 4, AgentCredential(house.token().token))
        assert sorted(told)[1:] == ["the join token was used before"] * 7, told


def test_I10_a_join_token_that_is_late_is_refused(house: AgentHouse) -> None:
    token = AgentCredential(house.token(seconds=60).token)
    house.time.seconds += 60
    refused(house, "office", token, "expired")


def test_I4_a_join_token_of_one_agent_lets_in_no_other(house: AgentHouse) -> None:
    """I4: and is not used up by the try, so that nobody can spoil it who does not know its name."""
    token = AgentCredential(house.token("office").token)
    refused(house, "lab", token, "no such join token")
    refused(house, "cluster", token, "no such join token")
    assert house.login("office", token).name == "office"


def test_I4_the_certificate_of_one_agent_proves_no_other(house: AgentHouse) -> None:
    """I4: a stolen identity reaches the targets of its own name and no others."""
    key, certificate = house.enrolled("office")
    for name in ("lab", "cluster", "office2", "Office", ""):
        refused(house, name, signed(key, certificate))
    assert house.login("office", signed(key, certificate)).name == "office"


def test_I9_a_revoked_identity_is_good_for_nothing(house: AgentHouse) -> None:
    """I9: neither to log in, nor to go on, nor to get another certificate; at no replica, and with an older one not."""
    from tests.support.agents import OLGA

    key, certificate = house.enrolled()
    identity = house.login("office", signed(key, certificate))
    newer = house.renew(identity, key)
    other = second_replica(house)
    there = other.login("office", signed(key, certificate))
    other.loop.run(lambda: other.door.connected(there, report_of()))
    house.loop.run(lambda: house.desk.revoke(OLGA, identity.ident, "stolen"))
    for where in (house, other):
        for each in (certificate, newer):
            refused(where, "office", signed(key, each), "revoked")
    assert not house.door.still_valid(identity)
    other.look()
    assert not other.door.still_valid(there) and other.struck == ["struck"]
    for where in (house, other):
        with pytest.raises(AuthenticationFailed):
            where.renew(identity, key)


def test_S6_certificates_of_other_authorities_prove_no_agent(house: AgentHouse) -> None:
    """S6: of one's own making, of a gateway elsewhere, of this gateway's authorities for people and hosts."""
    key, real = house.enrolled()
    ident = real.key_id.split()[2]
    for signer in (new_private_key(), KEYS.user_ca, KEYS.host_ca, KEYS.host_key, key):
        forged = AgentAuthority(signer, house.time).issue("office", ident, key.public, 600)
        refused(house, "office", signed(key, forged), "not signed by the authority for agents")


def test_S6_no_person_is_an_agent_and_no_agent_a_person(house: AgentHouse) -> None:
    """S6: a person's certificate, made by the gateway for their own key, at the door for agents; and an agent's at the
    door for people."""
    key, certificate = house.enrolled()
    users = make_authority()
    persons = users.issue_user(ALICE, key.public, time.time() + 600, TERMS)
    refused(house, "office", signed(key, persons), "not signed by the authority for agents")
    ring = make_ring()
    door = Door(house.loop, make_settings(issuer_section(ring, "https://nowhere.test/jwks")), authority=users)
    data = b"the session"
    for where in (door.provider, house.provider):
        assert not where.accepts_ssh(certificate.blob, ALGORITHM, PEER)
        with pytest.raises(AuthenticationFailed):
            house.loop.run(
                lambda where=where: where.authenticate_ssh(certificate.blob, ALGORITHM, key.sign(data), data, PEER)
            )


def test_I8_what_is_good_for_something_else_proves_no_agent(house: AgentHouse) -> None:
    """I8: a person's token, another workload's, one for somebody by somebody, an account's: none that [[agents]] does
    not name, and none at an agent that has no issuer."""
    good = workload(house, POD)
    assert house.login("cluster", good).name == "cluster"
    refused(house, "office", good)
    refused(house, "cluster", workload(house, "alice", groups=["operators"]), "not configured to be agent")
    refused(house, "cluster", workload(house, POD + "2"), "not configured to be agent")
    refused(house, "cluster", workload(house, POD, act={"sub": "bot"}), "not configured to be agent")
    refused(house, "cluster", workload(house, POD, aud="another"))
    for name in ("office", "cluster"):
        refused(house, name, AgentCredential(TOKEN), "this proves no agent")
    assert house.loop.run(lambda: house.provider.authenticate(TOKEN, PEER)).subject == "etl"


def test_I8_an_agents_token_is_nobodys_bearer_token(house: AgentHouse) -> None:
    token = house.token().token
    with pytest.raises(AuthenticationFailed):
        house.loop.run(lambda: house.provider.authenticate(token, PEER))
    assert house.login("office", AgentCredential(token)).name == "office"


def test_S5_a_certificate_that_was_copied_is_none_without_its_key(house: AgentHouse) -> None:
    """S5: certificates are shown in every log-in; what proves is the signature over this very session."""
    key, certificate = house.enrolled()
    thief = new_private_key()
    refused(house, "office", signed(thief, certificate), "not the shown key's")
    replayed = AgentCredential("", certificate.blob, ALGORITHM, key.sign(b"a session of yesterday"), b"a new session")
    refused(house, "office", replayed, "not the shown key's")
    identity = house.login("office", signed(key, certificate))
    certified = certificate_of(house.loop.run(lambda: house.door.renew(identity, thief.public.line)))
    assert certified.key_id == certificate.key_id  # for another's key it names this agent still, and is revoked with it


def test_S5_nobody_is_a_replica_without_its_key(loop: Loop, store_url: str, tmp_path: Path) -> None:
    """S5, S17: an impostor on either side of the connection between replicas; the agent is not asked for anything."""
    with two_replicas(loop, store_url, tmp_path) as pair:
        real = pair.two.hub.elsewhere
        impostor = Peers(loop.reactor, pair.two.house.registry, "replica-b", new_private_key())
        pair.two.hub.elsewhere = impostor
        with pytest.raises(Unreachable):
            pair.two.connect(pair.echo)
        nobody = Peers(loop.reactor, pair.two.house.registry, "replica-z", pair.two.key)
        pair.two.hub.elsewhere = nobody
        with pytest.raises(Unreachable):
            pair.two.connect(pair.echo)
        pair.two.hub.elsewhere = real
        pair.one.lives(peer_key=new_private_key().public.line)  # who listens there has not that key
        pair.two.house.look()
        with pytest.raises(Unreachable, match="another key"):
            pair.two.connect(pair.echo)
        assert pair.agent.asked == []
        for each in (impostor, nobody):
            loop.run(each.stop)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    name=st.one_of(st.text(max_size=300), st.sampled_from(["office", "office\0", "OFFICE", "x" * 5000])),
    token=st.one_of(st.text(max_size=300), st.text(max_size=60).map(lambda text: "hoop_join_" + text)),
    blob=st.binary(max_size=300),
)
def test_R15_garbage_proves_nobody_and_breaks_nothing(house: AgentHouse, name: str, token: str, blob: bytes) -> None:
    """R15: whatever is shown under whatever name is refused in the same words."""
    refused(house, name, AgentCredential(token, blob, ALGORITHM, blob, blob))
    refused(house, name, AgentCredential("", blob, ALGORITHM, blob, blob))
