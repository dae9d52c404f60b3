"""I8, R2: who acts for somebody, at every call of the API: it sees and ends what it did itself, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.approvals import DELETE, REVIEW, Office, session_of
from tests.support.exchange import Exchanging, ask, exchanging_api, form_of
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.recordings import command, recorded
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Principal
from twisted_hoop.web.feed import OF_ONE
from twisted_hoop.web.routes import Row, make_table


@dataclass
class House:
    """Alice, two agents that act for her, and carol; a session and a request of each; tokens by name."""

    api: Api
    tokens: dict[str, str]
    people: dict[str, Principal]
    sessions: dict[str, str]
    requests: dict[str, str]

    def of_others(self, who: str) -> set[str]:
        """Ids of what the others have."""
        return {ident for owned in (self.sessions, self.requests) for name, ident in owned.items() if name != who}


@pytest.fixture
def house(office: Office, loop: Loop, tmp_path: Path) -> Iterator[House]:
    with exchanging_api(office, loop, tmp_path) as (door, api):
        tokens = _tokens(door, api)
        people = {name: replace(door.proved(token), expires=None) for name, token in tokens.items()}
        sessions = {name: f"session-of-{name}" for name in people}
        for name, who in people.items():
            session = replace(session_of(who, sessions[name]), started=office.time())
            loop.run(partial(api.parts.sessions.opened, session))
            recorded(api.state, command(f"select '{name}'"), name=sessions[name])
        requests = {
            name: api.file(who, REVIEW, replace(DELETE, text=f"delete from {name}")) for name, who in people.items()
        }
        yield House(api, tokens, people, sessions, requests)


def _tokens(door: Exchanging, api: Api) -> dict[str, str]:
    """Both agents are in the group that approves, as alice is: what each of the three may in person is the most."""

    def acting(agent: str) -> str:
        found: str = ask(api, form_of(alice, door.agent(agent, "ai", "dba", "auditors", "operators"))).json[
            "access_token"
        ]
        return found

    alice = door.person("alice", "dev", "dba", "auditors", "operators")
    return {"alice": alice, "seven": acting("agent-7"), "eight": acting("agent-8"), "carol": door.person("carol")}


def calls(house: House) -> list[tuple[str, str]]:
    """Method and path of every call of the API that wants a token, with each id of the others in its place."""
    found = []
    for method, path, endpoint in table(house):
        if endpoint.access == "anybody" or path == "/v1/events":
            continue
        idents = house.of_others("seven") if "<id:ident>" in path else {""}
        found += [(method, path.replace("<id:ident>", ident)) for ident in sorted(idents)]
    return found


def table(house: House) -> list[Row]:
    return make_table(house.api.parts, house.api.loop.reactor)


def test_i8_no_call_tells_an_agent_of_what_it_did_not_do(house: House) -> None:
    """I8: every call there is, with every id: not one answer names what the person or another agent did."""
    others, tried = house.of_others("seven"), calls(house)
    assert len(tried) > 60
    for method, path in tried:
        body = {"reason": "r", "comment": "c"} if method == "POST" else None
        answer = house.api.ask(method, path, token=house.tokens["seven"], body=body)
        told = answer.body.decode()
        known = {ident for ident in others if ident in told and ident not in path}
        assert not known, (method, path, told)
        assert "delete from alice" not in told and "select 'alice'" not in told, (method, path)
        if any(ident in path for ident in others):
            assert answer.status in (400, 403, 404, 405), (method, path, told)
    assert {name: state(house, name) for name in house.requests} == dict.fromkeys(house.requests, "pending")


def state(house: House, name: str) -> str:
    found = house.api.ask("GET", f"/v1/approvals/{house.requests[name]}", token=house.tokens["alice"])
    return str(found.json["state"])


def test_i8_it_sees_and_ends_what_it_did(house: House) -> None:
    """I8: its own stays its own, however the list is asked for; a query that names the person finds no more."""
    token, mine = house.tokens["seven"], (house.sessions["seven"], house.requests["seven"])
    for query in ("", "?subject=alice", "?who=alice", "?target=shop", "?state=live"):
        found = house.api.ask("GET", f"/v1/sessions{query}", token=token).json["sessions"]
        assert [each["id"] for each in found] == [mine[0]], query
    assert house.api.ask("GET", f"/v1/sessions/{mine[0]}", token=token).json["chain"] == ["agent-7"]
    assert house.api.ask("GET", f"/v1/sessions/{mine[0]}/entries", token=token).status == 403, "R2: for auditors"
    found = house.api.ask("GET", "/v1/approvals?state=all", token=token).json["approvals"]
    assert [each["id"] for each in found] == [mine[1]]
    assert house.api.ask("GET", "/v1/approvals?scope=all", token=token).status == 403
    assert house.api.ask("POST", f"/v1/approvals/{mine[1]}/end", token=token, body={}).status == 200


def test_i8_the_person_sees_all_that_is_theirs(house: House) -> None:
    """Also what the agents did, and may end it."""
    person = ask(house.api, form_of(house.tokens["alice"], scope="group:dev")).json["access_token"]
    sessions = house.api.ask("GET", "/v1/sessions", token=person).json["sessions"]
    assert {each["id"] for each in sessions} == {house.sessions[who] for who in ("alice", "seven", "eight")}
    requests = house.api.ask("GET", "/v1/approvals", token=person).json["approvals"]
    assert {each["id"] for each in requests} == {house.requests[who] for who in ("alice", "seven", "eight")}
    assert house.api.ask("POST", f"/v1/approvals/{house.requests['eight']}/end", token=person, body={}).status == 200


def test_i8_an_agent_behind_an_agent_is_another(house: House, office: Office, loop: Loop) -> None:
    """I8: what is told apart is the whole chain."""
    both = replace(house.people["seven"], chain=(*house.people["eight"].chain, *house.people["seven"].chain))
    session = replace(session_of(both, "session-of-both"), started=office.time())
    loop.run(lambda: house.api.parts.sessions.opened(session))
    for who in ("seven", "eight"):
        assert house.api.ask("GET", "/v1/sessions/session-of-both", token=house.tokens[who]).status == 404
    assert house.api.ask("GET", "/v1/sessions/session-of-both", token=house.tokens["alice"]).status == 200


def test_i8_events_are_told_by_the_same_rule(house: House, office: Office, loop: Loop) -> None:
    """I8: the feed that pages and programs watch."""
    feed = house.api.parts.feed
    own: dict[str, set[str]] = {"alice": set(), "seven": set(), "eight": set()}
    topics, audits = ("approvals", "sessions"), house.api.parts.audits
    watchers = {
        who: loop.run(partial(feed.watch, house.people[who], topics, audits(house.people[who])))
        for who in ("seven", "eight")
    }
    office.time.seconds += 60
    for who in own:
        session = replace(session_of(house.people[who], f"later-of-{who}"), started=office.time())
        loop.run(partial(house.api.parts.sessions.opened, session))
        own[who] = {session.id, house.api.file(house.people[who], REVIEW, replace(DELETE, text=f"drop {who}"))}
    told: dict[str, set[str]] = {"seven": set(), "eight": set()}

    def look() -> bool:
        for who, watcher in watchers.items():
            lines = loop.run(watcher.take).decode().splitlines()
            told[who] |= {json.loads(line[6:])["id"] for line in lines if line.startswith("data: ")}
        return all(told[who] >= own[who] for who in told)

    wait_for(look, "their own events")
    office.time.seconds += 1
    last = house.api.file(house.people["eight"], REVIEW, replace(DELETE, text="the last"))
    wait_for(lambda: look() and last in told["eight"], "the last event, behind all others")
    for who, more in (("seven", set()), ("eight", {last})):
        assert told[who] <= own[who] | more | {house.sessions[who], house.requests[who]}


def test_r14_an_agent_that_watches_takes_no_place_of_the_person(house: House, loop: Loop) -> None:
    feed, agent, person = house.api.parts.feed, house.people["seven"], house.people["alice"]
    for _ in range(OF_ONE):
        loop.run(lambda: feed.watch(agent, ("approvals",), False))
    with pytest.raises(LimitExceeded):
        loop.run(lambda: feed.watch(agent, ("approvals",), False))
    assert loop.run(lambda: feed.watch(person, ("approvals",), False))
