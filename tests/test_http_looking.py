"""Masks that ask people about bodies."""

from __future__ import annotations

import pytest

from tests.support.http_house import HttpHouse, get, http_house, ok, replies, section_of, wait_until
from tests.support.loop import Loop
from twisted_hoop.http.dialect import BodyRefused
from twisted_hoop.http.looking import WHOLE, asking, with_findings
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.model import Command, Decision, Effect, Session
from twisted_hoop.policy.findings import FOUND
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.fakes import ALLOWED

ASKED = MaskSection(name="asked", detect=["card"], direction="request", action="review", approvers=["dba"])
REVIEW = Decision(Effect.REVIEW, "mask: asked", "found", approvers=frozenset({"dba"}), policy_version="v1")
BODY = b'{"n": "4111 1111 1111 1111"}'
HEAD = RequestHead(b"POST", b"/a", b"", b"h", ((b"content-type", b"application/json"),), Framing.LENGTH, len(BODY))
DIALECT = PlainDialect(section_of(1), b"k" * 32, (ASKED,))


def decide(session: Session, command: Command) -> Decision:
    """As policy does with what was found."""
    return REVIEW if any(FOUND in facts for facts in command.facts) else ALLOWED


def post(body: bytes, *headers: str) -> bytes:
    """A request with a body of JSON."""
    return get("/orders/a", "Content-Type: application/json", *headers, method="POST", body=body)


def test_which_masks_ask() -> None:
    denied = MaskSection(name="denied", detect=["card"], direction="request", action="deny")
    assert (
        asking(HEAD, (denied, ASKED)) == (ASKED,) and asking(RequestHead(b"GET", b"/", b"", b"h", ()), (ASKED,)) == ()
    )


def test_what_is_found_is_told_as_facts() -> None:
    reading = DIALECT.read(HEAD)
    found = with_findings(DIALECT, HEAD, reading, (ASKED,), BODY)
    assert found is not None and [facts[FOUND] for facts in found] == [frozenset({"asked"})]
    assert with_findings(DIALECT, HEAD, reading, (ASKED,), b'{"n": 7}') is None
    with pytest.raises(BodyRefused):
        with_findings(DIALECT, HEAD, reading, (ASKED,), b"\x00")


def waiting(house: HttpHouse) -> bool:
    """Whether people were asked."""
    return bool(house.loop.run(lambda: list(house.approver.thinking)))


@pytest.mark.parametrize("granted", [True, False])
def test_a_body_waits_for_people(loop: Loop, granted: bool) -> None:
    with http_house(loop, replies(ok()), decide, masks=(ASKED,)) as house:
        wire = house.connect()
        request = post(BODY)
        wire.send(request[:-9])
        wire.send(request[-9:])
        wait_until(lambda: waiting(house), "the question")
        assert not house.target.bodies
        house.loop.run(lambda: house.approver.answer(granted, "granted" if granted else "denied"))
        assert wire.answer().status == (200 if granted else 403)
        assert house.target.bodies == ([BODY] if granted else [])
        wire.close()


def test_bodies_without_a_find_wait_for_nobody(loop: Loop) -> None:
    with http_house(loop, replies(ok()), decide, masks=(ASKED,)) as house:
        assert house.ask(post(b'{"n": 7}')).status == 200 and house.target.bodies == [b'{"n": 7}']
        assert house.ask(get("/orders/a")).status == 200


def test_a_body_that_cannot_be_read_is_refused(loop: Loop) -> None:
    with http_house(loop, replies(ok()), decide, masks=(ASKED,)) as house:
        assert house.ask(post(b"\x1f\x8b", "Content-Encoding: gzip")).status == 415 and not house.target.bodies


def test_a_body_too_long_to_be_kept_is_refused_where_something_is_found(loop: Loop) -> None:
    long = b'{"a": "' + b"x y " * (WHOLE // 3) + b'", "n": "4111 1111 1111 1111"}'
    with http_house(loop, replies(ok()), decide, masks=(ASKED,)) as house:
        wire = house.connect()
        wire.send(post(long)[:-40])
        wire.send(long[-40:])
        assert wire.answer().status == 403 and not waiting(house)
        assert not any(b"1111" in body for body in house.target.bodies)
        wire.close()
