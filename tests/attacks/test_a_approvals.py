"""Attacks on approvals, carried out against the whole room on a real store: A1 to A8, P18."""

from __future__ import annotations

import multiprocessing
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
from twisted.internet.defer import ensureDeferred

from tests.support.approvals import (
    AGENT_FOR_ALICE,
    ALICE,
    BOB,
    CAROL,
    DELETE,
    ISSUER,
    RETRY,
    REVIEW,
    Office,
    Time,
    open_office,
    session_of,
)
from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.approval import changes, ledger
from twisted_hoop.approval.ballots import Objection, Vote
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, Request, make_request
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Actor, Approval, Command, Decision, Kind, Principal, Session
from twisted_hoop.store.database import Database

DBA = frozenset({"dba"})
RACERS = 8


def filed(office: Office, loop: Loop, session: Session, decision: Decision = RETRY, command: Command = DELETE) -> str:
    return loop.run(lambda: office.approver.file(session, command, decision)).request.id


def vote(office: Office, loop: Loop, ident: str, who: Principal, granted: bool = True) -> str:
    """The request's state afterwards, or the code of the objection."""

    async def go() -> str:
        try:
            return (await office.desk.decide(who, ident, granted)).state.value
        except Objection as objection:
            return objection.code

    return loop.run(go)


def usable(
    office: Office, loop: Loop, session: Session, command: Command = DELETE, decision: Decision = RETRY
) -> Approval | None:
    return loop.run(lambda: office.approver.usable(session, command, decision))


@pytest.mark.parametrize(
    "voter",
    [
        replace(ALICE, groups=DBA),  # the requester, who is an approver too
        Principal(ISSUER, "agent-7", groups=DBA),  # the agent behind the request
        replace(BOB, chain=(Actor(ISSUER, "agent-7"),)),  # the agent, in a real approver's name
        replace(BOB, chain=(Actor(ISSUER, "alice"),)),  # the requester, in a real approver's name
        replace(BOB, chain=(Actor(ISSUER, "agent-8"),)),  # any agent in an approver's name
        Principal(ISSUER, "robot", groups=DBA, kind=Kind.MACHINE),
    ],
)
def test_a1_self_approval(office: Office, loop: Loop, voter: Principal) -> None:
    """A1: of an agent acting for alice: neither of the two, by whatever name, nor any program."""
    session = session_of(AGENT_FOR_ALICE)
    ident = filed(office, loop, session)
    # Who acts for an approver is not even told that there is a request.
    assert vote(office, loop, ident, voter) == ("missing" if voter.chain else "forbidden")
    assert usable(office, loop, session) is None
    assert vote(office, loop, ident, BOB) == "granted"


def test_a2_one_person_in_two_groups(office: Office, loop: Loop) -> None:
    """A2: two votes by one person, in different groups and with different tokens, are one."""
    decision = replace(RETRY, quorum=2, approvers=frozenset({"dba", "security"}))
    ident = filed(office, loop, session_of(), decision)
    assert vote(office, loop, ident, replace(BOB, groups=DBA, proof_id="one")) == "pending"
    again = replace(BOB, groups=frozenset({"security"}), name="Robert", proof_id="two")
    assert vote(office, loop, ident, again) == "decided"
    assert usable(office, loop, session_of(), decision=decision) is None
    assert vote(office, loop, ident, CAROL) == "granted"


def test_a3_what_is_shown_is_what_runs(office: Office, loop: Loop) -> None:
    """A3: a tail behind many spaces, a bidi override, a homoglyph: stored to the byte; cut texts are never filed."""
    text = "SELECT 1 --" + " " * 5000 + "\n; DROP TABLE p\u0430yments \u202e"
    ident = filed(office, loop, session_of(), command=replace(DELETE, text=text))
    stored = loop.run(lambda: office.desk.show(BOB, ident))
    assert stored.text == text
    vote(office, loop, ident, BOB)
    for other in (text[:4090], text + " ", text.replace("\u0430", "a"), text.replace("\u202e", "")):
        assert usable(office, loop, session_of(), replace(DELETE, text=other)) is None
    assert usable(office, loop, session_of(), replace(DELETE, text=text)) is not None
    with pytest.raises(LimitExceeded):
        filed(office, loop, session_of(), command=replace(DELETE, text="x" * (64 * 1024 + 1)))


def test_a4_replayed_for_something_else(office: Office, loop: Loop) -> None:
    """A4: another command, parameter, target, database, identity, delegation or time; and twice."""
    session = session_of()
    vote(office, loop, filed(office, loop, session), BOB)
    other_target = replace(session, target=replace(session.target, name="payroll"))
    for elsewhere in (
        other_target,
        session_of(database="payroll"),
        session_of(CAROL),
        session_of(AGENT_FOR_ALICE),
        session_of(replace(ALICE, issuer="https://other.example")),
    ):
        assert usable(office, loop, elsewhere) is None
    for command in (replace(DELETE, text="DELETE FROM customers;"), replace(DELETE, parameters=("1",))):
        assert usable(office, loop, session, command) is None
    assert usable(office, loop, session) is not None
    assert usable(office, loop, session) is None
    vote(office, loop, filed(office, loop, session), BOB)
    office.time.seconds += RETRY.valid
    assert usable(office, loop, session) is None


