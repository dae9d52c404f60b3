"""One request and its answer: which steps, in which order, whatever goes wrong."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.http_house import section_of
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.dialect import BodyFilter, BodyRefused, Reading, Tunnel
from twisted_hoop.http.exchange import Exchange, Terms, status_of
from twisted_hoop.http.messages import Answer, RequestHead, ResponseHead
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.http.reading import Heads
from twisted_hoop.http.writing import RequestStart
from twisted_hoop.model import Admission, ApprovalRequest, Decision, Entry, Outcome, Session, Verdict
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Ask, Finish, Record, Step, ToClient, ToTarget, Withdraw
from twisted_hoop.testing.fakes import ALLOWED, DENIED, FakeGate, make_session


class Upper:
    """Everything in upper case; what is held leaves with `idle`; "bad" is refused."""

    def __init__(self) -> None:
        self.masked = 0
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        if b"bad" in data:
            raise BodyRefused(Answer(422, b"no"), "bad stands there")
        self._held, out = data[-2:], data[:-2].upper()
        self.masked += 1
        return out

    def idle(self) -> bytes:
        out, self._held = self._held.upper(), b""
        return out

    def flush(self) -> bytes:
        return self.idle()


class Echo:
    """A tunnel that passes everything, but for what is odd and the end."""

    def begin(self) -> list[Step]:
        return [Record(Entry("notice", {"text": "begins"}))]

    def client_received(self, data: bytes) -> list[Step]:
        if data == b"odd":
            raise ProtocolError("an odd frame")
        return [ToTarget(data), *([Finish(Outcome("closed", "that was all"))] if data == b"end" else [])]

    def target_received(self, data: bytes) -> list[Step]:
        return [ToClient(data)]

    def decided(self, verdict: Verdict) -> list[Step]:
        return [ToTarget(b"decided")]

    def held_back(self) -> int:
        return 7

    def tick(self) -> list[Step]:
        return [ToClient(b"tick")]

    def ended(self, message: str) -> list[Step]:
        return [ToClient(message.encode())]

    said = False

    def over(self) -> bool:
        return self.said

    def cut(self, message: str) -> list[Step]:
        return [ToClient(message.encode())]

    def lost(self) -> list[Step]:
        return [ToTarget(b"bye")]

    def outcome(self) -> Mapping[str, object]:
        return {"channel": 1, "status": 3, "bytes": 5, "masked": 0}


class Dialect(PlainDialect):
    """Plain, but as the test says."""

    def __init__(self) -> None:
        super().__init__(section_of(1), b"k" * 32)
        self.wants = 0
        self.open = False
        self.masks_in: BodyFilter | None = None
        self.masks_out: BodyFilter | None = None
        self.way: Tunnel | None = None
        self.bodies: list[bytes] = []

    def read(self, head: RequestHead) -> Reading:
        return replace(super().read(replace(head, upgrade=b"")), wants=self.wants, open=self.open, key="k")

    def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
        self.bodies.append(body)
        if body == b"odd":
            raise ProtocolError("odd", code="415")
        return replace(reading, text=reading.text + " judged")

    def request_body(self, head: RequestHead, reading: Reading, masks: Sequence[MaskSection]) -> BodyFilter | None:
        return self.masks_in

    def response_body(
        self, head: RequestHead, reading: Reading, response: ResponseHead, masks: Sequence[MaskSection]
    ) -> BodyFilter | None:
        return self.masks_out

    def tunnel(
        self,
        head: RequestHead,
        reading: Reading,
        response: ResponseHead,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
    ) -> Tunnel | None:
        return self.way


class Bench:
    """An exchange without sockets; `log` has its steps."""

    def __init__(self, text: str = "GET /a HTTP/1.1\nHost: gw", decide: Decision = ALLOWED) -> None:
        self.dialect = Dialect()
        self.gate = FakeGate(decide)
        self.session = make_session()
        self.text = text
        self.log: list[Step] = []

    def begin(self) -> Exchange:
        terms = Terms(self.session, self.dialect, b"t", ALLOWED, lambda decision: (), itertools.count(100).__next__)
        request = Heads().request(self.text.replace("\n", "\r\n").encode())
        self.exchange = Exchange(terms, Heads(), request, 1, "why")
        self.do(self.exchange.begin())
        return self.exchange

    def do(self, steps: list[Step]) -> None:
        for step in steps:
            self.log.append(step)
            if isinstance(step, Ask):
                verdict = self.gate.judge(self.session, step.command)
                if not isinstance(verdict, Decision):
                    self.do(self.exchange.decided(verdict))

    def client(self, data: bytes) -> None:
        self.do(self.exchange.client_received(data))

    def target(self, data: bytes) -> None:
        self.do(self.exchange.target_received(data))

    @property
    def told(self) -> bytes:
        return b"".join(bytes(step.data) for step in self.log if isinstance(step, ToClient))

    @property
    def sent(self) -> bytes:
        parts = [step.data for step in self.log if isinstance(step, ToTarget)]
        return b"".join(p.lines + b"\r\n" + p.body if isinstance(p, RequestStart) else p for p in parts)

    @property
    def shape(self) -> list[str]:
        return [f"{type(s).__name__}{':' + s.entry.kind if isinstance(s, Record) else ''}" for s in self.log]


PUT = "PUT /a HTTP/1.1\nHost: gw\nContent-Length: 6"


def test_the_record_is_in_front_of_what_is_sent() -> None:
    bench = Bench()
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert bench.shape == ["Ask", "Record:command", "ToTarget", "ToClient", "Record:outcome", "Finish"]
    assert bench.exchange.reusable and not bench.exchange.close


def test_what_is_refused_is_not_sent() -> None:
    bench = Bench(PUT, DENIED)
    bench.begin()
    assert bench.shape == ["Ask", "Record:refused", "ToClient", "Finish"]
    assert b"HTTP/1.1 403" in bench.told and bench.exchange.close, "the rest of the body is not waited for"


def test_what_needs_no_rule_is_recorded_all_the_same() -> None:
    bench = Bench(decide=DENIED)
    bench.dialect.open = True
    bench.begin()
    assert bench.shape == ["Record:command", "ToTarget"]


def test_a_body_that_is_judged_is_in_the_context() -> None:
    bench = Bench(PUT)
    bench.dialect.wants = 100
    exchange = bench.begin()
    bench.client(b"abc")
    assert bench.log == [] and exchange.held_back() == 0 and exchange.phase == "body"
    bench.client(b"def")
    command = next(s.command for s in bench.log if isinstance(s, Ask))
    assert command.text == "PUT /a judged" and command.context == (("body", hashlib.sha256(b"abcdef").hexdigest()),)
    assert command.reason == "why" and bench.sent.endswith(b"content-length: 6\r\n\r\nabcdef")


def test_no_more_of_a_body_is_shown_than_was_wanted() -> None:
    bench = Bench(PUT)
    bench.dialect.wants = 2
    bench.begin()
    bench.client(b"abc")
    assert bench.dialect.bodies == [b"ab"] and bench.sent.endswith(b"abc")
    bench.client(b"def")
    assert bench.sent.endswith(b"abcdef")


def test_a_body_that_cannot_be_read_is_a_fault_of_the_client() -> None:
    bench = Bench("PUT /a HTTP/1.1\nHost: gw\nContent-Length: 3")
    bench.dialect.wants = 10
    bench.begin()
    bench.client(b"odd")
    assert b"HTTP/1.1 415" in bench.told and "ToTarget" not in bench.shape


def test_what_waits_is_counted_and_goes_on_once_admitted() -> None:
    review = Decision(ALLOWED.effect.REVIEW, "ask", policy_version="v1")
    bench = Bench(PUT, review)
    exchange = bench.begin()
    bench.client(b"abcdefGET")
    assert exchange.held_back() == 9 and exchange.phase == "verdict" and exchange.surplus == b"GET"
    bench.do(exchange.held(ApprovalRequest("r1", "u", "d", 1.0), review))
    admission = FakeGate().judge(bench.session, next(s.command for s in bench.log if isinstance(s, Ask)))
    assert isinstance(admission, Admission)
    bench.do(exchange.decided(admission))
    assert bench.sent.endswith(b"abcdef")
    bench.target(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert b"x-hoop-approval: r1" in bench.told and b"content-length" not in bench.told


def test_cancelled_and_ended_take_back_what_waits() -> None:
    review = Decision(ALLOWED.effect.REVIEW, "ask", policy_version="v1")
    bench = Bench(decide=review)
    bench.do(bench.begin().cancelled())
    assert any(isinstance(step, Withdraw) for step in bench.log) and b"503" in bench.told
    assert bench.exchange.ended("x", "again") == [] and bench.exchange.refreshed() == []


def test_bodies_are_filtered_both_ways() -> None:
    bench = Bench(PUT)
    bench.dialect.masks_in, bench.dialect.masks_out = Upper(), Upper()
    exchange = bench.begin()
    bench.client(b"abc")
    bench.client(b"def")
    assert b"transfer-encoding: chunked" in bench.sent and bench.sent.endswith(b"1\r\nA\r\n5\r\nBCDEF\r\n0\r\n\r\n")
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcd")
    assert exchange.quiet
    bench.do(exchange.tick())
    bench.target(b"ef")
    assert (
        bench.told.endswith(b"2\r\nAB\r\n2\r\nCD\r\n2\r\nEF\r\n0\r\n\r\n")
        and exchange.finished
        and exchange.tick() == []
    )


def test_a_short_answer_that_is_filtered_has_a_length() -> None:
    bench = Bench()
    bench.dialect.masks_out = Upper()
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    assert bench.told.endswith(b"content-length: 2\r\n\r\nOK")


@pytest.mark.parametrize("sent", [b"", b"bad"])
def test_a_body_that_must_not_pass(sent: bytes) -> None:
    bench = Bench("PUT /a HTTP/1.1\nHost: gw\nContent-Length: 12")
    bench.dialect.masks_in = Upper()
    bench.begin()
    bench.client(b"123bad" if not sent else b"123456")
    bench.client(sent)
    assert b"HTTP/1.1 422" in bench.told and bench.exchange.close and not bench.exchange.reusable


def test_an_answer_that_must_not_pass_is_replaced_or_cut_off() -> None:
    bench = Bench()
    bench.dialect.masks_out = Upper()
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbad")
    assert bench.told.startswith(b"HTTP/1.1 422") and not bench.exchange.cut
    bench = Bench()
    bench.dialect.masks_out = Upper()
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabcde")
    bench.target(b"bad")
    assert bench.told.startswith(b"HTTP/1.1 200") and bench.exchange.cut and not bench.told.endswith(b"0\r\n\r\n")


def test_a_target_that_is_lost() -> None:
    bench = Bench()
    exchange = bench.begin()
    bench.do(exchange.lost("target"))
    assert b"HTTP/1.1 502" in bench.told and not exchange.reusable
    bench = Bench()
    exchange = bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\n\r\nabc")
    bench.do(exchange.lost("target"))
    assert bench.told.endswith(b"3\r\nabc\r\n0\r\n\r\n") and not exchange.cut and not exchange.reusable
    bench = Bench()
    exchange = bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
    bench.do(exchange.lost("target"))
    assert exchange.cut and exchange.close


def test_interim_answers_are_dropped_and_have_an_end() -> None:
    bench = Bench()
    bench.begin()
    bench.target(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    assert bench.told.startswith(b"HTTP/1.1 200")
    bench = Bench()
    bench.begin()
    bench.target(b"HTTP/1.1 100 Continue\r\n\r\n" * 11)
    assert bench.told.startswith(b"HTTP/1.1 502")


WEBSOCKET = "GET /a HTTP/1.1\nHost: gw\nConnection: Upgrade\nUpgrade: websocket"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


def test_an_upgraded_connection_belongs_to_its_tunnel() -> None:
    bench = Bench(WEBSOCKET)
    bench.dialect.way = Echo()
    exchange = bench.begin()
    bench.client(b"early")
    bench.target(SWITCH + b"there")
    assert bench.told.startswith(b"HTTP/1.1 101") and bench.told.endswith(b"there") and bench.sent.endswith(b"early")
    bench.client(b"more")
    assert exchange.held_back() == 7 and exchange.quiet and exchange.tunnelled and exchange.key == ""
    assert bench.sent.endswith(b"more") and exchange.tick() == [ToClient(b"tick")]
    bench.do(exchange.lost("client"))
    assert bench.sent.endswith(b"bye") and not exchange.reusable
    entries = [step.entry for step in bench.log if isinstance(step, Record)]
    assert [entry.kind for entry in entries] == ["command", "notice", "outcome"] and entries[0].data["channel"] == 1
    assert entries[-1].data == {"command": 1, "channel": 1, "status": 3, "bytes": 5, "masked": 0}


@pytest.mark.parametrize(("data", "text"), [(b"odd", "an odd frame"), (b"end", "that was all")])
def test_a_tunnel_ends_by_itself_or_by_a_fault(data: bytes, text: str) -> None:
    bench = Bench(WEBSOCKET)
    bench.dialect.way = Echo()
    bench.begin()
    bench.target(SWITCH)
    bench.client(data)
    assert isinstance(bench.log[-1], Finish) and bench.exchange.finished
    assert isinstance(bench.log[-2], Record) and bench.log[-2].entry.data["error"] == text


@pytest.mark.parametrize("said", [False, True])
def test_a_target_that_goes_without_a_word_is_told_of(said: bool) -> None:
    bench, echo = Bench(WEBSOCKET), Echo()
    bench.dialect.way, echo.said = echo, said
    bench.begin()
    bench.target(SWITCH)
    bench.do(bench.exchange.lost("target"))
    outcome = bench.log[-2]
    assert isinstance(outcome, Record) and outcome.entry.data.get("error", "") == ("" if said else "the target is gone")
    assert bench.told.endswith(b"hoop: the target is gone") is not said and bench.exchange.finished


def test_a_tunnel_is_told_of_the_end_that_others_make() -> None:
    bench = Bench(WEBSOCKET)
    bench.dialect.way = Echo()
    bench.begin()
    bench.target(SWITCH)
    bench.do(bench.exchange.cancelled())
    assert Withdraw("cancelled") in bench.log and bench.told.endswith(b"cancelled by an operator")


def test_K3_a_request_that_is_not_whole_is_not_upgraded() -> None:
    """K3: what is left of its body would be the tunnel's first bytes."""
    bench = Bench(WEBSOCKET.replace("GET", "POST") + "\nContent-Length: 9")
    bench.dialect.way = Echo()
    bench.begin()
    bench.target(SWITCH)
    assert bench.told.startswith(b"HTTP/1.1 502") and not bench.exchange.tunnelled


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH.replace(b"websocket", b"h2c"),
        SWITCH.replace(b"upgrade: websocket\r\n", b""),
        b"HTTP/1.1 302 Found\r\nlocation: https://evil/\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_K3_K4_only_the_protocol_that_was_asked_for_opens_a_tunnel(answer: bytes) -> None:
    """K3, K4: another answer is a fault, and the tunnel stays shut."""
    bench = Bench(WEBSOCKET)
    bench.dialect.way = Echo()
    bench.begin()
    bench.target(answer + b"secret")
    assert bench.told.startswith(b"HTTP/1.1 502") and b"secret" not in bench.told and not bench.exchange.tunnelled


