"""A request of the gateway's own ahead of a client's, on real sockets."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.http_house import HttpHouse, RawTarget, Told, Wire, get, http_house, ok, section_of, wait_until
from tests.support.kube_bodies import compact, secret
from tests.support.loop import Loop
from twisted_hoop.http.ahead import LONGEST
from twisted_hoop.kubernetes.dialect import KubernetesDialect
from twisted_hoop.model import Command, Decision, Effect, Session
from twisted_hoop.settings import MaskSection
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.testing.fakes import ALLOWED, DENIED

PATH = "/orders/api/v1/namespaces/default/secrets/s"
MASKS = (MaskSection(name="m", sentinels="restore"),)
JSON = b"content-type: application/json"
LIVE = compact(secret())
CONFLICT = b"HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n{}"
NOT_HERE = b"HTTP/1.1 %d No\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def serving(read: bytes, write: bytes = b"", then: Callable[[Wire], None] | None = None) -> Any:
    """A target that answers GET so, and PUT with what it was sent, or so."""

    def serve(target: RawTarget, wire: Wire) -> None:
        while head := target.request(wire):
            if head.startswith(b"GET "):
                wire.send(read)
                if then is not None:
                    then(wire)
            else:
                wire.send(write or ok(target.bodies[-1], JSON))

    return serve


def house(loop: Loop, serve: Any, decide: Any = ALLOWED) -> Any:
    section = section_of(1, name="orders", protocol="kubernetes")
    return http_house(
        loop, serve, decide, masks=MASKS, dialect=KubernetesDialect(section, b"k" * 32, ShellReader(), MASKS)
    )


def word(running: HttpHouse) -> dict[str, Any]:
    """The object as it is shown."""
    found: dict[str, Any] = json.loads(running.ask(get(PATH)).body)
    assert "hunter2" not in json.dumps(found)
    return found


def put(running: HttpHouse, thing: Any) -> Told:
    return running.ask(get(PATH, "Content-Type: application/json", method="PUT", body=compact(thing)))


def test_it_is_judged_and_recorded_before_and_its_answer_stays_here(loop: Loop) -> None:
    """M11, R1: three requests over one connection; the value is sent to the target and nowhere else."""
    with house(loop, serving(ok(LIVE, JSON))) as running:
        shown = word(running)
        told = put(running, shown)
        assert told.status == 200 and json.loads(told.body)["data"] == shown["data"]
        assert json.loads(running.target.bodies[-1]) == secret() and running.target.connections == 1
        first, read, write = running.recorded("command", 3)
        assert read["action"] == "get secrets" or "get" in read["action"]
        assert (write["restored"], read["for"], read["command"]) == (1, write["command"], write["command"] + 1)
        assert len(running.recorded("outcome", 3)) == 3 and "restored" not in first
        text = json.dumps([dict(entry.data) for entry in running.entries], default=str)
        assert "hunter2" not in text and secret()["data"]["password"] not in text
        assert [line.split(b" ")[0] for line in running.target.heads] == [b"GET", b"GET", b"PUT"]


def test_a_rule_that_forbids_the_reading_forbids_the_write(loop: Loop) -> None:
    """M11: what somebody may not read is not read for them."""
    reads: list[Command] = []

    def decide(session: Session, command: Command) -> Decision:
        if any("get" in facts["verb"] for facts in command.facts):
            reads.append(command)
            return DENIED if len(reads) > 1 else ALLOWED
        return ALLOWED

    with house(loop, serving(ok(LIVE, JSON)), decide) as running:
        told = put(running, word(running))
        assert told.status == 403 and "may not be read" in json.loads(told.body)["message"]
        assert [head.split(b" ")[0] for head in running.target.heads] == [b"GET"]
        assert running.recorded("refused")[0]["command"] == 3 and running.recorded("notice")[0]["command"] == 2


def test_people_are_asked_for_it_too(loop: Loop) -> None:
    review = Decision(Effect.REVIEW, rule="held", policy_version="p1", approvers=frozenset({"sre"}), wait=30.0)
    seen: list[Command] = []

    def decide(session: Session, command: Command) -> Decision:
        seen.append(command)
        return review if len(seen) > 2 and "get" in command.facts[0]["verb"] else ALLOWED

    with house(loop, serving(ok(LIVE, JSON)), decide) as running:
        shown = word(running)
        wire = running.connect()
        wire.send(get(PATH, "Content-Type: application/json", method="PUT", body=compact(shown)))
        wait_until(lambda: running.approver.thinking, "the question")
        assert len(running.target.heads) == 1
        loop.run(lambda: running.approver.answer(True))
        assert wire.answer().status == 200 and json.loads(running.target.bodies[-1]) == secret()
        wire.close()


@pytest.mark.parametrize(("status", "told"), [(403, 403), (401, 403), (404, 422), (500, 503), (302, 503)])
def test_a_target_that_does_not_show_it(loop: Loop, status: int, told: int) -> None:
    """M11, K4: no redirect is followed, and nothing is written."""
    answers = [ok(LIVE, JSON), NOT_HERE % status]

    def serve(target: RawTarget, wire: Wire) -> None:
        while target.request(wire):
            wire.send(answers[min(len(target.heads), 2) - 1])

    with house(loop, serve) as running:
        found = put(running, word(running))
        assert found.status == told and len(running.target.heads) == 2
        assert running.recorded("outcome", 2)[1]["status"] == status


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + LIVE,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnot json!",
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(LIVE) - 4, compact(secret(name="t"))[:-4]),
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (LONGEST + 1) + b" " * (LONGEST + 1),
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 103 Early\r\n\r\n" * 12,
        ok(compact(secret(name="other")), JSON),
        ok(compact(secret(namespace="other")), JSON),
        ok(b"[" * 60000 + b"]" * 60000, JSON),
    ],
)
def test_a_target_that_says_something_else(loop: Loop, answer: bytes) -> None:
    """M11, K10: what cannot be read, is too long or is another object ends it, and nothing is written."""
    with house(loop, serving(ok(LIVE, JSON))) as running:
        shown = word(running)
    with house(loop, serving(answer, then=lambda wire: wire.close())) as running:
        told = put(running, shown)
        assert told.status in (502, 422) and not any(head.startswith(b"PUT") for head in running.target.heads)
        assert running.recorded("command") and running.recorded("outcome")


def test_a_target_that_hangs_up(loop: Loop) -> None:
    with house(loop, serving(ok(LIVE, JSON))) as running:
        shown = word(running)
    with house(loop, serving(b"HTTP/1.1 200 OK\r\ncontent-le", then=lambda wire: wire.close())) as running:
        assert put(running, shown).status == 502
        assert "closed" in running.recorded("outcome")[0]["error"]


def test_a_connection_that_ends_with_the_answer_is_replaced(loop: Loop) -> None:
    """K8."""
    serve = serving(ok(LIVE, JSON, b"connection: close"), then=lambda wire: wire.close())
    with house(loop, serve) as running:
        assert put(running, word(running)).status == 200 and running.target.connections == 3


def test_a_client_that_leaves_meanwhile(loop: Loop) -> None:
    """Nothing is written for nobody."""
    with house(loop, serving(ok(LIVE, JSON))) as running:
        shown = word(running)
    with house(loop, serving(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")) as running:
        wire = running.connect()
        wire.send(get(PATH, "Content-Type: application/json", method="PUT", body=compact(shown)))
        wait_until(lambda: running.target.heads, "the reading")
        wire.close()
        assert running.recorded("outcome")[0]["error"] == "the client left"
        wait_until(lambda: running.target.closed == 1, "the connection's end")
        assert len(running.target.heads) == 1


def test_a_change_in_between_is_told_as_it_is(loop: Loop) -> None:
    """The race of another's write between the reading and the writing is the target's to lose."""
    with house(loop, serving(ok(LIVE, JSON), CONFLICT)) as running:
        shown = copy.deepcopy(word(running))
        shown["metadata"].pop("resourceVersion")
        assert put(running, shown).status == 409
        assert json.loads(running.target.bodies[-1])["metadata"]["resourceVersion"] == "17"
