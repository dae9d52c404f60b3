"""Whose a row is, in Python and in SQL alike."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, select

from tests.support.approvals import ALICE, BOB, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.model import Actor, Principal
from twisted_hoop.store.codec import dumps, principal_data
from twisted_hoop.store.owning import acted, chain_json, owned, owns
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.store.tables import sessions

SEVEN, EIGHT = Actor("https://agents.example", "agent-7"), Actor("https://agents.example", "agent-8")
CHAINS = [(), (SEVEN,), (EIGHT,), (SEVEN, EIGHT), (EIGHT, SEVEN), (Actor(SEVEN.issuer, "Agent-7"),)]
WHO = [replace(person, chain=chain) for person in (ALICE, BOB) for chain in CHAINS]


def test_a_person_has_all_that_is_theirs_and_an_agent_what_it_did() -> None:
    acting = replace(ALICE, chain=(SEVEN,))
    for owner in WHO:
        found = owns(ALICE, owner.key, principal_data(owner)), owns(acting, owner.key, principal_data(owner))
        assert found == (owner.key == ALICE.key, owner == acting)


def test_the_sql_says_the_same(office: Office, loop: Loop) -> None:
    """With names that look like a chain, and one that differs in upper case only."""
    index = SessionIndex(office.database, office.time)
    tricky = [replace(ALICE, name=chain_json(WHO[1])), replace(ALICE, name=dumps({"issuer": "i", "subject": "s"}))]
    people = [*WHO, *tricky]

    async def go() -> None:
        for number, owner in enumerate(people):
            await index.opened(session_of(owner, f"session-{number}"))

    loop.run(go)
    for viewer in WHO:
        wanted = {f"session-{n}" for n, o in enumerate(people) if owns(viewer, o.key, principal_data(o))}
        assert found(office, owned(sessions, viewer)) == wanted
    for key in (f"{SEVEN.issuer}|{SEVEN.subject}", "i|s", ALICE.key):
        links = [{f"{a.issuer}|{a.subject}" for a in owner.chain} for owner in people]
        assert found(office, acted(sessions, key)) == {f"session-{n}" for n, keys in enumerate(links) if key in keys}


def found(office: Office, condition: ColumnElement[bool]) -> set[str]:
    query = select(sessions.c.id).where(condition)
    return office.database.read_now(lambda connection: set(connection.scalars(query)))


@given(
    st.text(max_size=20),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_a_chain_is_the_beginning_of_its_own_rows_and_of_no_others(
    name: str, one: list[tuple[str, str]], two: list[tuple[str, str]]
) -> None:
    def who(links: list[tuple[str, str]]) -> Principal:
        return Principal("i", "s", name, chain=tuple(Actor(*link) for link in links))

    assert dumps(principal_data(who(one))).startswith(chain_json(who(two))) == (one == two)
