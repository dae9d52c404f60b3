"""Whether targets answer and take the gateway's own log-in; nothing is asked of them but the time or the version."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_hoop.doctor.clocks import compared, time_of
from twisted_hoop.doctor.finding import Finding, State
from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.halls import Halls
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.pool import host_header
from twisted_hoop.model import Peer, Principal, Session
from twisted_hoop.postgres.simple import simple_query
from twisted_hoop.settings import TargetSection
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.targets import target_of_section

_LONGEST = 64 * 1024
_NOW = "SELECT extract(epoch FROM clock_timestamp()), current_setting('server_version')"
_TODO = {
    "postgres": "see that it runs, its pg_hba.conf lets this address in, and login and secret are right",
    "ssh": "see that it runs, host_keys are its own, and it takes the log-in (TrustedUserCAKeys for certificates)",
    "http": "see that it runs, and that credential and secret are right",
    "kubernetes": "see that the API server runs, ca is the cluster's, and the token is still valid",
}


async def look_at_target(reactor: Any, halls: Halls, section: TargetSection) -> list[Finding]:
    """Log in and go away: how that went, and what the target's clock says."""
    way = {"postgres": _postgres, "ssh": _ssh}.get(section.protocol, _http)
    try:
        return await way(reactor, halls, section)
    except HoopError as error:
        return [Finding("target", section.name, "error", str(error), _TODO[section.protocol])]


async def _postgres(reactor: Any, halls: Halls, section: TargetSection) -> list[Finding]:
    hall = halls.find(section.name)
    opened = await hall.door.open(hall.database(""), {"application_name": "hoop doctor"})
    try:
        [[[now, version]]] = await simple_query(reactor, opened.connection, _NOW, section.connect_timeout)
    finally:
        opened.connection.transport.loseConnection()
    what = f"logged in as {opened.user}, PostgreSQL {version}"
    return [Finding("target", section.name, "ok", what), compared(section.name, float(now or 0.0), time.time())]


async def _ssh(reactor: Any, halls: Halls, section: TargetSection) -> list[Finding]:
    if not section.login:
        what = "has no login of its own: clients name one, so none was tried"
        return [Finding("target", section.name, "warning", what, "set `login` to have it tried")]
    door = halls.find_ssh(section.name).door
    connection = await door.open(_session(section), section.login, _Nobody())
    connection.disconnect(11, "hoop doctor has seen enough")  # BY_APPLICATION, RFC 4253 section 11.1
    return [Finding("target", section.name, "ok", f"logged in as {section.login}")]


def _session(section: TargetSection) -> Session:
    """Of nobody: what a certificate towards the target says of who it is for."""
    who = Principal("hoop", "doctor", name="hoop doctor", proof="account-token")
    return Session("doctor", who, target_of_section(section), Peer("127.0.0.1"), time.time())


class _Nobody:
    """A ConnectionHandler that wants nothing, and lets the target have nothing."""

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler."""
        opening.refuse(1, "nobody is here")

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""


async def _http(reactor: Any, halls: Halls, section: TargetSection) -> list[Finding]:
    status, date = await _asked(halls.find_http(section.name), section)
    state: State = "error" if status in (401, 403) else "warning" if status >= 500 else "ok"
    words = {"error": "does not take the gateway's credential", "warning": "is ailing", "ok": "answers"}
    what = f"{words[state]} (status {status})"
    found = [Finding("target", section.name, state, what, "" if state == "ok" else _TODO[section.protocol])]
    theirs = time_of(date)
    return found if theirs is None else [*found, compared(section.name, theirs, time.time())]


async def _asked(hall: HttpHall, section: TargetSection) -> tuple[int, str]:
    """(status, Date) of a harmless request: HEAD of the root, or the version of a cluster."""
    line = b"GET /version" if section.protocol == "kubernetes" else b"HEAD /"
    credential = await hall.pool.credentials.look_up()
    connection = await hall.pool.open()
    done: Deferred[bytes] = Deferred(lambda _: connection.abort())
    connection.user = _Reader(done.callback)
    try:
        host = host_header(section)
        connection.transport.write(
            line + b" HTTP/1.1\r\nhost: " + host + b"\r\nconnection: close\r\nuser-agent: twisted-hoop doctor\r\n"
            b"accept: application/json\r\n" + credential + b"\r\n"
        )
        return _read(await done)
    finally:
        connection.abort()
        hall.pool.close()


def _read(data: bytes) -> tuple[int, str]:
    """Status and Date of the head of an answer; ProtocolError for what is none."""
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isascii() or not rest[:3].isdigit():
        raise ProtocolError("the target's answer is no HTTP", "target", "502")
    dates = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("date:")]
    return int(rest[:3]), dates[0] if dates else ""


class _Reader:
    """A `pool.User` that waits for the end of the head, or of the connection."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell: Callable[[bytes], None] | None = tell
        self._data = b""

    def received(self, data: bytes) -> None:
        """See User."""
        self._data += data
        if b"\r\n\r\n" in self._data or len(self._data) > _LONGEST:
            self.lost()

    def lost(self) -> None:
        """See User."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(self._data)

    def full(self) -> None:
        """See User."""

    def drained(self) -> None:
        """See User."""
