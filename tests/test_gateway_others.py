"""What a process shares with the other replicas of its store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.composed import ground_of, started_ground
from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.test_replicas_cancels import Wire
from twisted_hoop.gateway.agents import Agents
from twisted_hoop.gateway.deciding import Deciding
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.others import Others, news_of
from twisted_hoop.gateway.people import People
from twisted_hoop.model import Principal
from twisted_hoop.news.local import LocalNews
from twisted_hoop.news.postgresql import PostgresNews
from twisted_hoop.news.word import CANCEL, LOCKS, VISIT, Silence, Word
from twisted_hoop.sessions import key_digest
from twisted_hoop.store.replicas import Replicas

OLGA = Principal("https://issuer.test", "olga", groups=frozenset({"operators"}))


@dataclass
class World:
    """One process's share, and what was called of it."""

    ground: Ground
    others: Others
    wire: Wire
    called: list[str]


@pytest.fixture
def world(loop: Loop, tmp_path: Path) -> Iterator[World]:
    with started_ground(loop, tmp_path) as ground:
        called: list[str] = []
        wire = Wire()
        others = loop.run(lambda: others_of(ground, wire, called))
        yield World(ground, others, wire, called)


def others_of(ground: Ground, wire: Wire, called: list[str]) -> Others:
    people = People(ground)
    deciding = Deciding(ground, people)
    identity = (people.provider, people.authority, people.keys.agent_ca)
    place: Any = (ground.database, ground.ident, wire.tell, ground.state)
    agents = Agents(ground.reactor, ground.in_force, *identity, *place)
    return Others(ground, people, deciding, agents, wire, lambda: called.append("struck"), called.append)


def test_who_is_alone_tells_nobody_and_workers_tell_each_other(loop: Loop, tmp_path: Path) -> None:
    heard: list[Word] = []
    assert isinstance(news_of(ground_of(loop, tmp_path), heard.append), Silence)
    assert isinstance(news_of(ground_of(loop, tmp_path, number=0), heard.append), LocalNews)


def test_over_a_store_that_others_may_have_words_go_by_it(loop: Loop, tmp_path: Path, postgres: Server) -> None:
    url = f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/composed"
    ground = ground_of(loop, tmp_path, f'[store]\nurl = "{url}"\n')
    assert isinstance(news_of(ground, list[Word]().append), PostgresNews)


def test_i9_who_is_locked_out_is_so_here_at_once_and_the_others_are_told(world: World, loop: Loop) -> None:
    """I9: the lock, the word, and the look at every live session."""
    loop.run(lambda: world.others.locking.lock(OLGA, "target", "shop", 0, "incident 7"))
    assert world.called == ["struck"] and (LOCKS, "") in world.wire.told


def test_words_of_others_reach_those_they_are_for(world: World, loop: Loop) -> None:
    visits: list[str] = []
    hearing = world.others.hearing(lambda: world.called.append("nudged"), visits.append)
    loop.run(lambda: hearing.heard(Word(VISIT, "abc")))
    assert visits == ["abc"] and world.called == []
    loop.run(lambda: hearing.heard(Word("approval", "r1")))
    assert world.called == ["nudged"]
    loop.run(lambda: hearing.heard(Word("of-a-newer-version", "?")))


def test_p6_a_cancel_key_nobody_has_here_is_asked_for_elsewhere(world: World, loop: Loop) -> None:
    """P6: by its digest alone."""
    loop.run(lambda: world.others.cancels.cancel(7, b"k" * 32))
    assert world.wire.told == [(CANCEL, key_digest(7, b"k" * 32))]


def test_a_replica_says_how_it_is(world: World, loop: Loop) -> None:
    loop.run(world.others.membership.start)
    found = loop.run(Replicas(world.ground.database).all)
    loop.run(world.others.membership.stop)
    assert [(each.id, each.name, each.sessions) for each in found] == [
        (world.ground.ident, world.ground.settings.gateway.name, 0)
    ]


def test_who_is_asked_to_stop_does(world: World, loop: Loop) -> None:
    """And is told who asked, and why, once."""
    loop.run(world.others.membership.start)
    loop.run(world.others.follower.look)
    assert world.called == []
    loop.run(lambda: Replicas(world.ground.database).drain(world.ground.ident, "olga: a new version"))
    for _ in range(2):
        loop.run(world.others.follower.look)
    loop.run(world.others.membership.stop)
    assert world.called == ["olga: a new version"]