def test_a5_p18_things_changed_after_the_approval(office: Office, loop: Loop) -> None:
    """A5, P18: another policy or rule, another search_path, an object that is another by now."""
    session = session_of()
    vote(office, loop, filed(office, loop, session), BOB)
    moved = ({"class": frozenset({"write"}), "table": frozenset({"evil.customers"})},)
    assert usable(office, loop, session, decision=replace(RETRY, policy_version="v2")) is None
    assert usable(office, loop, session, decision=replace(RETRY, quorum=2)) is None
    assert usable(office, loop, session, replace(DELETE, context=(("search_path", "evil, public"),))) is None
    assert usable(office, loop, session, replace(DELETE, facts=moved)) is None
    assert usable(office, loop, session) is not None


def test_a6_approval_outlives_session_or_user(office: Office, loop: Loop) -> None:
    """A6: granted to a session that is gone, while it is asked for, and to a principal that is locked."""
    session, decision = session_of(), replace(REVIEW, uses=5)

    async def first() -> Approval:
        pending = await office.approver.file(session, DELETE, decision)
        answer = ensureDeferred(pending.wait())
        await office.desk.decide(BOB, pending.request.id, True)
        return await answer

    assert loop.run(first).granted
    assert usable(office, loop, session, decision=decision) is not None
    assert usable(office, loop, session_of(session_id="session-2"), decision=decision) is None
    loop.run(lambda: office.approver.ended(session))
    # What ends it is written in a thread of the store: soon, and before its five uses are up.
    assert any(time.sleep(0.2) or usable(office, loop, session, decision=decision) is None for _ in range(3))
    vote(office, loop, filed(office, loop, session_of(session_id="session-3")), BOB)
    office.locked.add(ALICE.key)
    assert usable(office, loop, session_of(session_id="session-3")) is None


def test_a6_an_approver_who_lost_the_role(office: Office, loop: Loop) -> None:
    """A6: groups count at the moment of the decision, by the token shown then."""
    ident = filed(office, loop, session_of())
    assert vote(office, loop, ident, replace(BOB, groups=frozenset({"developers"}))) == "missing"
    assert usable(office, loop, session_of()) is None


def test_a7_flooding_the_approvers(office: Office, loop: Loop) -> None:
    """A7: a loop that sends the same thing files one request, and one that varies it is stopped."""
    same = {filed(office, loop, session_of(session_id=f"session-{number}")) for number in range(30)}
    assert len(same) == 1
    with pytest.raises(LimitExceeded):
        for number in range(30):
            filed(office, loop, session_of(), command=replace(DELETE, text=f"DELETE FROM t{number}"))
    assert len(loop.run(lambda: office.desk.list(BOB, [State.PENDING]))) == Caps().pending


@pytest.fixture(params=["sqlite", "postgresql"])
def replicas(request: pytest.FixtureRequest) -> Iterator[tuple[Database, Database]]:
    """Two processes' databases on one store: one SQLite file, and one PostgreSQL database."""
    if request.param == "sqlite":
        url = request.getfixturevalue("store_url")
    else:
        server: Server = request.getfixturevalue("postgres")
        name = f"race_{secrets.token_hex(4)}"
        server.create_database(name)
        url = f"postgresql+psycopg://{server.user}:{server.password}@{server.host}:{server.port}/{name}"
    both = Database(url, None), Database(url, None)
    for database in both:
        database.start()
    yield both
    for database in both:
        database.stop()


def race(databases: tuple[Database, Database], work: object) -> list[object]:
    """Run `work(connection, number)` in RACERS threads at once, over both databases; results or errors."""
    start, results = threading.Barrier(RACERS), [None] * RACERS

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = databases[number % 2].write_now(lambda c: work(c, number))  # type: ignore[operator]
        except Exception as fault:
            results[number] = fault  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(results)


def _request(database: Database, decision: Decision = RETRY, now: float = 0.0) -> Request:
    request = make_request(session_of(), DELETE, decision, now, Caps())
    return database.write_now(lambda c: ledger.file(c, request, Caps())).request


@pytest.mark.parametrize("round_number", range(3))
def test_a8_eight_approvers_race(replicas: tuple[Database, Database], round_number: int) -> None:
    """A8: yes and no at once, across replicas: one vote decides, the others are told that it is decided."""
    request = _request(replicas[0])
    people = [Principal(ISSUER, f"p{n}", groups=DBA) for n in range(RACERS)]

    def decide(connection: object, number: int) -> object:
        cast = Vote(people[number].key, "", number % 2 == 0, "", 1.0)
        return changes.cast_vote(connection, request.id, people[number], cast, "")  # type: ignore[arg-type]

    results = race(replicas, decide)
    winners = [result for result in results if isinstance(result, Request)]
    losers = [result for result in results if isinstance(result, Objection)]
    assert len(winners) == 1 and len(losers) == RACERS - 1
    assert {loser.code for loser in losers} == {"decided"}
    found = replicas[1].read_now(lambda c: ledger.fetch(c, request.id, 1.0))
    assert found is not None and found.state is winners[0].state and len(found.votes) == 1


