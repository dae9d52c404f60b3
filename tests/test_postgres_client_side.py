"""What a client sends, message by message: asked, recorded, forwarded, refused, held."""

from __future__ import annotations

import pytest

from tests.support.model_postgres import ModelPostgres
from twisted_hoop.errors import ProtocolError
from twisted_hoop.model import Command, Decision, Effect, Session
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing import ALLOWED, DENIED, FakeGate, Script
from twisted_hoop.testing import postgres as build
from twisted_hoop.testing.postgres import make_relay, message, parse, query

NUMBER = b"4111 1111 1111 1111"
INWARD = MaskSection(name="inward", detect=["card"], direction="request", action="deny")
CARDS = MaskSection(name="cards", columns=[r".*\.card"])
COPY = b"copy people (name) from stdin"
NONCE = b"hoop_refused_"


def found_is_denied(session: Session, command: Command) -> Decision:
    return DENIED if any(facts.get("found") for facts in command.facts) else ALLOWED


def test_p9_one_denied_statement_refuses_the_text() -> None:
    """P9: what is sent in its place is one word that no parser knows, different each time."""
    script = Script(make_relay(), FakeGate(lambda s, c: DENIED if len(c.facts) > 1 else ALLOWED))
    first = script.client(query(b"select 1; delete from people"))
    again = script.client(query(b"select 1; delete from people"))
    assert first.entries[0].kind == "refused"
    assert first.entries[0].data["text"] == "select 1; delete from people"
    assert NONCE in first.target
    assert b"delete" not in first.target
    assert first.target != again.target


def test_p11_what_follows_a_refused_message_is_discarded_up_to_sync() -> None:
    """P11: nothing of the pipeline behind it leaves, and the next one does."""
    script = Script(make_relay(), FakeGate(lambda s, c: DENIED if "delete" in c.text else ALLOWED))
    heard = script.client(
        parse(b"s", b"delete from people"), build.bind(b"", b"s"), build.execute(), build.sync(), query(b"select 1")
    )
    assert build.kinds(heard.target) == "PSQ"
    server = ModelPostgres()
    assert build.kinds(script.target(server.received(heard.target)).client) == "EZTNDCZ"


def test_p10_a_review_is_asked_for_at_execute_not_at_parse() -> None:
    """P10: and a denial holds at Parse already."""
    review = Decision(Effect.REVIEW, "ask", approvers=frozenset({"dba"}))
    script = Script(make_relay(), FakeGate(review))
    heard = script.client(parse(b"s", b"select 1"), build.bind(b"", b"s"), build.execute(), build.sync())
    assert [c.action for c in heard.asked] == ["prepare", "execute"]
    assert script.waiting is not None
    assert heard.target == b"", "what was admitted waits, so that it leaves together"
    assert build.kinds(script.settle().target) == "PBES"


def test_p12_function_calls_are_refused_unless_listed_and_never_under_masks() -> None:
    """P12: there is no text to judge, and M8: its result could not be masked."""
    assert NONCE in Script(make_relay()).client(build.function_call(1299)).target
    listed = frozenset({1299})
    assert build.kinds(Script(make_relay(functions=listed)).client(build.function_call(1299)).target) == "F"
    assert NONCE in Script(make_relay([CARDS], functions=listed)).client(build.function_call(1299)).target
    by_rule = Decision(Effect.ALLOW, "r", masks=frozenset({"cards"}))
    relay = make_relay([CARDS], names=frozenset, functions=listed)
    assert NONCE in Script(relay, FakeGate(by_rule)).client(build.function_call(1299)).target


def test_p16_text_that_is_not_utf8_is_refused_and_the_session_goes_on() -> None:
    """P16: it would be read as another text at the target."""
    script = Script(make_relay())
    assert NONCE in script.client(query(b"select '\xff'")).target
    assert NONCE in script.client(parse(b"", b"select '\xff'")).target
    script.client(build.sync())
    assert script.client(query(b"select 1")).target == query(b"select 1")


def test_p16_a_guard_is_not_asked_about() -> None:
    """P16: no rule lifts it."""
    heard = Script(make_relay()).client(query(b"set client_encoding = 'SJIS'"))
    assert heard.asked == []
    assert NONCE in heard.target


def test_p19_too_many_statements_are_refused_in_the_protocols_own_way() -> None:
    """P19: the statement fails, the session goes on."""
    script = Script(make_relay(statements=2))
    heard = script.client(*(parse(name, b"select 1") for name in (b"a", b"b", b"c")), build.sync())
    assert build.kinds(heard.target) == "PPPS"
    assert NONCE in heard.target
    assert heard.entries[-1].data["code"] == "limited"


