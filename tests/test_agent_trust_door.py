"""The door for agents: tokens, certificates, workloads, revocation, grace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tests.support.agents import PEER, AgentHouse, agent_house, report_of, second_replica, settings_of, signed
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.ssh_identity import ecdsa_key
from tests.support.tokens import make_ring, write_jwks
from twisted_hoop.agent.enrolment import ENROLMENT
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.model import AgentCredential, Peer


@pytest.fixture
def house(loop: Loop, store_url: str) -> Iterator[AgentHouse]:
    made = agent_house(loop, store_url)
    yield made
    made.database.stop()


def refused(house: AgentHouse, name: str, credential: AgentCredential, told: str, peer: Peer = PEER) -> None:
    with pytest.raises(AuthenticationFailed, match=told) as failure:
        house.login(name, credential, peer)
    assert failure.value.public == "authentication failed"


def test_from_join_token_to_renewed_certificate(house: AgentHouse) -> None:
    assert verifyObject(IAgentDoor, house.door)
    token, key = house.token(), new_private_key()
    identity = house.login("office", AgentCredential(token.token))
    assert (identity.name, identity.proof) == ("office", "join-token")
    assert house.door.still_valid(identity)
    certificate = house.renew(identity, key)
    again = house.login("office", signed(key, certificate))
    assert (again.name, again.ident, again.proof) == ("office", identity.ident, "certificate")
    assert again.until == certificate.valid_before
    house.time.seconds += 3000
    renewed = house.renew(again, key)
    assert renewed.valid_before > certificate.valid_before
    house.time.seconds += 3000  # past the first certificate's end
    assert house.door.still_valid(again) and house.door.still_valid(identity)
    house.time.seconds += 3600
    assert not house.door.still_valid(again)


def test_who_does_not_enrol_in_time_must_go(house: AgentHouse) -> None:
    identity = house.login("office", AgentCredential(house.token().token))
    house.time.seconds += ENROLMENT
    assert not house.door.still_valid(identity)
    with pytest.raises(AuthenticationFailed):
        house.renew(identity, new_private_key())


def test_an_ended_certificate_is_of_use_within_grace_alone(house: AgentHouse) -> None:
    key, certificate = house.enrolled()
    house.time.seconds = float(certificate.valid_before)
    refused(house, "office", signed(key, certificate), "has ended")
    house.settings = settings_of({"name": "office", "grace": "1h"})
    identity = house.login("office", signed(key, certificate))
    assert house.door.still_valid(identity)
    assert house.renew(identity, key).valid_before > certificate.valid_before
    house.time.seconds += 3600
    refused(house, "office", signed(key, certificate), "has ended")


def test_S5_the_signature_must_be_the_keys_over_this_session(house: AgentHouse) -> None:
    """S5: whoever copied a certificate has no key; a signature of another session is none of this one."""
    key, certificate = house.enrolled()
    good = signed(key, certificate)
    refused(house, "office", signed(new_private_key(), certificate), "not the shown key's")
    refused(house, "office", replace(good, data=b"another session"), "not the shown key's")
    refused(house, "office", replace(good, signature=b""), "not the shown key's")
    refused(house, "office", replace(good, algorithm=b"ssh-ed25519"), "agents log in with a certificate")
    bare = AgentCredential("", key.public.blob, b"ssh-ed25519", key.sign(b"x"), b"x")
    refused(house, "office", bare, "agents log in with a certificate")
    assert house.login("office", good).name == "office"


def test_garbage_proves_nobody(house: AgentHouse) -> None:
    key, certificate = house.enrolled()
    for name in ("", "nobody", "Office", "office\0", "../office", "x" * 100_000, "ö", "office:tcp"):
        refused(house, name, signed(key, certificate), "no agent of this name")
    for token in ("", "x", "hoop_join_", "hoop_join_" + "x" * 43, "a.b.c", "\ud800", "hoop_join_\ud800"):
        refused(house, "office", AgentCredential(token), ".")
    refused(house, "office", AgentCredential("hoop_join_" + "x" * 1_000_000), "too long")
    for blob in (b"x", b"\0\0\0\4abcd", certificate.blob[:-1], certificate.blob + b"x", b"\xff" * 1000):
        refused(house, "office", replace(signed(key, certificate), blob=blob), ".")


def test_from_elsewhere_nobody_is_let_in(house: AgentHouse) -> None:
    house.settings = settings_of({"name": "office", "sources": ["203.0.113.0/24"]})
    token = house.token().token
    refused(house, "office", AgentCredential(token), "not accepted from", Peer("198.51.100.1"))
    assert house.login("office", AgentCredential(token)).name == "office"  # not used up by who may not even ask


def test_what_the_configuration_takes_away_is_gone_at_once(house: AgentHouse) -> None:
    key, certificate = house.enrolled()
    identity = house.login("office", signed(key, certificate))
    for settings in (settings_of({"name": "lab"}), settings_of({"name": "office", "join_tokens": False})):
        house.settings = settings
        assert not house.door.still_valid(identity)
        refused(house, "office", signed(key, certificate), ".")
        with pytest.raises(AuthenticationFailed):
            house.renew(identity, key)


def test_without_the_store_nobody_is_let_in_and_who_is_there_goes_on(house: AgentHouse) -> None:
    key, certificate = house.enrolled()
    identity = house.login("office", signed(key, certificate))
    house.database._engine = None  # as after a stop; its threads go on
    refused(house, "office", signed(key, certificate), "the store cannot be asked")
    with pytest.raises(AuthenticationFailed, match="the store cannot be asked"):
        house.renew(identity, key)
    assert house.door.still_valid(identity)


def test_certificates_are_of_ed25519_keys(house: AgentHouse) -> None:
    identity = house.login("office", AgentCredential(house.token().token))
    for line in (ecdsa_key().public.line, "", "ssh-ed25519", "ssh-ed25519 AAAA", "\0"):
        with pytest.raises(AuthenticationFailed, match="no certificate"):
            house.loop.run(lambda line=line: house.door.renew(identity, line))


def test_I10_connections_of_one_installation_are_counted_at_all_replicas(house: AgentHouse) -> None:
    """I10: what others have is taken off; of a name that is not configured any more there are none."""
    house.settings = settings_of({"name": "office", "connections": 5})
    identity = house.login("office", AgentCredential(house.token().token))
    other = second_replica(house)
    for number in range(2):
        house.loop.run(partial(house.registry.connected, identity, report_of(number)))

    def seen() -> bool:
        other.look()
        return other.registry.elsewhere(identity.ident) == 2

    wait_for(seen, "both rows")
    assert other.door.most_connections(identity) == 3 and house.door.most_connections(identity) == 5
    other.settings = settings_of({"name": "lab"})
    assert other.door.most_connections(identity) == 0


def test_who_is_gone_is_forgotten(house: AgentHouse) -> None:
    key, certificate = house.enrolled()
    identity = house.login("office", signed(key, certificate))
    house.door.connected(identity, report_of())
    house.door.heartbeat(identity, report_of(streams=3))
    assert [row.report.streams for row in house.registry.here()] == [3]
    house.door.disconnected(identity, report_of())
    assert house.registry.here() == [] and house.door._until == {}


# -- workloads --------------------------------------------------------------------------------------------------------

POD = "system:serviceaccount:hoop:agent"


@pytest.fixture
def cluster(loop: Loop, store_url: str, tmp_path: Path) -> Iterator[tuple[AgentHouse, Any]]:
    """A house with an agent that is a workload, and the ring that signs its tokens."""
    ring = make_ring()
    issuer = {"name": "corp", "issuer": ring.issuer, "audience": ["hoop"], "leeway": "0s"}
    made = agent_house(
        loop,
        store_url,
        {"name": "cluster", "issuer": "corp", "subjects": [POD], "join_tokens": False},
        {"name": "grouped", "issuer": "corp", "groups": ["agents"]},
        {"name": "office"},
        issuers=[{**issuer, "jwks": str(write_jwks(ring, tmp_path / "jwks")), "algorithms": ["EdDSA"]}],
    )
    yield made, ring
    made.database.stop()


def workload(ring: Any, house: AgentHouse, subject: str = POD, seconds: int = 600, **claims: Any) -> AgentCredential:
    now = int(house.time.seconds)
    return AgentCredential(ring.token(subject, **{"iat": now, "exp": now + seconds, **claims}))


def test_a_workload_shows_its_token_and_the_next_one(cluster: tuple[AgentHouse, Any]) -> None:
    house, ring = cluster
    identity = house.login("cluster", workload(ring, house))
    assert (identity.name, identity.proof) == ("cluster", "jwt")
    with pytest.raises(AuthenticationFailed, match="no certificates"):
        house.renew(identity, new_private_key())
    house.time.seconds += 500
    again = house.login("cluster", workload(ring, house))
    assert again.ident == identity.ident
    house.time.seconds += 300  # the first token ended: who showed another one goes on
    assert house.door.still_valid(identity) and house.door.still_valid(again)
    house.time.seconds += 300
    assert not house.door.still_valid(identity) and not house.door.still_valid(again)


def test_I9_a_locked_workload_goes(cluster: tuple[AgentHouse, Any]) -> None:
    house, ring = cluster
    identity = house.login("cluster", workload(ring, house))
    house.provider.locks.lock("principal", f"{ring.issuer}|{POD}", 0.0, "left")
    assert not house.door.still_valid(identity)
    refused(house, "cluster", workload(ring, house), "locked")


def test_a_group_may_say_which_workload_it_is(cluster: tuple[AgentHouse, Any]) -> None:
    house, ring = cluster
    assert house.login("grouped", workload(ring, house, "any", groups=["agents"])).name == "grouped"
    refused(house, "grouped", workload(ring, house, "any", groups=["people"]), "not configured to be agent")


def test_a_reload_that_names_another_subject_ends_it(cluster: tuple[AgentHouse, Any]) -> None:
    house, ring = cluster
    identity = house.login("cluster", workload(ring, house))
    agents = [each.model_dump() for each in house.settings.agents]
    agents[0]["subjects"] = ["somebody-else"]
    house.settings = house.settings.model_copy(update={"agents": settings_of(*agents).agents})
    assert not house.door.still_valid(identity)
