"""twisted_hoop.ssh.channel: windows, queues, order; each against an engine at the other end, not a mock."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh import Pair, Talker, connected
from twisted_hoop.ssh.channel import LARGEST_WINDOW
from twisted_hoop.ssh.events import STDERR, Close, Data, Eof, Opened, Reply, Request
from twisted_hoop.ssh.fields import string, uint32
from twisted_hoop.ssh.limits import Limits

WINDOW = 100_000


def talking(pair: Pair | None = None, window: int = WINDOW, crediting: bool = True) -> tuple[Pair, Talker, Talker]:
    """A pair with one channel; both sides give each other `window`."""
    pair = pair or connected()
    here = pair.client.open(window=window, crediting=crediting)
    there = pair.pump().server.accept(window=window, crediting=crediting)
    pair.pump()
    here.events.clear()
    return pair, here, there


# -- windows ------------------------------------------------------------------------------------------------------


def test_what_the_window_does_not_take_waits_and_is_counted() -> None:
    pair, here, there = talking(crediting=False)
    here.send(Data(0, bytes(WINDOW + 5000)))
    here.send(Data(STDERR, bytes(3000)))
    pair.pump()
    assert len(there.data()) == WINDOW
    assert here.channel.queued == 8000
    assert here.drains == 0
    there.channel.credit(WINDOW)
    pair.pump()
    assert len(there.data()) == WINDOW + 5000
    assert there.data(STDERR) == bytes(3000)
    assert (here.channel.queued, here.drains) == (0, 1)


def test_nothing_is_credited_but_by_the_handler() -> None:
    """S9: this is what holds a sender back, through both legs."""
    pair, here, there = talking(crediting=False)
    here.send(Data(0, bytes(10 * WINDOW)))
    for _ in range(5):
        pair.pump()
    assert len(there.data()) == WINDOW


def test_credit_goes_out_in_portions() -> None:
    """One WINDOW_ADJUST for each packet would cost as much as the data."""
    pair, here, there = talking(window=2 << 20)
    sent: list[int] = []
    original = pair.server_end.sendPacket

    def watched(messageType: int, payload: bytes) -> None:
        sent.append(messageType)
        original(messageType, payload)

    there.channel._wire = _Watched(pair.server_end, watched)
    for _ in range(100):
        here.send(Data(0, bytes(32768)))
        pair.pump()
    assert len(there.data()) == 100 * 32768
    assert sent.count(93) <= 34


class _Watched:
    def __init__(self, end: Any, send: Any) -> None:
        self._end = end
        self.sendPacket = send
        self.send_data = end.send_data

    @property
    def writable(self) -> bool:
        return bool(self._end.writable)


@pytest.mark.parametrize("window", [1, 2, 7, 300, 5000])
def test_tiny_windows_pass_everything(window: int) -> None:
    pair, here, there = talking(window=window)
    content = random.Random(window).randbytes(window * 20)
    here.send(Data(0, content))
    pair.pump()
    assert there.data() == content


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4000)), max_size=8), st.integers(300, 20_000), st.integers()
)
def test_content_and_order_under_any_window_and_any_crediting(
    pieces: list[tuple[int, int]], window: int, seed: int
) -> None:
    dice = random.Random(seed)
    pair, here, there = talking(window=window, crediting=False)
    sent: dict[int, bytes] = {0: b"", 1: b""}
    owed = 0
    for stream, size in pieces:
        data = dice.randbytes(size)
        sent[stream] += data
        here.send(Data(stream, memoryview(data) if dice.random() < 0.5 else data))
        pair.pump()
        owed = sum(len(e.data) for e in there.events if isinstance(e, Data)) - _credited(there)
        part = dice.randrange(owed + 1)
        _credit(there, part)
    here.send(Eof())
    for _ in range(1000):
        pair.pump()
        owed = sum(len(e.data) for e in there.events if isinstance(e, Data)) - _credited(there)
        if not owed:
            break
        _credit(there, dice.randrange(owed // 2, owed) + 1)
    assert {0: there.data(0), 1: there.data(1)} == sent
    assert there.others() == [Eof()]


def _credited(talker: Talker) -> int:
    return int(getattr(talker, "credited", 0))


def _credit(talker: Talker, size: int) -> None:
    talker.credited = _credited(talker) + size  # type: ignore[attr-defined]
    talker.channel.credit(size)


def test_more_than_the_window_is_a_fault() -> None:
    """S9."""
    pair, here, there = talking(window=1000, crediting=False)
    here.send(Data(0, bytes(900)))
    pair.pump()
    here.channel._room = 5000
    here.send(Data(0, bytes(101)))
    pair.pump()
    assert pair.server_end.ended
    assert len(there.data()) == 900


def test_more_than_the_packet_size_is_a_fault() -> None:
    pair, here, there = talking(window=1 << 20)
    head = b"\x5e" + uint32(here.channel._remote) + uint32(40_000)
    pair.client_end.send_data(head, bytes(40_000))
    pair.pump()
    assert pair.server_end.ended
    assert there.data() == b""


@pytest.mark.parametrize(("first", "ended"), [(0, False), (1, True), (LARGEST_WINDOW, True)])
def test_a_window_of_four_gigabytes_and_no_more(first: int, ended: bool) -> None:
    """RFC 4254, section 5.2."""
    pair, here, _ = talking(window=LARGEST_WINDOW)
    pair.server_end.sendPacket(93, uint32(here.channel.number) + uint32(first))
    pair.pump()
    assert pair.client_end.ended is ended


def test_data_that_overtakes_nothing() -> None:
    """What fits into the window waits behind what did not."""
    pair, here, there = talking(window=1000, crediting=False)
    here.send(Data(0, b"a" * 1500))
    pair.pump()
    there.channel.credit(200)
    here.send(Data(0, b"b" * 10))
    pair.pump()
    there.channel.credit(2000)
    pair.pump()
    assert there.data() == b"a" * 1500 + b"b" * 10


def test_channels_take_turns_on_a_socket_that_was_full() -> None:
    pair = connected()
    pairs = [talking(pair, window=2 << 20)[1:] for _ in range(3)]
    pair.client_wire.stopped = True
    for here, _ in pairs:
        for _ in range(20):
            here.send(Data(0, bytes(32768)))
    pair.client_wire.stopped = False
    order: list[int] = []
    for number, (_, there) in enumerate(pairs):
        there.on_event = lambda event, number=number: order.append(number)  # type: ignore[misc]
    pair.pump()
    assert [len(there.data()) for _, there in pairs] == [20 * 32768] * 3
    late = order[len(order) // 2 :]
    assert all(late[i : i + 3].count(0) <= 2 for i in range(len(late) - 6))


# -- order and ends -----------------------------------------------------------------------------------------------


def test_eof_close_and_exit_status_follow_all_data_and_other_requests_do_not() -> None:
    """S23: an exit status that overtakes output, or an end that cuts it off."""
    pair, here, there = talking(crediting=False)
    there.send(Data(0, bytes(WINDOW + 1)))
    there.send(Request(b"exit-status", uint32(3)))
    there.send(Request(b"xon-xoff", b"\1"))
    there.send(Eof())
    there.send(Close())
    pair.pump()
    assert here.others() == [Request(b"xon-xoff", b"\1")]
    here.channel.credit(WINDOW)
    pair.pump()
    assert len(here.data()) == WINDOW + 1
    assert here.others()[1:] == [Request(b"exit-status", uint32(3)), Eof(), Close()]
    assert there.losses == here.losses == 0
    here.send(Close())
    pair.pump()
    assert there.others() == [Close()]
    assert (there.losses, here.losses) == (1, 1)


def test_nothing_is_sent_behind_eof_and_close() -> None:
    pair, here, there = talking()
    here.send(Eof())
    here.send(Data(0, b"late"))
    here.send(Eof())
    here.send(Request(b"signal", string(b"INT")))
    here.send(Close())
    here.send(Request(b"signal", string(b"INT")))
    here.send(Close())
    pair.pump()
    assert there.events == [Eof(), Request(b"signal", string(b"INT")), Close()]


def test_a_close_is_answered_only_by_the_handler() -> None:
    """The close race: an exit status may still come from the other leg (ssh.md, section 5)."""
    pair, here, there = talking()
    here.send(Close())
    pair.pump()
    assert here.losses == there.losses == 0
    there.send(Close())
    pair.pump()
    assert here.losses == there.losses == 1
    assert not pair.client_end.ended


def test_what_waits_for_a_side_that_has_closed_is_dropped() -> None:
    pair, here, there = talking(crediting=False)
    there.send(Data(0, bytes(WINDOW + 1)))
    pair.pump()
    here.send(Close())
    pair.pump()
    assert there.others() == [Close()]
    assert (there.channel.queued, there.drains) == (0, 1)
    there.send(Data(0, b"more"))
    there.send(Request(b"xon-xoff", b"\0"))
    there.send(Close())
    pair.pump()
    assert here.losses == there.losses == 1
    assert here.others() == [Close()]


def test_S23_how_it_ended_still_reaches_a_side_that_has_closed() -> None:
    pair, here, there = talking()
    here.send(Close())
    pair.pump()
    status = Request(b"exit-status", uint32(3))
    there.send(status)
    there.send(Request(b"xon-xoff", b"\0"))
    there.send(Close())
    pair.pump()
    assert here.others() == [status, Close()]


def test_both_close_at_once() -> None:
    pair, here, there = talking()
    here.send(Close())
    there.send(Close())
    pair.pump()
    assert here.losses == there.losses == 1


@pytest.mark.parametrize("number", [94, 95])
@pytest.mark.parametrize("end", [96, 97])
def test_data_behind_its_end_is_a_fault(number: int, end: int) -> None:
    pair, here, there = talking()
    kind = uint32(1) if number == 95 else b""
    pair.client_end.sendPacket(end, uint32(here.channel._remote))
    pair.client_end.sendPacket(number, uint32(here.channel._remote) + kind + string(b"late"))
    pair.pump()
    assert pair.server_end.ended
    assert there.data() == there.data(1) == b""


def test_closed_twice_is_a_fault() -> None:
    pair, here, _ = talking()
    for _ in range(2):
        pair.client_end.sendPacket(97, uint32(here.channel._remote))
    pair.pump()
    assert pair.server_end.ended


def test_late_messages_of_a_channel_that_is_over_are_ignored() -> None:
    pair, here, there = talking()
    here.send(Close())
    there.send(Close())
    pair.pump()
    remote = uint32(here.channel._remote)
    late = [(93, uint32(5)), (94, string(b"x")), (95, uint32(1) + string(b"x"))]
    late += [(number, b"") for number in (96, 97, 99, 100)]
    for number, rest in [*late, (98, string(b"signal") + b"\1")]:
        pair.client_end.sendPacket(number, remote + rest)
    pair.pump()
    assert not pair.server_end.ended
    assert there.others() == [Close()]


def test_data_for_a_channel_that_we_have_closed_is_dropped() -> None:
    pair, here, there = talking()
    there.send(Close())
    here.send(Data(0, b"on its way"))
    here.send(Request(b"signal", string(b"INT"), True))
    pair.pump()
    assert there.events == []
    assert not pair.server_end.ended


# -- requests and replies -----------------------------------------------------------------------------------------


def test_replies_go_to_the_oldest_request() -> None:
    pair, here, there = talking()
    for name in (b"pty-req", b"env", b"shell"):
        here.send(Request(name, b"", name != b"env"))
    pair.pump()
    assert there.others() == [Request(b"pty-req", b"", True), Request(b"env"), Request(b"shell", b"", True)]
    there.send(Reply(False))
    there.send(Reply(True))
    pair.pump()
    assert here.others() == [Reply(False), Reply(True)]
    with pytest.raises(RuntimeError):
        there.send(Reply(True))


def test_a_reply_to_nothing_is_a_fault() -> None:
    pair, here, _ = talking()
    pair.client_end.sendPacket(99, uint32(here.channel._remote))
    pair.pump()
    assert pair.server_end.ended


def test_keep_alives_are_answered_here_in_their_turn() -> None:
    """S16: never relayed."""
    pair, here, there = talking()
    here.send(Request(b"pty-req", b"", True))
    here.send(Request(b"keepalive@openssh.com", b"", True))
    here.send(Request(b"keepalive@openssh.com", b"", False))
    pair.pump()
    assert here.others() == []
    assert there.others() == [Request(b"pty-req", b"", True)]
    there.send(Reply(True))
    pair.pump()
    assert here.others() == [Reply(True), Reply(False)]


def test_requests_that_wait_for_replies_are_bounded() -> None:
    """S9."""
    pair, here, _ = talking(connected(server_limits=Limits(requests=5)))
    for _ in range(6):
        here.send(Request(b"env", b"", True))
    pair.pump()
    assert pair.server_end.ended


def test_what_is_sent_before_the_channel_is_there_follows_in_order() -> None:
    pair = connected()
    here = pair.client.open(window=WINDOW)
    here.send(Request(b"pty-req", b"", True))
    here.send(Data(0, memoryview(b"early")))
    here.send(Eof())
    assert here.channel.queued == 5
    here.on_event = lambda event: here.send(Request(b"last", b"")) if isinstance(event, Opened) else None
    pair.pump()
    assert here.channel.queued == 5
    there = pair.server.accept()
    pair.pump()
    assert there.events == [Request(b"pty-req", b"", True), Data(0, b"early"), Eof(), Request(b"last", b"")]
    assert (here.channel.queued, here.drains) == (0, 1)


def test_what_cannot_be_sent() -> None:
    _, here, _ = talking()
    with pytest.raises(TypeError):
        here.send(Opened())


def test_the_end_of_the_connection_is_told_once_and_empties_the_queue() -> None:
    pair, here, there = talking(crediting=False)
    here.send(Data(0, bytes(5 * WINDOW)))
    pair.server_wire.lost()
    pair.pump()
    assert (here.losses, there.losses) == (1, 1)
    assert here.channel.queued == 0
    here.send(Data(0, b"late"))
    here.channel.credit(10)
    assert here.channel.queued == 0


def test_what_is_abandoned_is_dropped_and_closed_at_once() -> None:
    pair, here, there = talking(window=1000, crediting=False)
    here.send(Data(0, bytes(5000)))
    here.send(Close())
    pair.pump()
    assert here.channel.queued == 4000
    here.channel.abandon()
    here.channel.abandon()
    pair.pump()
    assert here.channel.queued == 0 and len(there.data()) == 1000
    assert Close() in there.events


def test_a_channel_that_is_abandoned_before_it_is_open_is_closed_when_it_is() -> None:
    pair = connected()
    here = pair.client.open()
    here.send(Data(0, b"never"))
    here.channel.abandon()
    there = pair.pump().server.accept()
    pair.pump()
    assert there.data() == b"" and Close() in there.events
