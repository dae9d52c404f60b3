"""Port-forward: each port asked about before anything of it reaches the target, over both kinds of connection (K5)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_streams import FORWARD, Bench, Judge, frames_of, messages, opened, opening, unwrapped, written
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import BINARY, CLOSE, PING, frame
from twisted_hoop.kubernetes import forwards
from twisted_hoop.kubernetes import spdy as wire
from twisted_hoop.kubernetes.spdy import GOAWAY, RST_STREAM, SYN_REPLY, SYN_STREAM, Control, Data, Frame, SpdyWriter
from twisted_hoop.model import Command, Decision
from twisted_hoop.testing.fakes import ALLOWED, DENIED

IN_WEBSOCKET = "SPDY/3.1+portforward.k8s.io"


def only(*ports: int, content: bool = False) -> Judge:
    """Who lets through those ports."""

    def judge(command: Command) -> Decision:
        (destination,) = command.facts[0]["destination"]
        return replace(ALLOWED, content=content) if int(destination.partition(":")[2]) in ports else DENIED

    return judge


class Forwarding(Bench):
    """One port-forward, over SPDY itself or inside a WebSocket."""

    def __init__(self, inside: bool = False, judge: Judge = lambda command: ALLOWED) -> None:
        tunnel = (
            opened(FORWARD.replace("POST", "GET"), IN_WEBSOCKET)
            if inside
            else opened(FORWARD, "portforward.k8s.io", upgrade=b"spdy/3.1")
        )
        assert tunnel is not None
        self.inside = inside
        self.ours, self.theirs = SpdyWriter(), SpdyWriter()
        super().__init__(tunnel, judge)

    def client_sends(self, *frames: Frame) -> None:
        """Frames of the client."""
        data = written(*frames, writer=self.ours)
        self.client(frame("target", BINARY, data) if self.inside else data)

    def target_sends(self, *frames: Frame) -> None:
        """Frames of the target."""
        data = written(*frames, writer=self.theirs)
        self.target(frame("client", BINARY, data) if self.inside else data)

    def connect(self, port: int, first: int = 1, request: str = "0") -> None:
        """Both streams of a connection."""
        for number, kind in ((first, "error"), (first + 2, "data")):
            self.client_sends(opening(number, streamtype=kind, port=port, requestid=request))

    @property
    def got(self) -> list[Frame]:
        """What the client got."""
        return frames_of(unwrapped("target", self.told) if self.inside else self.told)

    @property
    def went(self) -> list[Frame]:
        """What the target got."""
        return frames_of(unwrapped("client", self.sent) if self.inside else self.sent)


@pytest.mark.parametrize("inside", [False, True])
def test_a_connection_from_beginning_to_end(inside: bool) -> None:
    it = Forwarding(inside)
    it.connect(8080)
    it.client_sends(Data(1, b"", True), Data(3, b"GET /"))
    assert [(f.kind, f.stream) for f in it.went if isinstance(f, Control)] == [(SYN_STREAM, 1), (SYN_STREAM, 3)]
    assert [f.value("port") for f in it.went if isinstance(f, Control)] == ["8080", "8080"]
    it.target_sends(Control(SYN_REPLY, 0, b"\0\0\0\1"), Control(SYN_REPLY, 0, b"\0\0\0\3"), Data(3, b"200 OK"))
    it.client_sends(Data(3, b"", True))
    it.target_sends(Data(3, b"", True), Data(1, b"", True))
    replies = [f.stream for f in it.got if isinstance(f, Control) and f.kind == SYN_REPLY]
    assert replies == [1, 3]  # ours, once; the target's stay here
    assert [f for f in it.got if isinstance(f, Data)] == [Data(3, b"200 OK"), Data(3, b"", True), Data(1, b"", True)]
    assert [command.text for command in it.asked] == ["port-forward web:8080"]
    kinds = [(entry.kind, entry.data.get("operation")) for entry in it.entries]
    assert kinds == [("command", 0), ("outcome", 1)] and it.entries[-1].data["to_client"] == 6
    assert it.entries[-1].data["destination"] == "web:8080" and it.tunnel.outcome()["to_target"] == 5
    it.do(it.tunnel.lost())
    assert len(it.entries) == 2


def test_K5_facts_of_a_port_are_those_of_the_request_and_more() -> None:
    """K5: rules see class, destination, and which pod in which namespace."""
    it = Forwarding()
    it.connect(5432)
    (facts,) = it.asked[0].facts
    assert facts["class"] == {"forward"} and facts["destination"] == {"web:5432"} and facts["namespace"] == {"default"}
    assert facts["resource"] == {"pods/portforward"} and facts["name"] == {"web"}


def test_nothing_of_a_port_passes_before_it_is_admitted() -> None:
    """S14's kind: streams are accepted at once, as kubectl gives up after 30 s; nothing else happens."""
    it = Forwarding()
    it.patient = True
    it.connect(8080)
    it.client_sends(Data(3, b"early"), Control(RST_STREAM, 0, b"\0\0\0\1\0\0\0\5"), Control(wire.PING, 0, b"\0\0\0\1"))
    assert [f.kind for f in it.went if isinstance(f, Control)] == [wire.PING] and it.tunnel.held_back() > 5
    assert [f.kind for f in it.got if isinstance(f, Control)] == [SYN_REPLY, SYN_REPLY] and len(it.asked) == 1
    it.answer()
    assert it.tunnel.held_back() == 0 and Data(3, b"early") in it.went


