"""`ssh -J gateway target`: the inner SSH connection ends here, so that policy, masks and recording apply to it (S10).

The host that was typed is looked up among the targets and never dialled. Inside, method `none` is enough: who it is,
the connection around has proved, for as long as it lives.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from twisted_hoop.errors import HoopError, UnknownTarget
from twisted_hoop.model import Effect
from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED, UNKNOWN_CHANNEL_TYPE
from twisted_hoop.ssh.hall import SshHall
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.ssh.opening import SshOpening
from twisted_hoop.ssh.requests import shown
from twisted_hoop.ssh.tunnel import Tunnel
from twisted_hoop.ssh.using import NO_TARGET
from twisted_hoop.ssh.ways import Login
from twisted_hoop.ssh.wishes import DIRECT_TCP, SESSION, direct_place

INNER = 32
"""Connections inside one connection at the same time."""
_HOW = "hoop: name a target: ssh LOGIN%TARGET@gateway, or ssh -J gateway LOGIN@TARGET"


class MakesInner(Protocol):
    """Who makes the server of an inner connection."""

    def __call__(self, jump: JumpConnection, hall: SshHall, host: str) -> Any:
        """A protocol for a Tunnel: the server for `hall`, which was typed as `host`."""


class JumpConnection:
    """A ConnectionHandler of a connection that only jumps. `login` is who it is; None once it is gone."""

    log = Logger()

    def __init__(
        self, reactor: Any, opening: SshOpening, login: Login, ends: tuple[IAddress, IAddress], make: MakesInner
    ) -> None:
        self.login: Login | None = login
        self._reactor = reactor
        self._opening = opening
        self._principal = login.principal
        self._ends = ends
        self._make = make
        self._inner = 0

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler. Everything but a jump to a target is refused (S10, S12)."""
        if opening.kind == DIRECT_TCP:
            self._jump(opening)
        elif opening.kind == SESSION:
            opening.refuse(ADMINISTRATIVELY_PROHIBITED, _HOW)
        else:
            opening.refuse(UNKNOWN_CHANNEL_TYPE, "hoop: channels of this type are not known here")

    def _jump(self, opening: IsOpening) -> None:
        try:
            place = direct_place(opening.kind, opening.data)
            hall = self._found(shown(place.host), place.port or 0)
            server = self._make(self, hall, shown(place.host))
        except (HoopError, ValueError) as error:
            self.log.info("a jump is refused: {why}", why=str(error), who=self._principal.label)
            opening.refuse(ADMINISTRATIVELY_PROHIBITED, NO_TARGET)
            return
        if self._inner >= INNER:
            opening.refuse(ADMINISTRATIVELY_PROHIBITED, "hoop: too many connections inside this one")
            return
        self._inner += 1
        tunnel = Tunnel(self._reactor, *self._ends)
        tunnel.attach(opening.accept(tunnel), server)

    def _found(self, host: str, port: int) -> SshHall:
        hall = self._opening.named(host, port)
        policy = self._opening.services.policy()
        if policy.authorize(self._principal, hall.target).effect is not Effect.ALLOW:
            raise UnknownTarget(f"{self._principal.label} may not open {hall.section.name}")
        return hall

    def inner_ended(self, reason: str) -> None:
        """One of the connections inside is over."""
        self._inner -= 1

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler: nothing listens for a connection without a target."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler: whoever jumped through it is gone as well, told by its tunnel."""
        self.login = None


class Misled:
    """A ConnectionHandler of a login whose user name means no target: it says so, and opens nothing."""

    def __init__(self, text: str) -> None:
        self._text = text

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler."""
        opening.refuse(ADMINISTRATIVELY_PROHIBITED, self._text)

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
