"""Channel requests read and written (RFC 4254, section 6): terminals, environments, signals, ends. Pure.

Whatever does not parse is a ValueError: the request is refused, and nothing else happens.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from twisted_hoop.identity.ssh_wire import Reader, string
from twisted_hoop.ssh.events import Request

PTY, ENV, X11, AGENT = b"pty-req", b"env", b"x11-req", b"auth-agent-req@openssh.com"
SHELL, EXEC, SUBSYSTEM = b"shell", b"exec", b"subsystem"
SIGNAL, RESIZE, BREAK = b"signal", b"window-change", b"break"
NO_MORE_OUTPUT = b"eow@openssh.com"
EXIT_STATUS, EXIT_SIGNAL, FLOW = b"exit-status", b"exit-signal", b"xon-xoff"

STARTS = frozenset({SHELL, EXEC, SUBSYSTEM})
"""What starts a channel's one command."""

LARGEST = 4096
"""Columns or rows of a terminal that are believed (S21)."""
USUAL = (80, 24)
"""What a terminal without a size has."""
LONGEST_TERM = 64
LONGEST_MODES = 2048
SIGNALS = frozenset({b"ABRT", b"ALRM", b"FPE", b"HUP", b"ILL", b"INT", b"KILL", b"PIPE", b"QUIT", b"SEGV", b"TERM",
                     b"USR1", b"USR2", b"INFO@openssh.com"})  # fmt: skip
"""Section 6.10, and BSD's SIGINFO as OpenSSH has it."""
GIVING_UP = frozenset({b"INT", b"TERM", b"HUP", b"QUIT", b"KILL"})
"""Signals by which somebody who waits says that it need not be."""

_U32 = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Size:
    """A terminal's columns, rows, width and height in pixels."""

    columns: int
    rows: int
    width: int = 0
    height: int = 0

    def packed(self) -> bytes:
        """As window-change has it."""
        return struct.pack(">4I", self.columns, self.rows, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a pty-req asks for; `modes` as they came."""

    term: bytes
    size: Size
    modes: bytes

    def resized(self, size: Size) -> Terminal:
        """The same with another size."""
        return replace(self, size=size)

    def request(self) -> Request:
        """The pty-req for the target, whose answer is wanted."""
        return Request(PTY, string(self.term) + self.size.packed() + string(self.modes), True)


def parse_terminal(data: bytes) -> Terminal:
    """A pty-req (section 6.2), its size clamped (S21). ValueError."""
    reader = Reader(data)
    term, size, modes = reader.string(), _size(reader), reader.string()
    reader.end()
    if len(term) > LONGEST_TERM or len(modes) > LONGEST_MODES or not term.decode().isprintable():
        raise ValueError("no terminal is called like that")
    return Terminal(term, size, modes)


def parse_size(data: bytes) -> Size:
    """A window-change (section 6.7), clamped (S21). ValueError."""
    reader = Reader(data)
    size = _size(reader)
    reader.end()
    return size


def _size(reader: Reader) -> Size:
    columns, rows, width, height = reader.u32(), reader.u32(), reader.u32(), reader.u32()
    return Size(_clamped(columns, USUAL[0]), _clamped(rows, USUAL[1]), min(width, 0xFFFF), min(height, 0xFFFF))


def _clamped(number: int, usual: int) -> int:
    """Nothing at all means the usual, as with stty; more than any screen has is the most that is believed."""
    return min(number, LARGEST) or usual


def parse_env(data: bytes) -> tuple[bytes, bytes]:
    """(name, value) of an env request (section 6.4). ValueError."""
    reader = Reader(data)
    name, value = reader.string(), reader.string()
    reader.end()
    if not name or b"=" in name or b"\0" in name + value:
        raise ValueError("no variable is called like that")
    return name, value


def env_request(name: bytes, value: bytes) -> Request:
    """An env request for the target; servers refuse what they do not accept, and clients do not ask."""
    return Request(ENV, string(name) + string(value))


def parse_text(data: bytes) -> bytes:
    """The one string of an exec, a subsystem or a signal. ValueError."""
    reader = Reader(data)
    text = reader.string()
    reader.end()
    return text


def exit_status(status: int) -> Request:
    """An exit-status for the client (section 6.10)."""
    return Request(EXIT_STATUS, _U32.pack(status))


def parse_exit(request: Request) -> dict[str, object]:
    """What an exit-status or exit-signal says, as entries have it; empty for what does not parse."""
    try:
        reader = Reader(request.data)
        if request.name == EXIT_STATUS:
            return {"status": reader.u32()}
        name, dumped, message = reader.string(), reader.boolean(), reader.string()
        return {"signal": shown(name), "core": dumped, "message": shown(message)[:256]}
    except ValueError:
        return {}


def shown(data: bytes) -> str:
    """Bytes as people and rules see them: what is not UTF-8 stands as `\\xNN` (S19)."""
    return data.decode("utf-8", "backslashreplace")
