"""Visits that go on at every replica, and whose rows are of no use to anybody but the visitor."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from tests.support.approvals import AGENT_FOR_ALICE, ALICE, BOB, Office
from tests.support.loop import Loop
from twisted_hoop.console.shared_visits import OLDEST, TRUSTED, SharedVisits
from twisted_hoop.console.visits import OF_ONE, Visits, digest_of
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.news.word import VISIT
from twisted_hoop.settings import ConsoleSection
from twisted_hoop.store.tables import visits


class Replica:
    """One process: what it knows, and what it told."""

    def __init__(self, office: Office, **terms: float) -> None:
        self.told: list[tuple[str, str]] = []
        here = Visits(office.time, lambda principal: True, lambda: ConsoleSection.model_validate(terms))
        self.shared = SharedVisits(here, office.database, office.time, lambda *word: self.told.append(word))
        self.here = here


def test_a_visit_goes_on_at_another_replica_and_after_a_restart(office: Office, loop: Loop) -> None:
    one, two = Replica(office), Replica(office)
    who = replace(AGENT_FOR_ALICE, expires=1.9e9, proof_id="ab" * 32, max_sessions=3)
    who = replace(who, within=(replace(BOB, proof="bound"),), targets=frozenset({"shop", "crm"}))

    async def go() -> None:
        ident = await one.shared.begin(who, "the nonce", "the refresh token")
        assert two.here.find(ident) is None
        await two.shared.fetch(ident)
        here, there = one.here.find(ident), two.here.find(ident)
        assert here is not None and there is not None
        assert there.principal == who and there == here and there.refresh == "the refresh token"
        for other in ("", ident[:-1], ident + "x", "\ud800"):
            await two.shared.fetch(other)
            assert two.here.find(other) is None

    loop.run(go)


def test_R11_rows_tell_nobody_anything(office: Office, loop: Loop) -> None:
    """R11, I7: neither who it is, nor a token; and a row under another id, or a changed one, opens nothing."""
    one, two = Replica(office), Replica(office)

    async def go() -> None:
        ident = await one.shared.begin(ALICE, "the nonce", "the refresh token")
        other = await one.shared.begin(BOB)
        rows = {row.id: row for row in await office.database.read(lambda c: c.execute(select(visits)).all())}
        for row in rows.values():
            for secret in (b"alice", b"bob", b"refresh", b"nonce", ident.encode(), other.encode()):
                assert secret not in bytes(row.sealed) and secret.decode() not in json.dumps([row.id, row.owner])
        stolen = rows[digest_of(ident).hex()].sealed
        change = update(visits).where(visits.c.id == digest_of(other).hex()).values(sealed=stolen)
        await office.database.write(lambda c: c.execute(change) and None)
        await two.shared.fetch(other)
        assert two.here.find(other) is None

    loop.run(go)


def test_I9_a_log_out_holds_everywhere(office: Office, loop: Loop) -> None:
    """I9: at once where the word arrives, and within seconds where it is lost."""
    one, two, deaf = Replica(office), Replica(office), Replica(office)

    async def go() -> None:
        ident = await one.shared.begin(BOB)
        for each in (two, deaf):
            await each.shared.fetch(ident)
            assert each.here.find(ident)
        await one.shared.end(ident)
        assert one.told == [(VISIT, digest_of(ident).hex())]
        for garbage in ("", "x", "zz" * 32):
            two.shared.forget(garbage)
        two.shared.forget(one.told[0][1])
        await two.shared.fetch(ident)
        assert two.here.find(ident) is None and one.here.find(ident) is None
        office.time.seconds += TRUSTED
        await deaf.shared.fetch(ident)
        assert deaf.here.find(ident) is None

    loop.run(go)


def test_being_there_at_one_replica_is_not_idling_at_another(office: Office, loop: Loop) -> None:
    one, two = Replica(office, idle=100.0), Replica(office, idle=100.0)

    async def go() -> None:
        ident = await one.shared.begin(BOB)
        await two.shared.fetch(ident)
        for _ in range(6):
            office.time.seconds += 40
            await one.shared.fetch(ident)
            assert one.here.find(ident)
            await one.shared.seen(ident)
        await two.shared.fetch(ident)
        assert two.here.find(ident)
        office.time.seconds += 101
        await two.shared.fetch(ident)
        assert two.here.find(ident) is None

    loop.run(go)


def test_of_several_that_would_renew_one_does_and_all_see_it(office: Office, loop: Loop) -> None:
    """A refresh token that was used twice would end the visit at its issuer."""
    one, two = Replica(office), Replica(office)

    async def go() -> None:
        ident = await one.shared.begin(BOB, "n", "first")
        await two.shared.fetch(ident)
        assert await one.shared.claim(ident)
        assert not await two.shared.claim(ident)
        visit = one.here.find(ident)
        assert visit is not None
        visit.principal, visit.refresh = replace(BOB, groups=frozenset({"new"})), "second"
        await one.shared.changed(ident)
        two.shared.forget(one.told[-1][1])
        await two.shared.fetch(ident)
        there = two.here.find(ident)
        assert there is not None and there.refresh == "second" and there.principal.groups == {"new"}
        assert await two.shared.claim(ident)
        assert not await two.shared.claim("nobody's")

    loop.run(go)


def test_one_person_has_so_many_and_old_rows_go(office: Office, loop: Loop) -> None:
    one = Replica(office)

    async def go() -> None:
        idents = []
        for _ in range(OF_ONE + 5):
            office.time.seconds += 1
            idents.append(await one.shared.begin(BOB))
        rows = await office.database.read(lambda c: c.scalars(select(visits.c.id)).all())
        assert sorted(rows) == sorted(digest_of(ident).hex() for ident in idents[5:])
        office.time.seconds += OLDEST + 100
        await one.shared.begin(ALICE)
        assert len(await office.database.read(lambda c: c.scalars(select(visits.c.id)).all())) == 1

    loop.run(go)


def test_without_the_store_nobody_is_let_in(office: Office, loop: Loop) -> None:
    one = Replica(office)
    ident = loop.run(lambda: one.shared.begin(BOB))
    engine, office.database._engine = office.database._engine, None
    office.time.seconds += TRUSTED
    with pytest.raises(StoreUnavailable):
        loop.run(lambda: one.shared.fetch(ident))
    office.database._engine = engine