def test_a_port_is_asked_about_once() -> None:
    it = Forwarding()
    it.connect(80, 1, "0")
    it.connect(80, 5, "1")
    it.connect(81, 9, "2")
    assert [command.text for command in it.asked] == ["port-forward web:80", "port-forward web:81"]


def test_several_ports_wait_their_turn() -> None:
    it = Forwarding(judge=only(80))
    it.patient = True
    it.connect(80, 1, "0")
    it.connect(81, 5, "1")
    assert len(it.asked) == 1
    it.answer()
    assert len(it.asked) == 2 and {f.stream for f in it.went} == {1, 3}
    it.answer()
    assert {f.stream for f in it.went} == {1, 3} and [e.kind for e in it.entries][:2] == ["command", "refused"]


@pytest.mark.parametrize("inside", [False, True])
def test_a_refused_port_is_told_on_its_stream_of_errors(inside: bool) -> None:
    """What kubectl prints; other ports of the same tunnel go on, as headers have a context of their own."""
    it = Forwarding(inside, only(80))
    it.connect(22, 1, "0")
    it.client_sends(Data(3, b"SSH-2.0"))
    assert it.went == [] and [f for f in it.got if isinstance(f, Data)] == [
        Data(1, b"hoop: not in this test. Ask an operator which rule should allow this.", True),
        Data(3, b"", True),
    ]
    it.connect(80, 5, "1")
    assert [f.value("port") for f in it.went if isinstance(f, Control)] == ["80", "80"]
    refused = [entry for entry in it.entries if entry.kind == "refused"]
    assert [entry.data["text"] for entry in refused] == ["port-forward web:22"]


def test_content_is_recorded_where_the_rule_says_so() -> None:
    it = Forwarding(judge=only(80, content=True))
    it.connect(80)
    it.client_sends(Data(3, b"question"))
    it.target_sends(Data(3, b"answer"), Data(1, b"an error", True))
    texts = [(e.kind, e.data["text"], e.data["operation"]) for e in it.entries if "stream" in e.data]
    assert texts == [("input", "question", 1), ("output", "answer", 1)]
    it.do(it.tunnel.lost())
    assert it.entries[-1].data["error"] == "an error"


def test_a_reset_ends_a_connection() -> None:
    it = Forwarding()
    it.connect(80)
    it.target_sends(Control(RST_STREAM, 0, b"\0\0\0\3\0\0\0\5"))
    assert it.entries[-1].kind == "outcome"
    it.client_sends(Data(3, b"late"))  # it was on its way: no fault
    it.target_sends(Data(1, b"", True), Control(RST_STREAM, 0, b"\0\0\0\1\0\0\0\5"), Data(3, b"later"))
    assert Data(3, b"late") not in it.went and [e.kind for e in it.entries] == ["command", "outcome"]