def test_K3_a_refused_upgrade_is_an_answer_like_any_other() -> None:
    """K3: CVE-2018-1002105."""
    bench = Bench(WEBSOCKET)
    bench.dialect.way = Echo()
    bench.begin()
    bench.target(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
    bench.client(b"GET /secret HTTP/1.1\r\n\r\n")
    assert bench.told.endswith(b"no") and b"/secret" not in bench.sent
    assert not Bench(WEBSOCKET).begin().reusable


def test_a_switch_nobody_asked_for_is_a_fault() -> None:
    bench = Bench()
    bench.dialect.way = Echo()
    bench.begin()
    bench.target(SWITCH)
    assert bench.told.startswith(b"HTTP/1.1 502")


def test_the_status_of_a_fault() -> None:
    assert [status_of(ProtocolError("x", code=code)) for code in ("413", "08P01", "201", "9999")] == [
        413,
        400,
        400,
        400,
    ]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_of_a_target_end_in_one_answer_or_none(wire: bytes, cuts: list[int]) -> None:
    bench = Bench()
    exchange = bench.begin()
    places = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    for a, b in itertools.pairwise(places):
        bench.target(wire[a:b])
    bench.do(exchange.lost("target"))
    assert exchange.finished and bench.told.startswith(b"HTTP/1.1 ")
    assert sum(isinstance(step, Finish) for step in bench.log) == 1


def test_a_finished_exchange_wants_nothing() -> None:
    exchange = Bench(decide=DENIED).begin()
    assert exchange.target_received(b"x") == [] and exchange.lost("target") == [] and not exchange.quiet
    assert exchange.client_received(b"next") == [] and exchange.surplus == b"next"


def test_what_a_dialect_cannot_send_is_told_and_not_sent() -> None:
    class Refusing(Dialect):
        def outgoing(self, head: RequestHead, reading: Reading, session: Session) -> RequestHead:
            raise ProtocolError("nobody of that name", code="403")

    bench = Bench()
    bench.dialect = Refusing()
    bench.begin()
    assert bench.told.startswith(b"HTTP/1.1 403") and b"nobody of that name" in bench.told
    assert bench.sent == b"" and bench.shape[-2:] == ["Record:notice", "Finish"]


def test_what_people_are_shown_of_a_body_is_part_of_the_command() -> None:
    class Showing(Dialect):
        def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
            return replace(reading, parameters=(body.decode(),))

    bench = Bench(PUT)
    bench.dialect = Showing()
    bench.dialect.wants = 100
    bench.begin()
    bench.client(b"abcdef")
    (ask,) = [step for step in bench.log if isinstance(step, Ask)]
    assert ask.command.parameters == ("abcdef",)


def test_K10_an_exchange_does_not_keep_what_people_were_shown() -> None:
    """K10: exchanges wait for the collector; megabytes of each body must not wait with them."""

    class Showing(Dialect):
        def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
            return replace(reading, parameters=(body.decode(),))

    bench = Bench(PUT)
    bench.dialect = Showing()
    bench.dialect.wants = 100
    bench.begin()
    bench.client(b"abcdef")
    assert bench.exchange._reading is not None and bench.exchange._reading.parameters == ()
    kept = bench.exchange.admitted
    assert kept is not None and kept.facts and kept.parameters == ()
