"""The floor: our transport and reactor as a relay that looks at nothing: `python bare.py PORT TARGET_PORT`.

What hoop costs above it is protocol, policy and recording; what it costs above direct is one more process in the way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from twisted.internet.protocol import Factory, Protocol

from twisted_hoop.transport import client_endpoint, server_endpoint
from twisted_hoop.transport.reactor import install


class Passing(Protocol):
    """Gives what it gets to the other side."""

    transport: Any
    other: Any = None

    def dataReceived(self, data: bytes) -> None:
        """Twisted's."""
        self.other.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        """One side ends the other."""
        if self.other is not None:
            self.other.transport.loseConnection()


class Coming(Passing):
    """A client: read once its target is there."""

    def __init__(self, connect: Callable[[Protocol], Any]) -> None:
        self._connect = connect

    def connectionMade(self) -> None:
        """Twisted's."""
        self.transport.pauseProducing()
        self.other = Passing()
        self.other.other = self
        self._connect(self.other).addCallbacks(self._joined, lambda _: self.transport.loseConnection())

    def _joined(self, _: object) -> None:
        self.transport.registerProducer(self.other.transport, True)
        self.other.transport.registerProducer(self.transport, True)
        self.transport.resumeProducing()


def main() -> None:
    """Serve until killed."""
    install()
    from twisted.internet import reactor

    running: Any = reactor
    target = client_endpoint(running, f"tcp:127.0.0.1:{sys.argv[2]}")

    def connect(protocol: Protocol) -> Any:
        return target.connect(Factory.forProtocol(lambda: protocol))

    coming = Factory.forProtocol(lambda: Coming(connect))
    server_endpoint(running, f"tcp:{sys.argv[1]}:interface=127.0.0.1").listen(coming)
    running.run()


if __name__ == "__main__":
    main()
