"""Endpoint strings: Twisted's own grammar, read without side effects.

Arguments stand between colons, `name=value` or without a name; a backslash takes the meaning from the character after
it (`twisted.internet.endpoints.serverFromString`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted_hoop.transport.bindings import BACKLOG, TcpBinding, UnixBinding
from twisted_hoop.transport.connect import CONNECT_TIMEOUT, TcpPlace, UnixPlace
from twisted_hoop.transport.listen import Binding


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect, within how many seconds, from which of our own addresses, and by which agent ("" for none)."""

    where: TcpPlace | UnixPlace
    timeout: float
    bind: tuple[str, int] | None
    agent: str = ""


class Arguments:
    """The arguments of one string. Whoever reads one takes it away; `finish` complains about what is left."""

    def __init__(self, plain: list[str], named: dict[str, str]) -> None:
        self._plain = plain
        self._named = named

    def take(self, name: str, default: str | None = None) -> str:
        """The argument called `name`, else the next without a name, else `default`; ValueError without one."""
        if name in self._named:
            return self._named.pop(name)
        if self._plain:
            return self._plain.pop(0)
        return self._or(name, default)

    def named(self, name: str, default: str) -> str:
        """The argument called `name`, or `default`."""
        return self._named.pop(name, default)

    def _or(self, name: str, default: str | None) -> str:
        if default is None:
            raise ValueError(f"{name} is missing")
        return default

    def finish(self) -> None:
        """ValueError when something was not understood."""
        left = [*self._plain, *self._named]
        if left:
            raise ValueError(f"not understood: {', '.join(left)}")


def split(description: str) -> tuple[str, Arguments]:
    """The kind, in lower case, and its arguments. ValueError for a name given twice."""
    fields: list[list[str]] = [[""]]
    characters = iter(description)
    for character in characters:
        if character == ":":
            fields.append([""])
        elif character == "=" and len(fields[-1]) == 1:
            fields[-1].append("")
        else:
            fields[-1][-1] += next(characters, "") if character == "\\" else character
    kind, *rest = fields
    named = {field[0]: field[1] for field in rest if len(field) == 2}
    if len(named) != sum(len(field) == 2 for field in rest):
        raise ValueError("an argument is given twice")
    return "=".join(kind).lower(), Arguments([field[0] for field in rest if len(field) == 1], named)


def server_binding(description: str) -> Binding | None:
    """What to listen on, or None for a kind that is not ours. ValueError when it cannot be understood."""
    kind, arguments = split(description)
    maker = _SERVERS.get(kind)
    if maker is None:
        return None
    binding = maker(arguments)
    arguments.finish()
    return binding


def client_place(description: str) -> Place | None:
    """What to connect to, or None for a kind that is not ours. ValueError when it cannot be understood."""
    kind, arguments = split(description)
    maker = _CLIENTS.get(kind)
    if maker is None:
        return None
    place = maker(arguments)
    arguments.finish()
    return place


def target_host(description: str) -> str:
    """The host that an endpoint string names, behind an agent too; "" for a socket, and for a kind that is not ours."""
    place = client_place(description)
    return place.where.host if place is not None and isinstance(place.where, TcpPlace) else ""


def _tcp(arguments: Arguments, interface: str = "") -> Binding:
    return TcpBinding(
        _port(arguments.take("port")),
        arguments.take("interface", interface),
        int(arguments.take("backlog", str(BACKLOG))),
        _flag(arguments.named("reusePort", "0")),
    )


def _unix(arguments: Arguments) -> Binding:
    return UnixBinding(
        _some(arguments.take("address"), "path"),
        int(arguments.take("mode", "666"), 8),
        int(arguments.take("backlog", str(BACKLOG))),
        _flag(arguments.take("lockfile", "1")),
    )


def _client_tcp(arguments: Arguments) -> Place:
    host = _some(arguments.take("host"), "host")
    port = _port(arguments.take("port"))
    bind = arguments.named("bindAddress", "")
    return Place(TcpPlace(host, port), _timeout(arguments), (bind, 0) if bind else None)


def _client_unix(arguments: Arguments) -> Place:
    path = _some(arguments.take("path"), "path")
    return Place(UnixPlace(path), _timeout(arguments), None)


def _client_agent(arguments: Arguments) -> Place:
    """`agent:NAME:` before what the agent is to connect to."""
    name, kind = arguments.take("name"), arguments.take("kind")
    if not _AGENT_NAME.fullmatch(name):
        raise ValueError("an agent's name is of lower case letters, digits, dots, dashes and underscores")
    if kind not in ("tcp", "unix"):
        raise ValueError("an agent connects to tcp:HOST:PORT or unix:PATH")
    place = _CLIENTS[kind](arguments)
    if place.bind is not None:
        raise ValueError("an agent chooses its own address: bindAddress is of no use")
    return replace(place, agent=name)


def _timeout(arguments: Arguments) -> float:
    seconds = float(arguments.named("timeout", str(CONNECT_TIMEOUT)))
    if not 0 < seconds < float("inf"):
        raise ValueError("timeout is a number of seconds")
    return seconds


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError("a port is a number up to 65535")
    return port


def _flag(text: str) -> bool:
    flags = {"0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}
    if text.lower() not in flags:
        raise ValueError(f"{text!r} is neither 0 nor 1")
    return flags[text.lower()]


def _some(text: str, what: str) -> str:
    if not text or "\0" in text:
        raise ValueError(f"the {what} is empty or has a NUL in it")
    return text


_SERVERS: dict[str, Callable[[Arguments], Binding]] = {
    "tcp": _tcp,
    "tcp4": _tcp,
    "tcp6": lambda arguments: _tcp(arguments, "::"),
    "unix": _unix,
}
_AGENT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_CLIENTS: dict[str, Callable[[Arguments], Place]] = {"tcp": _client_tcp, "unix": _client_unix, "agent": _client_agent}