def test_a8_a4_eight_uses_race(replicas: tuple[Database, Database]) -> None:
    """A8, A4: three uses are three, however many ask at once."""
    request = _request(replicas[0], replace(RETRY, uses=3))
    replicas[0].write_now(lambda c: changes.cast_vote(c, request.id, BOB, Vote(BOB.key, "", True, "", 1.0), ""))
    results = race(replicas, lambda c, _: changes.consume(c, request.digest, "s", ALICE.key, 2.0))
    assert sum(isinstance(result, Request) for result in results) == 3
    assert sum(result is None for result in results) == RACERS - 3


def test_a8_a7_eight_sessions_file_the_same(replicas: tuple[Database, Database]) -> None:
    """A7, A8: identical requests share one, also when replicas file them at once."""

    def file(connection: object, number: int) -> Request:
        request = make_request(session_of(session_id=f"session-{number}"), DELETE, RETRY, 0.0, Caps())
        return ledger.file(connection, request, Caps()).request  # type: ignore[arg-type]

    results = race(replicas, file)
    assert len({result.id for result in results if isinstance(result, Request)}) == 1
    assert all(isinstance(result, Request) for result in results)


def test_a8_one_voter_in_two_replicas(replicas: tuple[Database, Database]) -> None:
    """A8, A2: the same person's votes at once count once."""
    request = _request(replicas[0], replace(RETRY, quorum=2))

    def decide(connection: object, _: int) -> object:
        return changes.cast_vote(connection, request.id, BOB, Vote(BOB.key, "", True, "", 1.0), "")  # type: ignore[arg-type]

    results = race(replicas, decide)
    assert sum(isinstance(result, Request) for result in results) == 1
    found = replicas[1].read_now(lambda c: ledger.fetch(c, request.id, 1.0))
    assert found is not None and found.state is State.PENDING and len(found.votes) == 1


def test_a8_the_deadline_is_checked_where_the_vote_is_counted(store_url: str, loop: Loop) -> None:
    """A8: nothing depends on a timer: a vote a second late is refused although nobody expired the row."""
    time = Time()
    late = open_office(store_url, loop.reactor, time)
    ident = filed(late, loop, session_of(), REVIEW)
    time.seconds += REVIEW.wait
    assert vote(late, loop, ident, BOB) == "decided"
    late.database.stop()


def _in_a_process(url: str, approval_id: str, number: int) -> str:
    """One approver's vote, in a process of its own: the state it came to, or the objection's code."""
    database = Database(url, None)
    database.start()
    who = Principal(ISSUER, f"p{number}", groups=DBA)
    cast = Vote(who.key, "", number % 2 == 0, "", 1.0)
    try:
        return database.write_now(lambda c: changes.cast_vote(c, approval_id, who, cast, "")).state.value
    except Objection as objection:
        return objection.code
    finally:
        database.stop()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a8_approvers_race_in_processes_of_their_own(request: pytest.FixtureRequest, kind: str) -> None:
    """A8: compare-and-set holds between processes too, on one SQLite file and on one PostgreSQL database."""
    if kind == "sqlite":
        url = request.getfixturevalue("store_url")
    else:
        server: Server = request.getfixturevalue("postgres")
        name = f"race_{secrets.token_hex(4)}"
        server.create_database(name)
        url = f"postgresql+psycopg://{server.user}:{server.password}@{server.host}:{server.port}/{name}"
    database = Database(url, None)
    database.start()
    asked = _request(database)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        results = list(processes.map(_in_a_process, [url] * 4, [asked.id] * 4, range(4)))
    found = database.read_now(lambda c: ledger.fetch(c, asked.id, 1.0))
    database.stop()
    assert sorted(results)[:3] == ["decided"] * 3 and found is not None and len(found.votes) == 1
    assert found.state.value in results


def test_i9_a2_the_word_of_who_is_locked_does_not_count(office: Office, loop: Loop) -> None:
    """I9, A2: somebody with bob's stolen token said yes; bob is locked; carol's yes alone is not two people's."""
    terms = replace(RETRY, quorum=2)
    ident = filed(office, loop, session_of(), terms)
    assert vote(office, loop, ident, BOB) == "pending"
    decided = filed(office, loop, session_of(), RETRY)
    assert vote(office, loop, decided, BOB) == "granted"
    loop.run(lambda: office.approver.locked(BOB.key))
    assert vote(office, loop, ident, CAROL) == "pending"
    request = loop.run(lambda: office.desk.show(CAROL, ident))
    assert [each.key for each in request.votes] == [CAROL.key]
    assert loop.run(lambda: office.desk.show(CAROL, decided)).votes[0].key == BOB.key  # what was decided stays written
