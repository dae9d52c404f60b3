"""Access to a target for a while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.approvals import AGENT_FOR_ALICE, ALICE, BOB, CAROL, ISSUER, Office
from tests.support.loop import Loop
from twisted_hoop.approval.access import AccessDesk
from twisted_hoop.approval.ballots import Objection
from twisted_hoop.approval.grants import Grant, Grants, granted
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Request
from twisted_hoop.model import Principal
from twisted_hoop.settings import Settings

HOUR = 3600.0
SETTINGS = Settings.model_validate(
    {
        "targets": [
            {
                "name": "shop",
                "protocol": "postgres",
                "endpoint": "tcp:db:5432",
                "groups": ["dba"],
                "request_groups": ["developers"],
                "request_approvers": ["dba"],
                "request_longest": "2h",
            },
            {"name": "closed", "protocol": "postgres", "endpoint": "tcp:db:5432", "groups": ["dba"]},
        ]
    }
)


def ask(office: Office, loop: Loop, who: Principal = ALICE, seconds: float = HOUR, target: str = "shop") -> Request:
    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    return loop.run(lambda: desk.ask(who, target, seconds, "ticket 4711", "v1"))


def holding(office: Office) -> list[Grant]:
    return office.database.read_now(lambda c: granted(c, office.time()))


def test_from_asking_to_the_hard_end(office: Office, loop: Loop) -> None:
    request = ask(office, loop)
    assert (request.text, request.state, request.for_access) == ("open shop for 1 hour", State.PENDING, True)
    assert holding(office) == []
    decided = loop.run(lambda: office.desk.decide(BOB, request.id, True, digest=request.digest))
    assert decided.until == office.time() + HOUR
    (grant,) = holding(office)
    grants = Grants()
    grants.replace([grant], office.time())
    assert grants.holds(ALICE, "shop", office.time()) == grant
    assert grants.holds(ALICE, "closed", office.time()) is None
    assert grants.holds(CAROL, "shop", office.time()) is None
    office.time.seconds += HOUR
    grants.replace([grant], office.time())
    assert grants.holds(ALICE, "shop", office.time()) is None and holding(office) == []


def test_what_one_holds_and_may_ask_for(office: Office, loop: Loop) -> None:
    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    request = ask(office, loop)
    assert loop.run(lambda: desk.held(ALICE)) == []
    loop.run(lambda: office.desk.decide(BOB, request.id, True))
    assert [grant.target for grant in loop.run(lambda: desk.held(ALICE))] == ["shop"]
    assert loop.run(lambda: desk.held(AGENT_FOR_ALICE)) == loop.run(lambda: desk.held(BOB)) == []


def test_A4_an_agents_access_is_not_its_users_nor_the_other_way_round(office: Office, loop: Loop) -> None:
    request = ask(office, loop, AGENT_FOR_ALICE)
    assert ask(office, loop, ALICE).id != request.id
    loop.run(lambda: office.desk.decide(BOB, request.id, True))
    grants = Grants()
    grants.replace(holding(office), office.time())
    assert grants.holds(AGENT_FOR_ALICE, "shop", office.time()) is not None
    assert grants.holds(ALICE, "shop", office.time()) is None


def test_A1_nobody_lets_themselves_in(office: Office, loop: Loop) -> None:
    request = ask(office, loop, replace(ALICE, groups=frozenset({"developers", "dba"})))
    with pytest.raises(Objection, match="nobody approves"):
        loop.run(lambda: office.desk.decide(replace(ALICE, groups=frozenset({"dba"})), request.id, True))


def test_A7_asking_again_is_the_same_request(office: Office, loop: Loop) -> None:
    assert ask(office, loop).id == ask(office, loop).id
    assert ask(office, loop, seconds=2 * HOUR).id != ask(office, loop).id


@pytest.mark.parametrize(
    ("target", "seconds", "reason", "code"),
    [
        ("closed", HOUR, "x", "missing"),
        ("nowhere", HOUR, "x", "missing"),
        ("shop", 2 * HOUR + 1, "x", "forbidden"),
        ("shop", 59.0, "x", "forbidden"),
        ("shop", float("nan"), "x", "forbidden"),
        ("shop", HOUR, " ", "forbidden"),
    ],
)
def test_what_may_not_be_asked(office: Office, loop: Loop, target: str, seconds: float, reason: str, code: str) -> None:
    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    with pytest.raises(Objection) as caught:
        loop.run(lambda: desk.ask(ALICE, target, seconds, reason, "v1"))
    assert caught.value.code == code


def test_only_those_it_is_for_may_ask(office: Office, loop: Loop) -> None:
    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    assert [section.name for section in desk.offers(ALICE)] == ["shop"] and desk.offers(CAROL) == []


def test_i8_who_acts_asks_for_nothing_it_could_not_have_itself(office: Office, loop: Loop) -> None:
    """I8: nor is it told that there is such a target. What a group opens to it, it need not be able to ask for."""
    desk = AccessDesk(office.shelf, lambda: SETTINGS)
    for groups, found in ((["ai"], []), (["developers"], ["shop"]), (["dba"], ["shop"])):
        agent = Principal(ISSUER, "agent-7", groups=frozenset(groups), proof="bound")
        acting = replace(AGENT_FOR_ALICE, within=(agent,))
        assert [section.name for section in desk.offers(acting)] == found
    with pytest.raises(Objection):
        ask(office, loop, replace(AGENT_FOR_ALICE, within=(Principal(ISSUER, "agent-7"),)))


def test_A6_what_is_taken_back_or_locked_holds_no_more(office: Office, loop: Loop) -> None:
    for end in ("taken back", "locked"):
        request = ask(office, loop)
        loop.run(lambda ident=request.id: office.desk.decide(BOB, ident, True))  # type: ignore[misc]
        assert len(holding(office)) == 1
        if end == "locked":
            loop.run(lambda: office.approver.locked(ALICE.key))
        else:
            loop.run(lambda ident=request.id: office.desk.take_back(BOB, ident))  # type: ignore[misc]
        assert holding(office) == []
