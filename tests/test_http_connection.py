"""One client connection: proved, routed, one request after the other, ended where it must be."""

from __future__ import annotations

import contextlib

from tests.support.http_house import TOKEN, RawTarget, Wire, get, http_house, ok, replies, wait_until
from tests.support.loop import Loop
from twisted_hoop.model import Decision, Effect
from twisted_hoop.testing.fakes import DENIED

REVIEW = Decision(Effect.REVIEW, "ask", "two eyes", approvers=frozenset({"dba"}), policy_version="v1")


def test_a_request_reaches_the_target_with_its_credential_and_not_the_clients(loop: Loop) -> None:
    with http_house(loop, replies(ok(b"hello", b"X-Kind: a"))) as house:
        told = house.ask(get("/orders/v1/x?y=1", "X-Trace: 7"))
        assert (told.status, told.body, told.headers["x-kind"]) == (200, b"hello", "a")
        head = house.target.heads[0].decode()
        assert head.startswith("GET /v1/x?y=1 HTTP/1.1\r\n") and "x-trace: 7" in head
        assert "authorization: Bearer s3cret" in head and TOKEN not in head
        assert house.recorded("command")[0]["text"] == "GET /v1/x?y=1"
        outcome = house.recorded("outcome")[0]
        assert (outcome["status"], outcome["bytes"], outcome["masked"]) == (200, 5, 0) and outcome["seconds"] >= 0