def test_the_old_kubectl_names_no_connection() -> None:
    it = Forwarding()
    it.client_sends(opening(1, streamtype="error", port=80), opening(3, streamtype="data", port=80))
    it.client_sends(opening(5, streamtype="error", port=80), opening(7, streamtype="data", port=80))
    assert it.tunnel.outcome()["connections"] == 2


@pytest.mark.parametrize(
    "frames",
    [
        [opening(1, streamtype="stdin", port=80)],
        [opening(1, streamtype="error")],
        [opening(1, streamtype="error", port="080")],
        [opening(1, streamtype="error", port="70000")],
        [opening(1, streamtype="error", port="80 ")],
        [opening(2, streamtype="error", port=80)],
        [opening(3, streamtype="error", port=80), opening(1, streamtype="data", port=80)],
        [opening(1, streamtype="error", port=80, requestid=1), opening(3, streamtype="data", port=22, requestid=1)],
        [opening(1, streamtype="error", port=80, requestid=1), opening(3, streamtype="error", port=80, requestid=1)],
        [Data(1, b"x")],
        [Control(SYN_REPLY, 0, b"\0\0\0\1")],
    ],
)
def test_K5_what_a_client_may_not_send(frames: list[Frame]) -> None:
    """K5: among them the stream of one port in the name of another."""
    it = Forwarding()
    with pytest.raises(ProtocolError) as caught:
        for each in frames:
            it.client_sends(each)
    assert caught.value.side == "client"


def test_what_a_target_may_not_send() -> None:
    for each in (opening(2, streamtype="data", port=80), Data(99, b"x"), Data(2, b"x")):
        it = Forwarding()
        it.connect(80)
        with pytest.raises(ProtocolError) as caught:
            it.target_sends(each)
        assert caught.value.side == "target"


def test_K9_streams_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """K9: so are refused connections."""
    monkeypatch.setattr(forwards, "MOST_STREAMS", 4)
    for judge in (only(80), only()):
        it = Forwarding(judge=judge)
        with pytest.raises(ProtocolError, match="K9"):
            for number in range(1, 99, 2):
                it.client_sends(opening(number, streamtype="error", port=80, requestid=number))


def test_connections_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser makes thousands of them in the life of one port-forward."""
    monkeypatch.setattr(forwards, "MOST_STREAMS", 4)
    for judge in (only(80), only()):
        it = Forwarding(judge=judge)
        for number in range(1, 400, 4):
            it.connect(80, number, str(number))
            it.client_sends(Data(number, b"", True), Data(number + 2, b"", True))
            if judge(Command("forward", "", ({"destination": frozenset({"web:80"})},))) is not DENIED:
                it.target_sends(Data(number + 2, b"", True), Data(number, b"", True))
        assert it.tunnel.outcome()["connections"] == 100


def test_an_end_is_told_on_the_streams_of_errors() -> None:
    it = Forwarding(inside=True)
    it.connect(80)
    it.client(frame("target", PING, b"p"))
    assert messages("client", it.sent)[-1] == (PING, b"p")
    it.do(it.tunnel.ended("hoop: over"))
    assert Data(1, b"hoop: over", True) in it.got and messages("target", it.told)[-1][0] == CLOSE
    assert [f.kind for f in it.got if isinstance(f, Control)][-1] == GOAWAY and it.entries[-1].kind == "outcome"
    assert it.tunnel.tick() == []


def test_a_target_that_goes_without_a_word_is_told_of() -> None:
    for inside in (False, True):
        it = Forwarding(inside)
        it.connect(80)
        assert not it.tunnel.over()
        it.do(it.tunnel.cut("hoop: the target is gone"))
        assert Data(1, b"hoop: the target is gone", True) in it.got
        it.target_sends(Control(GOAWAY, 0, b"\0" * 8))
        assert it.tunnel.over()
    it = Forwarding(inside=True)
    it.client(frame("target", CLOSE, b""))
    assert it.tunnel.over()


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_anything_is_passed_on_or_a_fault(data: bytes, client: bool, inside: bool) -> None:
    it = Forwarding(inside)
    it.connect(80)
    try:
        (it.client if client else it.target)(data)
    except ProtocolError as error:
        assert error.side == ("client" if client else "target")
