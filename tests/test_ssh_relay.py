"""The relay of a channel: nothing opens before its admission, nothing is lost, and every word comes in its order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ssh_relay import (
    SESSION,
    Play,
    by_action,
    client_events,
    env_,
    exec_,
    ns,
    pty_,
    relay_of,
    resize_,
    shell_,
    signal_,
    status_,
    subsystem_,
    target_events,
)
from twisted_hoop.model import Approval, Decision, Effect
from twisted_hoop.settings import MaskSection
from twisted_hoop.ssh.events import STDERR, STDOUT, Close, Data, Eof, Event, Open, Opened, OpenFailed, Reply, Request
from twisted_hoop.ssh.requests import Size
from twisted_hoop.steps import Ask, Record, ToTarget, Withdraw
from twisted_hoop.testing import FakeApprover, FakeGate
from twisted_hoop.testing.fakes import ALLOWED, DENIED

REVIEW = Decision(Effect.REVIEW, "deploys", "production", approvers=frozenset({"dba"}))
OUT, ERR = STDOUT, STDERR


def running(relay: Any = None, gate: Any = None, *before: Event) -> Play:
    """A command that runs."""
    play = Play(relay or relay_of(), gate)
    play.client(SESSION, *before, exec_("ls /"))
    play.target(Opened(), Reply(True))
    return play


def said(events: list[Event]) -> str:
    """What was written on stderr."""
    return b"".join(bytes(e.data) for e in events if isinstance(e, Data) and e.stream == ERR).decode()


def test_a_command_from_the_first_event_to_the_last() -> None:
    play = Play(relay_of())
    assert client_events(play.client(SESSION)) == [Opened()]
    asked = play.client(exec_("ls /"))
    assert [type(step) for step in asked.steps] == [Ask, Record, ToTarget]
    assert asked.asked[0].action == "exec" and asked.asked[0].text == "ls /"
    assert target_events(asked) == [Open(b"session")]
    assert target_events(play.target(Opened())) == [exec_("ls /")]
    assert client_events(play.target(Reply(True))) == [Reply(True)]
    assert client_events(play.target(Data(OUT, b"bin\n"), Data(ERR, b"!"))) == [Data(OUT, b"bin\n"), Data(ERR, b"!")]
    assert target_events(play.client(Data(OUT, b"in"), Eof())) == [Data(OUT, b"in"), Eof()]
    assert client_events(play.target(Eof(), status_(3))) == [Eof(), status_(3)]
    last = play.target(Close())
    assert client_events(last) == [Close()] and target_events(last) == [Close()]
    assert last.outcome is not None and last.outcome.code == "closed"
    assert play.kinds() == ["command", "output", "output", "input", "outcome"]
    assert play.entries[-1].data == {
        "channel": 7, "command": 1, "status": 3, "stdin": 2, "stdout": 4, "stderr": 1, "masked": 0,
    }  # fmt: skip


def test_R8_stdout_stderr_and_stdin_are_recorded_apart() -> None:
    play = running()
    play.client(Data(OUT, b"in\xff"))
    play.target(Data(OUT, b"out"), Data(ERR, b"err"))
    streams = [(e.kind, e.data["stream"], e.data.get("text") or e.data.get("base64")) for e in play.entries[1:]]
    assert streams == [("input", "stdin", "aW7/"), ("output", "stdout", "out"), ("output", "stderr", "err")]


def test_a_refused_command_opens_nothing_and_says_why() -> None:
    play = Play(relay_of(), FakeGate(DENIED))
    heard = play.client(SESSION, exec_("rm -rf /"))
    events = client_events(heard)
    assert play.to_target == []
    assert events[1] == Reply(True) and events[-3:] == [status_(126), Eof(), Close()]
    assert "hoop: refused by rule test: deny: not in this test\nAsk an operator" in said(events)
    assert play.kinds() == ["refused"] and heard.outcome is not None
    assert play.client(Close(), Data(OUT, b"late")).steps == ()


def test_a_refusal_for_programs_is_one_line_of_json() -> None:
    play = Play(relay_of(), FakeGate(DENIED))
    heard = play.client(SESSION, env_(b"HOOP_OUTPUT", b"json"), exec_("rm -rf /"))
    told = json.loads(said(client_events(heard)))
    assert told == {
        "error": "denied",
        "rule": "test: deny",
        "reason": "not in this test",
        "hint": "Ask an operator which rule should allow this.",
        "approval": "",
        "session": "session-1",
    }


def test_lines_end_as_a_raw_terminal_wants_them() -> None:
    play = Play(relay_of(), FakeGate(DENIED))
    heard = play.client(SESSION, pty_(), shell_())
    text = said(client_events(heard))
    assert text.endswith("\r\n") and text.count("\n") == text.count("\r\n") == 2


def test_R7_what_a_rule_or_an_approver_says_cannot_move_the_cursor() -> None:
    play = Play(relay_of(), FakeGate(Decision(Effect.DENY, "r", "no\x1b]52;c;evil\x07")))
    assert "no\\x1b]52;c;evil\\x07" in said(client_events(play.client(SESSION, exec_("x"))))


# -- what comes before ------------------------------------------------------------------------------------------------


def test_S14_what_is_sent_meanwhile_waits_for_the_answer() -> None:
    play = Play(relay_of(), FakeGate(REVIEW))
    play.client(SESSION, exec_("deploy"), Data(OUT, b"input"), Eof())
    assert play.to_target == [] and play.relay.held_back() == 5
    settled = play.settle()
    assert target_events(settled) == [Open(b"session")]
    assert "hoop: waiting for approval by dba (production): https://hoop.test/request-1" in said(play.to_client)
    assert target_events(play.target(Opened())) == [exec_("deploy"), Data(OUT, b"input"), Eof()]
    assert play.relay.held_back() == 0


def test_terminal_and_environment_go_in_front_of_the_command() -> None:
    play = Play(relay_of())
    assert client_events(play.client(SESSION, pty_(), env_(b"LANG", b"C"))) == [Opened(), Reply(True)]
    play.client(shell_())
    opened = play.target(Opened())
    assert target_events(opened) == [pty_(), env_(b"LANG", b"C"), Request(b"shell", b"", True)]
    assert client_events(play.target(Reply(True))) == [], "the answer to the terminal was given before"
    assert client_events(play.target(Reply(True))) == [Reply(True)]
    command = play.entries[0].data
    assert command["terminal"] == {"term": "xterm", "columns": 80, "rows": 24} and command["env"] == {"LANG": "C"}


def test_S18_only_variables_on_the_list_reach_the_target() -> None:
    play = Play(relay_of())
    names = (b"LD_PRELOAD", b"BASH_ENV", b"GIT_SSH_COMMAND", b"PATH", b"LANG\xff", b"LANGUAGE", b"", b"LANG=x", b"LANG")
    answers = client_events(play.client(SESSION, *(env_(name, b"v", True) for name in names)))[1:]
    assert answers == [Reply(False)] * 8 + [Reply(True)]
    play.client(exec_("env"))
    assert target_events(play.target(Opened())) == [env_(b"LANG", b"v"), exec_("env")]
    assert play.kinds().count("notice") == 8


def test_the_gateways_own_variables_stay_here() -> None:
    play = Play(relay_of(), FakeGate(REVIEW))
    heard = play.client(SESSION, env_(b"HOOP_REASON", b"ticket 7"), env_(b"HOOP_OUTPUT", b"text"), exec_("x"))
    assert heard.asked[0].reason == "ticket 7"
    play.settle()
    assert target_events(play.target(Opened())) == [exec_("x")]


def test_A3_what_is_approved_holds_for_this_environment_and_these_bytes() -> None:
    def asked(*events: Event) -> Any:
        return Play(relay_of()).client(SESSION, *events).asked[0]

    plain = asked(exec_("x"))
    assert asked(env_(b"LANG", b"C"), exec_("x")).context == (("env LANG", "C"),)
    assert plain.context == () and asked(pty_(), exec_("x")).context == (("terminal", "xterm"),)
    escaped, written = asked(exec_(b"echo \xff")), asked(exec_(b"echo \\xff"))
    assert escaped.text == written.text and escaped.context != written.context


def test_S21_sizes_are_believed_within_reason() -> None:
    play = Play(relay_of())
    play.client(SESSION, pty_(0, 0), shell_())
    assert target_events(play.target(Opened()))[0] == pty_(80, 24)
    play = Play(relay_of())
    play.client(SESSION, pty_(2**32 - 1, 2**32 - 1), resize_(2**32 - 1, 0), shell_())
    first = target_events(play.target(Opened()))[0]
    assert isinstance(first, Request) and Size(4096, 24).packed()[:8] in first.data


def test_S21_a_storm_of_resizes_is_thinned_and_its_last_one_arrives() -> None:
    play = running(None, None, pty_())
    for size in range(1, 1001):
        play.client(resize_(size, size))
    sent = [e for e in play.to_target if isinstance(e, Request) and e.name == b"window-change"]
    assert len(sent) == 20 and play.relay.waiting  # type: ignore[attr-defined]
    assert target_events(play.flush()) == [Request(b"window-change", Size(1000, 1000).packed())]
    assert not play.relay.waiting  # type: ignore[attr-defined]
    assert target_events(play.client(resize_(5, 5))) == [Request(b"window-change", Size(5, 5).packed())]


@pytest.mark.parametrize(
    "name", [b"unknown@example.com", b"x11-req\0", b"exit-status", b"tun", b"hostkeys-00@openssh.com"]
)
def test_S12_S16_requests_without_a_class_are_refused_by_name(name: bytes) -> None:
    play = Play(relay_of())
    play.client(SESSION)
    heard = play.client(Request(name, b"", True))
    assert client_events(heard) == [Reply(False)] and "refused" in heard.entries[0].data["text"]
    play.client(exec_("x"))
    play.target(Opened(), Reply(True))
    heard = play.client(Request(name, b"", True))
    assert client_events(heard) == [Reply(False)] and target_events(heard) == []


@pytest.mark.parametrize("request_", [Request(b"pty-req", b"\0", True), Request(b"exec", b"\0\0\0\x09x", True)])
def test_malformed_requests_are_refused(request_: Request) -> None:
    play = Play(relay_of())
    assert client_events(play.client(SESSION, request_)) == [Opened(), Reply(False)]


def test_R10_a_flood_of_refused_requests_is_not_recorded_one_by_one() -> None:
    play = Play(relay_of())
    play.client(SESSION, *(Request(b"x", b"", True) for _ in range(500)))
    assert len(play.entries) == 50 and play.to_client.count(Reply(False)) == 500


@pytest.mark.parametrize(("request_", "kind"), [(b"auth-agent-req@openssh.com", "agent"), (b"x11-req", "x11")])
def test_S24_agent_and_display_are_asked_for(request_: bytes, kind: str) -> None:
    wish = Request(request_, b"", True)
    play = Play(relay_of(), FakeGate(by_action(**{kind: DENIED}, other=ALLOWED)))
    assert client_events(play.client(SESSION, wish)) == [Opened(), Reply(False)]
    play.client(shell_())
    assert wish not in target_events(play.target(Opened()))
    assert not play.relay.granted  # type: ignore[attr-defined]
    play = Play(relay_of())
    heard = play.client(SESSION, wish)
    assert heard.asked[0].facts == ({"class": frozenset({kind})},) and client_events(heard)[-1] == Reply(True)
    play.client(shell_())
    assert target_events(play.target(Opened()))[0] == wish
    assert play.relay.granted  # type: ignore[attr-defined]


def test_what_follows_a_question_about_the_agent_waits_and_goes_on() -> None:
    play = Play(relay_of(), FakeGate(by_action(agent=REVIEW, exec=ALLOWED)))
    play.client(SESSION, Request(b"auth-agent-req@openssh.com", b"", True), exec_("x"), Data(OUT, b"in"))
    assert play.to_target == []
    play.settle()
    assert play.to_target == [Open(b"session")]
    assert target_events(play.target(Opened()))[-2:] == [exec_("x"), Data(OUT, b"in")]


def test_C3_an_exec_only_target_has_no_shell() -> None:
    play = Play(relay_of(exec_only=True))
    heard = play.client(SESSION, pty_(), shell_())
    assert heard.asked == [] and "takes commands only" in said(client_events(heard)) and play.to_target == []


def test_subsystems_are_asked_for_by_name() -> None:
    heard = Play(relay_of()).client(SESSION, subsystem_(b"netconf"))
    assert heard.asked[0].facts == ({"class": frozenset({"subsystem"}), "program": frozenset({"netconf"})},)


# -- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [signal_(b"INT"), signal_(b"TERM"), Data(OUT, b"\x03")])
def test_giving_up_withdraws_the_request(event: Event) -> None:
    play = Play(relay_of(), FakeGate(REVIEW))
    play.client(SESSION, pty_(), exec_("deploy"))
    heard = play.client(event)
    assert isinstance(heard.steps[0], Withdraw)
    assert client_events(heard)[-3:] == [status_(130), Eof(), Close()] and play.to_target == []
    assert heard.entries[0].data["code"] == "withdrawn"
    assert play.relay.decided(None) == []  # type: ignore[arg-type]


def test_other_signals_and_input_do_not() -> None:
    play = Play(relay_of(), FakeGate(REVIEW))
    play.client(SESSION, exec_("deploy"))
    assert play.client(signal_(b"USR1"), Data(OUT, b"\x03")).steps == ()


def test_closing_the_channel_withdraws_it_too() -> None:
    play = Play(relay_of(), FakeGate(REVIEW))
    play.client(SESSION, exec_("deploy"))
    heard = play.client(Close())
    assert isinstance(heard.steps[0], Withdraw) and client_events(heard) == [Close()] and play.to_target == []


@pytest.mark.parametrize("state", ["denied", "expired", "withdrawn"])
def test_a_review_that_ends_otherwise_is_a_refusal(state: str) -> None:
    approver = FakeApprover(Approval("request-1", False, state, "digest", by=("bob",)))
    play = Play(relay_of(), FakeGate(REVIEW, approver))
    play.client(SESSION, exec_("deploy"))
    play.settle()
    assert status_(126) in play.to_client and play.to_target == []


def test_cancelling_is_giving_up() -> None:
    play = Play(relay_of(), FakeGate(REVIEW))
    assert play.cancel() is None
    play.client(SESSION, exec_("deploy"))
    heard = play.cancel()
    assert heard is not None and status_(130) in client_events(heard)


# -- running ----------------------------------------------------------------------------------------------------------


def test_S23_signals_breaks_and_ends_are_passed_on() -> None:
    play = running()
    assert target_events(play.client(signal_(b"TERM"))) == [signal_(b"TERM")]
    assert target_events(play.client(Request(b"break", b"\0\0\0\0", True))) == [Request(b"break", b"\0\0\0\0", True)]
    assert client_events(play.target(Reply(False))) == [Reply(False)]
    assert play.client(Request(b"signal", ns(b"NONSENSE"), True)).kinds == "Record ToClient"
    killed = Request(b"exit-signal", ns(b"KILL") + b"\0" + ns(b"") + ns(b""))
    assert client_events(play.target(killed)) == [killed]
    assert client_events(play.target(Request(b"xon-xoff", b"\0"))) == [Request(b"xon-xoff", b"\0")]
    play.target(Close())
    assert play.entries[-1].data["signal"] == "KILL"


def test_S16_keep_alives_of_the_target_are_answered_here() -> None:
    heard = running().target(Request(b"keepalive@openssh.com", b"", True))
    assert target_events(heard) == [Reply(False)] and client_events(heard) == []


def test_answers_leave_in_the_order_of_the_requests() -> None:
    play = running()
    play.client(Request(b"break", b"\0\0\0\0", True))
    assert client_events(play.client(Request(b"nonsense", b"", True))) == []
    assert client_events(play.target(Reply(True))) == [Reply(True), Reply(False)]


def test_S23_the_close_race() -> None:
    """The client closes when it has seen EOF; the exit status that follows still reaches it, before the target closes.

    The CLOSE is held until then: OpenSSH's server forgets the status of a process it has not reaped when it comes.
    """
    play = running()
    play.client(Eof())
    play.target(Eof())
    assert play.client(Close()).steps == ()
    heard = play.target(status_(3))
    assert client_events(heard) == [status_(3)] and target_events(heard) == [Close()]
    last = play.target(Close())
    assert client_events(last) == [Close()] and last.outcome is not None


def test_S23_a_client_that_closes_in_the_middle_closes_the_target() -> None:
    play = running()
    heard = play.client(Close())
    assert target_events(heard) == [Close()] and client_events(heard) == []
    assert play.target(Data(OUT, b"late")).steps == ()
    assert client_events(play.target(status_(3))) == [status_(3)]
    assert client_events(play.target(Close())) == [Close()]


def test_S23_a_client_that_closes_without_eof_ends_the_input() -> None:
    play = running()
    play.target(Eof())
    assert target_events(play.client(Close())) == [Eof()]


def test_a_second_command_on_a_channel_is_refused() -> None:
    play = running()
    assert client_events(play.client(exec_("id"))) == [Reply(False)]
    assert target_events(play.client(env_(b"LANG", b"C"), pty_())) == []


def test_a_command_that_the_target_does_not_start() -> None:
    play = Play(relay_of())
    play.client(SESSION, subsystem_(b"netconf"))
    play.target(Opened())
    assert client_events(play.target(Reply(False))) == [Reply(False)]
    assert client_events(play.client(Close())) == []
    play.target(Close())
    assert play.entries[-1].data["started"] is False


def test_a_target_that_cannot_be_had() -> None:
    play = Play(relay_of())
    play.client(SESSION, exec_("x"))
    heard = play.target(OpenFailed(2, "target web-1 did not answer in time"))
    assert said(client_events(heard)) == "hoop: target web-1 did not answer in time\n"
    assert client_events(heard)[0] == Reply(True) and status_(255) in client_events(heard)
    assert play.entries[-1].data["started"] is False


def test_a_target_that_is_lost_ends_the_channel_with_a_reason() -> None:
    play = running()
    heard = play.lost("target")
    assert "the target is gone" in said(client_events(heard)) and client_events(heard)[-1] == Close()
    assert heard.outcome is not None and heard.outcome.code == "target-lost"
    assert play.lost("target").steps == ()


def test_a_client_that_is_lost_closes_the_targets_channel() -> None:
    play = running()
    heard = play.lost("client")
    assert target_events(heard) == [Close()] and heard.outcome is not None and heard.outcome.code == "client-lost"


def test_the_gateway_ends_it_with_a_word() -> None:
    play = running()
    heard = play.end("57P01", "hoop: locked: leaver")
    assert said(client_events(heard)) == "hoop: locked: leaver\n" and client_events(heard)[-1] == Close()
    assert target_events(heard) == [signal_(b"HUP")]
    assert play.entries[-1].data["ended"] == "hoop: locked: leaver"
    assert play.end("57P01", "again").steps == ()


# -- masks ------------------------------------------------------------------------------------------------------------

CARDS = MaskSection(name="cards", detect=["card"], strategy="redact")
CARD = b"4111 1111 1111 1111"


def test_M3_M12_output_is_masked_across_packets_and_recorded_as_shown() -> None:
    play = running(relay_of([CARDS]))
    play.target(Data(OUT, b"card 4111 1111"), Data(OUT, b" 1111 1111\n"), Data(ERR, CARD + b"\n"))
    shown = b"".join(bytes(e.data) for e in play.to_client if isinstance(e, Data))
    assert b"1111" not in shown
    assert not any("1111" in str(entry.data) for entry in play.entries)
    play.target(Close())
    assert play.entries[-1].data["masked"] == 2


def test_what_is_held_back_goes_on_after_a_moment_and_before_the_exit_status() -> None:
    play = running(relay_of([CARDS]))
    assert client_events(play.target(Data(OUT, b"name: "))) == [] and play.relay.waiting  # type: ignore[attr-defined]
    assert client_events(play.flush()) == [Data(OUT, b"name: ")]
    play.target(Data(OUT, b"x"))
    assert client_events(play.target(status_(0))) == [Data(OUT, b"x"), status_(0)]
    play.target(Data(OUT, b"y"))
    assert client_events(play.target(Eof())) == [Data(OUT, b"y"), Eof()]


def test_input_that_may_not_go_in_ends_the_command() -> None:
    mask = MaskSection(name="no-cards", detect=["card"], direction="request", action="deny")
    play = running(relay_of([mask]))
    heard = play.client(Data(OUT, b"hello\n" + CARD + b"\n"))
    assert target_events(heard) == [signal_(b"HUP")] and status_(126) in play.to_client
    assert "no-cards" in said(client_events(heard))
    assert not any("1111" in str(entry.data) for entry in play.entries)


def test_input_is_masked_where_the_mask_says_so() -> None:
    mask = MaskSection(name="cards-in", detect=["card"], direction="request", action="mask")
    play = running(relay_of([mask]))
    play.client(Data(OUT, b"a " + CARD + b"\n"), Eof())
    sent = b"".join(bytes(e.data) for e in play.to_target if isinstance(e, Data))
    assert b"1111" not in sent and sent.startswith(b"a ") and play.to_target[-1] == Eof()


# -- everything at once -----------------------------------------------------------------------------------------------

CLIENT = st.sampled_from(
    [SESSION, exec_("ls"), shell_(), subsystem_(), pty_(), env_(b"LANG", b"C"), env_(b"LD_PRELOAD", b"x", True),
     Request(b"x11-req", b"", True), Request(b"auth-agent-req@openssh.com", b"", True), resize_(3, 4), signal_(b"INT"),
     Request(b"break", b"\0\0\0\0", True), Request(b"nonsense", b"", True), Data(OUT, b"abc"), Data(OUT, b"\x03"),
     Eof(), Close()]
)  # fmt: skip
TARGET = st.sampled_from(
    [Opened(), OpenFailed(2, "no"), Reply(True), Reply(False), Data(OUT, b"out"), Data(ERR, b"err"), Eof(), status_(3),
     Request(b"keepalive@openssh.com", b"", True), Request(b"nonsense", b"", False), Close()]
)  # fmt: skip
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("client"), CLIENT),
        st.tuples(st.just("target"), TARGET),
        st.sampled_from([("settle", None), ("flush", None), ("cancel", None), ("lost", "client"), ("end", None)]),
    ),
    max_size=40,
)


def _move(play: Play, what: str, event: Any) -> None:
    match what:
        case "client" if event != SESSION:
            play.client(event)
        case "target":
            play.target(event)
        case "settle" if play.waiting is not None:
            play.settle()
        case "flush":
            play.flush()
        case "cancel":
            play.cancel()
        case "lost":
            play.lost(event)
        case "end":
            play.end("57P01", "over")


@settings(max_examples=300, deadline=None)
@given(MOVES, st.sampled_from([ALLOWED, DENIED, REVIEW]))
def test_S14_whatever_happens_nothing_opens_before_an_admission(moves: list[Any], decision: Decision) -> None:
    play = Play(relay_of(), FakeGate(decision))
    play.client(SESSION)
    for what, event in moves:
        _move(play, what, event)
    admitted = recorded = False
    for step in play.steps:
        if isinstance(step, Record):
            recorded = recorded or step.entry.kind == "command"
        if isinstance(step, ToTarget) and not isinstance(step.data, Close):
            assert recorded, "nothing goes to the target that is not recorded before"
            admitted = True
    assert not admitted or decision is not DENIED
    replies = sum(isinstance(event, Reply) for event in play.to_client)
    wanted = sum(1 for what, e in moves if what == "client" and isinstance(e, Request) and e.want_reply)
    assert replies <= wanted
    closes = play.to_client.count(Close())
    assert closes <= 1 and (not closes or play.to_client[-1] == Close())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=20), st.just(None)), max_size=30), st.integers(0, 30), st.booleans())
def test_S23_no_byte_is_lost_whenever_the_target_opens(parts: list[bytes | None], when: int, review: bool) -> None:
    """Early data, late opening, an approval in between: what the client sent arrives, whole and in order."""
    play = Play(relay_of(), FakeGate(REVIEW if review else ALLOWED))
    play.client(SESSION)
    sent = [part for part in parts if part]
    started = False
    for place, part in enumerate(parts):
        if part is None and not started:
            started = True
            play.client(exec_("cat"))
        if part:
            play.client(Data(OUT, part))
        if place == when and play.waiting is not None:
            play.settle()
    if not started:
        play.client(exec_("cat"))
    if play.waiting is not None:
        play.settle()
    play.target(Opened(), Reply(True))
    play.client(Eof())
    got = b"".join(bytes(e.data) for e in play.to_target if isinstance(e, Data))
    assert got == b"".join(sent) and play.to_target[-1] == Eof()