def test_requests_of_a_connection_share_session_and_target_connection(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        for _ in range(3):
            wire.send(get("/orders/a"))
            assert wire.answer().body == b"ok"
        wire.close()
        assert house.target.connections == 1 and len(house.recorder.recordings) == 1
        assert [each["command"] for each in house.recorded("outcome", 3)] == [1, 2, 3]


def test_pipelined_requests_are_answered_in_order_one_at_a_time(loop: Loop) -> None:
    """K8."""

    def serve(target: RawTarget, wire: Wire) -> None:
        while head := target.request(wire):
            wire.send(ok(head.split(b" ")[1]))

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(b"".join(get(f"/orders/{n}", body=b"x" * n if n % 2 else b"", method="POST") for n in range(20)))
        assert [wire.answer().body for _ in range(20)] == [b"/%d" % n for n in range(20)]
        wire.close()


def test_who_shows_no_token_is_told_so_and_nothing_else_happens(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        for request in (get("/orders/a", token=""), get("/orders/a", token="other"), get("/orders/a", token="\xe9")):
            told = house.ask(request)
            assert told.status == 401 and told.headers["www-authenticate"].startswith("Bearer")
        assert house.target.connections == 0 and not house.recorder.recordings


def test_who_still_sends_a_body_is_told_as_well(loop: Loop) -> None:
    """A connection that is closed before what comes is read takes the answer with it: kubectl would see no 401."""
    with http_house(loop, replies(ok())) as house:
        for path, token, status in (("/orders/a", "other", 401), ("/nothing/a", TOKEN, 404)):
            wire = house.connect()
            wire.send(get(path, "Content-Length: 200000", method="POST", token=token) + b"x" * 100_000)
            told = wire.answer()
            assert told.status == status and told.headers["connection"] == "close"
            assert loop.run(lambda: [c.transport.disconnecting for c in house.factory._connections]) == [False]
            wire.send(b"x" * 100_000)
            wire.close()
            wait_until(lambda: not house.factory._connections)
        assert house.target.connections == 0


def test_an_unknown_target_and_one_that_is_not_open_look_the_same(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        unknown = house.ask(get("/nowhere/a"))
        house.gate.policy.authorized = False
        closed = house.ask(get("/orders/a"))
        assert unknown.status == closed.status == 404 and unknown.body == closed.body


def test_a_target_is_served_by_its_host_name(loop: Loop) -> None:
    with http_house(loop, replies(ok()), names=["orders.gw"]) as house:
        request = get("/v1/x").replace(b"Host: gw", b"Host: Orders.gw:8443")
        assert house.ask(request).status == 200
        assert house.target.heads[0].startswith(b"GET /v1/x ")


def test_what_the_gate_refuses_is_answered_and_recorded_and_not_sent(loop: Loop) -> None:
    with http_house(loop, replies(ok()), DENIED) as house:
        told = house.ask(get("/orders/a"))
        assert told.status == 403 and b"not in this test" in told.body
        assert told.headers["content-type"] == "application/problem+json"
        assert house.recorded("refused")[0]["text"] == "GET /a" and house.target.connections == 0


def test_a_held_request_waits_in_the_open_connection(loop: Loop) -> None:
    with http_house(loop, replies(ok()), REVIEW) as house:
        wire = house.connect()
        wire.send(get("/orders/a", "X-Hoop-Reason: the month is over"))
        wait_until(lambda: house.approver.thinking)
        assert house.target.connections == 0
        loop.run(lambda: house.approver.answer(True))
        told = wire.answer()
        assert told.status == 200 and told.headers["x-hoop-approval"] == "request-1"
        assert house.approver.filed[0].reason == "the month is over"
        assert b"x-hoop" not in house.target.heads[0].lower()
        assert house.recorded("command")[0]["approval"] == {"id": "request-1", "by": ("bob",)}
        wire.close()


def test_a_client_that_leaves_while_it_is_held_withdraws(loop: Loop) -> None:
    with http_house(loop, replies(ok()), REVIEW) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        wait_until(lambda: house.approver.pending)
        wire.close()
        assert wait_until(lambda: house.approver.pending[0].withdrawn) == ["the client is gone"]
        assert house.target.connections == 0


def test_a_client_that_leaves_ends_the_targets_connection(loop: Loop) -> None:
    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        wire.all()

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(get("/orders/watch"))
        assert wire.until(b"abc\r\n")
        wire.close()
        wait_until(lambda: house.target.closed)
        assert house.recorded("outcome")[0]["error"] == "the client left"


def test_a_token_that_was_revoked_is_looked_at_again(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        for expected in (1, 1):
            wire.send(get("/orders/a"))
            assert wire.answer().status == 200 and house.identity.asked == expected
        house.identity.valid = False
        wire.send(get("/orders/a"))
        assert wire.answer().status == 200 and house.identity.asked == 2
        wire.close()


def test_what_comes_while_a_token_is_looked_at_waits(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        house.identity.slow = []
        wire = house.connect()
        wire.send(get("/orders/a", method="POST", body=b"x" * 100_000))
        wait_until(lambda: house.identity.slow)
        wire.send(get("/orders/b"))
        loop.run(lambda: house.identity.slow[0].callback(None))  # type: ignore[index]
        assert wire.answer().status == 200 and wire.answer().status == 200
        assert house.target.bodies[0] == b"x" * 100_000
        wire.close()


def test_an_old_client_gets_an_answer_that_ends_with_the_connection(loop: Loop) -> None:
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n"

    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(answer)
        target.bodies.append(b"sent")
        wait_until(lambda: len(target.bodies) > 2)
        wire.send(b"1\r\nc\r\n0\r\n\r\n")

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(get("/orders/a", minor=0))
        head = wire.until(b"\r\n\r\n")
        assert b"chunked" not in head and b"connection: close" in head
        assert wire.exactly(2) == b"ab"
        house.target.bodies.append(b"go on")
        assert wire.all() == b"c"


def test_an_expectation_is_met_once_the_request_may_pass(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(get("/orders/a", "Content-Length: 3", "Expect: 100-continue", method="PUT"))
        assert wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        wire.send(b"abc")
        assert wire.answer().status == 200 and house.target.bodies == [b"abc"]
        assert b"expect" not in house.target.heads[0].lower()
        wire.close()


def test_a_refused_upload_is_told_so_before_the_connection_ends(loop: Loop) -> None:
    with http_house(loop, replies(ok()), DENIED) as house:
        wire = house.connect()
        wire.send(get("/orders/a", "Content-Length: 1000000", method="PUT") + b"x" * 1000)
        told = wire.answer()
        assert told.status == 403 and told.headers["connection"] == "close"
        with contextlib.suppress(OSError):
            wire.send(b"x" * 500_000)
        loop.run(house.factory.sweep)
        wire.close()


def test_the_session_that_is_ended_answers_what_it_runs(loop: Loop) -> None:
    with http_house(loop, replies(ok()), REVIEW) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        wait_until(lambda: house.approver.pending)
        loop.run(lambda: next(iter(house.services.sessions)).handle.end("57P01", "hoop: locked"))
        told = wire.answer()
        assert told.status == 503 and b"locked" in told.body
        assert wait_until(lambda: house.told[-1]) == ("ended", 1)
        assert house.approver.pending[0].withdrawn
        wire.close()


def test_what_is_cancelled_is_withdrawn(loop: Loop) -> None:
    with http_house(loop, replies(ok()), REVIEW) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        wait_until(lambda: house.approver.pending)
        loop.run(lambda: next(iter(house.services.sessions)).handle.cancel())
        assert wire.answer().status == 503 and house.approver.pending[0].withdrawn == ["cancelled"]
        wire.close()
