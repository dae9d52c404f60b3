"""A replay that listens to keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.asciicast import Event
from twisted_hoop.recording.player import HELP, Player
from twisted_hoop.recording.playing import Pace

TEXTS = ("$ ", "ls\r\n", "alpha  beta\r\n", "$ ", "cat al", "pha\r\n", "the end\r\n")
FILM = [Event(float(4 * number), "o", text) for number, text in enumerate(TEXTS)]


SLOW = Pace(1.0, 60.0)


def player(pace: Pace = SLOW) -> Player:
    return Player([Event(0.0, "i", "typed"), *FILM, Event(99.0, "x", "0")], pace)


def screen(written: str) -> str:
    """What was drawn since the screen was last cleared, without what we tell."""
    return written.rpartition("\x1b[2J\x1b[H")[2].partition("\x1b[r\x1b[0m\x1b[999;1H")[0]


def test_it_plays_to_the_end_at_its_pace() -> None:
    one = player(Pace(2.0, 60.0))
    written, waits = one.begin(), []
    while not one.over:
        waits.append(one.wait())
        written += one.advance()
    assert screen(written) == "".join(TEXTS)
    assert waits == [2.0] * 6 + [0.0]


def test_space_pauses_and_what_is_told_is_gone_when_it_goes_on() -> None:
    one = player()
    one.begin()
    one.advance()
    told = one.press(" ")
    assert one.paused and one.wait() is None and one.advance() == "" and "0:00:04 / 0:00:24  1x" in told
    assert screen(one.press(" ")) == "$ ls\r\n" and one.wait() == 4.0


def test_arrows_go_five_seconds_and_never_out_of_the_film() -> None:
    one = player()
    one.begin()
    assert screen(one.press("\x1b[C")) == "$ ls\r\n"
    assert one.wait() == 3.0  # it is the fifth second now
    assert screen(one.press("\x1bOC\x1bOC")) == "$ ls\r\nalpha  beta\r\n$ "
    assert screen(one.press("\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D")) == "$ "
    assert screen(one.press("G")) == "".join(TEXTS)
    assert screen(one.press("g")) == "$ " and not one.over


def test_brackets_change_the_speed() -> None:
    one = player()
    one.begin()
    one.press("]]")
    assert one.wait() == 1.0
    one.press("[[[[[[[[[[[[")
    assert one.wait() == 32.0
    assert "0.125x" in one.press(" ")


def test_a_step_shows_one_event_and_pauses() -> None:
    one = player()
    one.begin()
    assert screen(one.press(".")) == "$ ls\r\n" and one.paused
    assert screen(one.press("..")) == "$ ls\r\nalpha  beta\r\n$ "


def test_search_finds_what_came_in_pieces_and_goes_round() -> None:
    one = player()
    one.begin()
    assert screen(one.press("/ALPHX\x7fA\r")) == "$ ls\r\nalpha  beta\r\n" and one.paused
    assert screen(one.press("n")).endswith("cat alpha\r\n")
    assert screen(one.press("n")) == "$ ls\r\nalpha  beta\r\n"  # from the beginning again
    assert "not seen: gamma" in one.press("/gamma\r")
    assert not one.over and "q" in HELP


def test_q_is_a_letter_of_what_is_looked_for_and_ends_it_otherwise() -> None:
    one = player()
    over = []
    for keys in ("/q", "\x1b", "q"):
        one.press(keys)
        over.append(one.over)
    assert over == [False, False, True]
    other = player()
    other.press("/\x03")
    assert other.over


def test_what_is_looked_for_cannot_harm_the_terminal_r6() -> None:
    """R6: nor can what somebody pastes."""
    assert "\x9b" not in player().press("/\x9b31m\x1b]52;c;QUJD\x07\r")


@given(
    st.lists(st.sampled_from([" ", "\x1b[C", "\x1b[D", "[", "]", ".", "/", "a", "\r", "n", "g", "G", "?", "\x1b", ""]))
)
def test_any_keys_leave_it_able_to_play_to_the_end(keys: list[str]) -> None:
    one = player()
    one.begin()
    for key in keys:
        one.press(key)
        one.advance()
    one.press("\x1b")
    if one.paused:
        one.press(" ")
    last = one.press("g") if not one.over else ""
    while not one.over:
        assert one.wait() is not None
        last += one.advance()
    assert not last or screen(last) == "".join(TEXTS)


@given(st.text())
def test_any_text_is_taken(typed: str) -> None:
    player().press(typed)
