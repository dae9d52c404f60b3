"""What a target wants of a client: channels back to it, and only those that were granted before (S12, S24)."""

from __future__ import annotations

from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED, UNKNOWN_CHANNEL_TYPE, Open
from twisted_hoop.ssh.forwards import ForwardRelay
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.ssh.requests import shown
from twisted_hoop.ssh.session import SshSession
from twisted_hoop.ssh.wishes import AGENT, FORWARDED_SOCKET, FORWARDED_TCP, X11, forwarded_place, originator

_KNOWN = frozenset({FORWARDED_TCP, FORWARDED_SOCKET, X11, AGENT})


class FromTarget:
    """A ConnectionHandler of the connection to the target of one session."""

    def __init__(self, session: SshSession) -> None:
        self._session = session

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler; the session gets the connection from its door."""

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler."""
        session, kind = self._session, opening.kind
        content = self._allowed(opening)
        if content is None:
            known = kind in _KNOWN
            session.note(f"the target may not open {shown(kind)[:100]}")
            text = "nobody asked for it" if known else "unknown channel type"
            opening.refuse(ADMINISTRATIVELY_PROHIBITED if known else UNKNOWN_CHANNEL_TYPE, text)
            return
        about = originator(kind, opening.data)
        relay = ForwardRelay(session.next_channel(), session.count, None, about=about, content=content)
        session.lane(relay).from_target(opening, Open(kind, opening.data))

    def _allowed(self, opening: IsOpening) -> bool | None:
        if opening.kind in (X11, AGENT):
            return self._session.granted(opening.kind)
        if opening.kind in (FORWARDED_TCP, FORWARDED_SOCKET):
            try:
                return self._session.listening.get(forwarded_place(opening.kind, opening.data))
            except ValueError:
                return None
        return None

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler. Host keys of a target are nobody's business but the gateway's (S16)."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
        self._session.target_lost(reason)
