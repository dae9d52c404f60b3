"""exec and attach through their tunnel: masked, recorded, resized, ended, over both families of subprotocols."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.support.kube_streams import (
    CARD,
    CARDS,
    HIDDEN,
    Bench,
    channels,
    exec_line,
    frames_of,
    message,
    messages,
    opened,
    opening,
    written,
)
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import CLOSE, PING, close_frame, frame
from twisted_hoop.kubernetes.execs import RESIZES
from twisted_hoop.kubernetes.spdy import Data, SpdyWriter
from twisted_hoop.model import Decision
from twisted_hoop.recording.asciicast import asciicast
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Record, ToClient, ToTarget
from twisted_hoop.testing.fakes import ALLOWED

EXITED = b'{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'
TTY = "stdin=true&stdout=true&tty=true"


def bench(
    line: str = "", protocol: str = "v5.channel.k8s.io", masks: Iterable[MaskSection] = (), decision: Decision = ALLOWED
) -> Bench:
    """An exec over a WebSocket."""
    tunnel = opened(line or exec_line("cat"), protocol, masks=masks, decision=decision)
    assert tunnel is not None
    return Bench(tunnel)


def test_streams_pass_and_are_recorded_first() -> None:
    """K14, R1, R8: stdin too, each stream by itself, the entry before the bytes."""
    it = bench()
    it.client(message("target", 0, b"in"))
    it.target(message("client", 1, b"out") + message("client", 2, b"err"))
    assert channels("client", it.sent) == {0: b"in"} and channels("target", it.told) == {1: b"out", 2: b"err"}
    assert [type(step) for step in it.log] == [Record, ToTarget, Record, ToClient, Record, ToClient]
    assert it.recorded("input", "stdin") == "in" and it.recorded("output", "stdout") == "out"
    assert it.recorded("output", "stderr") == "err" and {e.data["channel"] for e in it.entries} == {7}


def test_what_comes_together_is_one_entry() -> None:
    it = bench()
    it.target(b"".join(message("client", 1, b"line %d\n" % n) for n in range(50)))
    assert len(it.entries) == 1 and channels("target", it.told)[1].count(b"\n") == 50


def test_M12_output_is_masked_before_it_is_recorded() -> None:
    """M12, M3: also when a value comes in two messages, and on the stream of errors."""
    it = bench(masks=[CARDS])
    it.target(message("client", 1, b"card 4111 1111"))
    it.target(message("client", 1, b" 1111 1111\n") + message("client", 2, CARD + b"\n"))
    assert channels("target", it.told) == {1: b"card " + HIDDEN + b"\n", 2: HIDDEN + b"\n"}
    assert CARD.decode() not in repr(it.entries) and it.tunnel.outcome()["masked"] == 2


def test_a_prompt_does_not_wait_for_the_end_of_its_line() -> None:
    it = bench(masks=[CARDS])
    it.target(message("client", 1, b"$ "))
    assert it.told == b""
    it.do(it.tunnel.tick())
    assert channels("target", it.told) == {1: b"$ "}
    before = len(it.log)
    it.do(it.tunnel.tick())
    assert len(it.log) == before


def test_how_it_ended_follows_all_output() -> None:
    it = bench(masks=[CARDS])
    it.target(message("client", 1, b"no end of line") + message("client", 3, EXITED) + close_frame("client", 1000))
    assert [m[:1] for _, m in messages("target", it.told)[:2]] == [b"\x01", b"\x03"]
    assert messages("target", it.told)[-1][0] == CLOSE
    assert it.tunnel.outcome() == {
        "channel": 7, "status": 3, "stdin": 0, "stdout": 14, "stderr": 0, "masked": 0, "bytes": 14,
    }  # fmt: skip


def test_M3_a_status_is_masked_as_well() -> None:
    """M3: what a program says of its failure stands in it."""
    it = bench(masks=[CARDS])
    it.target(message("client", 3, b'{"status":"Failure","message":"bad ' + CARD + b'"}'))
    assert channels("target", it.told) == {3: b'{"status":"Failure","message":"bad ' + HIDDEN + b'"}'}
    assert it.tunnel.outcome()["failed"] == "bad *****"


@pytest.mark.parametrize("action", ["deny", "review", "mask"])
def test_request_masks_look_at_stdin(action: str) -> None:
    """K14: what may not go in ends the command, and the client reads why."""
    more = {"approvers": ["dba"]} if action == "review" else {}
    mask = MaskSection.model_validate(
        {"name": "in", "detect": ["card"], "direction": "request", "action": action, **more}
    )
    it = bench(masks=[mask])
    data = message("target", 0, CARD + b"\n")
    if action == "mask":
        it.client(data)
        assert channels("client", it.sent) == {0: HIDDEN + b"\n"} and CARD.decode() not in repr(it.entries)
        return
    with pytest.raises(ProtocolError) as caught:
        it.client(data)
    it.do(it.tunnel.ended(str(caught.value)))
    assert it.sent == b"" and b"mask in found card in stdin" in channels("target", it.told)[3]


def test_input_that_is_held_back_leaves_with_its_end() -> None:
    mask = MaskSection(name="in", detect=["card"], direction="request")
    it = bench(masks=[mask])
    it.client(message("target", 0, b"no end of line"))
    assert it.sent == b""
    it.client(message("target", 255, b"\x00"))
    assert channels("client", it.sent) == {0: b"no end of line", 255: b"\x00"}
    typed = bench(exec_line("sh", more=TTY), masks=[mask])
    typed.client(message("target", 0, b"l"))
    typed.do(typed.tunnel.tick())
    assert channels("client", typed.sent) == {0: b"l"}
    left = bench(masks=[mask])
    left.client(message("target", 0, b"rest") + close_frame("target", 1000))
    assert channels("client", left.sent) == {0: b"rest"}


def test_a_terminal_is_recorded_as_one() -> None:
    """Keys are not recorded, as passwords are typed there; the size is, and players read it."""
    it = bench(exec_line("sh", more=TTY))
    it.client(message("target", 4, b'{"Width":100,"Height":30}') + message("target", 0, b"secret\r"))
    it.target(message("client", 1, b"$ ls\r\n") + message("client", 3, b'{"status":"Success"}'))
    it.client(message("target", 4, b'{"Width":120,"Height":40}'))
    assert [entry.kind for entry in it.entries] == ["terminal", "output", "resize"] and "secret" not in repr(it.entries)
    assert channels("client", it.sent)[4].count(b"Width") == 2
    played = [{"t": 1.0, "kind": e.kind, **e.data} for e in it.entries]
    played.append({"t": 2.0, "kind": "outcome", **it.tunnel.outcome()})
    lines = [json.loads(line) for line in asciicast(played, 7)]
    assert lines[0]["term"]["cols"] == 100 and [line[1] for line in lines[1:]] == ["o", "r", "x"]
    content = bench(exec_line("sh", more=TTY), decision=replace(ALLOWED, content=True))
    content.client(message("target", 0, b"typed"))
    assert content.recorded("input", "stdin") == "typed"


def test_a_terminal_whose_size_nobody_tells() -> None:
    it = bench(exec_line("sh", more=TTY))
    it.target(message("client", 1, b"$ ") + message("client", 1, b"more"))
    assert [entry.kind for entry in it.entries] == ["terminal", "output"] and it.entries[0].data["columns"] == 80


def test_S21_of_a_storm_of_sizes_the_last_one_is_passed_on() -> None:
    """S21."""
    it = bench(exec_line("sh", more=TTY))
    for width in range(1, 200):
        it.client(message("target", 4, b'{"Width":%d,"Height":9}' % width))
    assert channels("client", it.sent)[4].count(b"Width") == RESIZES
    it.do(it.tunnel.tick())
    assert b'{"Width":199,"Height":9}' in channels("client", it.sent)[4]


@pytest.mark.parametrize(
    ("argv", "channel", "way"), [("tar cf - /data", 1, "read"), ("tar -xmf - -C /data", 0, "written")]
)
def test_a_copy_is_told_by_path_and_digest(argv: str, channel: int, way: str) -> None:
    it = bench(exec_line(*argv.split()))
    if channel:
        it.target(message("client", 1, b"archive"))
    else:
        it.client(message("target", 0, b"archive"))
    told = it.tunnel.outcome()
    assert it.entries == [] and told["paths"] == ["/data"] and told[way]["bytes"] == 7  # type: ignore[index]
    kept = bench(exec_line(*argv.split()), decision=replace(ALLOWED, content=True))
    (kept.target if channel else kept.client)(message("client" if channel else "target", channel, b"archive"))
    assert [entry.data["text"] for entry in kept.entries] == ["archive"]


def test_M3_masked_values_are_not_copied() -> None:
    """M3: an archive cannot be rewritten, so the copy ends; one without such values arrives as it is."""
    it = bench(exec_line("tar", "cf", "-", "x"), masks=[CARDS])
    it.target(message("client", 1, b"\x00binary\xff\n"))
    assert channels("target", it.told) == {1: b"\x00binary\xff\n"}
    with pytest.raises(ProtocolError, match="may not be copied"):
        it.target(message("client", 1, CARD + b"\n"))
    it.do(it.tunnel.ended("why"))
    assert HIDDEN not in it.told and b"why" in channels("target", it.told)[3]
    looks = MaskSection(name="in", detect=["card"], direction="request", action="mask")
    with pytest.raises(ProtocolError, match="may not go there"):
        bench(exec_line("tar", "-xmf", "-"), masks=[looks]).client(message("target", 0, CARD + b"\n"))


def test_pings_and_announcements_pass() -> None:
    it = bench()
    it.client(frame("target", PING, b"p"))
    it.target(message("client", 1, b"") + frame("client", PING, b"q"))
    assert messages("client", it.sent) == [(PING, b"p")] and messages("target", it.told)[-1] == (PING, b"q")
    assert it.entries == [] and it.tunnel.held_back() == 0


def test_an_end_is_told_as_an_error() -> None:
    it = bench(masks=[CARDS])
    it.target(message("client", 1, b"held"))
    it.do(it.tunnel.ended("hoop: the session was ended"))
    found = channels("target", it.told)
    assert found[1] == b"held" and json.loads(found[3])["message"] == "hoop: the session was ended"
    lost = bench(masks=[CARDS])
    lost.target(message("client", 1, b"held"))
    lost.do(lost.tunnel.lost())
    assert channels("target", lost.told) == {1: b"held"}


def test_a_target_that_goes_without_a_status_is_told_of() -> None:
    it = bench()
    it.target(message("client", 1, b"shown"))
    assert not it.tunnel.over()
    it.do(it.tunnel.cut("hoop: the target is gone"))
    assert json.loads(channels("target", it.told)[3])["message"] == "hoop: the target is gone"
    for word in (message("client", 3, EXITED), frame("client", CLOSE, b"")):
        it = bench()
        it.target(word)
        assert it.tunnel.over()
    it = bench()
    it.client(frame("target", CLOSE, b""))
    assert it.tunnel.over()


def test_the_same_over_spdy() -> None:
    tunnel = opened(exec_line("cat"), "v4.channel.k8s.io", upgrade=b"spdy/3.1", masks=[CARDS])
    assert tunnel is not None
    it, client, target = Bench(tunnel), SpdyWriter(), SpdyWriter()
    kinds = ((1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr"), (9, "resize"))
    it.client(b"".join(client.frame(opening(number, streamtype=kind)) for number, kind in kinds))
    it.client(client.data(9, b'{"Width":5,"Height":6}') + client.data(9, b"", True) + client.data(3, b"in", fin=True))
    it.target(written(*(Data(5, b"card " + CARD), Data(7, b"err"), Data(5, b"", True)), writer=target))
    it.target(target.data(1, EXITED, fin=True))
    out = [f for f in frames_of(it.told) if isinstance(f, Data)]
    assert b"".join(f.data for f in out if f.stream == 5) == b"card " + HIDDEN
    assert [f.stream for f in out if f.fin] == [5, 1] and out[-1] == Data(1, EXITED, True)
    sent = [f for f in frames_of(it.sent) if isinstance(f, Data)]
    assert b"".join(f.data for f in sent if f.stream == 3) == b"in" and Data(9, b"", True) in sent
    assert it.tunnel.outcome()["status"] == 3 and it.recorded("output", "stdout") == "card *****" and it.tunnel.over()
    it.do(it.tunnel.ended("why"))
    assert it.told
