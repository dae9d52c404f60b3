"""A replay that listens to keys: pause, seek, speed, search. Pure: keys and time in, what to write out.

While it plays, the screen is the recording's alone. What it tells (where it is, what is looked for) stands on the last
line while it is paused, and is gone with the picture that is drawn anew when it goes on: nothing of ours is left among
what was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from twisted_hoop.recording.asciicast import Event
from twisted_hoop.recording.escapes import visible
from twisted_hoop.recording.playing import Pace
from twisted_hoop.recording.terminal_text import RESET, Plain

SEEK = 5.0
"""Seconds of an arrow key."""
SLOWEST, FASTEST = 0.125, 64.0
HELP = "space pause   ← → 5 s   [ ] speed   . step   / search   n next   g G ends   q quit"
_CLEAR = f"{RESET}\x1b[2J\x1b[H"
_KEYS = {"\x1b[C": "right", "\x1bOC": "right", "\x1b[D": "left", "\x1bOD": "left", "\x1b[H": "g", "\x1b[F": "G"}
_KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.S)
_TAIL = 1000


@dataclass(frozen=True, slots=True)
class _Search:
    typed: str


class Player:
    """Plays output events of one channel, whose text is safe to write (R6), at a pace.

    `press` and `advance` answer with what to write to the viewer's terminal; `wait` says when to call `advance`.
    """

    def __init__(self, events: Sequence[Event], pace: Pace) -> None:
        self._events = [event for event in events if event.code == "o"]
        self._plain: list[str] | None = None
        self._pace = replace(pace, speed=pace.speed or 1.0)
        self._next = self._until(pace.start)
        self._at = pace.start
        self._search: _Search | None = None
        self._wanted = ""
        self.paused = False
        self.over = False

    def begin(self) -> str:
        """What is on the screen where the replay begins."""
        return self._picture()

    def wait(self) -> float | None:
        """Seconds until the next event is due, None while a key is waited for."""
        if self.paused or self.over:
            return None
        if self._next >= len(self._events):
            return 0.0
        return self._pace.pause(self._at, self._events[self._next].time)

    def advance(self) -> str:
        """The time `wait` gave has passed."""
        if self.paused or self.over:
            return ""
        if self._next >= len(self._events):
            self.over = True
            return ""
        return self._show_next()

    def press(self, typed: str) -> str:
        """Keys, as a terminal sends them; several at once when somebody is quick."""
        return "".join(self._key(_KEYS.get(found, found)) for found in _KEY.findall(typed))

    def _key(self, key: str) -> str:
        if key in ("\x03", "\x04") or (key == "q" and self._search is None):
            self.over = True
            return ""
        if self._search is not None:
            return self._letter(self._search.typed, key)
        if key in ("left", "right", "g", "G"):
            return self._seek({"left": self._at - SEEK, "right": self._at + SEEK, "g": 0.0}.get(key, self._end()))
        if key in "[-]+":
            factor = 0.5 if key in "[-" else 2.0
            self._pace = replace(self._pace, speed=min(max(self._pace.speed * factor, SLOWEST), FASTEST))
            return self._told() if self.paused else ""
        return self._word(key)

    def _word(self, key: str) -> str:
        if key == " ":
            self.paused = not self.paused
            return self._told() if self.paused else self._picture()
        if key == "." and self._next < len(self._events):
            self.paused = True
            return self._picture(self._next + 1) + self._told()
        if key == "/":
            self.paused, self._search = True, _Search("")
            return self._told()
        if key == "n" and self._wanted:
            return self._look()
        if key == "?":
            self.paused = True
            return self._told(HELP)
        return ""

    def _letter(self, typed: str, key: str) -> str:
        """One more key of what is looked for."""
        if key in ("\r", "\n"):
            self._search, self._wanted = None, typed.casefold()
            return self._look() if typed else self._picture() + self._told()
        if key == "\x1b":
            self._search = None
            return self._told()
        rest = typed[:-1] if key in ("\x7f", "\x08") else typed + (key if key.isprintable() and len(key) == 1 else "")
        self._search = _Search(rest[:200])
        return self._told()

    def _seek(self, time: float) -> str:
        time = min(max(time, 0.0), self._end())
        drawn = self._picture(self._until(time))
        self._at = time
        return drawn + (self._told() if self.paused else "")

    def _look(self) -> str:
        """Pause where what is looked for is seen next, behind here; from the beginning when there is none behind."""
        self.paused = True
        found = self._found(self._next) or self._found(0)
        if not found:
            return self._told(f"not seen: {visible(self._wanted)}")
        return self._picture(found) + self._told()

    def _found(self, begin: int) -> int:
        """The number of events until `wanted` was whole, the first at or behind `begin`; 0 for none."""
        if self._plain is None:
            plain = Plain()
            self._plain = [plain.feed(event.data).casefold() for event in self._events]
        seen = ""
        for index, text in enumerate(self._plain):
            seen = seen[-_TAIL - len(self._wanted) :] + text
            at = seen.rfind(self._wanted)
            if index >= begin and at >= 0 and at + len(self._wanted) > len(seen) - len(text):
                return index + 1
        return 0

    def _until(self, time: float) -> int:
        return next((i for i, event in enumerate(self._events) if event.time > time), len(self._events))

    def _end(self) -> float:
        return self._events[-1].time if self._events else 0.0

    def _show_next(self) -> str:
        event = self._events[self._next]
        self._next += 1
        self._at = event.time
        return event.data

    def _picture(self, count: int | None = None) -> str:
        """The screen after so many events, or as it is, drawn from nothing."""
        if count is not None:
            self._next = count
            self._at = self._events[count - 1].time if count else 0.0
        return _CLEAR + "".join(event.data for event in self._events[: self._next])

    def _told(self, note: str = "") -> str:
        """Where we are, on the viewer's last line; the cursor is put there and the next picture takes it away."""
        if self._search is not None:
            note = f"/{visible(self._search.typed)}"
        place = f"{_clock(self._at)} / {_clock(self._end())}  {self._pace.speed:g}x"
        return f"\x1b[r\x1b[0m\x1b[999;1H\x1b[2K\x1b[7m paused {place} \x1b[0m {note or '? for help'}"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
