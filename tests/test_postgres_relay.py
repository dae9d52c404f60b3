"""The relay between a model client and a model server, interleaved at random: it never falls out of step.

What a client sees through the relay is what it would see without it, but for what is refused (an error in its place)
and what is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.support.model_postgres import ModelPostgres
from tests.support.model_texts import ALLOWED, COPY_IN, FORBIDDEN, SCRIPTS
from twisted_hoop.errors import ProtocolError
from twisted_hoop.interfaces import IRelay
from twisted_hoop.model import Command, Decision, Effect, Session
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.messages import error_fields
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Record, ToTarget
from twisted_hoop.testing import ALLOWED as ADMIT
from twisted_hoop.testing import DENIED, FakeGate, Script
from twisted_hoop.testing import postgres as build
from twisted_hoop.testing.postgres import SHOP, catalogue_of, knowledge_of, make_relay, parse, query

CARDS = MaskSection(name="cards", columns=[r".*\.card"])
HOLD = Decision(Effect.REVIEW, "four-eyes", "look first", approvers=frozenset({"dba"}), policy_version="v1")


def judge(session: Session, command: Command) -> Decision:
    """Refuses what is forbidden."""
    return DENIED if command.text in FORBIDDEN else ADMIT


@lru_cache
def known(names: tuple[str, ...]) -> Knowledge:
    """Texts are read once for all examples."""
    return knowledge_of([CARDS] if names else [])


class World:
    """Client, relay and server; bytes travel when they are told to."""

    def __init__(self, masks: Sequence[MaskSection] = ()) -> None:
        self.relay = make_relay(masks, known(tuple(m.name for m in masks)))
        self.script = Script(self.relay, FakeGate(judge))
        self.server = ModelPostgres()
        self.to_relay = self.to_server = self.to_client = b""
        self.got = b""

    def send(self, data: bytes) -> None:
        self.to_relay += data

    def move(self, where: int, size: int) -> None:
        """Carry up to `size` bytes one leg on."""
        if where == 0:
            data, self.to_relay = self.to_relay[:size], self.to_relay[size:]
            self._heard(self.script.client(data))
        elif where == 1:
            data, self.to_server = self.to_server[:size], self.to_server[size:]
            self.to_client += self.server.received(data)
        else:
            data, self.to_client = self.to_client[:size], self.to_client[size:]
            self._heard(self.script.target(data))

    def _heard(self, heard: object) -> None:
        self.got += heard.client  # type: ignore[attr-defined]
        self.to_server += heard.target  # type: ignore[attr-defined]

    def settle(self) -> None:
        """Carry everything until nothing moves."""
        while self.to_relay or self.to_server or self.to_client:
            for where in (0, 1, 2):
                self.move(where, 1 << 20)


def extended(draw: st.DrawFn) -> bytes:
    """One Parse, Bind, perhaps Describe, Execute once or page by page, perhaps Close; unnamed or named."""
    text = draw(st.sampled_from([*ALLOWED, *FORBIDDEN, COPY_IN]))
    name, portal = draw(st.sampled_from([(b"", b""), (b"s", b"p"), (b"", b"p")]))
    parts = [parse(name, text.encode())] if draw(st.integers(0, 5)) else []
    if draw(st.booleans()):
        parts.append(build.describe("S", name))
    parts.append(build.bind(portal, name))
    if draw(st.booleans()):
        parts.append(build.describe("P", portal))
    limit = draw(st.sampled_from([0, 0, 1, 2, 4]))
    parts += [build.execute(portal, limit)] * (draw(st.integers(1, 3)) if text != COPY_IN else 1)
    if text == COPY_IN:
        parts += copied(draw)
    if draw(st.booleans()):
        parts += [build.close("S", name), build.close("P", portal)]
    return b"".join(parts)


def copied(draw: st.DrawFn) -> list[bytes]:
    rows = [build.copy_data(b"ann\n")] * draw(st.integers(0, 2))
    return [*rows, draw(st.sampled_from([build.copy_done(), build.copy_fail()]))]


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """What a client sends in a session: simple queries and pipelines with Syncs in some places."""
    sent = []
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            text = draw(st.sampled_from([*SCRIPTS, *FORBIDDEN, COPY_IN]))
            sent.append(query(text.encode()) + b"".join(copied(draw) if text == COPY_IN else []))
        else:
            pipeline = [extended(draw) for _ in range(draw(st.integers(1, 3)))]
            sent.append(b"".join(pipeline) + build.sync())
    return sent


moves = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1, 3, 7, 20, 100, 1 << 20])), max_size=20)


def direct(sent: Sequence[bytes]) -> bytes:
    """The same without a gateway, at a server to which the forbidden is an error."""
    return ModelPostgres(frozenset(FORBIDDEN)).received(b"".join(sent))


def shape(data: bytes) -> list[tuple[str, bytes]]:
    """Kinds in order, with what must be equal: codes of errors, tags, transaction states, rows."""
    return [(kind, dict(error_fields(body))[ord("C")] if kind == "E" else body) for kind, body in build.split(data)]


@settings(max_examples=150)
@given(conversations(), st.lists(moves, min_size=6, max_size=6))
def test_p11_through_the_relay_is_as_without_it(sent: list[bytes], schedule: list[list[tuple[int, int]]]) -> None:
    """P11, P7: pipelines, errors, skipping, copies, failed transactions: same answers, and the queue ends empty."""
    world = World()
    for data, carried in zip(sent, schedule, strict=False):
        world.send(data)
        for where, size in carried:
            world.move(where, size)
    world.settle()
    assert shape(world.got) == shape(direct(sent))
    assert world.relay.busy == bool(world.server.copying), "nothing is owed, unless the client left a COPY open"
    assert not world.relay.asking
    assert not set(world.server.seen) & set(FORBIDDEN), "a refused text reached the target"


@settings(max_examples=150)
@given(conversations(), st.lists(moves, min_size=6, max_size=6))
def test_m1_m3_no_masked_value_passes_and_nothing_else_changes(
    sent: list[bytes], schedule: list[list[tuple[int, int]]]
) -> None:
    """M1, M3: however it is asked for, in whatever state, however it is cut: no card comes through."""
    world = World([CARDS])
    for data, carried in zip(sent, schedule, strict=False):
        world.send(data)
        for where, size in carried:
            world.move(where, size)
    world.settle()
    assert b"CARD-" not in world.got
    plain = direct(sent)
    assert build.kinds(world.got) == build.kinds(plain)
    states = [body for kind, body in build.split(plain) if kind == "Z"]
    assert [body for kind, body in build.split(world.got) if kind == "Z"] == states
    for masked, clear in zip(build.rows(world.got), build.rows(plain), strict=True):
        for seen, value in zip(masked, clear, strict=True):
            assert seen == value or (value or b"").startswith(b"CARD-") or seen is None or b"CARD" not in seen
    assert world.relay.busy == bool(world.server.copying)


def test_a_sync_behind_a_copy_that_failed_is_answered() -> None:
    """A COPY that is broken off by the next message: its Sync was held back, and is no Sync the target ignores."""
    again = build.bind(b"", b"") + build.execute(b"", 0)
    first = parse(b"", COPY_IN.encode()) + again + build.copy_done() + again * 2 + build.sync()
    sent = [first, again * 3 + build.copy_done() + build.sync(), query(b"select 1")]
    world = World()
    for data in sent:
        world.send(data)
    world.settle()
    assert build.kinds(world.got) == build.kinds(direct(sent))


def test_an_unnamed_statement_outlives_a_second_parse_of_it_that_is_skipped() -> None:
    """The target still has the first one, which the second one stood for."""
    both = parse(b"", COPY_IN.encode()) + build.bind(b"", b"") + build.execute(b"", 0)
    sent = [both + build.copy_fail() + both + build.copy_done() + build.sync()]
    sent += [build.bind(b"", b"") + build.execute(b"", 0) + build.copy_done() + build.sync(), query(b"select 1")]
    world = World([CARDS])
    for data in sent:
        world.send(data)
    world.settle()
    assert shape(world.got) == shape(direct(sent))


@given(conversations())
def test_r1_every_command_is_recorded_before_it_is_sent(sent: list[bytes]) -> None:
    """R1: for each Query and each Execute that leaves, a record stands before it in the steps."""
    world = World()
    for data in sent:
        world.send(data)
    world.settle()
    recorded = 0
    for step in world.script.steps:
        if isinstance(step, Record) and step.entry.kind in ("command", "refused"):
            recorded += 1
        elif isinstance(step, ToTarget):
            recorded -= sum(1 for kind, body in build.split(step.data) if kind in "QE")
            assert recorded >= 0


@given(st.lists(st.binary(max_size=60) | st.sampled_from(SCRIPTS).map(lambda t: query(t.encode())), max_size=6))
def test_p7_any_bytes_of_a_client_are_steps_or_a_protocol_error(pieces: list[bytes]) -> None:
    """P7: and nothing of unknown type crosses."""
    script = Script(make_relay())
    known = b"QPBDECSHFXdcf"
    try:
        for piece in pieces:
            assert all(ord(kind) in known for kind, _ in build.split(script.client(piece).target))
    except ProtocolError as error:
        assert error.side == "client"


def test_it_provides_its_interface() -> None:
    assert verifyObject(IRelay, make_relay())


def test_a_held_command_tells_the_client_and_goes_on_when_approved() -> None:
    script = Script(make_relay(), FakeGate(HOLD))
    assert script.client(query(b"select 1")).kinds == "Ask"
    assert script.client(query(b"select 1")).kinds == "", "one question at a time"
    assert script.relay.held_back() == len(query(b"select 1"))
    heard = script.settle()
    assert heard.kinds == "ToClient Record ToTarget Ask" or heard.kinds.startswith("ToClient")
    assert b"waiting for approval: look first" in heard.client
    assert heard.entries[0].data["approval"] == {"id": "request-1", "by": ("bob",)}


def test_a_held_command_is_cancelled() -> None:
    script = Script(make_relay(), FakeGate(HOLD))
    script.client(query(b"select 1"))
    heard = script.cancel()
    assert heard is not None
    assert heard.kinds == "Withdraw Record ToTarget"
    server = ModelPostgres()
    answer = script.target(server.received(heard.target)).client
    assert dict(error_fields(build.split(answer)[0][1]))[ord("C")] == b"57014"
    assert server.seen != ["select 1"]
    assert script.cancel() is None, "nothing waits: the target must be told"


def test_the_end_is_told_once() -> None:
    script = Script(make_relay())
    heard = script.end("57P01", "hoop: stop")
    assert heard.kinds == "ToClient Finish"
    assert build.kinds(heard.client) == "E"
    assert script.end("57P01", "again").steps == ()
    assert script.lost("target").steps == ()


@pytest.mark.parametrize(
    ("side", "kinds", "code"),
    [("client", "ToTarget Finish", "client-lost"), ("target", "ToClient Finish", "target-lost")],
)
def test_a_side_is_lost(side: str, kinds: str, code: str) -> None:
    heard = Script(make_relay()).lost(side)  # type: ignore[arg-type]
    assert heard.kinds == kinds
    assert heard.outcome is not None
    assert heard.outcome.code == code


def test_in_transaction_and_busy() -> None:
    world = World()
    world.send(query(b"begin"))
    world.move(0, 99)
    assert world.relay.busy
    world.settle()
    assert not world.relay.busy
    assert world.relay.in_transaction


def test_p18_the_path_is_what_the_target_reports() -> None:
    """P18: for the next command, not the one under way."""
    script = Script(make_relay())
    script.target(build.parameter_status("search_path", '"$user", hr'))
    [command] = script.client(query(b"select 1")).asked
    assert command.context == (("database", "shop"), ("search_path", "hoop,hr"))


def test_p16_a_change_of_what_text_means_ends_the_session() -> None:
    """P16: behind the gateway's back."""
    for name, value in (("client_encoding", "SJIS"), ("standard_conforming_strings", "off")):
        with pytest.raises(ProtocolError):
            Script(make_relay()).target(build.parameter_status(name, value))


def test_a_stale_catalogue_is_read_before_the_next_command() -> None:
    knowledge = knowledge_of()
    knowledge.invalidate()
    relay = make_relay(knowledge=knowledge)
    script = Script(relay, refresh=lambda: knowledge.learn(catalogue_of(SHOP)))
    assert script.client(query(b"select 1")).kinds == "Refresh Ask Record ToTarget"


def test_m1_p10_a_skipped_parse_leaves_another_statement_behind() -> None:
    """M1, P10: Parse A, a Bind that fails, Parse B (skipped), Sync; then Bind and Execute before any answer: A runs."""
    world = World([CARDS])
    world.send(parse(b"", b"select upper(card) from people") + build.bind(b"", b"nowhere"))
    world.send(parse(b"", b"select upper(name) from people") + build.sync())
    world.send(build.bind() + build.describe("P") + build.execute() + build.sync())
    world.move(0, 1 << 20)
    world.settle()
    assert len(build.rows(world.got)) == 2, "the target ran the first one"
    assert b"CARD-" not in world.got