@pytest.mark.parametrize(
    "data",
    [
        message(b"?"),
        message(b"Q", b"select 1"),
        message(b"Q", b"a\0b\0"),
        message(b"P", b"s\0select 1\0\0\1"),
        message(b"D", b"X\0"),
        message(b"C", b"X\0"),
        message(b"B", b""),
    ],
)
def test_p7_broken_messages_end_the_session(data: bytes) -> None:
    """P7: unknown types, strings with NULs inside, bytes that are missing or too many."""
    with pytest.raises(ProtocolError) as caught:
        Script(make_relay()).client(data)
    assert caught.value.side == "client"


def test_m1_the_columns_of_a_portal_are_asked_for_when_the_client_does_not() -> None:
    """M1: the answer is not the client's."""
    script, server = Script(make_relay([CARDS])), ModelPostgres()
    heard = script.client(parse(b"", b"select upper(card) from people"), build.bind(), build.execute(), build.sync())
    assert build.kinds(heard.target) == "PBDES"
    answer = script.target(server.received(heard.target)).client
    assert build.kinds(answer) == "12DDCZ"
    assert b"CARD-" not in answer


def test_a3_an_execute_that_may_run_another_portal_is_refused() -> None:
    """A3: Bind twice, Sync, Execute before any answer: were the second Bind skipped, other parameters would run."""
    script = Script(make_relay())
    script.client(query(b"begin"), parse(b"", b"select 1"), build.bind(), build.bind(), build.sync())
    heard = script.client(build.execute(), build.sync())
    assert heard.entries[0].kind == "refused"
    assert build.kinds(heard.target) == "PS"
    assert NONCE in heard.target


# -- copy in ----------------------------------------------------------------------------------------------------------


def test_rows_sent_before_the_target_asked_for_them_wait_unread() -> None:
    """A mask on what goes in looks at the rows of a COPY: sending them early must not be a way round it."""
    script = Script(make_relay([INWARD]), FakeGate(found_is_denied))
    heard = script.client(query(COPY), build.copy_data(NUMBER + b"\n"), build.copy_done())
    assert heard.target == query(COPY)
    assert script.relay.held_back() > 0
    server = ModelPostgres()
    heard = script.target(server.received(heard.target))
    assert NUMBER not in heard.target
    assert heard.entries[-1].kind == "refused"
    assert build.kinds(heard.target) == "f"
    answer = script.target(server.received(heard.target)).client
    assert build.kinds(answer) == "EZ"
    assert b"42501" in answer


def test_rows_sent_early_go_on_when_nothing_looks_into_them() -> None:
    script, server = Script(make_relay()), ModelPostgres()
    rows = build.copy_data(b"ann\n") + build.copy_data(b"bob\n") + build.copy_done()
    heard = script.client(query(COPY), rows, query(b"select 1"))
    heard = script.target(server.received(heard.target))
    assert heard.target.startswith(rows)
    assert build.kinds(script.target(server.received(heard.target)).client) == "CZTNDCZ"


def test_rows_for_a_copy_that_was_refused_go_nowhere() -> None:
    script, server = Script(make_relay(), FakeGate(DENIED)), ModelPostgres()
    heard = script.client(query(COPY), build.copy_data(b"ann\n"), build.copy_done(), build.sync())
    assert build.kinds(heard.target) == "Q"
    heard = script.target(server.received(heard.target))
    assert build.kinds(heard.target) == "S"
    assert build.kinds(heard.client) == "EZ"
    assert Script(make_relay()).client(build.copy_data(b"x"), build.copy_fail()).target == b""


def test_a_copy_in_a_pipeline_with_its_end_already_sent() -> None:
    """The Sync behind CopyDone is not one that the target ignores."""
    script, server = Script(make_relay()), ModelPostgres()
    sent = [parse(b"", COPY), build.bind(), build.execute(), build.copy_data(b"a\n"), build.copy_done(), build.sync()]
    heard = script.client(*sent)
    heard = script.target(server.received(heard.target))
    assert build.kinds(heard.target) == "dcS"
    assert build.kinds(script.target(server.received(heard.target)).client) == "CZ"


def test_the_end() -> None:
    heard = Script(make_relay()).client(build.terminate())
    assert heard.kinds == "ToTarget Finish"
    assert heard.outcome is not None
    assert heard.outcome.code == "closed"
