"""One channel at work: a bridge, its relay, and an end on either side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

from twisted_hoop.bridge import Bridge
from twisted_hoop.model import Outcome, Session
from twisted_hoop.recording.shared import SharedRecording
from twisted_hoop.services import Services
from twisted_hoop.ssh.ends import ChannelEnd, Opener
from twisted_hoop.ssh.events import Data, Event, Open
from twisted_hoop.ssh.forwards import ForwardRelay
from twisted_hoop.ssh.handlers import IsOpening
from twisted_hoop.ssh.relay import ChannelRelay

MOMENT = 0.05
"""Seconds after which what was held back for want of more goes on."""

AnyRelay = Union[ChannelRelay, ForwardRelay]


@dataclass(frozen=True, slots=True)
class Openers:
    """How a lane opens a channel on either side."""

    at_client: Opener
    at_target: Opener


async def _nothing_to_refresh() -> None:
    """No relay of this room asks for it."""


class Lane:
    """See the module. `finished` is told once, with the lane and how it ended."""

    def __init__(
        self,
        services: Services[Any],
        session: Session,
        recording: SharedRecording,
        relay: AnyRelay,
        openers: Openers,
        finished: Callable[[Lane, Outcome], None],
        *,
        durable: bool,
    ) -> None:
        self.relay = relay
        self._reactor = services.reactor
        self._openers = openers
        self._durable = durable
        self._timer: Any = None
        self._last = 0.0
        self.bridge = Bridge(
            session,
            relay,
            services.gate,
            recording,
            refresh=_nothing_to_refresh,
            finished=lambda outcome: finished(self, outcome),
            meter=services.meter,
        )

    def from_client(self, opening: IsOpening, wish: Open) -> None:
        """The client wants a channel."""
        self._join(opening, None)
        self._client_event(wish)

    def from_target(self, opening: IsOpening, wish: Open) -> None:
        """The target does."""
        self._join(None, opening)
        self._target_event(wish)

    def _join(self, at_client: IsOpening | None, at_target: IsOpening | None) -> None:
        bridge = self.bridge
        client = ChannelEnd(self._client_event, lambda: bridge.lost("client"), at_client, self._openers.at_client)
        target = ChannelEnd(self._target_event, lambda: bridge.lost("target"), at_target, self._openers.at_target)
        client.other, target.other = target, client
        bridge.join(client, target)  # type: ignore[arg-type]

    def _client_event(self, event: Event) -> None:
        self.bridge.client_received(self._kept(event))
        if self.relay.waiting:
            self._soon()

    def _target_event(self, event: Event) -> None:
        self.bridge.target_received(self._kept(event))
        if self.relay.waiting:
            self._soon()

    def _kept(self, event: Event) -> Event:
        """Where commands wait for the disk, steps outlive the call that a view is valid in."""
        return Data(event.stream, bytes(event.data)) if self._durable and isinstance(event, Data) else event

    # -- a moment ------------------------------------------------------------------------------------------------

    def _soon(self) -> None:
        self._last = self._reactor.seconds()
        if self._timer is None:
            self._timer = self._reactor.callLater(MOMENT, self._moment)

    def _moment(self) -> None:
        self._timer = None
        if self.bridge.outcome is not None:
            return
        quiet = self._reactor.seconds() - self._last
        if quiet < MOMENT:
            self._timer = self._reactor.callLater(MOMENT - quiet, self._moment)
            return
        self.bridge.carry(self.relay.flush)
        if self.relay.waiting:
            self._soon()
